"""The chest CT that the self-test makes, since it has no data."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

# the two nodules of the phantom: centre (RAS mm) and radius (mm)
LARGE, SMALL = ((70.0, -10.0, 12.0), 10.0), ((-66.0, 14.0, -18.0), 5.0)
GROWN_MM = 12.5  # radius of the large one half a year later
SPACING_MM = (2.0, 2.0, 4.0)
SHAPE_ZYX = (30, 100, 146)


def chest(large_mm: float = LARGE[1]) -> np.ndarray:
    """A chest CT (z, y, x; LPS, HU): a body of soft tissue, two lungs, the two nodules, noise of 20 HU.

    Args:
        large_mm: Radius of the large nodule.
    """
    z, y, x = np.meshgrid(*_axes(), indexing="ij")
    voxels = np.full(SHAPE_ZYX, -1000.0)
    voxels[(x / 136) ** 2 + (y / 94) ** 2 < 1] = 40
    for centre_x in (-64, 64):
        voxels[((x - centre_x) / 50) ** 2 + (y / 72) ** 2 + (z / 52) ** 2 < 1] = -850
    for (right, anterior, superior), radius in ((LARGE[0], large_mm), SMALL):
        away = np.sqrt((x + right) ** 2 + (y + anterior) ** 2 + (z - superior) ** 2)
        inside = np.clip((radius - away) / SPACING_MM[0] + 0.5, 0, 1)
        voxels += inside * (40 - voxels)
    voxels += np.random.default_rng(0).normal(0, 20, SHAPE_ZYX)
    return np.clip(np.round(voxels), -1024, 3071).astype(np.int16)


def _axes() -> list[np.ndarray]:
    """Positions of the voxels in mm, (z, y, x)."""
    return [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE_ZYX, SPACING_MM[::-1], strict=True)]


def write(path: Path, voxels_zyx: np.ndarray):
    """A file of these voxels, in the spacing of the chest and around the origin."""
    image = sitk.GetImageFromArray(voxels_zyx)
    image.SetSpacing(SPACING_MM)
    image.SetOrigin([-s * (n - 1) / 2 for n, s in zip(voxels_zyx.shape[::-1], SPACING_MM, strict=True)])
    sitk.WriteImage(image, str(path))
