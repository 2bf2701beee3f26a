"""One image file (NRRD, NIfTI, MetaImage) as voxels and geometry.

SimpleITK reads the voxels of NRRD and the grid of MetaImage. Before it does, the header is looked at, because ITK (5.4,
tried) repairs or ignores in silence what must be refused: a spacing of 0 or NaN becomes 1, a negative spacing mirrors
the image.
"""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..checks import straightened
from ..geometry import Geometry, triple
from . import metaimage_header, metaimage_voxels, nifti, nrrd_header, nrrd_voxels
from .paths import for_itk
from .problems import check_grey_3d, damaged

SUFFIXES = {
    ".nrrd": "NRRD", ".nhdr": "NRRD", ".nii": "NIfTI", ".nii.gz": "NIfTI", ".mha": "MetaImage", ".mhd": "MetaImage",
}  # fmt: skip
_KINDS = {"i": "signed integer", "u": "unsigned integer", "f": "float"}


def kind(path: Path) -> str | None:
    """NRRD | NIfTI | MetaImage, by the file's first bytes, else by its name.

    Returns:
        None for anything else and for DICOM.

    Raises:
        OSError: the file can't be opened.
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
    """Read one image file.

    Args:
        kind: as `kind` says.

    Returns:
        Voxels (z, y, x) with the file's rescale, their geometry, the pixel type in words, and warnings for the user.

    Raises:
        UnreadableError: damaged, cut off, a file of several is missing.
        GeometryError: not one grey 3D volume, or no usable spacing and orientation.
        NotACTError: it says that it is something else.
    """
    array, geometry, warnings = {"NRRD": _nrrd, "NIfTI": nifti.read, "MetaImage": _metaimage}[kind](path)
    geometry, askew = straightened(path.name, geometry)
    pixel_type = f"{8 * array.dtype.itemsize}-bit {_KINDS[array.dtype.kind]}"
    return array, geometry, pixel_type, [*warnings, *askew]


def _nrrd(path: Path) -> tuple[np.ndarray, Geometry, list[str]]:
    header = nrrd_header.read(path)
    geometry, warnings = nrrd_header.grid(path, header)
    nrrd_header.check_held(path, header)
    try:
        with for_itk(path) as name:
            reader, size = _information(path, name, "NrrdImageIO")
            array = sitk.GetArrayFromImage(reader.Execute()).reshape(size[::-1])
    except RuntimeError:
        array = nrrd_voxels.read(path, header)
    if array.shape != geometry.shape_zyx:
        raise damaged(path)
    return array, geometry, warnings


def _metaimage(path: Path) -> tuple[np.ndarray, Geometry, list[str]]:
    header, warnings = metaimage_header.read(path)
    try:
        with for_itk(path) as name:
            reader, size = _information(path, name, "MetaImageIO")
    except RuntimeError as error:
        raise damaged(path) from error
    axes = np.reshape(reader.GetDirection(), (reader.GetDimension(),) * 2)[:3, :3]
    spacing, origin = (np.multiply(v[:3], header.unit_mm).tolist() for v in (reader.GetSpacing(), reader.GetOrigin()))
    geometry = Geometry(triple(size[::-1]), triple(spacing), triple(origin), tuple(axes.ravel().tolist()))
    array, notes = metaimage_voxels.read(path, header, geometry.shape_zyx)
    return array, geometry, [*warnings, *notes]


def _information(path: Path, name: str, reader_name: str) -> tuple[sitk.ImageFileReader, list[int]]:
    """ITK's reader once it has read the header, and the size (x, y, z), without axes of length one behind the third.

    RuntimeError: ITK can't read it.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO(reader_name)
    reader.SetFileName(name)
    reader.ReadImageInformation()
    size = list(reader.GetSize())
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    check_grey_3d(path, reader.GetNumberOfComponents(), len(size))
    return reader, size
