"""The results in the scene: which nodes belong to which findings, and how the nodes follow the findings."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import slicer
import slicer.util

from ..data import Result
from ..errors import LungTumorSegError
from ..findings.history import History
from ..findings.review import Findings
from .scene import edits, markups, presence, storage, surfaces, table
from .scene.nodes import NodeReference, all_or_nothing, remove_with_companions
from .scene.segmentation import add_segmentation, show_lesions
from .scene.volumes import ct_from_volume


@dataclass(frozen=True)
class _Nodes:
    volume: NodeReference
    segmentation: NodeReference
    table: NodeReference


@cache
def of_the_scene() -> "Registry":
    """The registry of Slicer's one scene: the panel and the console's logics know the same results."""
    return Registry()


class Registry:
    """Findings by their nodes, oldest first. Several results, also of one volume, live side by side."""

    def __init__(self):
        self._nodes: dict[Findings, _Nodes] = {}
        self._volumes: dict[Findings, NodeReference] = {}  # also of results that are removed, and may come back
        self._history = History()
        # called after each change; while there is one, making surfaces in pieces is left to it
        self.watcher: Callable[[], None] | None = None

    # ---- which belongs to which

    def of(self, volume=None) -> list[Findings]:
        """Results whose nodes are still in the scene, oldest first.

        Args:
            volume: Of which they are; None: of all.
        """
        self._nodes = {f: n for f, n in self._nodes.items() if n.segmentation.node() and n.volume.node()}
        return [f for f, n in self._nodes.items() if volume is None or n.volume.node() is volume]

    def latest(self, volume) -> Findings | None:
        """The newest result of a volume."""
        return next(reversed(self.of(volume)), None)

    def volume(self, findings: Findings):
        """The volume node that was segmented, None when it or the result is gone."""
        return self._node(findings, "volume")

    def segmentation(self, findings: Findings):
        """The vtkMRMLSegmentationNode, None when it is gone."""
        return self._node(findings, "segmentation")

    def table(self, findings: Findings):
        """The vtkMRMLTableNode, None when it is gone."""
        return self._node(findings, "table")

    def _node(self, findings: Findings, kind: str):
        nodes = self._nodes.get(findings)
        return nodes and getattr(nodes, kind).node()

    # ---- into the scene, and out of it

    def add(self, findings: Findings, volume, packed: str):
        """Put a new result into the scene: segmentation, table and record, or, with an error, nothing.

        Args:
            volume: The volume node that was segmented.
            packed: The record, of `storage.pack`.
        """
        with all_or_nothing(slicer.mrmlScene):
            segmentation = add_segmentation(volume, f"{volume.GetName()} lung tumours")
            lesions = table.add_table(volume, f"{segmentation.GetName()} table")
            segmentation.SetNodeReferenceID(table.TABLE_ROLE, lesions.GetID())
            self._nodes[findings] = _Nodes(*map(NodeReference, (volume, segmentation, lesions)))
            self._volumes[findings] = NodeReference(volume)
            self.show(findings)
            storage.keep(segmentation, packed)

    def extend(self, findings: Findings, clicked: Result) -> tuple[int, ...]:
        """Let the lesions of a click join a result.

        Returns:
            Their ids.
        """
        self.take_over_edits(findings)
        with self._history.step(findings):
            lesion_ids = tuple(findings.add(clicked))
        self.show(findings)
        storage.keep(self.segmentation(findings), storage.pack(findings))
        return lesion_ids

    def restore(self) -> list[Findings]:
        """Find results that the scene holds and that are not known yet; see `LungTumorSegLogicBase.restore`.

        Raises:
            UnreadableError: One can't be read. The others are restored before.
        """
        known = {self.segmentation(findings) for findings in self.of()}
        restored, errors = [], []
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            volume = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
            if node in known or volume is None or node.GetNodeReference(storage.RECORD_ROLE) is None:
                continue
            try:
                findings = storage.read(node, ct_from_volume(volume))
            except LungTumorSegError as error:
                errors.append(error)
                continue
            if findings is not None:
                storage.read_segments(node, volume, findings)
                nodes = volume, node, node.GetNodeReference(table.TABLE_ROLE)
                self._nodes[findings] = _Nodes(*map(NodeReference, nodes))
                self._volumes[findings] = NodeReference(volume)
                findings.diameters_shown = node.GetNodeReference(markups.MARKUPS_ROLE) is not None
                restored.append(findings)
        if errors:
            raise errors[0]
        return restored

    def remove(self, findings: Findings):
        """Take a result with everything that belongs to it out of the scene."""
        segmentation = self.segmentation(findings)
        if segmentation is not None:
            self.take_over_edits(findings)
            self._history.removed(findings)
            remove_with_companions(segmentation)
        self._nodes.pop(findings, None)

    def take_back(self, findings: Findings):
        """Take a result that has just come out of the scene, as if it had not come: `undo` does not know it."""
        segmentation = self.segmentation(findings)
        if segmentation is not None:
            remove_with_companions(segmentation)
        self._nodes.pop(findings, None)
        self._history.forget(findings)

    def show_results_of(self, volume):
        """Hide the results of all other volumes, with their lines and maps; those of this one come back."""
        for findings in self.of():
            change = presence.bring_back if self.volume(findings) is volume else presence.put_away
            change(self.segmentation(findings))

    # ---- changes of findings, and the nodes after them

    def update(self, findings: Findings, **changes):
        """See `Findings.change`."""
        self.take_over_edits(findings)
        with self._history.step(findings):
            findings.change(**changes)
        self.show(findings)

    def set_statuses(self, findings: Findings, statuses: dict[int, str]):
        """See `Findings.set_status`; all in one step.

        Args:
            statuses: By the lesions' ids.

        Raises:
            KeyError: A lesion that never was.
        """
        there = [lesion_id for lesion_id in statuses if self._is_there_still(findings, lesion_id)]
        with self._history.step(findings):
            for lesion_id in there:
                findings.set_status(lesion_id, statuses[lesion_id])
        if there:
            self.show(findings)

    def rename(self, findings: Findings, lesion_id: int, name: str):
        """See `Findings.rename`.

        Raises:
            KeyError: A lesion that never was.
        """
        if self._is_there_still(findings, lesion_id):
            with self._history.step(findings):
                findings.rename(lesion_id, name)
            self.show(findings)

    def take_over_edits(self, findings: Findings) -> list[int]:
        """Let what the user did in Segment Editor count.

        Every method that changes or saves a result does it first: the panel only some time after the last stroke.

        Returns:
            The ids of the lesions that it changed.
        """
        node, volume = self.segmentation(findings), self.volume(findings)
        if node is None or volume is None:
            return []
        with self._history.step(findings):
            changed = edits.take_over(node, volume, findings)
        if changed:
            self.show(findings)
        return changed

    # ---- undo and redo

    def can_undo(self, volume) -> bool:
        """Whether a change of a result of this volume can be taken back."""
        return self._history.can_undo(self._ever_of(volume))

    def can_redo(self, volume) -> bool:
        """Whether one can be made again."""
        return self._history.can_redo(self._ever_of(volume))

    def undo(self, volume) -> Findings | None:
        """Take back the latest change of a result of this volume.

        Returns:
            The result, None where there is no change.
        """
        for findings in self.of(volume):
            self.take_over_edits(findings)
        step = self._history.undo(self._ever_of(volume))
        return step and self._put(step.findings, step.before)

    def redo(self, volume) -> Findings | None:
        """Make the change again that was taken back last."""
        for findings in self.of(volume):
            self.take_over_edits(findings)
        step = self._history.redo(self._ever_of(volume))
        return step and self._put(step.findings, step.after)

    def _ever_of(self, volume) -> list[Findings]:
        """Results of a volume, also removed ones."""
        for findings in [f for f in self._volumes if self._volumes[f].node() is None]:
            self._history.forget(findings)
        kept = {*self._history.results(), *self.of()}
        self._volumes = {findings: node for findings, node in self._volumes.items() if findings in kept}
        return [findings for findings, reference in self._volumes.items() if reference.node() is volume]

    def _put(self, findings: Findings, memento: dict | None) -> Findings:
        """Bring a result, and its nodes, to where it was at a memento; None: it was not there."""
        if memento is None:
            remove_with_companions(self.segmentation(findings))
            self._nodes.pop(findings)
            return findings
        candidates = findings.as_result().candidates
        findings.recall(memento)
        if self.segmentation(findings) is None:
            self.add(findings, self._volumes[findings].node(), storage.pack(findings))
            self.show_3d(findings, findings.surfaces_shown)
            return findings
        if findings.as_result().candidates != candidates:
            storage.keep(self.segmentation(findings), storage.pack(findings))
        self.show(findings)
        return findings

    # ---- the nodes after their findings

    def show(self, findings: Findings):
        """Bring the nodes of a result up to date with it."""
        volume, segmentation = self.volume(findings), self.segmentation(findings)
        show_lesions(segmentation, volume, findings)
        storage.keep_state(segmentation, findings)
        if self.table(findings) is not None:  # the user may have removed it
            table.fill_table(self.table(findings), findings.lesions, findings.names, volume)
        if findings.diameters_shown:
            self._draw_diameters(findings)
        self._changed(findings)

    def select(self, findings: Findings, lesion_id: int | None):
        """Draw the diameters, where they are shown, of this lesion too; None: of the largest alone."""
        if lesion_id != findings.selected:
            findings.selected = lesion_id
            if findings.diameters_shown:
                self._draw_diameters(findings)

    def show_3d(self, findings: Findings, visible: bool):
        """Show or hide the lesions' surfaces."""
        findings.surfaces_shown = visible
        surfaces.show_surfaces(self.segmentation(findings), visible)
        storage.keep_state(self.segmentation(findings), findings)
        self._changed(findings)

    def make_surfaces(self, findings: Findings, seconds: float = math.inf) -> bool:
        """Make surfaces that are shown and not there yet.

        Args:
            seconds: For how long; where one is lacking, one is made at least.

        Returns:
            Whether all are there.
        """
        return not findings.surfaces_shown or surfaces.make_surfaces(self.segmentation(findings), seconds)

    def show_diameters(self, findings: Findings, visible: bool) -> list:
        """Draw, or remove, the diameters of the largest and the selected lesion.

        Returns:
            The line nodes.
        """
        findings.diameters_shown = visible
        if not visible:
            markups.remove_markups(self.segmentation(findings))
            return []
        return self._draw_diameters(findings)

    def _draw_diameters(self, findings: Findings) -> list:
        # not of all: lines took most of the time of a change, 0.9 s of 1.0 s with 31 lesions
        accepted = [lesion for lesion in findings.lesions if lesion.status != "rejected"]
        largest = max(accepted, key=lambda lesion: lesion.long_axis_mm, default=None)
        drawn = [lesion for lesion in accepted if lesion is largest or lesion.id == findings.selected]
        volume, segmentation = self.volume(findings), self.segmentation(findings)
        lines = markups.diameters_to_markups(drawn, findings.names, volume, segmentation)
        presence.keep_away(segmentation)
        return lines

    def _changed(self, findings: Findings):
        if self.watcher is not None:
            self.watcher()
        else:
            self.make_surfaces(findings)

    def _is_there_still(self, findings: Findings, lesion_id: int) -> bool:
        """Whether the user has not painted over the lesion a moment ago. Raises KeyError for one that never was."""
        findings.any_lesion(lesion_id)
        self.take_over_edits(findings)
        return any(lesion.id == lesion_id for lesion in (*findings.lesions, *findings.less_likely))
