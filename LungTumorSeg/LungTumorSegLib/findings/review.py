"""What the user does with a result: other thresholds, accepted, rejected, renamed and clicked lesions.

Plain data and numpy, no scene.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import asdict, dataclass, replace
from types import EllipsisType
from typing import Any

import numpy as np

from ..data import CT, Candidate, Lesion, Options, Result, apart
from ..enums import Status
from ..geometry import Box, Point
from ..lesions import terminology
from ..lesions.order import rank
from ..model.card import OperatingPoint, check_threshold
from ..record import lesion_from, lesion_record
from .matching import Outline, in_place_of_any, match
from .packing import packed, unpacked
from .smoothing import smoothed

_CHANGEABLE = (
    *("options", "smooth_mm", "names", "lesions", "masks", "less_likely", "less_likely_masks"),
    *("_regions", "_known", "_promoted", "_drawn", "_replaced", "_segment_ids"),
)


@dataclass
class _Region:
    """A candidate with the threshold that the user chose for it alone, if any."""

    candidate: Candidate
    threshold: float | None = None


class Findings:
    """One result as it stands.

    A lesion keeps its id, name and status through every change of threshold, also when it vanishes and comes back; new
    ones get ids that were never used.

    Attributes:
        ct: What was segmented.
        result: What `segment` returned for it.
        card: The model's, which belongs to the map that the model made, whatever model there is later.
        options: Those in force now.
        smooth_mm: Sigma with which the probability is smoothed before the threshold (0: not at all).
        lesions: In the table's order. ``masks`` are theirs, bool (z, y, x), each fills a ``label_box``.
        less_likely: Those that the table does not list: the minimum confidence is the border between both. One that is
            accepted is listed for good. ``less_likely_masks`` are theirs.
        names: By lesion id.
        diameters_shown: Whether a viewer shows them; ``surfaces_shown`` tells the same of surfaces.
        selected: The id of the lesion that a viewer looks at, if any.
    """

    def __init__(self, ct: CT, result: Result, card: OperatingPoint) -> None:
        self.ct, self.result, self.card = ct, result, card
        self.options = result.options
        self.smooth_mm = 0.0
        self.lesions: tuple[Lesion, ...] = ()
        self.masks: tuple[np.ndarray, ...] = ()
        self.less_likely: tuple[Lesion, ...] = ()
        self.less_likely_masks: tuple[np.ndarray, ...] = ()
        self.names: dict[int, str] = {}
        self.diameters_shown = self.surfaces_shown = False
        self.selected: int | None = None
        self._regions = [_Region(c) for c in result.candidates]
        self._smoothed: dict[tuple[int, float], Candidate] = {}
        self._kept: dict[tuple, Any] = {}  # of the last extraction, for the next one
        self._known = {x.id: (x, m) for x, m in result.outlines}
        self._promoted: frozenset[int] = frozenset()  # ids of what was less likely and then accepted
        self._drawn: dict[int, Outline] = {}
        # box, mask and status of what an outline was drawn instead of
        self._replaced: dict[int, tuple[Box, np.ndarray, Status]] = {}
        self._segment_ids: dict[int, str] = {}
        self._adopt(result.outlines)

    @property
    def threshold(self) -> float:
        """The operating threshold in force for lesions without one of their own."""
        return self.card.operating_threshold(self.options, self.result.lungs is not None)

    @property
    def min_confidence(self) -> float:
        """The least confidence in force."""
        return self.card.operating_min_confidence(self.options)

    def lesion(self, lesion_id: int) -> Lesion:
        """Raises KeyError when no lesion of this id is listed now."""
        for lesion in self.lesions:
            if lesion.id == lesion_id:
                return lesion
        raise KeyError(f"no lesion {lesion_id}")

    def any_lesion(self, lesion_id: int) -> Lesion:
        """One that is listed, or less likely. Raises KeyError when there is none of this id now."""
        return next((x for x in self.less_likely if x.id == lesion_id), None) or self.lesion(lesion_id)

    def mask(self, lesion_id: int) -> np.ndarray:
        """bool (z, y, x), fills the ``label_box`` of a listed lesion."""
        return self.masks[self.lesions.index(self.lesion(lesion_id))]

    def segment_id(self, lesion: Lesion) -> str:
        """The id of the lesion's segment: our own, or that of a segment which the user made."""
        return self._segment_ids.get(lesion.id, terminology.segment_id(lesion))

    def is_drawn(self, lesion_id: int) -> bool:
        """Whether the lesion's outline is the user's own, also if it was rejected since: no threshold changes it."""
        return lesion_id in self._drawn

    def lesion_at(self, point_lps: Point, within_mm: float = 3.0) -> int | None:
        """The id of the lesion at a point of the volume (LPS mm), or of the nearest one within some mm."""
        best: tuple[float, int] | None = None
        for lesion, mask in zip(self.lesions, self.masks, strict=True):
            inside = np.argwhere(mask) + lesion.label_box.start
            distance = np.linalg.norm(self.ct.geometry.lps(inside) - np.asarray(point_lps, float), axis=1).min()
            # half a voxel's diagonal: a point inside a lesion's voxel is at the lesion
            reach = max(within_mm, np.linalg.norm(self.ct.geometry.spacing_zyx) / 2)
            if distance <= reach and (best is None or distance < best[0]):
                best = distance, lesion.id
        return None if best is None else best[1]

    def click_of(self, lesion_id: int) -> Point | None:
        """The latest click that found a lesion (LPS mm), None if there was none."""
        points = (region.candidate.point_lps for region in self._regions)
        return next((p for p in points if p is not None and self.lesion_at(p) == lesion_id), None)

    # ---- changes

    def change(
        self,
        *,
        threshold: float | EllipsisType | None = ...,
        min_diameter_mm: float | EllipsisType = ...,
        min_confidence: float | EllipsisType | None = ...,
        lung_restriction: bool | EllipsisType = ...,
        smooth_mm: float | EllipsisType = ...,
        thresholds: Mapping[int, float | None] | EllipsisType = ...,
    ) -> None:
        """Extract the lesions again without the network; what is left out stays as it is.

        Args:
            threshold: For all lesions without their own; None is the model's, as of min_confidence.
            thresholds: {lesion id: threshold or None}, each for the region in which that lesion lies.

        Raises:
            InputError: A threshold that cannot be. Nothing is changed then, nor when the extraction fails.
        """
        before = self.options
        options = replace(
            before,
            threshold=before.threshold if threshold is ... else threshold,
            min_diameter_mm=before.min_diameter_mm if min_diameter_mm is ... else min_diameter_mm,
            min_confidence=before.min_confidence if min_confidence is ... else min_confidence,
            lung_restriction=before.lung_restriction if lung_restriction is ... else lung_restriction,
        )
        own_thresholds = {} if thresholds is ... else thresholds
        for asked in (None if threshold is ... else threshold, *own_thresholds.values()):
            check_threshold(asked)
        smooth = self.smooth_mm if smooth_mm is ... else float(smooth_mm)
        regions = [replace(r) for r in self._regions]
        for lesion_id, own in own_thresholds.items():
            if lesion_id in self._drawn:  # no threshold changes it
                continue
            regions[self._region_of(lesion_id)].threshold = own
        self._extract(regions, options, smooth)

    def add(self, clicked: Result) -> list[int]:
        """Let the lesions that a click found join this result; returns their ids, empty when there are none.

        One that had been rejected is accepted again.
        """
        # a click is the user's last word on its place, so it goes before what was there
        new = [_Region(c) for c in clicked.candidates]
        points = [r.candidate.point_lps for r in new]
        self._extract(new + self._regions, self.options, self.smooth_mm)
        ids = [i for p in points if p is not None and (i := self.lesion_at(p)) is not None]
        hit = {self.lesion_at(p, 0.0) for p in points if p is not None}
        for i in ids:
            if i in hit and self.lesion(i).status == Status.REJECTED:
                self.set_status(i, Status.ACCEPTED)
        return ids

    def set_status(self, lesion_id: int, status: str) -> None:
        """status: accepted | rejected | edited; an outline of the user's own that is accepted stays edited.

        A less likely lesion that is accepted is listed from now on, whatever the minimum confidence. Raises ValueError
        for another status, KeyError when there is no lesion of this id.
        """
        wanted = Status(status)
        if wanted == Status.ACCEPTED and lesion_id in self._drawn:
            wanted = Status.EDITED
        lesion = replace(self.any_lesion(lesion_id), status=wanted)
        self._known[lesion_id] = lesion, self._known[lesion_id][1]
        if lesion_id in self._drawn:
            self._drawn[lesion_id] = self._known[lesion_id]
        if wanted == Status.ACCEPTED and not lesion.listed:
            self._promoted |= {lesion_id}
        self._show(self._known[x.id] for x in (*self.lesions, *self.less_likely))

    def rename(self, lesion_id: int, name: str) -> None:
        """The lesion's name in table, scene and files. Raises KeyError when there is no lesion of this id."""
        self.any_lesion(lesion_id)
        self.names[lesion_id] = name

    def draw(
        self,
        box: Box,
        mask: np.ndarray,
        *,
        lesion_id: int | None = None,
        name: str | None = None,
        segment_id: str | None = None,
    ) -> int:
        """Take over an outline that the user drew, of a lesion or, without ``lesion_id``, as a new one; returns the id.

        box, mask: voxels (bool) of the CT's stored array. It is measured, its status is edited, and no change of
        threshold touches it any more; what is extracted in its place is left out. segment_id: the user's own segment.
        """
        from ..lesions.measurement import measure  # brings packages that Slicer lacks until they are installed

        known = None if lesion_id is None else self._known.get(lesion_id)
        if lesion_id is None or known is None:
            lesion_id = max(self._known, default=0) + 1
        lesion = Lesion(
            id=lesion_id,
            label_box=box,
            confidence=known[0].confidence if known else None,
            threshold=known[0].threshold if known else self.threshold,
            status=Status.EDITED,
            **asdict(measure(mask, box, self.ct, self.result.lungs)),
        )
        if known and lesion_id not in self._drawn:
            self._replaced[lesion_id] = known[0].label_box, known[1], known[0].status
        self._drawn[lesion_id] = self._known[lesion_id] = lesion, mask
        if name:
            self.names[lesion_id] = name
        if segment_id:
            self._segment_ids[lesion_id] = segment_id
        self._adopt([(x, m) for x, m in self.as_result().outlines if x.id not in self._drawn])
        return lesion_id

    def replaced(self, lesion_id: int) -> tuple[Box, np.ndarray] | None:
        """Box and mask (bool) that the user's outline of a lesion took the place of; None where it took no place."""
        if lesion_id not in self._replaced:
            return None
        box, mask, _ = self._replaced[lesion_id]
        return box, mask

    def undraw(self, lesion_id: int) -> None:
        """Take back the user's outline of a lesion: it has its status of before, and thresholds change it again."""
        box, mask, status = self._replaced.pop(lesion_id)
        lesion, _ = self._drawn.pop(lesion_id)
        self._known[lesion_id] = replace(lesion, label_box=box, status=status), mask
        self._extract(self._regions, self.options, self.smooth_mm)

    def memento(self) -> dict:
        """Everything that the user can change, as it is now, for `recall`; what it refers to never changes."""
        return {name: copy(getattr(self, name)) for name in _CHANGEABLE}

    def recall(self, memento: dict) -> None:
        """Be again as when the `memento` was made."""
        for name, value in memento.items():
            setattr(self, name, copy(value))

    def as_result(self) -> Result:
        """What is shown now as a `Result`, for writing files."""
        return replace(
            self.result,
            candidates=tuple(r.candidate for r in self._regions),
            options=self.options,
            lesions=self.lesions,
            masks=self.masks,
            less_likely=self.less_likely,
            less_likely_masks=self.less_likely_masks,
        )

    def state(self) -> dict:
        """What was made of the network's candidates since, for JSON; `restore` takes it back."""
        return {
            "card": self.card.to_json(),
            # also the model's own: another model must not move the outlines
            "threshold": self.threshold,
            "min_confidence": self.min_confidence,
            "min_diameter_mm": self.options.min_diameter_mm,
            "lung_restriction": self.options.lung_restriction,
            "smooth_mm": self.smooth_mm,
            "own_thresholds": [region.threshold for region in self._regions],
            "names": {str(i): name for i, name in self.names.items()},
            "segment_ids": {str(i): name for i, name in self._segment_ids.items()},
            "surfaces_shown": self.surfaces_shown,
            "order": [lesion.id for lesion in self.lesions],
            "less_likely": [lesion.id for lesion in self.less_likely],
            "promoted": sorted(self._promoted),
            # also those that are out of sight now: they come back with their ids
            "lesions": [
                lesion_record(lesion) | {"mask": packed(mask), "drawn": lesion.id in self._drawn}
                for lesion, mask in self._known.values()
            ],
            "replaced": {
                str(i): {"box": box.pairs, "mask": packed(mask), "status": status}
                for i, (box, mask, status) in self._replaced.items()
            },
        }

    def restore(self, state: dict) -> None:
        """Take back a `state` of this same result, with the ids, measurements and confidences of then."""
        self.card = OperatingPoint.from_json(state["card"], "The result's model")
        self._kept.clear()
        self.names |= {int(i): name for i, name in state["names"].items()}
        self._segment_ids = {int(i): name for i, name in state["segment_ids"].items()}
        for region, own in zip(self._regions, state["own_thresholds"], strict=True):
            region.threshold = own
        changed = ("threshold", "min_diameter_mm", "min_confidence", "lung_restriction")
        self.options = replace(self.options, **{name: state[name] for name in changed})
        self.smooth_mm, self.surfaces_shown = state["smooth_mm"], state["surfaces_shown"]
        self._known, self._drawn = {}, {}
        for values in state["lesions"]:
            record = dict(values)
            voxels, drawn = record.pop("mask"), record.pop("drawn")
            lesion = lesion_from(record)
            self._known[lesion.id] = lesion, unpacked(voxels, lesion.label_box)
            if drawn:
                self._drawn[lesion.id] = self._known[lesion.id]
        self._replaced = {}
        for i, part in state["replaced"].items():
            box, status = Box.of_pairs(part["box"]), part.get("status", "accepted")  # a scene of before has none
            self._replaced[int(i)] = box, unpacked(part["mask"], box), Status(status)
        self._promoted = frozenset(state.get("promoted", ()))  # a scene of before has none, and none less likely
        self._show(self._known[i] for i in (*state["order"], *state.get("less_likely", ())))

    # ---- inside

    def _extract(self, regions: list[_Region], options: Options, smooth_mm: float) -> None:
        from ..lesions.extraction import extract  # brings packages that Slicer lacks until they are installed

        candidates = tuple(self._smooth(r.candidate, smooth_mm) for r in regions)
        own = {i: r.threshold for i, r in enumerate(regions) if r.threshold is not None}
        lesions, masks = extract(candidates, self.ct, self.result.lungs, options, self.card, own, self._kept)
        self._regions, self.options, self.smooth_mm = regions, options, smooth_mm
        self._adopt(zip(lesions, masks, strict=True))

    def _smooth(self, candidate: Candidate, sigma_mm: float) -> Candidate:
        if not sigma_mm:
            return candidate
        key = id(candidate), sigma_mm
        if key not in self._smoothed:
            self._smoothed[key] = smoothed(candidate, self.ct.geometry, sigma_mm)
        return self._smoothed[key]

    def _region_of(self, lesion_id: int) -> int:
        """The region that a lesion was made from: of those around it, the one with the highest probability in it."""
        lesion, mask = self._known[lesion_id]
        best: tuple[float, int | None] = -1.0, None
        for i, region in enumerate(self._regions):
            candidate = region.candidate
            if lesion.label_box.intersect(candidate.box) == lesion.label_box:
                mean = float(candidate.block[lesion.label_box.inside(candidate.box).slices][mask].mean())
                best = max(best, (mean, i), key=lambda pair: pair[0])
        if best[1] is None:
            raise KeyError(f"lesion {lesion_id} was not made from a candidate")
        return best[1]

    def _adopt(self, outlines: Iterable[Outline]) -> None:
        """Take over newly extracted lesions, with the ids, names and statuses of those they overlap most.

        Those in the place of an outline that the user drew, or of what that was drawn instead of, are left out: where
        they share more than half of the smaller of both.
        """
        taken = [(lesion.label_box, mask) for lesion, mask in self._drawn.values()]
        taken += [(box, mask) for box, mask, _ in self._replaced.values()]
        free = [pair for pair in outlines if not in_place_of_any(pair, taken)]
        ids = match(free, [pair for known_id, pair in self._known.items() if known_id not in self._drawn])
        unused = max(self._known, default=0) + 1
        for i, (lesion, mask) in enumerate(free):
            if i not in ids:
                ids[i], unused = unused, unused + 1
            before = self._known.get(ids[i])
            lesion = replace(lesion, id=ids[i], status=before[0].status if before else lesion.status)
            self._known[lesion.id] = lesion, mask
        self._show(self._known[i] for i in (*(ids[i] for i in range(len(free))), *self._drawn))

    def _show(self, outlines: Iterable[Outline]) -> None:
        """Let these be the lesions, each listed or less likely, in the order of `lesions.order`."""
        shown = []
        for lesion, mask in outlines:
            if lesion.id in self._promoted and not lesion.listed:
                lesion = replace(lesion, listed=True)
                self._known[lesion.id] = lesion, mask
            self.names.setdefault(lesion.id, terminology.name(lesion))
            shown.append((lesion, mask))
        shown.sort(key=lambda pair: (not pair[0].listed, rank(pair[0])))
        lesions, masks = tuple(lesion for lesion, _ in shown), tuple(mask for _, mask in shown)
        self.lesions, self.masks, self.less_likely, self.less_likely_masks = apart(lesions, masks)
