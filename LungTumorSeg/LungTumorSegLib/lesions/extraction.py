"""From probability to separate lesions: threshold, clean-up, order of the table.

Everything works inside the candidates' blocks, never on the whole CT: that is what makes a threshold live.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import ndimage

from ..components import components, connected, few_components, fill_holes
from ..data import CT, Candidate, Lesion, Lungs, Options
from ..geometry import Box, Geometry
from ..lungs.queries import hull_distance, is_away, mask_points_lps
from ..model.calibration import uncalibrated
from ..model.card import OperatingPoint
from . import confidence
from .click import first_label, places_near
from .measurement import Measurement, measure
from .order import is_listed, rank
from .splitting import components_from, nearest_body, split_bodies

SPECK_MM3 = 4.2  # a ball of 2 mm: less is noise of the threshold on any grid
LUNG_REACH_MM = 10.0


@dataclass
class _Piece:
    """A component on its way to a lesion: ``mask`` fills ``box`` of the CT's stored array."""

    candidate: Candidate
    box: Box
    mask: np.ndarray
    threshold: float


@dataclass(frozen=True)
class _Seen:
    """What is computed of a piece, each only when it is asked for, and once."""

    piece: _Piece
    ct: CT
    lungs: Lungs | None
    card: OperatingPoint

    @cached_property
    def measurement(self) -> Measurement:
        return measure(self.piece.mask, self.piece.box, self.ct, self.lungs)

    @cached_property
    def confidence(self) -> float | None:
        """By the card's coefficients; None if it has none."""
        if self.card.confidence_coefficients is None:
            return None
        piece, candidate = self.piece, self.piece.candidate
        block = candidate.block[piece.box.inside(candidate.box).slices]
        probability = uncalibrated(block, self.card, self.lungs is not None and candidate.point_lps is None)
        ratings = confidence.ratings_of(candidate, self.measurement.long_axis_mm)
        features = confidence.features(piece.mask, probability, piece.box, self.ct, ratings)
        return self.card.confidence_coefficients.confidence(features)

    @cached_property
    def hull_mm(self) -> float:
        """How far from the lungs' hull its nearest voxel lies; 0 without lungs."""
        return 0.0 if self.lungs is None else float(hull_distance(self._places, self.lungs).min())

    @cached_property
    def is_away(self) -> bool:
        return self.lungs is not None and is_away(self._places, self.lungs)

    @cached_property
    def _places(self) -> np.ndarray:
        return mask_points_lps(self.piece.mask, self.ct.geometry.crop(self.piece.box), 5000)


def extract(
    candidates: Sequence[Candidate],
    ct: CT,
    lungs: Lungs | None,
    options: Options,
    card: OperatingPoint,
    thresholds: Mapping[int, float] | None = None,
    kept: dict[tuple, Any] | None = None,
) -> tuple[tuple[Lesion, ...], tuple[np.ndarray, ...]]:
    """The lesions of the candidates.

    Each component (26 neighbours) from the threshold on is a lesion, or several where it has several bodies; of a
    candidate with a point only the one at the point. Holes are filled: a cavity or a necrosis is inside the outline
    that a reader draws. What is thin and hangs on a lesion, a vessel or a pleural tail, is cut off. Left out are specks
    under 4.2 mm3, a long axis under ``options.min_diameter_mm`` and, if ``lungs`` are given and
    ``options.lung_restriction`` is on, components without a voxel within 10 mm of the lungs' hull that were not
    clicked. A voxel belongs to one lesion only: to the clicked one, else to the largest. Not listed (`order.is_listed`)
    is what is under ``options.min_confidence`` (else ``card.min_confidence``), under 4 mm or, where the lungs count,
    away from them. Both parts are in the order of `order.rank`, and ids are 1, 2, ... from the first listed to the last
    other.

    Args:
        lungs: Given, the run was over a whole chest.
        thresholds: {position in ``candidates``: threshold} for those that have one of their own. Then goes what the
            click rule chose (``candidate.threshold``), then the card's.
        kept: What the last call left there, of the same CT, lungs and card; what has not changed is not computed again.

    Returns:
        The lesions, the listed ones first, and their masks, bool, stored order, in ``label_box``.
    """
    common = card.operating_threshold(options, lungs is not None)
    pieces: list[_Piece] = []
    before, now = kept or {}, dict[tuple, Any]()
    for i, candidate in enumerate(candidates):
        chosen = ((thresholds or {}).get(i), candidate.threshold, common)
        key = id(candidate), next(t for t in chosen if t is not None)
        # with the candidate, which so lives as long as its id is used
        now[key] = before.get(key) or (candidate, _pieces(candidate, ct.geometry, key[1]))
        pieces += now[key][1]
    found = []
    for piece in _without_overlap(pieces):
        outline = id(piece.candidate), piece.box, piece.mask.tobytes()
        now[outline] = seen = before.get(outline) or _Seen(piece, ct, lungs, card)
        clicked, away = piece.candidate.point_lps is not None, False
        if lungs is not None and options.lung_restriction and not clicked:
            if seen.hull_mm > LUNG_REACH_MM:
                continue
            away = seen.is_away
        if seen.measurement.long_axis_mm < options.min_diameter_mm:
            continue
        least = card.operating_min_confidence(options)
        listed = is_listed(seen.confidence, seen.measurement.long_axis_mm, clicked, away, least)
        known: dict[str, Any] = {"confidence": seen.confidence, "threshold": piece.threshold, "listed": listed}
        found.append((Lesion(id=0, label_box=piece.box, **known, **vars(seen.measurement)), seen.piece.mask))
    if kept is not None:
        kept.clear()
        kept.update(now)
    found.sort(key=lambda pair: (not pair[0].listed, rank(pair[0])))
    lesions = tuple(replace(lesion, id=number) for number, (lesion, _) in enumerate(found, 1))
    return lesions, tuple(mask for _, mask in found)


