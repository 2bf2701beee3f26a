"""One image file (NRRD, NIfTI, MetaImage) as voxels and geometry.

SimpleITK reads the voxels of NRRD and MetaImage. Before it does, the header is looked at, because ITK (5.4, tried)
repairs or ignores in silence what must be refused: a spacing of 0 or NaN becomes 1, a negative spacing mirrors the
image, a damaged compressed MetaImage is read as far as it goes.
"""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..checks import straightened
from ..errors import UnreadableError
from ..geometry import Geometry
from . import metaimage_header, nifti, nrrd_header, nrrd_voxels
from .paths import for_itk
from .problems import check_grey_3d, damaged

SUFFIXES = {
    ".nrrd": "NRRD", ".nhdr": "NRRD", ".nii": "NIfTI", ".nii.gz": "NIfTI", ".mha": "MetaImage", ".mhd": "MetaImage",
}  # fmt: skip


def kind(path: Path) -> str | None:
    """NRRD | NIfTI | MetaImage, by the file's first bytes, else by its name; None for anything else and for DICOM.

    OSError if it can't be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(400)
    if head[128:132] == b"DICM":  # some DICOM files begin like another format
        return None
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
    array, geometry, pixel_type, warnings = _read(path, kind)
    geometry, askew = straightened(path.name, geometry)
    return array, geometry, pixel_type, [*warnings, *askew]


def _read(path: Path, kind: str) -> tuple[np.ndarray, Geometry, str, list[str]]:
    if kind == "NIfTI":
        return nifti.read(path)
    if kind == "NRRD":
        header = nrrd_header.read(path)
        geometry, warnings = nrrd_header.grid(path, header)
        try:
            array, _, pixel_type = _read_with_itk(path, "NrrdImageIO")
        except UnreadableError:
            array = nrrd_voxels.read(path, header)
            pixel_type = f"{8 * array.dtype.itemsize}-bit {array.dtype.kind}"
        if array.shape != geometry.shape_zyx:
            raise damaged(path)
        return array, geometry, pixel_type, warnings
    warnings = metaimage_header.check(path)
    return (*_read_with_itk(path, "MetaImageIO"), warnings)


def _read_with_itk(path: Path, reader_name: str) -> tuple[np.ndarray, Geometry, str]:
    """Voxels (z, y, x), without axes of length one behind the third."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(reader_name)
    try:
        with for_itk(path) as name:
            reader.SetFileName(name)
            reader.ReadImageInformation()
            size = list(reader.GetSize())
            while len(size) > 3 and size[-1] == 1:
                size.pop()
            check_grey_3d(path, reader.GetNumberOfComponents(), len(size))
            image = reader.Execute()
    except RuntimeError as error:
        raise damaged(path) from error
    axes = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2)[:3, :3]
    shape = tuple(reversed(size))
    geometry = Geometry(shape, image.GetSpacing()[:3], image.GetOrigin()[:3], tuple(axes.ravel().tolist()))
    return sitk.GetArrayFromImage(image).reshape(shape), geometry, image.GetPixelIDTypeAsString()
