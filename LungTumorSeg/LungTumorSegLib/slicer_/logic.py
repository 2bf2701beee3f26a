"""What the module can do, without Qt: the panel, the Python console and the tests call this.

Everything a user passes or gets is RAS mm, world, as Slicer shows it; results stay in the volume's own coordinates.
"""

import logging
import math
import shutil
import sys
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

import slicer

from ..checks import check
from ..data import CT, Options
from ..errors import Cancelled, LungTumorSegError, UnreadableError
from ..findings.review import Findings
from ..model import limits
from ..model.bundle import load_bundle
from ..worker.client import WorkerClient
from .explaining import ExplainRun
from .runs import Run
from .scene import compare, display, edits, markups, nodes, overlays, storage, surfaces, table, volumes
from .scene.segmentation import add_segmentation, show_lesions

# What writes for the child and what reads from it are Python threads; Slicer's event loop holds the interpreter, so
# each poll lets go of it briefly
_YIELD_SECONDS = 0.001
_WAIT_SECONDS = 0.02
_NOTHING_NOTE = "Nothing was found at this point that is as large as the smallest diameter asked for."
_SIZES_NOTE = (
    "The CT is under a transform that changes sizes; volumes and diameters are those in the CT's own grid, before the "
    "transform."
)


class LungTumorSegLogicBase:
    """Runs the child process and keeps its results in the scene.

    Waiting: ``findings = logic.segment(volume)``. Not waiting: ``run = logic.start(volume)``, then `poll` from a timer
    until ``run.finished``. A `Findings` is one result: its lesions, its nodes (`segmentation`, `table`) and what the
    user did with it. Several results, also of one volume, live side by side until they are removed.

    Every method raises the typed errors of `errors`, each with a sentence for the user; the scene is then as before.
    """

    def __init__(self, client: WorkerClient | None = None):
        self._client = client
        self._runs: deque[Run] = deque()
        self._results: list[Findings] = []
        self.surfaces_in_pieces = False  # whoever sets it calls `make_surfaces` after each change

    @property
    def client(self) -> WorkerClient:
        """The child process's client; the process itself starts with the first run."""
        if self._client is None:
            # inside Slicer sys.executable is the application
            self._client = WorkerClient(python=shutil.which("PythonSlicer") or sys.executable)
        return self._client

    # ---- running

    def check(self, volume) -> CT:
        """The volume as a `CT`. Raises InputError with the reason when it can't be segmented."""
        ct = volumes.ct_from_volume(volume)
        check(ct)
        return ct

    def unusual(self, ct: CT, model: Path | None = None) -> list[str]:
        """A sentence for each way in which a CT lies outside what a model was trained on.

        model: its folder, None for the bundled one. Raises ModelError.
        """
        return limits.outside(ct.geometry, load_bundle(model).card)

    def warm(self, **options):
        """Load the network in the child process while the user still looks at the CT; returns at once.

        options: as for `segment`. Never raises: what is wrong goes into the log, and the next run will say it.
        """
        if self.running:
            return  # that run loads it
        try:
            self.client.warm(Options(**options))
        except LungTumorSegError as error:
            logging.info("LungTumorSeg: the network could not be loaded ahead: %s", error)

    def segment(self, volume, *, points_ras=(), replaces=None, progress=None, wait=True, **options):
        """Segment a scalar volume node; returns `Findings`, or with ``wait=False`` a `Run` that `poll` drives.

        options: fields of `data.Options` (threshold, min_diameter_mm, min_confidence, lung_restriction, engine,
        device, model, keep_probability). points_ras: only the lesions at these points are looked for. replaces:
        `Findings` that are removed once the new ones are there; without it an earlier result is never touched.
        progress: called with each new `data.Progress` while waiting.
        """
        run = self.start(volume, points_ras=points_ras, replaces=replaces, **options)
        return self._wait(run, progress).findings if wait else run

    def segment_at(self, volume, point_ras, *, add_to="latest", wait=True, **options) -> Run:
        """Find the lesion at a point and let it join a result, see `start`; returns the finished or waiting `Run`.

        ``run.lesion_ids`` is empty when nothing was found there; ``run.notes`` says so and the scene is as before.
        """
        run = self.start(volume, points_ras=[point_ras], add_to=add_to, **options)
        return self._wait(run, None) if wait else run

    def start(self, volume, *, points_ras=(), replaces=None, add_to=None, **options) -> Run:
        """Queue a run and return at once. Runs are worked off one after the other, in order.

        add_to: let what is found join this result, or with "latest" the volume's latest one when the run ends (a new
        one if there is none).
        """
        ct = volumes.ct_from_volume(volume)
        points = tuple(volumes.world_to_lps(volume, p) for p in points_ras)
        run = Run(volume, ct, Options(points_lps=points, **options), add_to=add_to, replaces=replaces)
        self._runs.append(run)
        return run

    def poll(self) -> Run | None:
        """Bring the run under way up to date without waiting; returns it, also when it has just finished.

        To be called from a timer (50 ms). None: nothing is under way. Never raises: see ``run.error``.
        """
        if not self._runs:
            return None
        run = self._runs[0]
        try:
            self._advance(run)
        except Cancelled as error:
            run.state, run.error = "cancelled", error
        except Exception as error:
            # also a fault of our own: it must not be tried again at each tick
            run.state, run.error = "failed", error
        if run.finished and run in self._runs:
            self._runs.remove(run)
        return run

    @property
    def running(self) -> bool:
        return bool(self._runs)

    def cancel(self):
        """Cancel the run under way and those that wait. The scene is as it was before they were started."""
        while self._runs:
            self._cancel(self._runs.popleft())

    def close(self):
        """Cancel, and end the child process. The next run starts it again."""
        self.cancel()
        if self._client is not None:
            self._client.close()

    # ---- results

    def results(self, volume=None) -> list[Findings]:
        """Results whose nodes are still in the scene, oldest first; of one volume, or of all."""
        self._results = [f for f in self._results if self.segmentation(f) and self.volume(f)]
        return [f for f in self._results if volume is None or self.volume(f) is volume]

    def restore(self) -> list[Findings]:
        """Find results that the scene holds and this logic does not know yet: a scene was opened, the module reloaded.

        Returns them. They can be changed live as before. One whose CT is gone is left out. Where one can't be read the
        others are restored, and then the error is raised (UnreadableError, ModelError).
        """
        known, restored, errors = {f.segmentation_id for f in self.results()}, [], []
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            volume = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
            if node.GetID() in known or volume is None or node.GetNodeReference(storage.RECORD_ROLE) is None:
                continue
            try:
                findings = storage.read(node, volumes.ct_from_volume(volume), self._card)
            except LungTumorSegError as error:
                errors.append(error)
                continue
            if findings is not None:
                storage.read_segments(node, volume, findings)
                self._remember(findings, volume, node, node.GetNodeReference(table.TABLE_ROLE))
                findings.diameters_shown = node.GetNodeReference(markups.MARKUPS_ROLE) is not None
                self._results.append(findings)
                restored.append(findings)
        if errors:
            raise errors[0]
        return restored

    def volume(self, findings: Findings):
        """The volume node that was segmented, None when it is gone."""
        return findings.nodes["volume"].node()

    def segmentation(self, findings: Findings):
        """The vtkMRMLSegmentationNode of a result, None when it is gone."""
        return findings.nodes["segmentation"].node()

    def table(self, findings: Findings):
        """The vtkMRMLTableNode of a result (columns: `slicer_.scene.table.COLUMNS`), None when it is gone."""
        return findings.nodes["table"].node()

    def update(self, findings: Findings, **changes):
        """Change threshold, min_diameter_mm, min_confidence, lung_restriction, smooth_mm or thresholds (by lesion id).

        No network: see `Findings.change`. Segmentation, table, surfaces and diameter lines follow.
        """
        self.take_over_edits(findings)
        findings.change(**changes)
        self._show(findings)

    def set_status(self, findings: Findings, lesion_id: int, status: str):
        """Accept or reject a lesion: ``accepted`` | ``rejected``. A rejected one stays, grey, hidden in 3D."""
        if self._is_there_still(findings, lesion_id):
            findings.set_status(lesion_id, status)
            self._show(findings)

    def take_over_edits(self, findings: Findings) -> list[int]:
        """Let what the user did in Segment Editor count: measured again, edited; returns the ids of these lesions.

        A segment added by hand becomes a lesion; an erased one is rejected. Nothing happens when nothing was changed.
        Every method that changes or saves a result does it first: the panel only some time after the last stroke.
        """
        node, volume = self.segmentation(findings), self.volume(findings)
        changed = edits.take_over(node, volume, findings) if node is not None and volume is not None else []
        if changed:
            self._show(findings)
        return changed

    def rename(self, findings: Findings, lesion_id: int, name: str):
        if self._is_there_still(findings, lesion_id):
            findings.rename(lesion_id, name)
            self._show(findings)

    def lesion_at(self, findings: Findings, point_ras) -> int | None:
        """The id of the lesion at, or within 3 mm of, a point (RAS mm, world); None if there is none."""
        return findings.lesion_at(volumes.world_to_lps(self.volume(findings), point_ras))

    def lesion_position(self, findings: Findings, lesion_id: int) -> tuple[float, float, float]:
        """Where to look at a lesion: the middle of its long axis (RAS mm, world)."""
        ends = findings.lesion(lesion_id).axis_points_lps[:2]
        middle = [(a + b) / 2 for a, b in zip(*ends, strict=True)]
        return volumes.lps_to_world(self.volume(findings), middle)

    def jump(self, findings: Findings, lesion_id: int):
        """Centre all slice views and 3D cameras on a lesion."""
        display.jump(slicer.mrmlScene, self.lesion_position(findings, lesion_id))

    def set_visible(self, findings: Findings, lesion_id: int, visible: bool):
        """Show or hide one lesion in slices and 3D."""
        display.set_segment_visible(
            self.segmentation(findings), findings.segment_id(findings.lesion(lesion_id)), visible
        )

    def show_3d(self, findings: Findings, visible: bool = True):
        """Show or hide the lesions' surfaces."""
        findings.surfaces_shown = visible
        surfaces.show_surfaces(self.segmentation(findings), visible)
        storage.keep_state(self.segmentation(findings), findings)
        if not self.surfaces_in_pieces:
            self.make_surfaces(findings)

    def make_surfaces(self, findings: Findings, seconds: float = math.inf) -> bool:
        """Make surfaces that are shown and not there yet, for some seconds; returns whether all are there."""
        return not findings.surfaces_shown or surfaces.make_surfaces(self.segmentation(findings), seconds)

    def show_diameters(self, findings: Findings, visible: bool = True) -> list:
        """Draw the diameters of the lesions that are not rejected as line markups; returns the nodes."""
        findings.diameters_shown = visible
        if not visible:
            markups.remove_markups(self.segmentation(findings))
            return []
        return markups.diameters_to_markups(
            findings.lesions, findings.names, self.volume(findings), self.segmentation(findings)
        )

    def show_probability(self, findings: Findings, opacity: float = 0.5, title: str = "Tumour (%)"):
        """Lay the probability over the slices as colours, with a legend; returns the volume node (percent).

        It takes the place of an earlier map of this result, as one of `explain` does.
        """
        return overlays.show_probability(findings, self.volume(findings), self.segmentation(findings), opacity, title)

    def explain(self, findings: Findings, lesion_id: int, kind: str, *, wait=True, **how) -> ExplainRun:
        """Lay a map of one lesion over the slices, also of one edited or added by hand; returns the `ExplainRun`.

        kind: ``uncertainty`` (standard deviation of the probability over mirrored views, 0 to 0.5) or ``heat`` (on one
        axial slice, to which the views jump: by how much the lesion's mean probability falls when the tissue there is
        replaced by lung). how: opacity, title (of the legend), engine, device. When done, ``run.map`` is the volume
        node. Raises KeyError (no such lesion) and ModelError (the model that made the result is not there any more).
        """
        run = ExplainRun.of(findings, self.volume(findings), lesion_id, kind, **how)
        self._runs.append(run)
        return self._wait(run, None) if wait else run

    def map_shown(self, findings: Findings) -> dict | None:
        """What the map over the slices shows: kind, lesion_id, probability, see `overlays.about`; None without any."""
        return overlays.about(self.segmentation(findings))

    def hide_map(self, findings: Findings):
        """Take the map of a result out of the views and out of the scene."""
        overlays.hide(self.segmentation(findings))

    def set_window(self, volume, width: float, level: float):
        """Show a CT with a window in HU; `display.LUNG_WINDOW` and `display.SOFT_TISSUE_WINDOW` are usual ones."""
        display.set_window(volume, width, level)

    def compare(self, findings: Findings, other) -> compare.Comparison:
        """Agreement of the accepted lesions with another vtkMRMLSegmentationNode. Raises GeometryError."""
        return compare.compare(findings, self.volume(findings), other)

    def remove(self, findings: Findings):
        """Take a result with everything that belongs to it out of the scene."""
        segmentation = self.segmentation(findings)
        if segmentation is not None:
            nodes.remove_with_companions(segmentation)
        self._results = [f for f in self._results if f is not findings]

    def save(self, findings: Findings, folder: str | Path, overwrite: bool = False, png: bool = False) -> list[Path]:
        """Write segmentation.seg.nrrd, lesions.csv and result.json, as the command does; returns the files.

        Raises OutputError: the folder can't be written or, without ``overwrite``, holds an earlier result.
        """
        from ..writers import result_files  # brings packages that Slicer lacks until they are installed

        self.take_over_edits(findings)
        return result_files.write(
            findings.as_result(),
            findings.ct,
            Path(folder),
            overwrite,
            png,
            names=findings.names,
            smooth_mm=findings.smooth_mm,
            drawn={lesion.id for lesion in findings.lesions if findings.is_drawn(lesion.id)},
        )

    # ---- inside

    def _wait(self, run: Run, progress) -> Run:
        application = getattr(slicer, "app", None)
        shown = None
        while not run.finished:
            self.poll()
            if progress is not None and run.progress is not shown:
                shown = run.progress
                progress(shown)
            if application is not None:
                application.processEvents()
            time.sleep(_WAIT_SECONDS)
        if run.error is not None:
            raise run.error
        return run

    def _advance(self, run: Run):
        if run.volume.GetScene() is None:
            self._cancel(run)
            raise UnreadableError(
                f'The volume "{run.ct.name}" was removed from the scene during the run; nothing was added.'
            )
        if run.handle is None:
            run.handle = run.begin(self.client)
            run.state = "running"
        time.sleep(_YIELD_SECONDS)
        if run.handle.result is None:
            for step in run.handle.poll():
                run.progress = step
        elif isinstance(run, ExplainRun):
            run.show(run.handle.result, self.segmentation(run.explained))
            run.state = "done"
        else:
            run.steps = run.steps or self._take_over(run, run.handle.result)
            if next(run.steps, self) is self:
                run.state = "done"

    def _cancel(self, run: Run):
        if run.handle is not None:
            run.handle.cancel()
        run.state, run.error = "cancelled", Cancelled("It was cancelled; the scene is as it was before.")

    def _take_over(self, run: Run, result):
        """In steps, one a poll: together they take longer than a panel may stand still."""
        if not volumes.keeps_sizes(run.volume):
            result = replace(result, notes=(*result.notes, _SIZES_NOTE))
        run.notes = result.notes
        if run.options.points_lps and not result.lesions:
            run.notes = result.notes or (_NOTHING_NOTE,)
            return
        findings = next(iter(self.results(run.volume)[::-1]), None) if run.add_to == "latest" else run.add_to
        if findings is not None and self.segmentation(findings) is not None:  # not removed meanwhile
            self.take_over_edits(findings)
            run.lesion_ids = tuple(findings.add(result))
            self._show(findings)
            storage.keep(self.segmentation(findings), storage.pack(findings))
        else:
            findings = Findings(run.ct, result, self._card(run.options))
            run.lesion_ids = tuple(lesion.id for lesion in findings.lesions)
            packed = storage.pack(findings)
            yield
            with nodes.all_or_nothing(slicer.mrmlScene):
                self._create_nodes(findings, run.volume)
                self._show(findings)
                storage.keep(self.segmentation(findings), packed)
            self._results.append(findings)
        run.findings = findings
        if run.replaces is not None:
            self.remove(run.replaces)

    def _is_there_still(self, findings: Findings, lesion_id: int) -> bool:
        """Whether the user has not painted over the lesion a moment ago. Raises KeyError for one that never was."""
        findings.lesion(lesion_id)
        self.take_over_edits(findings)
        return any(lesion.id == lesion_id for lesion in findings.lesions)

    def _create_nodes(self, findings: Findings, volume):
        segmentation = add_segmentation(volume, f"{volume.GetName()} lung tumours")
        lesions = table.add_table(volume, f"{segmentation.GetName()} table")
        segmentation.SetNodeReferenceID(table.TABLE_ROLE, lesions.GetID())
        self._remember(findings, volume, segmentation, lesions)

    def _remember(self, findings: Findings, volume, segmentation, lesions):
        for kind, node in (("volume", volume), ("segmentation", segmentation), ("table", lesions)):
            findings.nodes[kind] = nodes.NodeReference(node)
        findings.segmentation_id = segmentation.GetID()

    def _card(self, options: Options) -> dict:
        return load_bundle(options.model).card

    def _show(self, findings: Findings):
        """Bring the nodes of a result up to date with it."""
        volume = self.volume(findings)
        show_lesions(self.segmentation(findings), volume, findings)
        if not self.surfaces_in_pieces:
            self.make_surfaces(findings)
        storage.keep_state(self.segmentation(findings), findings)
        if self.table(findings) is not None:  # the user may have removed it
            table.fill_table(self.table(findings), findings.lesions, findings.names, volume)
        if findings.diameters_shown:
            markups.diameters_to_markups(findings.lesions, findings.names, volume, self.segmentation(findings))
