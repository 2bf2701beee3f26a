"""Where voxels are: the affine of an image in LPS millimetres, and its axial order.

Arrays are (z, y, x) as SimpleITK gives them; points, spacing and directions are (x, y, z) as ITK writes them.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class AxialOrder:
    """How to look at an array of any axis order as axial slices: z to the head, y to the back, x to the left.

    ``permutation`` and ``flips`` are those of the view: ``view = array.transpose(permutation)``, then axis ``a`` is
    reversed where ``flips[a]``. Only views are made, no voxel is interpolated.
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

    def undo_box(self, box: Box, shape: tuple[int, int, int]) -> Box:
        """A box in the axial view (of a view with ``shape``) as a box in the stored array."""
        turned = [
            slice(n - b.stop, n - b.start) if flip else slice(b.start, b.stop)
            for b, n, flip in zip(box, shape, self.flips, strict=True)
        ]
        return tuple(turned[i] for i in np.argsort(self.permutation))

    def view_box(self, box: Box, shape: tuple[int, int, int]) -> Box:
        """A box in the stored array as a box in the axial view (of a view with ``shape``)."""
        moved = [box[i] for i in self.permutation]
        return tuple(
            slice(n - b.stop, n - b.start) if flip else slice(b.start, b.stop)
            for b, n, flip in zip(moved, shape, self.flips, strict=True)
        )


@dataclass(frozen=True)
class Geometry:
    """The grid of an image.

    shape_zyx: voxels along the stored array's axes. spacing_xyz: mm. origin_lps: mm, centre of voxel 0.
    direction: nine cosines, row by row; column a is the LPS direction of axis a in (x, y, z) order, as in ITK.
    """

    shape_zyx: tuple[int, int, int]
    spacing_xyz: tuple[float, float, float]
    origin_lps: tuple[float, float, float]
    direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)

    @classmethod
    def from_affine(cls, shape_zyx, affine: np.ndarray) -> "Geometry":
        """From a 4x4 matrix that takes (i, j, k) = (x, y, z) indices to LPS mm."""
        axes = np.asarray(affine, float)[:3, :3]
        spacing = np.linalg.norm(axes, axis=0)
        return cls(
            tuple(int(n) for n in shape_zyx),
            tuple(spacing.tolist()),
            tuple(np.asarray(affine, float)[:3, 3].tolist()),
            tuple((axes / spacing).ravel().tolist()),
        )

    @property
    def affine(self) -> np.ndarray:
        """4x4 matrix from (x, y, z) indices to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing_xyz)
        matrix[:3, 3] = self.origin_lps
        return matrix

    @property
    def spacing_zyx(self) -> tuple[float, float, float]:
        return self.spacing_xyz[::-1]

    @property
    def voxel_mm3(self) -> float:
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def lps(self, indices_zyx) -> np.ndarray:
        """(..., 3) indices along (z, y, x), fractions allowed, to LPS mm."""
        xyz = np.asarray(indices_zyx, float)[..., ::-1]
        return xyz @ self.affine[:3, :3].T + self.affine[:3, 3]

    def index(self, points_lps) -> np.ndarray:
        """(..., 3) LPS mm to fractional indices along (z, y, x)."""
        shifted = np.asarray(points_lps, float) - self.affine[:3, 3]
        return (shifted @ np.linalg.inv(self.affine[:3, :3]).T)[..., ::-1]

    def middle_lps(self, mask: np.ndarray, box: Box) -> np.ndarray:
        """The centroid of a mask (bool) that fills ``box`` of the array, LPS mm."""
        return self.lps(np.argwhere(mask).mean(0) + [b.start for b in box])

    def crop(self, box: Box) -> "Geometry":
        """The geometry of ``array[box]``."""
        start = [b.start for b in box]
        shape = tuple(b.stop - b.start for b in box)
        return Geometry(shape, self.spacing_xyz, tuple(self.lps(start).tolist()), self.direction)

    def axial_order(self) -> AxialOrder:
        """The order in which the axes come closest to axial LPS (best match of axes, all six tried)."""
        cosines = np.reshape(self.direction, (3, 3)).T[::-1]  # row a: LPS direction of array axis a (z, y, x)
        wanted = (2, 1, 0)  # LPS component of the axial view's axes: superior, posterior, left
        best = max(permutations(range(3)), key=lambda p: sum(abs(cosines[p[a], wanted[a]]) for a in range(3)))
        return AxialOrder(best, tuple(bool(cosines[best[a], wanted[a]] < 0) for a in range(3)))

    def axial(self) -> "Geometry":
        """The geometry of ``axial_order().view(array)``."""
        order = self.axial_order()
        axes_zyx = self.affine[:3, :3].T[::-1][list(order.permutation)]
        start = np.zeros(3)
        shape = tuple(self.shape_zyx[i] for i in order.permutation)
        for a, flip in enumerate(order.flips):
            if flip:
                start[order.permutation[a]] = shape[a] - 1
                axes_zyx[a] = -axes_zyx[a]
        affine = np.eye(4)
        affine[:3, :3] = axes_zyx[::-1].T
        affine[:3, 3] = self.lps(start)
        return Geometry.from_affine(shape, affine)
