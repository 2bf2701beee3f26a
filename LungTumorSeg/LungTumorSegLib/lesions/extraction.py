"""From probability to separate lesions: threshold, clean-up, what a click means, order of the table.

Everything works inside the candidates' blocks, never on the whole CT: that is what makes a threshold live.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..data import CT, Candidate, Lesion, Lungs, Options, min_confidence, operating_threshold
from ..geometry import Box, Geometry
from ..lungs.find import hull_distance, mask_points_lps
from ..model.calibration import as_p, uncalibrated
from . import confidence
from .measurement import measure
from .splitting import split_bodies
from .terminology import MASS_FROM_MM

# Diagonal neighbours belong together: with slices ten times as thick as pixels a spicule that runs obliquely, or a
# small nodule, has voxels that touch at edges and corners only.
CONNECTIVITY = 26
SPECK_MM3 = 4.2  # a ball of 2 mm: less is noise of the threshold on any grid
LUNG_REACH_MM = 10.0
CLICK_REACH_MM = 3.0
CLICK_LEAST_P = 0.1
ALL_OPEN = ((True, True),) * 3


@dataclass(frozen=True)
class Clicked:
    """What `click` found: the threshold that holds, the component (bool, the block's shape), whether it is cut off."""

    threshold: float
    mask: np.ndarray
    at_border: bool


@dataclass
class _Piece:
    """A component on its way to a lesion: ``mask`` fills ``box`` of the CT's stored array."""

    candidate: Candidate
    box: Box
    mask: np.ndarray
    threshold: float


def extract(
    candidates: Sequence[Candidate],
    ct: CT,
    lungs: Lungs | None,
    options: Options,
    card: dict,
    thresholds: Mapping[int, float] | None = None,
) -> tuple[tuple[Lesion, ...], tuple[np.ndarray, ...]]:
    """The lesions of the candidates, best first, and their masks: bool, stored order, filling ``lesion.label_box``.

    thresholds: {position in ``candidates``: threshold} for those that have one of their own. Then goes what the click
    rule chose (``candidate.threshold``), then `operating_threshold`. lungs: given, the run was over a whole chest.

    Each component (26 neighbours) from the threshold on is a lesion, or several where it has several bodies; of a
    candidate with a point only the one at the point. Holes are filled: a cavity or a necrosis is inside the outline
    that a reader draws. What is thin and hangs on a lesion, a vessel or a pleural tail, is cut off. Left out are specks
    under 4.2 mm3, a long axis under ``options.min_diameter_mm`` and, if ``lungs`` are given and
    ``options.lung_restriction`` is on, components without a voxel within 10 mm of the lungs' hull, and those of a
    confidence under ``options.min_confidence`` (else ``card["min_confidence"]``); the last two not if they were
    clicked, and the last not if they are masses, over 30 mm: one of the eleven known tumours would be hidden, and on
    `val` it costs 0.7 false positives a scan. A voxel belongs to one lesion only: to the clicked one, else to the
    largest.

    Ordered by confidence x long axis, not volume, which differs a thousandfold and would outweigh any confidence; by
    volume if the card has no ``confidence_coefficients``. Ids are 1, 2, ... in this order.
    """
    pieces, common = [], operating_threshold(options, card, lungs is not None)
    for i, candidate in enumerate(candidates):
        chosen = ((thresholds or {}).get(i), candidate.threshold, common)
        pieces += _pieces(candidate, ct.geometry, next(t for t in chosen if t is not None))
    coefficients, least = card.get("confidence_coefficients"), min_confidence(options, card)
    found = []
    for piece in _without_overlap(pieces):
        if piece.candidate.point_lps is None and lungs is not None and options.lung_restriction:
            places = mask_points_lps(piece.mask, ct.geometry.crop(piece.box), 5000)
            if hull_distance(places, lungs).min() > LUNG_REACH_MM:
                continue
        measured = measure(piece.mask, piece.box, ct, lungs)
        if measured.long_axis_mm < options.min_diameter_mm:
            continue
        part = piece.candidate.block[piece.box.inside(piece.candidate.box).slices]
        probability = part
        if "rating" in (coefficients or {}):  # those of 0.4.0 and before are of calibrated probabilities
            probability = uncalibrated(part, card, lungs is not None and piece.candidate.point_lps is None)
        ratings = confidence.ratings_of(piece.candidate, measured.long_axis_mm)
        values = confidence.features(piece.mask, probability, piece.box, ct, ratings)
        sure = confidence.logistic(values, coefficients) if coefficients else None
        always = piece.candidate.point_lps is not None or measured.long_axis_mm > MASS_FROM_MM
        if sure is None or sure >= least or always:
            found.append((piece, measured, sure))
    found.sort(key=lambda f: -f[1].volume_mm3 if f[2] is None else -f[2] * f[1].long_axis_mm)
    lesions = tuple(
        Lesion(
            id=number,
            label_box=piece.box,
            confidence=sure,
            threshold=piece.threshold,
            **vars(measured),
        )
        for number, (piece, measured, sure) in enumerate(found, 1)
    )
    return lesions, tuple(piece.mask for piece, *_ in found)


def click(
    block: np.ndarray,
    geometry: Geometry,
    point_lps: Sequence[float],
    threshold: float,
    open_sides=ALL_OPEN,
    raise_until_inside: bool = False,
) -> Clicked | None:
    """The click rule on one box of probability: the component at the point, and the threshold that gives it.

    block: uint8 (255 p) or float p, on ``geometry``. If p at the point is under ``threshold``, the threshold falls to
    half the highest p within 3 mm, at least 0.1. The component is the one at the point, else the nearest within 3 mm;
    of it the body (`split_bodies`) that is nearest to the point.
    open_sides: ((low, high), ...) of the block's axes, True where the CT goes on beyond the block: only there a
    component is cut off. raise_until_inside: if it is, raise the threshold to the lowest at which it no longer is; if
    it always is, to the highest at which there is one. None if there is nothing at the point.
    """
    places, at_point = _places_near(geometry, point_lps)
    if not len(places):
        return None
    near = as_p(block[tuple(places.T)])
    if not at_point or near[0] < threshold:
        threshold = min(threshold, max(CLICK_LEAST_P, float(near.max()) / 2))
    found = _component_at(block, places, threshold, open_sides, geometry.spacing_zyx)
    if found is None or not found.at_border or not raise_until_inside:
        return found
    # the smaller the threshold the larger the component: halve the interval, down to one step of uint8
    best, low, high = None, threshold, float(near.max())
    last = _component_at(block, places, high, open_sides, geometry.spacing_zyx)
    if last.at_border:
        return last
    best = last
    while high - low > 1 / 255:
        middle = (low + high) / 2
        tried = _component_at(block, places, middle, open_sides, geometry.spacing_zyx)
        if tried.at_border:
            low = middle
        else:
            best, high = tried, middle
    return best


def masks_of(candidate: Candidate, geometry: Geometry, threshold: float) -> list[tuple[Box, np.ndarray]]:
    """What `extract` makes lesions of at this threshold, unless the candidate has one of its own."""
    pieces = _pieces(candidate, geometry, threshold if candidate.threshold is None else candidate.threshold)
    return [(piece.box, piece.mask) for piece in pieces]


def _components(block: np.ndarray, threshold: float) -> np.ndarray:
    import cc3d  # not part of Slicer

    # the least uint8 whose p reaches the threshold; the small number keeps 0.2 * 255 from becoming 52
    least = max(1, int(np.ceil(threshold * 255 - 1e-4))) if block.dtype == np.uint8 else threshold
    return cc3d.connected_components(block >= least, connectivity=CONNECTIVITY)


def _pieces(candidate: Candidate, geometry: Geometry, threshold: float) -> list[_Piece]:
    import cc3d  # not part of Slicer

    labels = _components(candidate.block, threshold)
    statistics = cc3d.statistics(labels, no_slice_conversion=False)
    large = np.flatnonzero(statistics["voxel_counts"] * geometry.voxel_mm3 >= SPECK_MM3)
    wanted = [int(label) for label in large if label > 0]
    if candidate.point_lps is not None:
        places, _ = _places_near(geometry.crop(candidate.box), candidate.point_lps)
        at_point = _first_label(labels, places)
        wanted = [label for label in wanted if label == at_point]
    spacing, pieces = geometry.spacing_zyx, []
    for label in wanted:
        inner = Box.of_slices(statistics["bounding_boxes"][label])
        parted = split_bodies(_filled(labels[inner.slices] == label), spacing)
        if candidate.point_lps is not None:
            parted = _nearest_body(parted, places - inner.start, spacing)
        for number, own in enumerate(ndimage.find_objects(parted), 1):
            mask = parted[own] == number
            if np.count_nonzero(mask) * geometry.voxel_mm3 >= SPECK_MM3:
                box = Box.of_slices(own).shift(inner.start).shift(candidate.box.start)
                pieces.append(_Piece(candidate, box, mask, threshold))
    return pieces


def _nearest_body(parted: np.ndarray, places: np.ndarray, spacing_zyx) -> np.ndarray:
    """Of the bodies the one nearest to the first of ``places`` (indices), as 0 and 1."""
    inside = np.argwhere(parted)
    nearest = np.linalg.norm((inside - places[0]) * spacing_zyx, axis=1).argmin()
    return (parted == parted[tuple(inside[nearest])]).astype(parted.dtype)


def _filled(mask: np.ndarray) -> np.ndarray:
    """The mask with its enclosed holes."""
    import cc3d  # not part of Slicer

    outside = cc3d.connected_components(~np.pad(mask, 1), connectivity=6)
    return (outside != outside[0, 0, 0])[1:-1, 1:-1, 1:-1]


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
    import cc3d  # not part of Slicer

    labels = cc3d.connected_components(mask, connectivity=CONNECTIVITY)
    statistics = cc3d.statistics(labels, no_slice_conversion=False)
    label = int(statistics["voxel_counts"][1:].argmax()) + 1
    inner = Box.of_slices(statistics["bounding_boxes"][label])
    return _Piece(piece.candidate, inner.shift(piece.box.start), labels[inner.slices] == label, piece.threshold)


def _places_near(geometry: Geometry, point_lps) -> tuple[np.ndarray, bool]:
    """Voxels (n, 3) within 3 mm of the point, nearest first, and whether the first is the voxel the point lies in."""
    index, shape = geometry.index(point_lps), np.array(geometry.shape_zyx)
    reach = CLICK_REACH_MM / np.array(geometry.spacing_zyx)
    low = np.maximum(np.floor(index - reach), 0).astype(int)
    high = np.minimum(np.ceil(index + reach), shape - 1).astype(int)
    places = np.stack(np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
    places = places.reshape(-1, 3)
    distances = np.linalg.norm(geometry.lps(places) - np.asarray(point_lps, float), axis=1)
    # with thick slices the voxel that holds the point may have its centre further off
    own = (np.floor(index + 0.5) == places).all(1)
    distances[own] = 0
    near = np.argsort(distances, kind="stable")[: np.count_nonzero(distances <= CLICK_REACH_MM)]
    return places[near], bool(own.any())


def _first_label(labels: np.ndarray, places: np.ndarray) -> int:
    """The first component that ``places`` come across, 0 if none."""
    there = labels[tuple(places.T)]
    return int(there[(there > 0).argmax()]) if there.any() else 0


def _component_at(block: np.ndarray, places: np.ndarray, threshold: float, open_sides, spacing_zyx) -> Clicked | None:
    labels = _components(block, threshold)
    label = _first_label(labels, places)
    if not label:
        return None
    box = Box.of_slices(ndimage.find_objects(labels, label)[label - 1])
    parted = split_bodies(_filled(labels[box.slices] == label), spacing_zyx)
    mask = np.zeros(labels.shape, bool)
    mask[box.slices] = _nearest_body(parted, places - box.start, spacing_zyx) > 0
    at_border = any(
        is_open and mask.take(end, axis).any()
        for axis, sides in enumerate(open_sides)
        for is_open, end in zip(sides, (0, -1), strict=True)
    )
    return Clicked(threshold, mask, at_border)
