"""Where voxels are: boxes of them, the affine of an image in LPS millimetres, its axial order; LPS and RAS.

Arrays are (z, y, x) as SimpleITK gives them; points, spacing and directions are (x, y, z) as ITK writes them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from operator import gt, index, neg
from typing import SupportsIndex, TypeVar

import numpy as np
from numpy.typing import ArrayLike

Point = tuple[float, float, float]  # mm, (x, y, z)
Shape = tuple[int, int, int]  # voxels, (z, y, x)
T = TypeVar("T")

# 4x4, from LPS to RAS mm and, being its own inverse, from RAS to LPS
RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def triple(values: Iterable[T]) -> tuple[T, T, T]:
    """Three values as a tuple.

    Raises:
        ValueError: there are more or fewer.
    """
    first, second, third = values
    return first, second, third


def ras_from_lps(point: Iterable[float]) -> Point:
    """A point from LPS, the library's, to RAS, Slicer's and the user's.

    Its own inverse: x and y change their signs, so that it takes RAS to LPS as well.

    Args:
        point: (x, y, z) in LPS mm.

    Returns:
        (x, y, z) in RAS mm.
    """
    x, y, z = point
    return -x, -y, z


def lps_from_text(text: str) -> Point:
    """A point that a user wrote, in LPS mm.

    Args:
        text: ``R,A,S`` in mm.

    Raises:
        ValueError: it is no such point.
    """
    point = triple(float(number) for number in text.split(","))
    if not np.isfinite(point).all():
        raise ValueError(text)
    return ras_from_lps(point)


def nearest_rotation(axes: np.ndarray) -> np.ndarray:
    """The 3 x 3 matrix with columns at right angles and of length 1 that is nearest to one of any columns."""
    left, _, right = np.linalg.svd(axes / np.linalg.norm(axes, axis=0))
    return left @ right


@dataclass(frozen=True)
class Box:
    """A half-open box of voxels: along axis ``a`` from index ``start[a]`` to before ``stop[a]``.

    ``array[box.slices]`` is what lies in it. A box may be empty (a side of 0) and may begin below 0; then it is no part
    of an array.

    Attributes:
        start: indices along the axes of the array, (z, y, x) where nothing else is said.
        stop: the same, one behind the last voxel.

    Raises:
        ValueError: the corners differ in axes or a side is negative.
        TypeError: an index is no integer.
    """

    start: tuple[int, ...]
    stop: tuple[int, ...]

    def __init__(self, start: Iterable[SupportsIndex], stop: Iterable[SupportsIndex]) -> None:
        first, end = tuple(map(index, start)), tuple(map(index, stop))
        if len(first) != len(end) or any(map(gt, first, end)):
            raise ValueError(f"A box cannot reach from {first} to {end}.")
        object.__setattr__(self, "start", first)
        object.__setattr__(self, "stop", end)

    @classmethod
    def whole(cls, shape: Sequence[int]) -> "Box":
        """All voxels of an array of this shape."""
        return cls((0,) * len(shape), shape)

    @classmethod
    def around(cls, mask: np.ndarray) -> "Box | None":
        """The smallest box that holds every voxel of a mask that is not 0.

        Returns:
            None if there is no such voxel.
        """
        start, stop = [0] * mask.ndim, list(mask.shape)
        for axis in range(mask.ndim):
            rest = tuple(a for a in range(mask.ndim) if a != axis)
            filled = np.flatnonzero(mask[cls(start, stop).slices].any(rest))
            if not len(filled):
                return None
            start[axis], stop[axis] = filled[0], filled[-1] + 1
        return cls(start, stop)

    @classmethod
    def tight(cls, mask: np.ndarray) -> "Box":
        """What `around` finds, of a mask that is not empty.

        Raises:
            ValueError: the mask is empty.
        """
        box = cls.around(mask)
        if box is None:
            raise ValueError("An empty mask has no box.")
        return box

    @classmethod
    def of_slices(cls, slices: Iterable[slice]) -> "Box":
        """From slices without a step, as cc3d and scipy give them."""
        sides = tuple(slices)
        return cls([s.start for s in sides], [s.stop for s in sides])

    @classmethod
    def of_pairs(cls, pairs: Iterable[Sequence[int]]) -> "Box":
        """The inverse of `pairs`."""
        sides = tuple(pairs)
        return cls([a for a, _ in sides], [b for _, b in sides])

    @property
    def slices(self) -> tuple[slice, ...]:
        """The index of the box in an array."""
        return tuple(slice(a, b) for a, b in self.pairs)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of each axis, as files hold a box."""
        return tuple(zip(self.start, self.stop, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return tuple(b - a for a, b in self.pairs)

    @property
    def middle(self) -> np.ndarray:
        """Index of the centre, halves included."""
        return (np.add(self.start, self.stop) - 1) / 2

    def intersect(self, other: "Box") -> "Box":
        """What both hold; an empty box if they do not meet."""
        # plain numbers: numpy takes ten times as long for three of them
        sides = tuple(zip(self.pairs, other.pairs, strict=True))
        start = tuple(max(a, c) for (a, _), (c, _) in sides)
        return Box(start, (max(low, min(b, d)) for low, ((_, b), (_, d)) in zip(start, sides, strict=True)))

    def shift(self, offset: Iterable[SupportsIndex]) -> "Box":
        """The box moved by so many voxels along each axis."""
        moved = tuple((a + by, b + by) for (a, b), by in zip(self.pairs, map(index, offset), strict=True))
        return Box.of_pairs(moved)

    def expand(self, margin: ArrayLike, shape: Sequence[int]) -> "Box":
        """The box and ``margin`` voxels around it, as far as an array reaches.

        Args:
            margin: one number, or one for each axis.
            shape: of the array.
        """
        return Box(np.subtract(self.start, margin), np.add(self.stop, margin)).intersect(Box.whole(shape))

    def inside(self, outer: "Box") -> "Box":
        """The same voxels as a box of the array that fills ``outer``."""
        return self.shift(map(neg, outer.start))


def shared_voxels(a: Box, a_mask: np.ndarray, b: Box, b_mask: np.ndarray) -> int:
    """Voxels in both of two masks that fill boxes of the same array.

    Args:
        a: box of ``a_mask``.
        a_mask: bool.
        b: box of ``b_mask``.
        b_mask: bool.
    """
    shared = a.intersect(b)
    return int(np.count_nonzero(a_mask[shared.inside(a).slices] & b_mask[shared.inside(b).slices]))


@dataclass(frozen=True)
class AxialOrder:
    """How to look at an array of any axis order as axial slices: z to the head, y to the back, x to the left.

    Only views are made, no voxel is interpolated.

    Attributes:
        permutation: that of the view, ``view = array.transpose(permutation)``.
        flips: then axis ``a`` of the view is reversed where ``flips[a]``.
    """

    permutation: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def _flipped(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)

    def view(self, array: np.ndarray) -> np.ndarray:
        """The array (stored order) seen as (z, y, x) axial slices."""
        return array.transpose(self.permutation)[self._flipped()]

    def undo(self, array: np.ndarray) -> np.ndarray:
        """The inverse of `view`."""
        return array[self._flipped()].transpose(np.argsort(self.permutation))

    def undo_box(self, box: Box, shape: Shape) -> Box:
        """A box in the axial view as a box in the stored array.

        Args:
            box: in the view.
            shape: of the view.
        """
        flipped = self._flipped_box(box, shape).pairs
        return Box.of_pairs(flipped[i] for i in np.argsort(self.permutation))

    def view_box(self, box: Box, shape: Shape) -> Box:
        """A box in the stored array as a box in the axial view.

        Args:
            box: in the stored array.
            shape: of the view.
        """
        return self._flipped_box(Box.of_pairs(box.pairs[i] for i in self.permutation), shape)

    def _flipped_box(self, box: Box, shape: Shape) -> Box:
        sides = zip(box.pairs, shape, self.flips, strict=True)
        return Box.of_pairs((n - b, n - a) if flip else (a, b) for (a, b), n, flip in sides)


@dataclass(frozen=True)
class Geometry:
    """The grid of an image.

    Attributes:
        shape_zyx: voxels along the stored array's axes.
        spacing_xyz: mm.
        origin_lps: mm, centre of voxel 0.
        direction: nine cosines, row by row; column a is the LPS direction of axis a in (x, y, z) order, as in ITK.
    """

    shape_zyx: Shape
    spacing_xyz: tuple[float, float, float]
    origin_lps: Point
    direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)

    @classmethod
    def from_affine(cls, shape_zyx: Iterable[int], affine: np.ndarray) -> "Geometry":
        """The grid of a matrix.

        Args:
            shape_zyx: voxels along the stored array's axes.
            affine: 4x4, takes (i, j, k) = (x, y, z) indices to LPS mm.
        """
        axes = np.asarray(affine, float)[:3, :3]
        spacing = np.linalg.norm(axes, axis=0)
        return cls(
            triple(int(n) for n in shape_zyx),
            triple(spacing.tolist()),
            triple(np.asarray(affine, float)[:3, 3].tolist()),
            tuple((axes / spacing).ravel().tolist()),
        )

    # computed once: a moved threshold asked 130 times for each lesion

    @cached_property
    def affine(self) -> np.ndarray:
        """4x4 matrix from (x, y, z) indices to LPS mm; cannot be written to."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing_xyz)
        matrix[:3, 3] = self.origin_lps
        matrix.flags.writeable = False
        return matrix

    @cached_property
    def _inverse(self) -> np.ndarray:
        """3x3 matrix from LPS mm off the origin to (x, y, z) indices."""
        return np.linalg.inv(self.affine[:3, :3])

    @property
    def spacing_zyx(self) -> tuple[float, float, float]:
        """mm along the stored array's axes."""
        x, y, z = self.spacing_xyz
        return z, y, x

    @cached_property
    def voxel_mm3(self) -> float:
        """A voxel's volume in mm3, on a sheared grid too."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def lps(self, indices_zyx: ArrayLike) -> np.ndarray:
        """Places of indices.

        Args:
            indices_zyx: (..., 3) along (z, y, x), fractions allowed.

        Returns:
            (..., 3) points (x, y, z) in LPS mm.
        """
        xyz = np.asarray(indices_zyx, float)[..., ::-1]
        return xyz @ self.affine[:3, :3].T + self.affine[:3, 3]

    def index(self, points_lps: ArrayLike) -> np.ndarray:
        """Indices of places.

        Args:
            points_lps: (..., 3) points (x, y, z) in LPS mm.

        Returns:
            (..., 3) fractional indices along (z, y, x).
        """
        shifted = np.asarray(points_lps, float) - self.affine[:3, 3]
        return (shifted @ self._inverse.T)[..., ::-1]

    def middle_lps(self, mask: np.ndarray, box: Box) -> np.ndarray:
        """The centroid of a mask, LPS mm.

        Args:
            mask: bool, fills ``box``.
            box: of the array.
        """
        return self.lps(np.argwhere(mask).mean(0) + box.start)

    def inner_lps(self, mask: np.ndarray, box: Box) -> np.ndarray:
        """The centre of the mask's voxel that is nearest to its centroid, LPS mm.

        Args:
            mask: bool, fills ``box``.
            box: of the array.
        """
        places = np.argwhere(mask)
        offsets = (places - places.mean(0)) * self.spacing_zyx
        return self.lps(places[(offsets**2).sum(1).argmin()] + box.start)

    def crop(self, box: Box) -> "Geometry":
        """The geometry of ``array[box.slices]``."""
        return Geometry(triple(box.shape), self.spacing_xyz, triple(self.lps(box.start).tolist()), self.direction)

    def axial_order(self) -> AxialOrder:
        """The order in which the axes come closest to axial LPS (best match of axes, all six tried)."""
        return self._axial_order

    def axial(self) -> "Geometry":
        """The geometry of ``axial_order().view(array)``."""
        return self._axial

    @cached_property
    def _axial_order(self) -> AxialOrder:
        cosines = np.reshape(self.direction, (3, 3)).T[::-1]  # row a: LPS direction of array axis a (z, y, x)
        wanted = (2, 1, 0)  # LPS component of the axial view's axes: superior, posterior, left
        best = max(permutations(range(3), 3), key=lambda p: sum(abs(cosines[p[a], wanted[a]]) for a in range(3)))
        return AxialOrder(best, triple(bool(cosines[best[a], wanted[a]] < 0) for a in range(3)))

    @cached_property
    def _axial(self) -> "Geometry":
        order = self.axial_order()
        axes_zyx = self.affine[:3, :3].T[::-1][list(order.permutation)]
        start = np.zeros(3)
        shape = triple(self.shape_zyx[i] for i in order.permutation)
        for a, flip in enumerate(order.flips):
            if flip:
                start[order.permutation[a]] = shape[a] - 1
                axes_zyx[a] = -axes_zyx[a]
        affine = np.eye(4)
        affine[:3, :3] = axes_zyx[::-1].T
        affine[:3, 3] = self.lps(start)
        return Geometry.from_affine(shape, affine)
