"""The module tried out inside Slicer, step by step as a user works with it. Loaded only when called.

It clears the scene. It needs the packages that the panel installs, but no network and no data: its chest CT is made
here. In Slicer `LungTumorSegTest` and ``Testing/tools/in_slicer.py`` call it.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import slicer
import slicer.util
import vtk

from ..errors import NotACTError
from .self_test_phantom import GROWN_MM, LARGE, SMALL, chest, write

# for the longest of them, a run; what takes longer has failed
PATIENCE_S = 120.0
_RESULT_CLASSES = ("vtkMRMLSegmentationNode", "vtkMRMLTableNode", "vtkMRMLMarkupsLineNode")


def run(say: Callable[[str], None] = print, pictures: Path | None = None) -> tuple[int, int]:
    """Take all steps. A step that needs what an earlier one made fails with it.

    Args:
        say: Called with a line about each.
        pictures: A folder for one picture a step.

    Returns:
        How many passed and how many failed.
    """
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="lts") as folder, Trial(Path(folder)) as trial:
        for number, step in enumerate(STEPS, 1):
            start, name = time.monotonic(), step.__doc__
            try:
                told = "; ".join(step(trial).splitlines())
            except Exception as error:
                failed += 1
                say(f"FAILED  {name}: {type(error).__name__}: {error}")
            else:
                passed += 1
                say(f"ok      {name}: {told} ({time.monotonic() - start:.1f} s)")
            if pictures is not None:
                trial.picture(pictures / f"{number:02}_{step.__name__}.png")
    return passed, failed


class Trial:
    """The panel in hand, the CT and its result; what the steps share."""

    def __init__(self, folder: Path):
        self.folder, self.volume, self.longest_gap = folder, None, 0.0

    def __enter__(self):
        slicer.mrmlScene.Clear(0)
        return self

    def __exit__(self, *error):
        slicer.mrmlScene.Clear(0)
        self.logic.close()

    @property
    def page(self):
        """The module's own widget."""
        return slicer.util.getModuleWidget("LungTumorSeg")

    @property
    def ui(self):
        """The panel's widgets by their object names."""
        return self.page.panel.widgets

    @property
    def logic(self):
        """The module's logic."""
        return self.page.logic

    @property
    def findings(self):
        """The result that is shown; an AssertionError where there is none."""
        findings = self.page.panel.findings
        if findings is None:
            raise AssertionError("there is no result")
        return findings

    def lesion_at(self, nodule):
        """The lesion at the centre of one of the phantom's nodules."""
        lesion_id = self.logic.lesion_at(self.findings, nodule[0])
        if lesion_id is None:
            raise AssertionError(f"there is no lesion at {nodule[0]}")
        return self.findings.lesion(lesion_id)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 20.0):
        """Let the application go on until something holds; after so many seconds an AssertionError names it."""
        end = time.monotonic() + seconds
        while not condition():
            turn = time.monotonic()
            slicer.app.processEvents()
            self.longest_gap = max(self.longest_gap, time.monotonic() - turn)
            if turn > end:
                raise AssertionError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.005)

    def until_ready(self):
        """Until the CT can be segmented.

        Raises:
            AssertionError: It can't, with the panel's reason.
        """
        try:
            self.until(lambda: self.ui.segmentButton.enabled, "Segment is enabled")
        except AssertionError as error:
            raise AssertionError(self.ui.segmentButton.toolTip) from error

    def until_the_run_ends(self):
        """Until no run is under way.

        Raises:
            AssertionError: The run failed, with what the panel says.
        """
        self.until(lambda: not self.logic.running, "the end of the run", PATIENCE_S)
        self.until(lambda: not self.page.panel.turns.busy, "the panel shows the end of the run")
        if self.ui.errorFrame.visible:
            raise AssertionError(self.ui.errorLabel.text)

    def choose(self, volume):
        """Choose a volume as the CT."""
        self.ui.inputSelector.setCurrentNode(volume)
        self.volume = volume

    def start(self):
        """Click on Segment."""
        self.until_ready()
        self.ui.segmentButton.click()
        self.until(lambda: self.logic.running, "the start of the run")

    def start_and_get_going(self):
        """Click on Segment and wait until the background process is at work."""
        self.start()

        def at_work():
            run = self.logic.queue.current
            return run is None or run.progress is not None

        self.until(at_work, "progress", PATIENCE_S)
        expect(self.logic.running, f"the run goes on; {self.ui.errorLabel.text}")
        expect(self.ui.progressBar.visible, "its progress is shown")

    def picture(self, path: Path):
        """Save a picture of the window, or of the module's page where there is no window."""
        path.parent.mkdir(parents=True, exist_ok=True)
        slicer.app.processEvents()
        (slicer.util.mainWindow() or self.page.parent).grab().save(str(path))


