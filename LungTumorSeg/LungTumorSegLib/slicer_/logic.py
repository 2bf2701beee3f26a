"""What the module can do, without Qt: the panel, the Python console and the tests call this.

Everything a user passes or gets is RAS mm, world, as Slicer shows it; results stay in the volume's own coordinates.
"""

import logging
import math
from collections.abc import Iterator
from pathlib import Path

import slicer

from ..checks import check
from ..data import CT, Options
from ..errors import LungTumorSegError
from ..findings.review import Findings
from ..model import limits
from ..model.bundle import read_card
from ..worker.client import WorkerClient
from . import saving
from .explaining import ExplainRun
from .following import FollowUpRun
from .results import of_the_scene
from .runs import Run, RunQueue
from .scene import compare, display, overlays
from .scene.volumes import ct_from_volume, lps_to_world, world_to_lps
from .segmenting import SegmentRun


class LungTumorSegLogicBase:
    """One face for the two that do the work: ``queue`` runs the child process, ``registry`` keeps results in the scene.

    The registry is one for all logics: a result made in the console is in the open panel, and changes in both.

    Each method that uses the network (`segment`, `segment_at`, `explain`, `follow_up`) returns a `Run`, whether it
    waits or not. Waiting, the run is done, or its error is raised: ``findings = logic.segment(volume).findings``. With
    ``wait=False`` it is queued behind the others; call `poll` from a timer until ``run.finished``.

    A `Findings` is one result: its lesions and what the user did with them; `segmentation` and `table` are its nodes.
    ``findings.less_likely`` are lesions that it does not list; `set_status` accepts one, which then is listed for good.
    Several results, also of one volume, live side by side until they are removed.

    Every method raises the typed errors of `errors`, each with a sentence for the user; the scene is then as before.
    """

    def __init__(self, client: WorkerClient | None = None):
        self.queue, self.registry = RunQueue(client), of_the_scene()

    # ---- running

    def check(self, volume) -> CT:
        """The volume as a `CT`, if it can be segmented.

        Raises:
            InputError: It can't, with the reason.
        """
        ct = ct_from_volume(volume)
        check(ct)
        return ct

    def unusual(self, ct: CT, model: Path | None = None) -> list[str]:
        """A sentence for each way in which a CT lies outside what a model was trained on.

        Args:
            model: Its folder, None for the bundled one.

        Raises:
            ModelError: The model's card was refused.
        """
        return limits.outside(ct.geometry, read_card(model))

    def warm(self, **options):
        """Load the network in the child process while the user still looks at the CT; returns at once.

        Never raises: what is wrong goes into the log, and the next run will say it.

        Args:
            **options: As for `segment`.
        """
        if self.running:
            return  # that run loads it
        try:
            self.queue.client.warm(Options(**options))
        except LungTumorSegError as error:
            logging.info("LungTumorSeg: the network could not be loaded ahead: %s", error)

    def segment(
        self, volume, *, points_ras=(), replaces=None, add_to=None, progress=None, wait=True, **options
    ) -> SegmentRun:
        """Segment a scalar volume node.

        Args:
            points_ras: Only the lesions at these points (RAS mm, world) are looked for.
            replaces: `Findings` that are removed once the new ones are there; without it an earlier result is never
                touched.
            add_to: Let what is found join this result, or with "latest" the volume's latest one when the run ends (a
                new one if there is none).
            progress: Called with each new `data.Progress` while waiting.
            wait: See the class.
            **options: Fields of `data.Options` (threshold, min_diameter_mm, min_confidence, lung_restriction, engine,
                device, precision, threads, model, keep_probability).

        Returns:
            The run; ``run.findings`` is the result.
        """
        run = SegmentRun.of(self.registry, volume, points_ras, add_to=add_to, replaces=replaces, **options)
        return self.start(run, wait, progress)

    def segment_at(self, volume, point_ras, *, add_to="latest", wait=True, **options) -> SegmentRun:
        """Find the lesion at a point and let it join a result, see `segment`.

        Args:
            point_ras: The point, RAS mm, world.

        Returns:
            The run. ``run.lesion_ids`` is empty when nothing was found there; ``run.notes`` says so and the scene is as
                before.
        """
        return self.segment(volume, points_ras=[point_ras], add_to=add_to, wait=wait, **options)

    def explain(self, findings: Findings, lesion_id: int, kind: str, *, wait=True, **how) -> ExplainRun:
        """Lay a map of one lesion over the slices, also of one edited or added by hand.

        Args:
            kind: ``uncertainty`` (standard deviation of the probability over mirrored views, 0 to 0.5) or ``heat`` (on
                one axial slice, to which the views jump: by how much the lesion's mean probability falls when the
                tissue there is replaced by lung).
            wait: See the class.
            **how: opacity, title (of the legend), engine, device, precision, threads.

        Returns:
            The run. When it is done, ``run.map`` is the volume node.

        Raises:
            KeyError: No such lesion.
            ModelError: The model that made the result is not there any more.
        """
        return self.start(ExplainRun.of(self.registry, findings, lesion_id, kind, **how), wait)

    def follow_up(self, volume, other, *, wait=True, progress=None, **how) -> FollowUpRun:
        """Follow the lesions of a patient through two CTs, in the order of their dates.

        A CT without a result is segmented; a result that is there counts as it was reviewed. A lesion that only one CT
        shows is looked for by a click at its place in the other one; what is found joins that CT's result.

        Args:
            volume: The CT that is looked at.
            other: The volume node of another one.
            wait: See the class.
            progress: As of `segment`.
            **how: findings, dates, same_patient and fields of `data.Options`, see `following.FollowUpRun.of`.

        Returns:
            The run. When it is done, ``run.follow_up`` is the `FollowUp`.
        """
        return self.start(self.prepare_follow_up(volume, other, **how), wait, progress)

    def prepare_follow_up(self, volume, other, **how) -> FollowUpRun:
        """The run of `follow_up`, for `start`; raises what is wrong with CTs and dates before anything is computed."""
        return FollowUpRun.of(self.registry, volume, other, **how)

    def poll(self) -> Run | None:
        """Bring the run under way up to date without waiting; to be called from a timer (50 ms).

        Never raises: see ``run.error``.

        Returns:
            That run, also when it has just finished; None when nothing is under way.
        """
        return self.queue.poll()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.queue.current is not None

    def cancel(self):
        """Cancel the run under way and those that wait. The scene is as it was before they were started."""
        self.queue.cancel()

    def close(self):
        """Cancel, and end the child process. The next run starts it again."""
        self.queue.close()

    def start(self, run: Run, wait: bool, progress=None) -> Run:
        """Queue a run behind the others; see the class."""
        self.queue.add(run)
        return self.queue.wait(run, progress) if wait else run

    # ---- results

    def results(self, volume=None) -> list[Findings]:
        """Results whose nodes are still in the scene, oldest first; of one volume, or of all."""
        return self.registry.of(volume)

    def restore(self) -> list[Findings]:
        """Find results that the scene holds and this logic does not know yet: a scene was opened, the module reloaded.

        They can be changed live as before. One whose CT is gone is left out.

        Returns:
            These results.

        Raises:
            UnreadableError: One can't be read. The others are restored before.
        """
        return self.registry.restore()

    def volume(self, findings: Findings):
        """The volume node that was segmented, None when it is gone."""
        return self.registry.volume(findings)

    def segmentation(self, findings: Findings):
        """The vtkMRMLSegmentationNode of a result, None when it is gone."""
        return self.registry.segmentation(findings)

    def table(self, findings: Findings):
        """The vtkMRMLTableNode of a result (columns: `slicer_.scene.table.COLUMNS`), None when it is gone."""
        return self.registry.table(findings)

    def update(self, findings: Findings, **changes):
        """Extract the lesions of a result again, without the network; segmentation, table, surfaces and lines follow.

        Args:
            **changes: threshold, min_diameter_mm, min_confidence, lung_restriction, smooth_mm or thresholds (by lesion
                id), see `Findings.change`.
        """
        self.registry.update(findings, **changes)

    def set_status(self, findings: Findings, lesion_id: int, status: str):
        """Accept or reject a lesion. A rejected one stays, grey, hidden in 3D.

        A less likely one that is accepted joins the table and the segments, and stays there.

        Args:
            status: ``accepted`` | ``rejected``.
        """
        self.registry.set_statuses(findings, {lesion_id: status})

    def set_statuses(self, findings: Findings, statuses: dict[int, str]):
        """The same for several lesions at once, by id; one step for `undo`."""
        self.registry.set_statuses(findings, statuses)

    def undo(self, volume) -> Findings | None:
        """Take back the latest change of a volume's results: accepted, rejected, renamed, moved, edited, removed.

        Slicer's own undo is not used.

        Returns:
            The result that was changed; None where there is nothing to take back.
        """
        return self.registry.undo(volume)

    def redo(self, volume) -> Findings | None:
        """Make the change again that was taken back last."""
        return self.registry.redo(volume)

    def rename(self, findings: Findings, lesion_id: int, name: str):
        """Give a lesion, and its segment, another name."""
        self.registry.rename(findings, lesion_id, name)

    def take_over_edits(self, findings: Findings) -> list[int]:
        """Let what the user did in Segment Editor count: measured again, edited.

        A segment added by hand becomes a lesion; an erased one is rejected. Nothing happens when nothing was changed.
        Every method that changes or saves a result does it first: the panel only some time after the last stroke.

        Returns:
            The ids of these lesions.
        """
        return self.registry.take_over_edits(findings)

    def remove(self, findings: Findings):
        """Take a result with everything that belongs to it out of the scene."""
        self.registry.remove(findings)

    def save(self, findings: Findings, folder: str | Path, **options) -> list[Path]:
        """Write segmentation.seg.nrrd, lesions.csv and result.json, as the command does; returns the files.

        Args:
            **options: As of `saving.in_steps`: overwrite, png, dicom, reviewed, into_database, report, pdf, language.

        Raises:
            OutputError: The folder can't be written or, without ``overwrite``, holds an earlier result.
            InputError: With ``dicom`` or ``report``, as `saving.in_steps`.
        """
        *_, paths = self.save_in_steps(findings, folder, **options)
        return paths

    def save_in_steps(self, findings: Findings, folder: str | Path, **options) -> Iterator[saving.Step | list[Path]]:
        """`save` in steps, between which a panel stays alive: see `saving.in_steps`."""
        self.take_over_edits(findings)
        return saving.in_steps(findings, self.volume(findings), Path(folder), **options)

    def compare(self, findings: Findings, other) -> compare.Comparison:
        """Agreement of the accepted lesions with another vtkMRMLSegmentationNode.

        Raises:
            GeometryError: The other one is empty in the place of this CT.
        """
        return compare.compare(findings, self.volume(findings), other)

    # ---- in the views

    def lesion_at(self, findings: Findings, point_ras) -> int | None:
        """The lesion at, or within 3 mm of, a point.

        Args:
            point_ras: RAS mm, world.

        Returns:
            Its id; None if there is none.
        """
        return findings.lesion_at(world_to_lps(self.volume(findings), point_ras))

    def lesion_position(self, findings: Findings, lesion_id: int) -> tuple[float, float, float]:
        """Where to look at a lesion, also a less likely one: the middle of its long axis (RAS mm, world)."""
        ends = findings.any_lesion(lesion_id).axis_points_lps[:2]
        middle = [(a + b) / 2 for a, b in zip(*ends, strict=True)]
        return lps_to_world(self.volume(findings), middle)

    def look_at(self, findings: Findings, lesion_id: int):
        """Centre all slice views and 3D cameras on a lesion, and zoom so that it is seen with what surrounds it."""
        long_axis_mm = findings.any_lesion(lesion_id).long_axis_mm
        field_mm = max(display.LEAST_FIELD_MM, display.FIELD_OF_LESION * long_axis_mm)
        display.jump(slicer.mrmlScene, self.lesion_position(findings, lesion_id), field_mm)

    def select(self, findings: Findings, lesion_id: int | None):
        """Draw the diameters, where they are shown, of this lesion beside those of the largest."""
        self.registry.select(findings, lesion_id)

    def set_visible(self, findings: Findings, lesion_id: int, visible: bool):
        """Show or hide one lesion in slices and 3D."""
        display.set_segment_visible(
            self.segmentation(findings), findings.segment_id(findings.lesion(lesion_id)), visible
        )

    def show_results_of(self, volume):
        """Hide the results of all other volumes, in slices and 3D; those of this one come back."""
        self.registry.show_results_of(volume)

    def show_3d(self, findings: Findings, visible: bool = True):
        """Show or hide the lesions' surfaces."""
        self.registry.show_3d(findings, visible)

    def make_surfaces(self, findings: Findings, seconds: float = math.inf) -> bool:
        """Make surfaces that are shown and not there yet, for some seconds; returns whether all are there."""
        return self.registry.make_surfaces(findings, seconds)

    def show_diameters(self, findings: Findings, visible: bool = True) -> list:
        """Draw the diameters of the largest and of the selected lesion as line markups; returns the nodes."""
        return self.registry.show_diameters(findings, visible)

    def show_probability(self, findings: Findings, opacity: float = 0.5, title: str = "Tumour (%)"):
        """Lay the probability over the slices as colours, with a legend (``title``); returns the volume node (percent).

        It takes the place of an earlier map of this result, as one of `explain` does.
        """
        return overlays.show_probability(findings, self.volume(findings), self.segmentation(findings), opacity, title)

    def map_shown(self, findings: Findings) -> dict | None:
        """What the map over the slices shows: kind, lesion_id, probability, see `overlays.about`; None without any."""
        return overlays.about(self.segmentation(findings))

    def hide_map(self, findings: Findings):
        """Take the map of a result out of the views and out of the scene."""
        overlays.hide(self.segmentation(findings))
