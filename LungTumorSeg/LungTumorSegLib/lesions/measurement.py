"""Measures one lesion: volume, RECIST diameters, density, side."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from ..components import framed
from ..data import CT, Lungs
from ..enums import Side
from ..geometry import Box, Point, triple
from ..lungs.queries import side_of

# Where an outline lies beyond the centre of its outermost voxels, in pixels. Of random discs of 8 to 80 pixels, square
# pixels and 1:3, the longest chord is then 0.26 too short to 0.49 too long, and at most 0.64 too short from 3 pixels
# on. Centre to centre is up to 1.0 too short, side to side up to 1.0 too long: it picks the most favourable direction.
# The short axis can't pick its direction and may be a pixel too short.
OUTLINE_PIXELS = 0.25

# a chord is at most 1.005 times as long as the shape's largest width in 16 directions
ANGLES = np.arange(16) * np.pi / 16
DIRECTIONS = np.array([np.cos(ANGLES), np.sin(ANGLES)])
WIDTH_TO_CHORD = 1 / np.cos(np.pi / 32)

IN_PLANE = np.zeros((3, 3, 3), bool)
IN_PLANE[1] = True


@dataclass(frozen=True)
class Measurement:
    """The measured fields of `Lesion`, by the same names."""

    volume_mm3: float
    long_axis_mm: float
    short_axis_mm: float
    axis_points_lps: tuple[Point, ...]
    slice_index: int
    mean_hu: float
    side: Side


def measure(mask: np.ndarray, box: Box, ct: CT, lungs: Lungs | None = None) -> Measurement:
    """Measure a lesion.

    The long axis is the longest diameter on any axial slice, the short axis the longest diameter of that slice
    perpendicular to it (RECIST 1.1, Eisenhauer et al., Eur J Cancer 45:228-247, 2009). Both are chords of the convex
    hull of the lesion on the slice; parts that do not touch on a slice are measured apart. The volume is the number of
    voxels times the volume of one. An axial slice is one of the stored slices that lie closest to axial: nothing is
    resampled.

    Args:
        mask: bool, stored axis order, fills ``box``.
        box: Where the lesion lies in the CT's array.
        ct: Voxels in HU and their grid.
        lungs: They tell the side; without them it is unknown.

    Raises:
        ValueError: The mask is empty or does not fill the box.
    """
    if mask.shape != box.shape:
        raise ValueError(f"The mask {mask.shape} does not fill the box {box}.")
    if not mask.any():
        raise ValueError("An empty mask cannot be measured.")
    order, axial = ct.geometry.axial_order(), ct.geometry.axial()
    start = order.view_box(box, axial.shape_zyx).start
    # in-plane pixel offsets (x, y) to mm on two perpendicular axes: a sheared grid is measured right too
    to_mm = np.linalg.qr(axial.affine[:3, :2])[1]
    z, long_ends, short_ends = longest_axes(*_outlines(order.view(mask)), to_mm)
    ends_zyx = np.column_stack([np.full(4, z), np.concatenate([long_ends, short_ends])[:, ::-1]]) + start
    points = axial.lps(ends_zyx)
    slice_index = start[0] + z
    if order.flips[0]:
        slice_index = axial.shape_zyx[0] - 1 - slice_index
    return Measurement(
        volume_mm3=float(np.count_nonzero(mask) * ct.geometry.voxel_mm3),
        long_axis_mm=float(np.linalg.norm(points[0] - points[1])),
        short_axis_mm=float(np.linalg.norm(points[2] - points[3])),
        axis_points_lps=tuple(triple(p) for p in points.tolist()),
        slice_index=int(slice_index),
        mean_hu=float(ct.voxels_zyx[box.slices][mask].mean(dtype=np.float64)),
        side=Side.UNKNOWN if lungs is None else side_of(mask, ct.geometry.crop(box), lungs),
    )


def longest_axes(
    island: np.ndarray, z: np.ndarray, outline: np.ndarray, to_mm: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Slice and ends of long and short axis over all islands, from the points on their outlines (`_outlines`).

    Args:
        island: Number of the island of each point (n,), ascending.
        z: Its slice (n,).
        outline: Its (x, y) index (n, 2).
        to_mm: (2, 2), from (x, y) indices to mm.

    Returns:
        Slice, ends (2, 2) of the long axis and of the short axis, as (x, y) indices.
    """
    outline = outline @ to_mm.T
    first = np.flatnonzero(np.diff(island, prepend=-1))
    along = outline @ DIRECTIONS
    widths = (np.maximum.reduceat(along, first) - np.minimum.reduceat(along, first)).max(1)
    parts = np.split(outline, first[1:])
    best, *narrower = np.argsort(-widths, kind="stable").tolist()
    length, hull, ends = _longest_chord(parts[best])
    # most islands can't have the longest chord and need no hull
    for i in narrower:
        if widths[i] * WIDTH_TO_CHORD <= length:
            break
        chord = _longest_chord(parts[i])
        if chord[0] > length:
            best, (length, hull, ends) = i, chord
    to_index = np.linalg.inv(to_mm).T
    return int(z[first[best]]), hull[list(ends)] @ to_index, _longest_perpendicular(hull, *ends) @ to_index


def _longest_chord(outline: np.ndarray) -> tuple[float, np.ndarray, tuple[int, int]]:
    """Length of the longest chord of an outline (n, 2), the outline's hull (k, 2), and which two corners it joins."""
    hull = outline[ConvexHull(outline).vertices]
    distances = cdist(hull, hull)
    one, other = divmod(int(distances.argmax()), len(hull))
    return float(distances[one, other]), hull, (one, other)


def _outlines(mask_zyx: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points that hold the convex outline of every island: number of the island (n,), slice (n,), (x, y) index (n, 2).

    An island is what touches on one slice. Ordered by island. Only the ends of a line's runs can lie on the outline.
    """
    islands, _ = ndimage.label(mask_zyx, IN_PLANE)
    wide = framed(mask_zyx)[1:-1]
    inner = wide[:, 1:-1, 1:-1]
    numbers, slices, points = [], [], []
    for next_one, dx, dy in (
        (wide[:, 1:-1, :-2], -1, 0),
        (wide[:, 1:-1, 2:], 1, 0),
        (wide[:, :-2, 1:-1], 0, -1),
        (wide[:, 2:, 1:-1], 0, 1),
    ):
        z, y, x = np.nonzero(inner & ~next_one)
        numbers.append(islands[z, y, x])
        slices.append(z)
        points.append(np.column_stack([x + dx * OUTLINE_PIXELS, y + dy * OUTLINE_PIXELS]))
    number = np.concatenate(numbers)
    order = np.argsort(number, kind="stable")
    return number[order], np.concatenate(slices)[order], np.concatenate(points)[order]


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