# ---- the steps; the first line of each is what is said about it


def opens(trial: Trial) -> str:
    """The module opens"""
    if slicer.util.mainWindow() is not None:
        slicer.util.selectModule("LungTumorSeg")
    else:  # started with --no-main-window
        trial.page.parent.resize(400, 900)
        trial.page.parent.show()
        trial.page.parent.enter()
    trial.until(lambda: bool(trial.ui.segmentButton.toolTip), "the panel")
    expect(not trial.ui.segmentButton.enabled, "nothing can be segmented without a CT")
    expect(not trial.ui.errorFrame.visible, trial.ui.errorLabel.text)
    return f"{len(vars(trial.ui))} widgets"


def loads_a_ct(trial: Trial) -> str:
    """A CT is loaded, and chosen as none was"""
    path = trial.folder / "phantom.nrrd"
    write(path, chest())
    trial.volume = slicer.util.loadVolume(str(path))
    trial.until(lambda: trial.ui.inputSelector.currentNode() is trial.volume, "the CT is chosen")
    trial.until_ready()
    return trial.ui.inputSummary.text


def segments(trial: Trial) -> str:
    """A click on Segment finds the nodule"""
    trial.longest_gap = 0.0
    trial.start()
    trial.until_the_run_ends()
    lesion = trial.lesion_at(LARGE)
    expect(trial.ui.lesionTable.rowCount == len(trial.findings.lesions), "the table lists every lesion")
    expect(trial.logic.segmentation(trial.findings) is not None, "the lesions are a segmentation")
    said = f"{len(trial.findings.lesions)} lesions, {lesion.long_axis_mm:.1f} mm; {trial.ui.statusLabel.text}"
    return f"{said}; longest gap of the window {trial.longest_gap:.2f} s"


def finds_at_a_click(trial: Trial) -> str:
    """A click in a view finds the lesion there"""
    trial.ui.placeButton.click()
    place_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
    layout = slicer.app.layoutManager()
    if layout is not None:
        _click(layout.sliceWidget("Red"), SMALL[0])
    else:  # started with --no-main-window
        slicer.mrmlScene.GetNodeByID(place_id).AddControlPoint(*SMALL[0])
    trial.until(lambda: trial.logic.running, "the run that a click starts")
    trial.until_the_run_ends()
    lesion, told = trial.lesion_at(SMALL), trial.ui.clickStatus.text
    trial.ui.placeButton.click()
    expect(slicer.mrmlScene.GetNodeByID(place_id) is None, "no point stays in the scene")
    return f"{told} {lesion.long_axis_mm:.1f} mm"


def adjusts(trial: Trial) -> str:
    """A moved slider changes the outlines, Reset brings them back"""
    before = _volumes(trial)
    slider = trial.ui.thresholdSlider
    slider.value = 0.5 * (slider.value + slider.maximum)
    trial.until(lambda: _volumes(trial) != before, "other outlines")
    after = _volumes(trial)
    expect(sum(after.values()) < sum(before.values()), "a higher threshold outlines less")
    trial.ui.resetButton.click()
    trial.until(lambda: _volumes(trial) == before, "the first outlines")
    return f"{sum(before.values()):.0f} mm3, then {sum(after.values()):.0f}"


