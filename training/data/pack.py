"""The training pack: its nodule patches, and its whole CTs as the product reads a CT, with masks on the same grid.

CT values are packed as lossless JPEG XL pictures of 8 bits in a zip, beside what they belong to: ``labels.npz`` of a
shard of patches, ``geometry.json`` of a whole CT. HU = step * value + offset.
"""

import json
import zipfile
from pathlib import Path

import imagecodecs
import numpy as np
import SimpleITK as sitk
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Geometry

SIDE = 50  # voxels of 1 mm


def read_patches(shard: Path) -> dict[str, np.ndarray]:
    """Read one shard of patches.

    Args:
        shard: A zip of the pack.

    Returns:
        ``ct``, (n, 50, 50, 50) uint8, z y x, with HU = 8 * value - 1024, and the label arrays beside it.
    """
    with zipfile.ZipFile(shard) as file:
        pictures = _pictures(file)
        with file.open("labels.npz") as labels, np.load(labels) as arrays:
            return {"ct": pictures.reshape(-1, SIDE, SIDE, SIDE), **arrays}


def names(pack: Path) -> list[str]:
    """The whole CTs of the pack."""
    return sorted(folder.name for folder in (Path(pack) / "volumes").iterdir() if folder.is_dir())


def read(pack: Path, name: str) -> CT:
    """Read one whole CT on its own grid, int16 HU.

    Args:
        pack: The pack's folder.
        name: One of `names`.

    Raises:
        ValueError: Pictures and geometry do not fit together.
    """
    path = Path(pack) / "volumes" / name / "ct.zip"
    with zipfile.ZipFile(path) as file:
        grid = json.loads(file.read("geometry.json"))
        pictures = _pictures(file)
    if pictures.shape != tuple(grid["size"][::-1]):
        raise ValueError(f"{path}: {pictures.shape} voxels do not fit the size {grid['size']} in its geometry.json.")
    hu = pictures.astype(np.int16) * np.int16(grid["hu_step"]) + np.int16(grid["hu_offset"])
    geometry = Geometry(hu.shape, tuple(grid["spacing"]), tuple(grid["origin"]), tuple(grid["direction"]))
    return CT(hu, geometry, name, {"modality": "CT"})


def read_mask(pack: Path, name: str, which: str = "tumour") -> np.ndarray | None:
    """Read a mask of a whole CT.

    Args:
        pack: The pack's folder.
        name: One of `names`.
        which: The file's name without ending, as ``tumour`` or ``ignore``.

    Returns:
        bool (z, y, x) on the CT's grid; None where the case has no such file.
    """
    file = Path(pack) / "volumes" / name / f"{which}.nrrd"
    return sitk.GetArrayFromImage(sitk.ReadImage(str(file))) > 0 if file.exists() else None


def _pictures(file: zipfile.ZipFile) -> np.ndarray:
    """Those of a zip in the order of their names, on a new first axis."""
    listed = sorted(name for name in file.namelist() if name.endswith(".jxl"))
    return np.stack([imagecodecs.jpegxl_decode(file.read(name)) for name in listed])
