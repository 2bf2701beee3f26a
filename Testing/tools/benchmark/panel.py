"""What a user at the panel waits for, on the real panel (.py and .ui) and scene; only Qt's layer is the stand-in.

Called by `benchmark.ours`, in a process of its own.
"""

import math
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

import psutil
from LungTumorSegLib.data import CT, Options, Result
from LungTumorSegLib.geometry import ras_from_lps
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.lungs import find
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import headless, offscreen
from Testing.support.paths import RESOURCES
from Testing.tools.benchmark.chest_ct import Stored, balls

EVERY_LESION = Options(min_confidence=0)  # as many as are asked for, whatever the model thinks of balls
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
PATIENCE_SECONDS = 1800
VOLUME_COLUMN = 4
SURFACE = "Closed surface"  # Slicer's name of the representation
VIEW_PIXELS = (600, 450)


class Loop:
    """Turns Qt's event loop and keeps the longest time between two turns, by what was going on.

    ``cpu``: the same in CPU time of the loop's own thread, which other work on the machine disturbs less.
    """

    def __init__(self):
        from Testing import slicer_standin

        self._qt = slicer_standin.qt
        self.gaps: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def until(self, done: Callable[[], bool], doing: Callable[[], str], first: Callable[[], object] = lambda: None):
        """Do ``first``, then turn until ``done``; ``doing`` names what each gap belongs to. Returns seconds."""
        loop, timer = self._qt.QEventLoop(), self._qt.QTimer()
        began = last = time.perf_counter()
        last_cpu = time.thread_time()

        def tick():
            nonlocal last, last_cpu
            now, now_cpu, name = time.perf_counter(), time.thread_time(), doing()
            self.gaps[name] = max(self.gaps.get(name, 0.0), now - last)
            self.cpu[name] = max(self.cpu.get(name, 0.0), now_cpu - last_cpu)
            finished = done() or now - began > PATIENCE_SECONDS
            last, last_cpu = time.perf_counter(), time.thread_time()  # what asking took is not the panel's
            if finished:
                loop.quit()

        timer.setInterval(1)
        timer.connect("timeout()", tick)
        first()
        timer.start()
        loop.exec_()
        timer.stop()
        return last - began


class Given:
    """In the place of the child process: a result with these candidates, made before it is asked for."""

    pid = None

    def __init__(self, ct: CT, found, candidates):
        made, masks = extract(candidates, ct, found, EVERY_LESION, load_bundle().card)
        model = {"name": "given", "version": "", "checksum": ""}
        self.result = Result(
            ct.geometry, candidates, found, made, masks, EVERY_LESION, model, "given", "CPU", "balls", {}, 0.0, ()
        )

    def start(self, ct: CT, options: Options):
        self.result = replace(self.result, options=options)
        return self

    def warm(self, options: Options):
        pass

    def poll(self):
        return []

    def cancel(self):
        pass

    close = cancel


def measure(ct: Stored, point, model: str | None = None, lesions_shown: int = 20, lesions_many: int = 200) -> dict:
    """point: in a nodule, LPS mm.

    Returns seconds. ``..._gaps``: the longest between two turns of the loop, by occasion; ``..._cpu``: in CPU time.
    """
    from Testing import slicer_standin

    scene, application = headless.start()
    slicer_standin.install(scene, application)
    opened = ct.open()
    made = _child(opened, ras_from_lps(point), model)
    headless.clear(scene, application)
    found = find.find(opened)
    candidates = balls(opened, found, lesions_many)
    volume, loop = headless.add_volume(opened), Loop()
    views = Views(application, volume)
    try:
        made |= _move_thresholds(volume, Given(opened, found, candidates[:lesions_shown]), loop, views)
        made |= _take_over_many(volume, Given(opened, found, candidates), loop)
    finally:
        views.close()
    return made | {"live_gaps": loop.gaps, "live_cpu": loop.cpu}