def follows_an_edit(trial: Trial) -> str:
    """What is painted into a segment counts"""
    lesion, findings = trial.lesion_at(SMALL), trial.findings
    node, segment_id = trial.logic.segmentation(findings), findings.segment_id(lesion)
    voxels = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, trial.volume)
    painted = voxels | np.roll(voxels, 1, axis=2)
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, segment_id, trial.volume)
    trial.until(lambda: findings.lesion(lesion.id).status == "edited", "the lesion counts as edited")
    edited = findings.lesion(lesion.id)
    expect(edited.volume_mm3 > lesion.volume_mm3, "it is larger than before")
    return f"{lesion.volume_mm3:.0f} mm3, then {edited.volume_mm3:.0f}"


def compares(trial: Trial) -> str:
    """A later CT is compared with it, and shown beside it"""
    path, ui = trial.folder / "later.nrrd", trial.ui
    write(path, chest(GROWN_MM))
    later = slicer.util.loadVolume(str(path))
    ui.otherSelector.setCurrentNode(later)
    trial.until(lambda: ui.followUpButton.enabled and ui.otherDateEdit.enabled, "Compare is enabled")
    ui.thisDateEdit.text, ui.otherDateEdit.text = "2024-01-05", "2024-07-03"
    before = trial.lesion_at(LARGE)
    ui.followUpButton.click()
    trial.until_the_run_ends()
    trial.until(lambda: ui.followUpResult.visible, "the table of the comparison; " + ui.followUpStatus.text)
    row = _row_that_holds(ui.followUpTable, f"{before.long_axis_mm:.1f} mm", ui.followUpDetail)
    told = "; ".join(ui.followUpTable.item(row, column).text() for column in range(1, 5))
    expect(ui.followUpTable.item(row, 2).text().startswith("+"), f"the larger nodule has grown: {told}")
    if slicer.app.layoutManager() is not None:
        _expect_linked()
    trial.logic.remove(trial.logic.results(later)[0])
    slicer.mrmlScene.RemoveNode(later)
    trial.until(lambda: not ui.followUpResult.visible, "no comparison with a CT that is gone")
    return told


def saves(trial: Trial) -> str:
    """The result is written to a folder"""
    paths = trial.logic.save(trial.findings, trial.folder / "results")
    expect(all(path.stat().st_size > 0 for path in paths), "no file is empty")
    return ", ".join(path.name for path in paths)


def reopens(trial: Trial) -> str:
    """A saved scene brings the result back"""
    path = trial.folder / "scene.mrb"
    before = [(x.id, x.status, round(x.volume_mm3, 3)) for x in trial.findings.lesions]
    expect(slicer.util.saveScene(str(path)), "the scene is saved")
    slicer.mrmlScene.Clear(0)
    trial.until(lambda: not trial.logic.results(), "an empty panel")
    slicer.util.loadScene(str(path))
    trial.until(lambda: bool(trial.logic.results()), "the result of the scene")
    trial.volume = trial.logic.volume(trial.findings)
    after = [(x.id, x.status, round(x.volume_mm3, 3)) for x in trial.findings.lesions]
    expect(after == before, f"the lesions are as saved: {before}, not {after}")
    adjusts(trial)
    return f"{len(after)} lesions, {path.stat().st_size / 1e6:.1f} MB"


