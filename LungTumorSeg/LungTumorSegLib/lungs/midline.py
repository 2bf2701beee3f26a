"""The patient's midline as a plane of constant x, from anatomy that is seen: body, spine, two lungs. Never the picture.

Left and right of it are told by the patient coordinates, in which x grows to the left.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .air import EMPTY_HU, touching

PADDED_SHARE = 0.98  # padding lies at the same place on every slice, air around a body does not
FREE_SHARE = 0.25  # of the lungs' slices: with fewer, only the neck may be seen from side to side
# The spine of 22 real CTs, found in slabs of 30 mm: at most 21 mm from the middle of the rib cage. A vertebra fills its
# place on 40 % of the slices, a rib runs obliquely and does not; arms and shoulder blades are further from the lungs
BONE_HU, BONE_SHARE, SLAB_MM = 120, 0.4, 30.0
SPINE_DEPTH_MM, SPINE_TO_LUNG_MM, SPINE_SPREAD_MM = 8.0, 25.0, 20.0
# Two lungs: a tenth of the whole each, twice as deep as what lies between them, and wider than one lung can be
LEAST_LUNG_SHARE, VALLEY, LEAST_WIDTH_MM = 0.1, 0.5, 150.0

PLUS = ndimage.generate_binary_structure(2, 1)


def midline(hu: np.ndarray, lung: np.ndarray, body: np.ndarray, spacing_zyx: Sequence[float]) -> float | None:
    """x index of the midline on an axial grid.

    Args:
        hu: float32 (z, y, x).
        lung: air of the lungs (bool).
        body: the body in the slices of the lungs, air of the lungs and all (bool).
        spacing_zyx: of the grid, mm.

    Returns:
        None where nothing is seen that tells it.
    """
    middle = of_the_body(hu, body)
    if middle is None:
        middle = of_the_spine(hu, lung, spacing_zyx)
    if middle is None:
        middle = between_two_lungs(lung, spacing_zyx)
    return middle


def seen(hu: np.ndarray) -> np.ndarray:
    """The pixels that are no padding.

    Args:
        hu: (z, y, x).

    Returns:
        bool (y, x).
    """
    edge = np.ones(hu.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    return touching(hu < EMPTY_HU, edge).mean(0) < PADDED_SHARE


def of_the_body(hu: np.ndarray, body: np.ndarray) -> float | None:
    """Halfway between the body's sides, on the slices that show both.

    Args:
        hu: as of `midline`.
        body: as of `midline`.

    Returns:
        x index; None where these slices are too few.
    """
    there = body.any((1, 2))
    picture = np.pad(seen(hu[there]), ((0, 0), (1, 1)))
    border = picture[:, 1:-1] & ~(picture[:, :-2] & picture[:, 2:])
    free = there & ~(body & border).any((1, 2))
    if np.count_nonzero(free) < max(1, FREE_SHARE * np.count_nonzero(there)):
        return None
    columns = body[free].any(1)
    first, last = columns.argmax(1), columns.shape[1] - 1 - columns[:, ::-1].argmax(1)
    return float(np.median(first) + np.median(last)) / 2


def of_the_spine(hu: np.ndarray, lung: np.ndarray, spacing_zyx: Sequence[float]) -> float | None:
    """x of the bone that stands through slab after slab beside the back of the lungs.

    Vessels full of contrast may be taken for it: they too lie between the lungs.

    Args:
        hu: as of `midline`.
        lung: as of `midline`.
        spacing_zyx: mm.

    Returns:
        x index; None where fewer than half of the slabs show it, or these do not agree.
    """
    slices = np.flatnonzero(lung.any((1, 2)))
    slabs = np.array_split(slices, max(1, round(len(slices) * spacing_zyx[0] / SLAB_MM)))
    found = [x for slab in slabs if (x := _spine_in(hu[slab], lung[slab], spacing_zyx[1:])) is not None]
    if len(found) < len(slabs) / 2:
        return None
    low, middle, high = np.percentile(found, (25, 50, 75))
    return float(middle) if (high - low) * spacing_zyx[2] <= SPINE_SPREAD_MM else None


def _spine_in(hu: np.ndarray, lung: np.ndarray, spacing_yx: Sequence[float]) -> float | None:
    bone = (hu > BONE_HU).mean(0) > BONE_SHARE
    depth = ndimage.distance_transform_edt(np.pad(bone, 1), spacing_yx)[1:-1, 1:-1]
    from_lung = ndimage.distance_transform_edt(~lung.any(0), spacing_yx)
    middle_y = np.average(np.arange(lung.shape[1]), weights=lung.sum((0, 2)))
    parts, n = ndimage.label(bone, PLUS)
    best, best_depth = None, SPINE_DEPTH_MM
    for part in range(1, n + 1):
        y, x = np.nonzero(parts == part)
        deepest = depth[y, x].max()
        if deepest >= best_depth and y.mean() > middle_y and from_lung[y, x].min() <= SPINE_TO_LUNG_MM:
            best, best_depth = x[depth[y, x] >= deepest / 2].mean(), deepest
    return best


def between_two_lungs(lung: np.ndarray, spacing_zyx: Sequence[float]) -> float | None:
    """x of the gap between two lungs side by side.

    Args:
        lung: as of `midline`.
        spacing_zyx: mm.

    Returns:
        x index; None where there is one lung only, or none can be told from two.
    """
    filled = lung.sum((0, 1)).astype(float)
    columns = np.flatnonzero(filled)
    if np.ptp(columns) * spacing_zyx[2] < LEAST_WIDTH_MM:
        return None
    left_of, right_of = np.maximum.accumulate(filled), np.maximum.accumulate(filled[::-1])[::-1]
    depth = filled / np.minimum(left_of, right_of).clip(1)
    before = np.cumsum(filled) / filled.sum()
    depth[(before < LEAST_LUNG_SHARE) | (before > 1 - LEAST_LUNG_SHARE)] = 1
    lowest = depth.min()
    if lowest > VALLEY:
        return None
    gap = np.flatnonzero(depth <= lowest + 0.02)
    return float(gap.mean())