class Views:
    """Slicer's usual four views of the CT with their displayable managers, which follow every change at once.

    As in the application drawing is only asked for then, and done later; here when `draw` is called.
    """

    def __init__(self, application, volume):
        bounds = [0.0] * 6
        volume.GetRASBounds(bounds)
        middle = [(low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
        self._views = []
        if not offscreen.available():
            raise RuntimeError("VTK cannot draw off-screen here: EGL or Mesa is missing.")
        for orientation in ("Axial", "Coronal", "Sagittal"):
            self._views.append(offscreen.SliceView(application, volume, middle, VIEW_PIXELS, orientation=orientation))
        managers = (*offscreen.VIEW_MANAGERS, "vtkMRMLMarkupsDisplayableManager")
        self._views.append(offscreen.SolidView(application, volume.GetScene(), VIEW_PIXELS, managers))

    def draw(self) -> float:
        """Seconds that drawing all of them takes, by software."""
        began = time.perf_counter()
        for view in self._views:
            view.picture()
        return time.perf_counter() - began

    def close(self):
        for view in self._views:
            view.close()


def _child(ct: CT, point_ras, model: str | None) -> dict:
    """With the real child: an automatic run, cancelling it, clicks."""
    from Testing.support.panel_case import PanelCase

    case, loop, run_loop = PanelCase(RESOURCES, WorkerClient()), Loop(), Loop()
    ui, made = case.ui, {}
    try:
        case.panel.parameters.modelFolder = model or ""
        loop.until(_after(1.0), lambda: "Nothing to do")
        volume = headless.add_volume(ct)
        loop.until(lambda: ui.segmentButton.enabled, lambda: "A CT is chosen", lambda: _choose(case, volume))
        case.settle()

        case.network.close()
        made["run_seconds"] = run_loop.until(lambda: _settled(case), _stage(case), ui.segmentButton.click)
        findings = case.panel.findings
        made["run_lesions"] = len(findings.lesions) if findings else 0
        if findings:
            ui.removeResultButton.click()
        case.settle()

        made |= _cancel(case, loop)

        case.network.close()
        for name in ("cold", "warm", "warm_again"):
            clicked = loop.until(lambda: _settled(case), lambda: "Click", lambda: case.panel.segment_at(point_ras))
            findings = case.panel.findings
            if findings is None or not _drawn(case, findings):
                made["click_error"] = ui.errorLabel.text or "nothing was found at the nodule"
                break
            made[f"click_{name}_seconds"] = clicked
            ui.removeResultButton.click()
            case.settle()
    finally:
        case.close()
    gaps = {"run_gaps": run_loop.gaps, "other_gaps": loop.gaps}
    return made | gaps | {"run_cpu": run_loop.cpu, "other_cpu": loop.cpu}


def _choose(case, volume):
    case.ui.inputSelector.setCurrentNode(volume)


def _after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def _stage(case) -> Callable[[], str]:
    """The stage that the panel names, without its figures."""

    def name():
        return re.split("[:,]", case.ui.statusLabel.text)[0] if case.logic.running else "Taking over the result"

    return name


def _cancel(case, loop: Loop) -> dict:
    """From the click on Cancel in the middle of the network's work to: its processes gone, the same nodes as before."""
    import slicer

    scene = slicer.mrmlScene
    with tempfile.TemporaryDirectory() as folder:
        before, nodes = headless.scene_xml(scene, folder), _node_ids(scene)
        under_way = Loop()  # its gaps are counted already
        under_way.until(
            lambda: "slices" in case.ui.statusLabel.text or not case.logic.running,
            lambda: "",
            case.ui.segmentButton.click,
        )
        child = psutil.Process(case.network.pid)
        tree = [child, *child.children(recursive=True)]
        seconds = loop.until(
            lambda: not any(_alive(process) for process in tree) and _node_ids(scene) == nodes,
            lambda: "Cancel",
            case.ui.segmentButton.click,
        )
        return {"cancel_seconds": seconds, "scene_is_as_before": headless.scene_xml(scene, folder) == before}


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _node_ids(scene) -> list[str]:
    return [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]


def _move_thresholds(volume, given: Given, loop: Loop, views: Views) -> dict:
    """The slowest of some moves of the threshold, without and with surfaces in 3D, and of drawing after each.

    The lines of the diameters are shown, as the panel does.
    """
    case, made = _case_with(volume, given), {}
    try:
        _take_over(case, given, loop)
        made["lesions"] = len(case.panel.findings.lesions)
        for name, surfaces in (("threshold_seconds", False), ("threshold_with_surfaces_seconds", True)):
            case.ui.show3DButton.checked = surfaces
            case.settle()
            views.draw()
            moved = [(_move_threshold(case, loop, value), views.draw()) for value in THRESHOLDS]
            made[name], made[name.replace("seconds", "drawing_seconds")] = map(max, zip(*moved, strict=True))
        case.ui.removeResultButton.click()
    finally:
        case.close()
    return made


def _take_over_many(volume, given: Given, loop: Loop) -> dict:
    """A result with many lesions comes while surfaces are shown."""
    case = _case_with(volume, given)
    try:
        case.ui.show3DButton.checked = True
        _take_over(case, given, loop)
        return {"lesions_many": len(case.panel.findings.lesions)}
    finally:
        case.close()


def _case_with(volume, given: Given):
    from Testing.support.panel_case import PanelCase

    case = PanelCase(RESOURCES, given)
    _choose(case, volume)
    case.settle()
    return case


def _take_over(case, given: Given, loop: Loop):
    what = f"Taking over {len(given.result.lesions)} lesions"
    loop.until(lambda: _settled(case), lambda: what, case.ui.segmentButton.click)
    case.settle()


def _move_threshold(case, loop: Loop, value: float) -> float:
    """From the slider's move until table and segments show what holds at the new threshold."""
    findings = case.panel.findings

    def shown():
        return math.isclose(findings.threshold, value) and _drawn(case, findings) and _listed(case, findings)

    def move():
        case.ui.thresholdSlider.value = value

    seconds = loop.until(shown, lambda: "Threshold", move)
    case.settle()
    return seconds


def _settled(case) -> bool:
    """Whether no run is under way, the panel has shown its end, and what there is of a result is drawn."""
    findings = case.panel.findings
    shown = not case.logic.running and not case.panel.turns.busy
    return shown and (findings is None or _drawn(case, findings))


def _drawn(case, findings) -> bool:
    """Whether each lesion's segment holds as many voxels as the lesion, and has its surface where they are shown."""
    from LungTumorSegLib.slicer_.scene.segmentation import segment_mask

    node, volume = case.logic.segmentation(findings), case.logic.volume(findings)
    segments = [findings.segment_id(lesion) for lesion in findings.lesions]
    found = [segment_mask(node, segment, volume) for segment in segments]
    if [0 if mask is None else int(mask[1].sum()) for mask in found] != [int(mask.sum()) for mask in findings.masks]:
        return False
    inside = node.GetSegmentation()
    return not findings.surfaces_shown or all(
        inside.GetSegment(s).GetRepresentation(SURFACE) is not None for s in segments
    )


def _listed(case, findings) -> bool:
    return case.column(VOLUME_COLUMN) == [f"{lesion.volume_mm3 / 1000:.2f}" for lesion in findings.lesions]