def refuses_a_picture(trial: Trial) -> str:
    """What is no CT is refused"""
    trial.until_ready()
    ct, before = trial.volume, _results(slicer.mrmlScene)
    path = trial.folder / "picture.nrrd"
    write(path, np.full((40, 40, 40), 100, np.int16))
    volume = slicer.util.loadVolume(str(path))
    trial.choose(volume)
    trial.until(lambda: not trial.ui.segmentButton.enabled, "Segment is disabled")
    told = trial.ui.segmentButton.toolTip
    try:
        trial.logic.segment(volume)
    except NotACTError:
        expect(_results(slicer.mrmlScene) == before, "nothing was added to the scene")
    else:
        raise AssertionError("it was segmented")
    finally:
        trial.choose(ct)
        slicer.mrmlScene.RemoveNode(volume)
    return told


def cancels(trial: Trial) -> str:
    """Cancel leaves the scene as it was"""
    before = _results(slicer.mrmlScene)
    trial.start_and_get_going()
    start = time.monotonic()
    trial.ui.segmentButton.click()
    trial.until(lambda: not trial.logic.running, "the end of the run")
    seconds = time.monotonic() - start
    expect(_results(slicer.mrmlScene) == before, "nothing was added to the scene")
    expect(not trial.ui.errorFrame.visible, trial.ui.errorLabel.text)
    return f"{seconds:.1f} s"


def survives_a_closed_scene(trial: Trial) -> str:
    """Closing the scene in mid-run ends the run"""
    trial.start_and_get_going()
    slicer.mrmlScene.Clear(0)
    trial.until(lambda: not trial.logic.running, "the end of the run")
    trial.until(lambda: not trial.ui.segmentButton.enabled, "Segment waits for a CT")
    expect(not trial.ui.errorFrame.visible, trial.ui.errorLabel.text)
    expect(not (trial.ui.progressBar.visible or trial.ui.statusLabel.text), "no progress is left standing")
    expect(_results(slicer.mrmlScene) == [], "nothing is left in the scene")
    return "nothing is left"


STEPS = (
    opens,
    loads_a_ct,
    segments,
    finds_at_a_click,
    adjusts,
    follows_an_edit,
    compares,
    saves,
    reopens,
    refuses_a_picture,
    cancels,
    survives_a_closed_scene,
)


# ---- what the steps use


def expect(holds: bool, what: str):
    """Let a step fail with an AssertionError of these words where something does not hold."""
    if not holds:
        raise AssertionError(f"expected: {what}")


def _click(view, position):
    """Press and release the left button of the mouse in a slice view, at a point (RAS mm)."""
    node, interactor = view.mrmlSliceNode(), view.sliceView().interactor()
    node.JumpSliceByOffsetting(*position)
    to_pixels = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), to_pixels)
    x, y = (round(v) for v in to_pixels.MultiplyPoint((*position, 1.0))[:2])
    interactor.SetEventInformation(x, y)
    for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.InvokeEvent(event)


def _row_that_holds(table, words: str, detail) -> int:
    """The row whose detail has these words."""
    for row in range(table.rowCount):
        table.setCurrentCell(row, 1)
        if words in detail.text:
            return row
    raise AssertionError(f"no lesion of {words} was compared")


def _expect_linked():
    """One of the two views is scrolled, and the other one goes along; the CTs lie at the same coordinates."""
    nodes = {node.GetLayoutName(): node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")}
    earlier, later = nodes["LungTumorSegEarlier"], nodes["LungTumorSegLater"]
    before = earlier.GetSliceOffset()
    later.SetSliceOffset(later.GetSliceOffset() + 8)
    expect(abs(earlier.GetSliceOffset() - before - 8) < 4, "the earlier CT's view follows the later one's")


def _volumes(trial: Trial) -> dict[int, float]:
    """mm3 by lesion."""
    return {lesion.id: lesion.volume_mm3 for lesion in trial.findings.lesions}


def _results(scene) -> list[str]:
    """Ids of the nodes of all results."""
    return [
        scene.GetNthNodeByClass(i, kind).GetID()
        for kind in _RESULT_CLASSES
        for i in range(scene.GetNumberOfNodesByClass(kind))
    ]
