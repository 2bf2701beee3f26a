"""Where a lesion's surface lies between voxels.

The network's answer is a logistic function, and across a border its logit falls almost in a line. So the surface is put
where the logit, interpolated by cubic splines, reaches that of the threshold. Of spheres with p between 0.12 and 1 the
volume is then 1 % too small at 10 mm and 1 mm; with p itself, which is steep at one side of such a threshold, it is up
to 7 % too large, and with straight lines between the voxels at 2.5 mm 6 % too small.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from ..data import Candidate
from ..geometry import Box, Geometry, triple

LARGEST_EXCESS = 4.0  # of the logit: beyond, p of 8 bits tells nothing
LEAST_EXCESS = 0.001  # a surface through a sample itself would have faces without area
SAMPLES_ACROSS = 24  # of a sphere of 24 samples the mesh's volume is 0.6 % too small, of 21 0.8 %
SPARED = 0.15  # of a sample a voxel: 21 across are enough
MOST_FINE = 8  # samples a voxel along an axis
MOST_SAMPLES = 400_000
# An outline without a probability loses the steps of its voxels. Of 70 nodules (`train` and `val`) the long axis of the
# readers' outlines is 0.1 mm shorter than that of their polygons with 0.35, 0.4 mm with 0.5 and 0.8 mm with 0.7: tips
# are blurred away
BLUR_PIXELS = 0.4


@dataclass(frozen=True)
class Field:
    """How far inside a lesion each sample lies: above 0 inside, 0 on the surface, below 0 on every side around.

    Attributes:
        values: float32 (z, y, x), samples of the CT's axial view.
        fine: Samples a voxel along z, y, x; every so many-th is a voxel's own.
        start_zyx: Index of the first sample's voxel in the axial view.
        axial: That view's grid.
    """

    values: np.ndarray
    fine: tuple[int, int, int]
    start_zyx: tuple[int, int, int]
    axial: Geometry

    @property
    def to_mm(self) -> np.ndarray:
        """(3, 3) from (x, y, z) steps of the samples to LPS mm."""
        return self.axial.affine[:3, :3] / np.array(self.fine[::-1])


def field_of(
    mask: np.ndarray, box: Box, geometry: Geometry, candidate: Candidate | None = None, threshold: float = 0.5
) -> Field:
    """The field of a lesion.

    Where the mask says otherwise than the probability (a hole that was filled, a vessel that was cut off, another
    lesion's voxels), the surface lies halfway between the voxels.

    Args:
        mask: bool, stored axis order, fills ``box``.
        box: Where the lesion lies in the CT's array.
        geometry: The CT's grid.
        candidate: The one that the lesion was made from at this threshold; its block holds the probability. Without
            one, of an outline that the user drew, the voxels' steps are smoothed and the volume is kept.
        threshold: The probability at the surface.
    """
    order, axial = geometry.axial_order(), geometry.axial()
    if candidate is None:
        rim = 2
        excess = _blurred(np.pad(mask, rim), geometry.spacing_zyx)
    else:
        rim = 1
        depth = np.abs(_logit(_around(box, candidate)) - _logit(threshold))
        excess = np.where(np.pad(mask, rim), 1, -1) * np.clip(depth, LEAST_EXCESS, LARGEST_EXCESS)
    values, fine = _finer(order.view(excess), axial.spacing_zyx, _diameter(mask, geometry))
    if candidate is None:
        values = values - _level(values, int(np.count_nonzero(mask) * np.prod(fine)))
    filled = Box(np.subtract(box.start, rim), np.add(box.stop, rim))
    return Field(_closed(values), fine, triple(order.view_box(filled, axial.shape_zyx).start), axial)


def _around(box: Box, candidate: Candidate) -> np.ndarray:
    """p in the box and one voxel around it; beyond the candidate's block, at the CT's edge, that of the last voxel."""
    wanted = Box(np.subtract(box.start, 1), np.add(box.stop, 1))
    there = wanted.intersect(candidate.box)
    beyond = np.column_stack([np.subtract(there.start, wanted.start), np.subtract(wanted.stop, there.stop)])
    return np.pad(candidate.block[there.inside(candidate.box).slices].astype(np.float32) / 255, beyond, "edge")


def _logit(p: ArrayLike) -> np.ndarray:
    p = np.clip(p, 0.002, 0.998)  # 8 bits: 0 and 1 stand for anything within half a step
    return np.log(p / (1 - p))


def _blurred(mask: np.ndarray, spacing_zyx: tuple[float, float, float]) -> np.ndarray:
    """A mask (bool) without the steps of its voxels, 0 to 1; thick slices are blurred by as many mm as pixels."""
    sigma = BLUR_PIXELS
    return ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="constant")


def _level(values: np.ndarray, inside: int) -> float:
    """Between the values of so many samples and all the lower ones."""
    highest = np.partition(values.ravel(), [-inside - 1, -inside])
    return float(highest[-inside] + highest[-inside - 1]) / 2


def _diameter(mask: np.ndarray, geometry: Geometry) -> float:
    """mm, of the sphere of the mask's volume."""
    return float(np.cbrt(6 / np.pi * np.count_nonzero(mask) * geometry.voxel_mm3))


def _finer(
    excess: np.ndarray, spacing_zyx: tuple[float, float, float], diameter_mm: float
) -> tuple[np.ndarray, tuple[int, int, int]]:
    """The field with as many samples as a lesion of this diameter needs, and how many a voxel along each axis."""
    wanted = np.ceil(np.array(spacing_zyx) * SAMPLES_ACROSS / diameter_mm - SPARED)
    fine = np.clip(wanted, 1, MOST_FINE).astype(int)
    while np.prod(fine * excess.shape) > MOST_SAMPLES and fine.max() > 1:
        fine = np.maximum(1, fine - 1)
    values = np.asarray(excess, np.float32)
    for axis, (n, times) in enumerate(zip(excess.shape, fine.tolist(), strict=True)):
        if times > 1:  # axis by axis: the same numbers as of all at once, in a fifth of the time
            weights = ndimage.zoom(np.eye(n, dtype=np.float32), (((n - 1) * times + 1) / n, 1), order=3, mode="nearest")
            values = np.moveaxis(np.einsum("ij,j...->i...", weights, np.moveaxis(values, axis, 0)), 0, axis)
    return values, triple(fine.tolist())


def _closed(values: np.ndarray) -> np.ndarray:
    """No sample on the surface itself, none inside at the border, where a spline may overshoot."""
    inside = values > 0
    for edge in (0, -1):
        inside[edge] = inside[:, edge] = inside[:, :, edge] = False
    return np.where(inside, 1, -1) * np.maximum(np.abs(values), LEAST_EXCESS)