def masks_of(candidate: Candidate, geometry: Geometry, threshold: float) -> list[tuple[Box, np.ndarray]]:
    """What `extract` makes lesions of at a threshold.

    Args:
        candidate: Its own threshold, if it has one, goes before ``threshold``.
        geometry: The CT's stored grid.
        threshold: The probability from which a voxel belongs to a lesion.

    Returns:
        Box in the CT's stored array and mask (bool, fills the box) of each.
    """
    pieces = _pieces(candidate, geometry, threshold if candidate.threshold is None else candidate.threshold)
    return [(piece.box, piece.mask) for piece in pieces]


def _pieces(candidate: Candidate, geometry: Geometry, threshold: float) -> list[_Piece]:
    labels = components_from(candidate.block, threshold)
    large = [c for c in few_components(labels) if c.voxels * geometry.voxel_mm3 >= SPECK_MM3]
    if candidate.point_lps is not None:
        places, _ = places_near(geometry.crop(candidate.box), candidate.point_lps)
        at_point = first_label(labels, places)
        large = [c for c in large if c.label == at_point]
    spacing, pieces = geometry.spacing_zyx, []
    for label, inner, _ in large:
        bodies = split_bodies(fill_holes(labels[inner.slices] == label), spacing)
        if candidate.point_lps is not None:
            bodies = nearest_body(bodies, places - inner.start, spacing)
        for number, tight in enumerate(ndimage.find_objects(bodies), 1):
            mask = bodies[tight] == number
            if np.count_nonzero(mask) * geometry.voxel_mm3 >= SPECK_MM3:
                box = Box.of_slices(tight).shift(inner.start).shift(candidate.box.start)
                pieces.append(_Piece(candidate, box, mask, threshold))
    return pieces


def _without_overlap(pieces: list[_Piece]) -> list[_Piece]:
    """Pieces that share no voxel: clicked ones first, then the largest. What is mostly taken is the same lesion."""
    kept: list[_Piece] = []
    # sorted() is stable: among clicks the earlier one wins, as among pieces of one size
    pieces = sorted(pieces, key=lambda p: (0, 0) if p.candidate.point_lps else (1, -np.count_nonzero(p.mask)))
    starts, stops = np.empty((len(pieces), 3), int), np.empty((len(pieces), 3), int)
    for piece in pieces:
        meeting = (starts[: len(kept)] < piece.box.stop) & (stops[: len(kept)] > piece.box.start)
        taken = np.zeros(piece.mask.shape, bool)
        for other in (kept[i] for i in np.flatnonzero(meeting.all(1))):
            shared = piece.box.intersect(other.box)
            taken[shared.inside(piece.box).slices] |= other.mask[shared.inside(other.box).slices]
        taken &= piece.mask
        if taken.any():
            if 2 * np.count_nonzero(taken) > np.count_nonzero(piece.mask):
                continue
            piece = _largest_part(piece, piece.mask & ~taken)
        starts[len(kept)], stops[len(kept)] = piece.box.start, piece.box.stop
        kept.append(piece)
    return kept


def _largest_part(piece: _Piece, mask: np.ndarray) -> _Piece:
    labels, _ = connected(mask)
    label, inner, _ = max(components(labels), key=lambda c: c.voxels)
    return _Piece(piece.candidate, inner.shift(piece.box.start), labels[inner.slices] == label, piece.threshold)
