"""What examples are drawn from, and what is drawn."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Source:
    """A volume to draw from: 1 mm in plane, arrays (z, y, x).

    Attributes:
        hu: HU.
        target: uint8, round(255 t).
        weight: uint8, 0 or 1.
        step_mm: Along z.
        mirrored: Beyond its edges in plane it is itself mirrored, instead of air.
        sideways: Coronal or sagittal: taken every 1 mm, as the run does, so never a thick slice.
    """

    hu: np.ndarray
    target: np.ndarray  # uint8, round(255 t)
    weight: np.ndarray  # uint8, 0 or 1
    step_mm: float
    mirrored: bool = False  # beyond its edges in plane: itself mirrored, instead of air
    sideways: bool = False  # coronal or sagittal: taken every 1 mm, as the run does, so never a thick slice


@dataclass(frozen=True)
class Draw:
    """What is drawn for one example: where, how large, how thick, and whether the prompt is given.

    Attributes:
        centre_zyx_mm: From the source's first voxel.
        crop: Pixels of the example's side.
        zoom: 1 mm of the network is 1 / zoom mm of the source.
        point_zyx_mm: The click, from the source's first voxel; None without the prompt.
    """

    centre_zyx_mm: tuple[float, float, float]
    crop: int
    zoom: float = 1.0
    point_zyx_mm: tuple[float, float, float] | None = None


def off_centre(rng: np.random.Generator, draw: Draw, share: float) -> Draw:
    """Move what was drawn, in its slice.

    Args:
        rng: Drawn from.
        draw: What was drawn.
        share: Of its crop: so far from the middle it may lie, along y and x each.
    """
    z, *yx = draw.centre_zyx_mm
    far = draw.crop * share
    return replace(draw, centre_zyx_mm=(z, *(np.array(yx) + rng.uniform(-far, far, 2))))


def slab_matrix(count: int, step_in: float, places: np.ndarray, width: float) -> np.ndarray:
    """The matrix that takes the mean of a slab around each place over slices.

    Every native slice counts by the length of its overlap with the slab. A slab thinner than a slice becomes linear
    interpolation.

    Args:
        count: Slices there are.
        step_in: Between them, in mm.
        places: (n,) mm from the first slice's centre.
        width: Of the slab, in mm.

    Returns:
        (n, count) float32.
    """
    centres = np.arange(count) * step_in
    if width <= step_in:
        overlap = np.clip(1 - np.abs(centres[None] - places[:, None]) / step_in, 0, None)
    else:
        low = np.maximum(centres[None] - step_in / 2, places[:, None] - width / 2)
        high = np.minimum(centres[None] + step_in / 2, places[:, None] + width / 2)
        overlap = np.clip(high - low, 0, None)
    total = overlap.sum(1, keepdims=True)
    return (overlap / np.maximum(total, 1e-6)).astype(np.float32)
