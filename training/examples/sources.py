"""What examples are drawn from, and what is drawn."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Source:
    """A volume to draw from: 1 mm in plane, ``step_mm`` along z. Arrays (z, y, x)."""

    hu: np.ndarray
    target: np.ndarray  # uint8, round(255 t)
    weight: np.ndarray  # uint8, 0 or 1
    step_mm: float
    mirrored: bool = False  # beyond its edges in plane: itself mirrored, instead of air
    sideways: bool = False  # coronal or sagittal: taken every 1 mm, as the run does, so never a thick slice


@dataclass(frozen=True)
class Draw:
    """What is drawn for one example: where, how large, how thick, and whether the prompt is given."""

    centre_zyx_mm: tuple[float, float, float]
    crop: int
    zoom: float = 1.0
    point_zyx_mm: tuple[float, float, float] | None = None


def off_centre(rng: np.random.Generator, draw: Draw, share: float) -> Draw:
    """What was drawn, up to a ``share`` of its crop away from the middle."""
    z, *yx = draw.centre_zyx_mm
    far = draw.crop * share
    return replace(draw, centre_zyx_mm=(z, *(np.array(yx) + rng.uniform(-far, far, 2))))


def slab_matrix(count: int, step_in: float, places: np.ndarray, width: float) -> np.ndarray:
    """(n, count) matrix: mean of a slab of ``width`` mm around each place over slices of ``step_in`` mm.

    Every native slice counts by the length of its overlap with the slab. A slab thinner than a slice becomes linear
    interpolation.
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
