"""The pack's whole CTs as the product reads a CT, with their masks on the same grid."""

import importlib.util
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Geometry


def pack_reader(pack: Path):
    """The pack's own unpacking module, which lies beside it."""
    spec = importlib.util.spec_from_file_location("pack_reader", pack.parent / "data_unpack.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names(pack: Path) -> list[str]:
    """The whole CTs of the pack."""
    return sorted(folder.name for folder in (Path(pack) / "volumes").iterdir() if folder.is_dir())


def read(pack: Path, name: str) -> CT:
    """One whole CT on its own grid, int16 HU."""
    hu, grid = pack_reader(Path(pack)).read_volume(Path(pack) / "volumes" / name)
    geometry = Geometry(hu.shape, tuple(grid["spacing"]), tuple(grid["origin"]), tuple(grid["direction"]))
    return CT(hu, geometry, name, {"modality": "CT"})


def read_mask(pack: Path, name: str, which: str = "tumour") -> np.ndarray | None:
    """bool (z, y, x) on the CT's grid; None where the case has no such file."""
    file = Path(pack) / "volumes" / name / f"{which}.nrrd"
    return sitk.GetArrayFromImage(sitk.ReadImage(str(file))) > 0 if file.exists() else None
