"""Which lung is the right one and which the left: by the patient coordinates, never by what the organs look like."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..components import connected
from ..data import LEFT, RIGHT, UNKNOWN
from ..geometry import Box, Geometry
from .midline import midline, seen

# x is 0 in the middle of a scanner, and the midline of 22 real CTs at most 21 mm from there. The middle of a lung lies
# 60 mm or more from its midline: 40 mm from 0, it is on the wrong side only of somebody who lies 100 mm off
OFF_CENTRE_MM = 40.0
# Of 512 crops of those CTs with one lung and no more than 5 cm of the other, 177 of them with no midline, no lung got
# the wrong side, nor with x from 0 instead of the scanner's. Air beside a body is lower than lung (-960 HU), on one
# side of it (9 rows of 10), on 5 % of the rows or more. A body is wide between and behind the lungs; in front of them
# there is air between the breasts too.
OUTSIDE_HU = -960
CLEAR_SHARE, LEAST_ROWS = 0.9, 0.05
BEHIND_MM = 15.0
WALL_MM = 60.0  # air farther from a lung than a chest wall is thick lies beside the other half of the body
# Lungs of those CTs, shrunk by 9 mm, hang together only where they are one; the other's tip reaches beyond
APART_MM = 9.0
SAME_LUNG = 0.8
NARROW, WIDE = 0.05, 0.2  # what of a lung may lie across the midline: first tried, then put up with
TIP_MM = 15.0


def label_lungs(
    hu: np.ndarray, lung: np.ndarray, body: np.ndarray, geometry: Geometry
) -> tuple[np.ndarray, float | None]:
    """Label the lungs right and left.

    Args:
        hu: float32, on an axial grid (``geometry``).
        lung: the lungs' air (bool).
        body: see `midline`.

    Returns:
        uint8 (z, y, x), 1 right, 2 left, 3 where it can't be told, and the midline's x index if it is seen.
    """
    middle = midline(hu, lung, body, geometry.spacing_zyx)
    if middle is None:
        return label_without_midline(hu, lung, geometry), None
    return label_sides(lung, geometry.spacing_zyx, middle), middle


def label_sides(lung: np.ndarray, spacing_zyx: Sequence[float], middle_x: float) -> np.ndarray:
    """Label the lungs 1 right, 2 left, also where they touch or hang together through the bronchi.

    Shrunk step by step until each large piece lies on one side of the midline; the pieces then grow back and meet where
    the lung between them is thinnest (watershed). What never comes apart, a lung that crosses the midline or two that
    are one, is decided by its share, and divided at the midline only where neither side has two thirds.

    Args:
        lung: the lungs' air (bool), on an axial grid.
        spacing_zyx: mm.
        middle_x: the midline's x index.

    Returns:
        uint8 (z, y, x).
    """
    box = Box.tight(lung)
    cropped = lung[box.slices]
    by_middle = np.where(np.arange(*box.pairs[2]) > middle_x, LEFT, RIGHT).astype(np.uint8)
    by_middle = np.broadcast_to(by_middle, cropped.shape)
    depth = _depth(cropped, spacing_zyx)
    # a lung of which a tenth lies across the midline may be one that hangs together with what is left of the other
    for shrink, across in (*((s, NARROW) for s in range(0, 10, 3)), *((s, WIDE) for s in range(0, 19, 3))):
        pieces, share_left, large = _large_pieces(depth > shrink, by_middle)
        if ((share_left < across) | (share_left > 1 - across))[large].all():
            break
    side = np.select([share_left > 2 / 3, share_left < 1 / 3], [LEFT, RIGHT], 0).astype(np.uint8)
    seeds = np.where(large[pieces], side[pieces], 0)
    divided = (large & (side == 0))[pieces]
    seeds[divided] = by_middle[divided]
    grown = _grown(depth, seeds, cropped)
    label = np.zeros(lung.shape, np.uint8)
    grown = np.where(cropped & (grown == 0), by_middle, grown)  # small pieces apart have no seed
    if across > NARROW and len(set(side[large])) == 1:
        # the lung's own tip across the midline, or what is seen of the other lung
        far = np.abs(np.arange(*box.pairs[2]) - middle_x) * spacing_zyx[2] > TIP_MM
        grown = np.where(cropped & far & (grown != by_middle), UNKNOWN, grown)
    label[box.slices] = grown
    return label


def label_without_midline(hu: np.ndarray, lung: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Label a lung that is seen alone 1 right, 2 left, or 3 where nothing that is seen tells its side.

    What hangs apart from it and reaches beyond it to the side, such as the tip of the other lung, is 3.

    Args:
        hu: float32, on an axial grid (``geometry``).
        lung: the lungs' air (bool).

    Returns:
        uint8 (z, y, x).
    """
    box = Box.tight(lung)
    cropped = lung[box.slices]
    depth = _depth(cropped, geometry.spacing_zyx)
    pieces, _ = connected(depth > APART_MM, connectivity=6)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    grown = _grown(depth, pieces, cropped)
    main = grown == sizes.argmax()
    whole = np.zeros(lung.shape, bool)
    whole[box.slices] = main
    side = side_of_one_lung(hu, whole, geometry)
    columns = np.flatnonzero(main.any((0, 1)))
    within = np.zeros(main.shape[2], bool)
    within[columns[0] : columns[-1] + 1] = True
    beside = np.bincount(grown[..., within].ravel(), minlength=len(sizes)) / np.bincount(grown.ravel()).clip(1)
    label = np.zeros(lung.shape, np.uint8)
    label[box.slices] = np.where(cropped, np.where((beside >= SAME_LUNG)[grown] & (grown > 0), side, UNKNOWN), 0)
    return label


