"""The CTs that are timed: one phantom chest, as many slices of 1 mm as asked for.

With more slices the chest is longer, not finer, so that the work grows with them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from LungTumorSegLib.data import CT, Candidate
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.lungs.queries import hull_distance

from Testing.support import phantoms

FIELD_MM, HEIGHT_MM = 360.0, 180.0
NODULES = (((-86.0, 12.0, 21.0), 18.0, 40), ((78.0, 6.0, -12.0), 12.0, 40), ((-60.0, -30.0, -21.0), 8.0, 40))
NOISE_HU = 20.0


@dataclass(frozen=True)
class Stored:
    """A CT in a .npy file (int16, z, y, x); ``spacing_xyz`` in mm."""

    path: Path
    spacing_xyz: tuple[float, float, float]

    def open(self) -> CT:
        """The CT with its voxels mapped into memory, as the child process has them."""
        voxels = np.load(self.path, mmap_mode="r")
        return CT(voxels, Geometry(voxels.shape, self.spacing_xyz, (0.0, 0.0, 0.0)), self.path.stem, {"modality": "CT"})


def make(folder: Path, slices: int, pixels: int) -> Stored:
    """Write a chest of ``slices`` x ``pixels`` x ``pixels`` voxels: painted at half the resolution, then enlarged."""
    half = phantoms.chest((2 * FIELD_MM / pixels,) * 2 + (3.0,), (FIELD_MM, FIELD_MM, HEIGHT_MM), NODULES, noise=0)[0]
    image = sitk.GetImageFromArray(half.voxels_zyx)
    steps = [(n - 1) / (m - 1) for n, m in zip(image.GetSize(), (pixels, pixels, slices), strict=True)]
    grid = {"size": (pixels, pixels, slices), "outputSpacing": steps}
    large = sitk.GetArrayFromImage(sitk.Resample(image, interpolator=sitk.sitkLinear, **grid))
    rng = np.random.default_rng(0)
    for plane in large:
        plane += np.rint(rng.standard_normal(plane.shape, np.float32) * NOISE_HU).astype(np.int16)
    path = folder / f"chest-{pixels}x{pixels}x{slices}.npy"
    np.save(path, large)
    return Stored(path, (FIELD_MM / pixels, FIELD_MM / pixels, 1.0))


def balls(ct: CT, found, count: int) -> list[Candidate]:
    """As from the network: 8 to 16 mm with soft borders, 20 mm apart inside the lungs' hull; p = 0.5 on the sphere."""
    axis = [
        np.arange(10, n * s - 10, 20.0) / s for n, s in zip(ct.voxels_zyx.shape, ct.geometry.spacing_zyx, strict=True)
    ]
    lattice = np.stack(np.meshgrid(*axis, indexing="ij"), -1).reshape(-1, 3).round().astype(int)
    inside = hull_distance(ct.geometry.lps(lattice), found) == 0
    places = np.random.default_rng(0).permutation(lattice[inside])[:count]
    made = []
    for i, middle in enumerate(places):
        radius = 4 + i % 9 / 2
        half = np.ceil((radius + 8) / np.array(ct.geometry.spacing_zyx)).astype(int)
        low, high = np.maximum(middle - half, 0), np.minimum(middle + half + 1, ct.voxels_zyx.shape)
        steps = [np.arange(a, b) - m for a, b, m in zip(low, high, middle, strict=True)]
        away = np.stack(np.meshgrid(*steps, indexing="ij"), -1) * ct.geometry.spacing_zyx
        p = 1 / (1 + np.exp(np.linalg.norm(away, axis=-1) - radius))
        made.append(Candidate(Box(low, high), np.rint(255 * p).astype(np.uint8)))
    return made
