"""Blocks of a CT on the network's pixels in all three directions, and the classifier's input made of them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..geometry import Box
from ..model.card import CUBE_SIDE, NetworkCard
from .slices import AIR_HU, resampling_matrix, scale_hu


def cube(view: np.ndarray, spacing_zyx: Sequence[float], box: Box, pixel: float) -> np.ndarray:
    """A box of the CT on the network's pixels, in all three directions; air beyond the scan.

    Args:
        view: (z, y, x) HU, the CT's axial view.
        spacing_zyx: of the view, mm.
        box: in the network's pixels; pixel 0 lies on voxel 0's centre.
        pixel: their size in mm.

    Returns:
        HU float32, of the box's shape.
    """
    ends, matrices = [], []
    for n, mm, (start, stop) in zip(view.shape, spacing_zyx, box.pairs, strict=True):
        low = int(np.clip(start * pixel / mm - 2, 0, n - 1))
        high = int(np.clip(stop * pixel / mm + 3, low + 1, n))
        ends.append((low, high))
        # beyond the part the edge would go on for a step: the part is wider than what is wanted by more
        matrices.append(resampling_matrix(high - low, mm, stop - start, pixel, start * pixel - low * mm))
    made = np.maximum(view[Box.of_pairs(ends).slices], AIR_HU).astype(np.float32) - AIR_HU
    for axis, matrix in enumerate(matrices):
        flat = np.moveaxis(made, axis, 0)
        made = np.moveaxis((matrix @ flat.reshape(len(flat), -1)).reshape(-1, *flat.shape[1:]), 0, axis)
    return made + AIR_HU


def classifier_cubes(
    view: np.ndarray, spacing_zyx: Sequence[float], centres_mm: Iterable[ArrayLike], card: NetworkCard
) -> np.ndarray:
    """The classifier's input around places. Beyond the scan is air.

    Args:
        view: (z, y, x) HU, the CT's axial view.
        spacing_zyx: of the view, mm.
        centres_mm: each (z, y, x) in mm from voxel 0's centre.

    Returns:
        (n, 32, 32, 32, 1) float32.
    """
    pixel = card.spacing_mm
    starts = [np.rint(np.asarray(c) / pixel).astype(int) - CUBE_SIDE // 2 for c in centres_mm]
    blocks = np.stack([cube(view, spacing_zyx, Box(s, s + CUBE_SIDE), pixel) for s in starts])
    return scale_hu(blocks, card.window_hu)[..., None]