def side_of_one_lung(hu: np.ndarray, lung: np.ndarray, geometry: Geometry) -> int:
    """The side of a lung that is seen without a midline.

    Args:
        hu: float32, on an axial grid (``geometry``).
        lung: the lung's air (bool).

    Returns:
        RIGHT, LEFT or UNKNOWN; where what tells it disagrees, UNKNOWN.
    """
    told = {by_the_outside(hu, lung, geometry), by_the_scanner(lung, geometry)} - {UNKNOWN}
    return told.pop() if len(told) == 1 else UNKNOWN


def by_the_outside(hu: np.ndarray, lung: np.ndarray, geometry: Geometry) -> int:
    """By the air outside of the body, which lies beside a lung, never between the two.

    Args:
        hu: as of `side_of_one_lung`.
        lung: as of `side_of_one_lung`.

    Returns:
        RIGHT, LEFT or UNKNOWN.
    """
    picture = seen(hu)
    columns = np.flatnonzero(lung.any((0, 1)))
    wall = int(WALL_MM / geometry.spacing_xyz[0])
    first = np.maximum(picture.argmax(1), columns[0] - wall)
    last = np.minimum(picture.shape[1] - 1 - picture[:, ::-1].argmax(1), columns[-1] + wall)
    rows = np.asarray(lung.any(2)) & np.asarray(picture.any(1))
    reach = int(BEHIND_MM / geometry.spacing_xyz[1])
    for z in np.flatnonzero(rows.any(1)):
        end = np.flatnonzero(rows[z])[-1]
        rows[z, end : end + reach + 1] = True
    zs, ys = np.nonzero(rows)
    outside = (hu < OUTSIDE_HU) & ~lung
    outside_first, outside_last = outside[zs, ys, first[ys]], outside[zs, ys, last[ys]]
    right, left = np.count_nonzero(outside_first & ~outside_last), np.count_nonzero(outside_last & ~outside_first)
    if max(right, left) < max(LEAST_ROWS * len(zs), CLEAR_SHARE * (right + left)):
        return UNKNOWN
    return RIGHT if right > left else LEFT


def by_the_scanner(lung: np.ndarray, geometry: Geometry) -> int:
    """By x, which is 0 in the middle of a scanner; a picture with its corner at 0 has lost its place.

    Args:
        lung: as of `side_of_one_lung`.

    Returns:
        RIGHT, LEFT or UNKNOWN.
    """
    corners = geometry.lps([np.zeros(3), np.subtract(geometry.shape_zyx, 1)])[:, 0]
    x = geometry.lps(np.argwhere(lung)).mean(0)[0]
    if abs(x) < OFF_CENTRE_MM or np.abs(corners).min() < geometry.spacing_xyz[0]:
        return UNKNOWN
    return RIGHT if x < 0 else LEFT


def _depth(lung: np.ndarray, spacing_zyx: Sequence[float]) -> np.ndarray:
    """mm from the surface; the picture's edge is none."""
    return ndimage.distance_transform_edt(np.pad(lung, 1, mode="edge"), spacing_zyx)[1:-1, 1:-1, 1:-1]


def _grown(depth: np.ndarray, seeds: np.ndarray, lung: np.ndarray) -> np.ndarray:
    from skimage.segmentation import watershed  # not part of Slicer

    return watershed(-depth, seeds, mask=lung).astype(seeds.dtype)


def _large_pieces(lung: np.ndarray, by_middle: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Connected pieces (labels), and of each label the share left of the middle and whether it has 3 % of the whole."""
    pieces, _ = connected(lung, connectivity=6)
    size = np.bincount(pieces.ravel())
    left = np.bincount(pieces[by_middle == LEFT], minlength=len(size))
    large = size > 0.03 * size[1:].sum()
    large[0] = False
    return pieces, left / np.maximum(size, 1), large
