"""One image file (NRRD, NIfTI, MetaImage) as voxels and geometry.

SimpleITK reads NRRD and MetaImage, turning RAS headers into LPS. Before it does, the header is looked at, because ITK
(5.4, tried) repairs or ignores in silence what must be refused: a spacing of 0 or NaN becomes 1, a negative spacing
mirrors the image, a damaged compressed MetaImage is read as far as it goes.
"""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..geometry import Geometry
from . import metaimage_header, nifti, nrrd_header
from .problems import check_grey_3d, damaged

SUFFIXES = {
    ".nrrd": "NRRD", ".nhdr": "NRRD", ".nii": "NIfTI", ".nii.gz": "NIfTI", ".mha": "MetaImage", ".mhd": "MetaImage",
}  # fmt: skip


def kind(path: Path) -> str | None:
    """NRRD | NIfTI | MetaImage, by the file's first bytes, else by its name; None for anything else.

    OSError if it can't be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(400)
    if head.startswith(b"NRRD00"):
        return "NRRD"
    if re.match(rb"\s*(ObjectType|NDims|Comment)\s*=", head):
        return "MetaImage"
    if nifti.is_nifti(path):
        return "NIfTI"
    return next((kind for suffix, kind in SUFFIXES.items() if path.name.lower().endswith(suffix)), None)


def read(path: Path, kind: str) -> tuple[np.ndarray, Geometry, str, list[str]]:
    """Voxels (z, y, x) as stored, their geometry, the pixel type in words, and warnings for the user.

    UnreadableError: damaged, cut off. GeometryError: not one grey 3D volume, or no usable spacing and orientation.
    """
    if kind == "NIfTI":
        return nifti.read(path)
    header, reader = {"NRRD": (nrrd_header, "NrrdImageIO"), "MetaImage": (metaimage_header, "MetaImageIO")}[kind]
    warnings = header.check(path)
    return (*_read_with_itk(path, reader), warnings)


def _read_with_itk(path: Path, reader_name: str) -> tuple[np.ndarray, Geometry, str]:
    reader = sitk.ImageFileReader()
    reader.SetImageIO(reader_name)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        check_grey_3d(path, reader.GetNumberOfComponents(), reader.GetDimension())
        image = reader.Execute()
    except RuntimeError as error:
        raise damaged(path) from error
    geometry = Geometry(tuple(reversed(image.GetSize())), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return sitk.GetArrayFromImage(image), geometry, image.GetPixelIDTypeAsString()
