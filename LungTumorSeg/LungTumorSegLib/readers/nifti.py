"""A NIfTI file, version 1 or 2, alone or as a pair of header and voxels.

nibabel reads it. ITK knows no NIfTI-2 and turns voxels without a number into 0 HU in silence.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.nifti1 import Nifti1Header, Nifti1Pair
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from nibabel.volumeutils import array_from_file

from ..checks import check_orthogonal
from ..errors import GeometryError, UnreadableError
from ..geometry import RAS_FROM_LPS, Geometry
from .problems import check_grey_3d, check_spacings, damaged, without_sides

_SCANNER = 1  # the form's code for the scanner's own coordinates
_MM = {1: 1000.0, 3: 0.001}  # metres and micrometres; anything else is taken as mm
_KINDS = {"i": "signed integer", "u": "unsigned integer", "f": "float"}


def is_nifti(path: Path) -> bool:
    """By the header, not by the name."""
    return _header(path) is not None


def read(path: Path) -> tuple[np.ndarray, Geometry, str, list[str]]:
    """Voxels (z, y, x) with the file's rescale, their geometry, the pixel type in words, and warnings for the user.

    UnreadableError: damaged, cut off, one of a pair is missing. GeometryError: not one grey 3D volume, or no usable
    spacing and orientation.
    """
    header = _header(path)
    if header is None:
        raise damaged(path)
    try:
        shape, dtype = header.get_data_shape(), header.get_data_dtype()
        slope, intercept = header.get_slope_inter()
        offset = header.get_data_offset()
    except (HeaderDataError, KeyError, ValueError, OverflowError) as error:
        raise damaged(path) from error
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    check_grey_3d(path, 2 if dtype.kind == "c" else len(dtype.names or "1"), len(shape))
    if dtype.kind not in _KINDS or min(shape) < 1:
        raise damaged(path)
    geometry, warnings = _grid(path, header, shape[::-1])
    array = _stored(path, header, shape, dtype, offset)
    if (slope or 1.0, intercept or 0.0) != (1.0, 0.0):
        array = array.astype(np.float32)
        array *= slope
        array += intercept
    pixel_type = f"{8 * array.dtype.itemsize}-bit {_KINDS[array.dtype.kind]}"
    return array.T, geometry, pixel_type, warnings


def _files(path: Path) -> tuple[Path, Path]:
    """Where the header and the voxels are: one file, or two that differ in their ending (.hdr, .img)."""
    try:
        pair = Nifti1Pair.filespec_to_file_map(path)
    except ImageFileError:
        return path, path
    return Path(pair["header"].filename), Path(pair["image"].filename)


def _unpacked(path: Path):
    """The file as a stream of bytes, unzipped if need be, whatever its name."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _header(path: Path) -> Nifti1Header | None:
    """None if there is none. As it is written: bad numbers are neither refused nor repaired here."""
    try:
        with _unpacked(_files(path)[0]) as stream:
            head = stream.read(Nifti2Header.sizeof_hdr)
    except (OSError, EOFError, zlib.error):
        return None
    for kind in (Nifti1Header, Nifti2Header):
        if kind.may_contain_header(head):
            return kind(head[: kind.sizeof_hdr], check=False)
    return None


def _stored(path: Path, header: Nifti1Header, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> np.ndarray:
    """The voxels (x, y, z) before the rescale."""
    alone = bytes(header["magic"]).startswith(b"n+")
    voxels = _files(path)[0 if alone else 1]
    if not voxels.exists():
        raise UnreadableError(f"{voxels.name} is missing, which holds the voxels of {path.name}. Copy both files.")
    if alone:
        offset = max(offset, header.sizeof_hdr)
    try:
        with _unpacked(voxels) as stream:
            array = array_from_file(shape, dtype, stream, offset, mmap=False)
            while stream.read(1 << 20):
                pass  # at the end of a zipped file is its checksum
    except (OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error) as error:
        raise damaged(path) from error
    return array


def _grid(path: Path, header: Nifti1Header, shape_zyx: tuple[int, ...]) -> tuple[Geometry, list[str]]:
    """The geometry, by the rule of ITK and so of 3D Slicer, and warnings.

    A file can give its position twice, as sform and as qform. The sform is used where it stands alone, is the
    scanner's or agrees; the spacing is always pixdim. Source: itkNiftiImageIO.cxx, SetImageIOOrientationFromNIfTI.
    """
    spacing = header["pixdim"][1:4].astype(float)
    check_spacings(path, spacing)
    unit = _MM.get(int(header["xyzt_units"]) & 7, 1.0)
    lps_mm = RAS_FROM_LPS @ np.diag([unit, unit, unit, 1.0])  # its own inverse
    spacing_mm = tuple((spacing * unit).tolist())
    has_qform, sform_code = header["qform_code"] > 0, int(header["sform_code"])
    if sform_code <= 0:
        if not has_qform:
            return Geometry(shape_zyx, spacing_mm, (0.0, 0.0, 0.0)), [without_sides(path)]
        return _placed(shape_zyx, spacing_mm, lps_mm @ _qform(path, header)), []
    sform = lps_mm @ header.get_sform()
    check_orthogonal(path.name, sform[:3, :3])
    if not has_qform:
        geometry = _placed(shape_zyx, spacing_mm, sform)
        if _apart(geometry, sform) > 0.5 * min(spacing_mm):
            raise GeometryError(
                f"{path.name} contradicts itself about the size of its voxels (pixdim and sform differ). "
                "Convert it again from the original."
            )
        return geometry, []
    qform = lps_mm @ _qform(path, header)
    both = sform_code == _SCANNER or np.allclose(sform, qform, rtol=0, atol=1e-4)
    geometry = _placed(shape_zyx, spacing_mm, sform if both else qform)
    apart = max(_apart(geometry, form) for form in (sform, qform))
    if apart <= 0.5 * min(spacing_mm):
        return geometry, []
    return geometry, [
        f"{path.name} gives two positions (qform and sform, {apart:.1f} mm apart); one is used, as in 3D Slicer."
    ]


def _qform(path: Path, header: Nifti1Header) -> np.ndarray:
    """4x4, RAS."""
    header = header.copy()
    header["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1  # the standard takes 0 for 1, nibabel refuses it
    try:
        return header.get_qform()
    except (HeaderDataError, ValueError) as error:
        raise GeometryError(f"{path.name} has no usable orientation. Export it again from the original.") from error


def _placed(shape_zyx: tuple[int, ...], spacing_mm: tuple[float, ...], affine: np.ndarray) -> Geometry:
    """With the position of a 4x4 matrix (LPS mm) and the right-angled directions nearest to its own."""
    left, _, right = np.linalg.svd(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    directions = left @ right
    return Geometry(shape_zyx, spacing_mm, tuple(affine[:3, 3].tolist()), tuple(directions.ravel().tolist()))


def _apart(geometry: Geometry, affine: np.ndarray) -> float:
    """The distance in mm between two opposite corners' places by geometry and by a 4x4 matrix, the larger one."""
    difference = affine - geometry.affine
    corner = np.array([*(n - 1 for n in reversed(geometry.shape_zyx)), 1.0])
    return float(max(np.linalg.norm(difference[:, 3]), np.linalg.norm(difference @ corner)))
