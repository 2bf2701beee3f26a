"""Measures one lesion: volume, RECIST diameters, density, side."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from ..contracts import CT, Lungs
from ..geometry import Box
from ..lungs import side_of

# Where an outline lies beyond the centre of its outermost voxels, in pixels. Of random discs of 7 to 80 pixels, square
# pixels and 1:3, the longest chord is then 0.26 too short to 0.49 too long, and at most 0.64 too short from 3 pixels
# on. Centre to centre is up to 1.0 too short, side to side up to 1.0 too long: it picks the most favourable direction.
OUTLINE_PIXELS = 0.25

IN_PLANE = np.zeros((3, 3, 3), bool)
IN_PLANE[1] = True


@dataclass(frozen=True)
class Measurement:
    """The measured fields of `Lesion`, by the same names."""

    volume_mm3: float
    long_axis_mm: float
    short_axis_mm: float
    axis_points_lps: tuple[tuple[float, float, float], ...]
    slice_index: int
    mean_hu: float
    side: str


def measure(mask: np.ndarray, box: Box, ct: CT, lungs: Lungs | None = None) -> Measurement:
    """Measure the lesion ``mask`` (bool, stored axis order), which fills ``ct.voxels_zyx[box]``.

    The long axis is the longest diameter on any axial slice, the short axis the longest diameter of that slice
    perpendicular to it (RECIST 1.1, Eisenhauer et al., Eur J Cancer 45:228-247, 2009). Both are chords of the convex
    hull of the lesion on the slice; parts that do not touch on a slice are measured apart. The volume is the number of
    voxels times the volume of one. An axial slice is one of the stored slices that lie closest to axial: nothing is
    resampled. Raises ValueError if the mask is empty or does not fill the box.
    """
    if mask.shape != tuple(b.stop - b.start for b in box):
        raise ValueError(f"The mask {mask.shape} does not fill the box {box}.")
    if not mask.any():
        raise ValueError("An empty mask cannot be measured.")
    order, axial = ct.geometry.axial_order(), ct.geometry.axial()
    start = [b.start for b in order.view_box(box, axial.shape_zyx)]
    # in-plane pixel offsets (x, y) to mm on two perpendicular axes: a sheared grid is measured right too
    to_mm = np.linalg.qr(axial.affine[:3, :2])[1]
    z, long_ends, short_ends = _longest_axes(order.view(mask), to_mm)
    ends_zyx = np.column_stack([np.full(4, z), np.concatenate([long_ends, short_ends])[:, ::-1]]) + start
    points = axial.lps(ends_zyx)
    slice_index = start[0] + z
    if order.flips[0]:
        slice_index = axial.shape_zyx[0] - 1 - slice_index
    return Measurement(
        volume_mm3=float(np.count_nonzero(mask) * ct.geometry.voxel_mm3),
        long_axis_mm=float(np.linalg.norm(points[0] - points[1])),
        short_axis_mm=float(np.linalg.norm(points[2] - points[3])),
        axis_points_lps=tuple(tuple(p) for p in points.tolist()),
        slice_index=int(slice_index),
        mean_hu=float(ct.voxels_zyx[box][mask].mean(dtype=np.float64)),
        side="" if lungs is None else side_of(mask, ct.geometry.crop(box), lungs),
    )


def _longest_axes(mask_zyx: np.ndarray, to_mm: np.ndarray):
    """Slice and the ends (2, 2) of long and short axis, as (x, y) indices, over all slices of an axial mask."""
    islands, _ = ndimage.label(mask_zyx, IN_PLANE)
    found = ndimage.find_objects(islands)
    # no chord is longer than the bounding box's diagonals: most islands need no hull
    sizes = np.array([(b[2].stop - b[2].start, b[1].stop - b[1].start) for b in found]) - 1 + 2 * OUTLINE_PIXELS
    bounds = np.maximum(np.linalg.norm(sizes @ to_mm.T, axis=1), np.linalg.norm(sizes * [1, -1] @ to_mm.T, axis=1))
    best, best_length = None, 0.0
    for i in np.argsort(-bounds, kind="stable"):
        if bounds[i] <= best_length:
            break
        hull = _hull(islands[found[i]][0] == i + 1, to_mm)
        distances = cdist(hull, hull)
        ends = np.unravel_index(distances.argmax(), distances.shape)
        if distances[ends] > best_length:
            best, best_length = (i, hull, ends), distances[ends]
    i, hull, ends = best
    z, y, x = (b.start for b in found[i])
    to_index = np.linalg.inv(to_mm).T
    return z, hull[list(ends)] @ to_index + (x, y), _longest_perpendicular(hull, *ends) @ to_index + (x, y)


def _hull(island_yx: np.ndarray, to_mm: np.ndarray) -> np.ndarray:
    """Convex outline of one island in mm, (n, 2) in turn. Only the first and last voxel of a line can lie on it."""
    ny, nx = island_yx.shape
    rows, columns = np.flatnonzero(island_yx.any(1)), np.flatnonzero(island_yx.any(0))
    q = OUTLINE_PIXELS
    outline_xy = np.concatenate(
        [
            np.column_stack([island_yx[rows].argmax(1) - q, rows]),
            np.column_stack([nx - 1 - island_yx[rows, ::-1].argmax(1) + q, rows]),
            np.column_stack([columns, island_yx[:, columns].argmax(0) - q]),
            np.column_stack([columns, ny - 1 - island_yx[::-1, columns].argmax(0) + q]),
        ]
    )
    outline = outline_xy @ to_mm.T
    return outline[ConvexHull(outline).vertices]


def _longest_perpendicular(hull: np.ndarray, first: int, last: int) -> np.ndarray:
    """Ends (2, 2) in mm of the hull's longest chord perpendicular to the one between two of its corners.

    Along the long axis the chord's length is concave and bends only at corners, so that a corner has the longest.
    """
    u = hull[last] - hull[first]
    u /= np.linalg.norm(u)
    turn = np.array([u, [-u[1], u[0]]])
    turned = np.roll(hull, -first, axis=0) @ turn.T
    middle = (last - first) % len(hull)
    one, other = turned[: middle + 1], np.concatenate([turned[middle:], turned[:1]])[::-1]
    along = turned[:, 0]
    v = np.interp(along, *one.T), np.interp(along, *other.T)
    i = np.abs(v[1] - v[0]).argmax()
    return np.array([[along[i], v[0][i]], [along[i], v[1][i]]]) @ turn
