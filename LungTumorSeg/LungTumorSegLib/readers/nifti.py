"""A NIfTI file, version 1 or 2, alone or as a pair of header and voxels.

nibabel reads it. ITK knows no NIfTI-2 and turns voxels without a number into 0 HU in silence.
"""

import gzip
import re
import zlib
from io import BufferedReader
from math import prod
from pathlib import Path

import numpy as np
from nibabel.analyze import AnalyzeHeader
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from nibabel.volumeutils import array_from_file

from ..checks import check_orthogonal, skew, straightened
from ..errors import GeometryError, UnreadableError
from ..geometry import RAS_FROM_LPS, Geometry, Shape, nearest_rotation, triple
from .problems import beyond, check_grey_3d, check_size, check_spacings, damaged, without_sides

_SCANNER = 1  # the form's code for the scanner's own coordinates
_MM = {1: 1000.0, 3: 0.001}  # metres and micrometres; anything else is taken as mm


def is_nifti(path: Path) -> bool:
    """By the header, not by the name."""
    return _header(_header_file(path)) is not None


def read(path: Path) -> tuple[np.ndarray, Geometry, list[str]]:
    """Read a NIfTI file.

    Returns:
        Voxels (z, y, x) with the file's rescale, their geometry, and warnings for the user.

    Raises:
        UnreadableError: damaged, cut off, one of a pair is missing.
        GeometryError: not one grey 3D volume, or no usable spacing and orientation.
    """
    header_file = _header_file(path)
    header = _header(header_file)
    if header is None:
        raise damaged(path)
    alone = bytes(header["magic"]).startswith(b"n+")
    voxels = header_file if alone else path if path != header_file else _partner(path, ".img")
    try:
        shape, dtype = header.get_data_shape(), header.get_data_dtype()
        slope, intercept = header.get_slope_inter()
        offset = max(header.get_data_offset(), header.sizeof_hdr if alone else 0)
    except (HeaderDataError, KeyError, ValueError, OverflowError) as error:
        raise damaged(path) from error
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    check_grey_3d(path, 2 if dtype.kind == "c" else len(dtype.names or "1"), len(shape))
    if dtype.kind not in "iuf" or min(shape) < 1:
        raise damaged(path)
    geometry, warnings = _grid(path, header, triple(shape[::-1]))
    array, more = _stored(path, voxels, shape, dtype, offset)
    if (slope or 1.0, intercept or 0.0) != (1.0, 0.0):
        array = array.astype(np.float32)
        array *= slope
        array += intercept
    return array.T, geometry, [*warnings, *beyond(path, more // dtype.itemsize, geometry.shape_zyx)]


def _partner(path: Path, ending: str) -> Path:
    """The other file of a pair: with the ending .hdr or .img, zipped or not, in capitals or not."""
    stem = re.sub(r"(\.(hdr|img))?(\.gz)?$", "", path.name, flags=re.IGNORECASE)
    names = [f"{stem}{ending}", f"{stem}{ending}.gz"]
    found = [f for f in path.parent.iterdir() if f.name in names or f.name.lower() in map(str.lower, names)]
    return min(found, key=lambda f: (f.name not in names, f.name.lower()), default=path.with_name(names[0]))


def _unpacked(path: Path) -> gzip.GzipFile | BufferedReader:
    """The file as a stream of bytes, unzipped if need be, whatever its name."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _header_file(path: Path) -> Path:
    """The file itself or, where it holds the voxels of a pair, the other one."""
    if _header(path) is None and re.search(r"\.img(\.gz)?$", path.name, re.IGNORECASE):
        return _partner(path, ".hdr")
    return path


def _header(path: Path) -> Nifti1Header | None:
    """None if there is none. As it is written: bad numbers are neither refused nor repaired here.

    GeometryError: that of an Analyze file.
    """
    try:
        with _unpacked(path) as stream:
            head = stream.read(Nifti2Header.sizeof_hdr)
    except (OSError, EOFError, zlib.error):
        return None
    for kind in (Nifti1Header, Nifti2Header):
        if kind.may_contain_header(head):
            return kind(head[: kind.sizeof_hdr], check=False)
    if AnalyzeHeader.may_contain_header(head[: AnalyzeHeader.sizeof_hdr]):
        raise GeometryError(
            f"{path.name} is an Analyze file, which doesn't say where the patient's left and right are. Convert the CT "
            "again from the original."
        )
    return None


def _stored(path: Path, voxels: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> tuple[np.ndarray, int]:
    """The voxels (x, y, z) before the rescale, out of the file ``voxels``, and how many bytes stand behind them."""
    if not voxels.exists():
        raise UnreadableError(f"{voxels.name} is missing, which holds the voxels of {path.name}. Copy both files.")
    try:
        with _unpacked(voxels) as stream:
            need = prod(map(int, shape)) * dtype.itemsize
            packed = isinstance(stream, gzip.GzipFile)
            check_size(path, need + offset, 1, voxels.stat().st_size, packed)
            array = array_from_file(shape, dtype, stream, offset, mmap=False)
            more = 0
            while rest := stream.read(1 << 20):  # at the end of a zipped file is its checksum
                more += len(rest)
                if packed and more > need + (1 << 20):  # a small file can unpack to a thousand times its size
                    raise damaged(path)
    except (OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error) as error:
        raise damaged(path) from error
    return array, more


def _grid(path: Path, header: Nifti1Header, shape_zyx: Shape) -> tuple[Geometry, list[str]]:
    """The geometry, by the rule of ITK and so of 3D Slicer, and warnings.

    A file can give its position twice, as sform and as qform. The sform is used where it stands alone, is the
    scanner's or agrees; the spacing is always pixdim. Source: itkNiftiImageIO.cxx, SetImageIOOrientationFromNIfTI.
    """
    spacing = header["pixdim"][1:4].astype(float)
    check_spacings(path, spacing)
    unit = _MM.get(int(header["xyzt_units"]) & 7, 1.0)
    lps_mm = RAS_FROM_LPS @ np.diag([unit, unit, unit, 1.0])  # its own inverse
    spacing_mm = triple((spacing * unit).tolist())
    has_qform, sform_code = header["qform_code"] > 0, int(header["sform_code"])
    if sform_code <= 0:
        if not has_qform:
            return Geometry(shape_zyx, spacing_mm, (0.0, 0.0, 0.0)), [without_sides(path)]
        return _placed(shape_zyx, spacing_mm, lps_mm @ _qform(path, header)), []
    sform, askew = _straight(path, lps_mm @ header.get_sform(), shape_zyx)
    if not has_qform:
        geometry = _placed(shape_zyx, spacing_mm, sform)
        if _apart(geometry, sform) > 0.5 * min(spacing_mm):
            raise GeometryError(
                f"{path.name} contradicts itself about the size of its voxels (pixdim and sform differ). "
                "Convert it again from the original."
            )
        return geometry, askew
    qform = lps_mm @ _qform(path, header)
    both = sform_code == _SCANNER or np.allclose(sform, qform, rtol=0, atol=1e-4)
    geometry = _placed(shape_zyx, spacing_mm, sform if both else qform)
    apart = max(_apart(geometry, form) for form in (sform, qform))
    if apart <= 0.5 * min(spacing_mm):
        return geometry, askew
    return geometry, [
        *askew,
        f"{path.name} gives two positions (qform and sform, {apart:.1f} mm apart); one is used, as in 3D Slicer.",
    ]


def _qform(path: Path, header: Nifti1Header) -> np.ndarray:
    """4x4, RAS."""
    header = header.copy()
    header["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1  # the standard takes 0 for 1, nibabel refuses it
    try:
        form = header.get_qform()
    except (HeaderDataError, ValueError) as error:
        raise GeometryError(f"{path.name} has no usable orientation. Export it again from the original.") from error
    skew(path.name, form[:3, :3])  # refuses what is no number
    return form


def _straight(path: Path, affine: np.ndarray, shape_zyx: Shape) -> tuple[np.ndarray, list[str]]:
    """A 4x4 matrix with its axes brought to right angles, and a note. GeometryError: they are too far off."""
    skew(path.name, affine[:3, :3])
    geometry, note = straightened(path.name, Geometry.from_affine(shape_zyx, affine))
    check_orthogonal(path.name, geometry.affine[:3, :3])
    return geometry.affine, note


def _placed(shape_zyx: Shape, spacing_mm: tuple[float, float, float], affine: np.ndarray) -> Geometry:
    """With the position of a 4x4 matrix (LPS mm) and the right-angled directions nearest to its own."""
    directions = nearest_rotation(affine[:3, :3])
    return Geometry(shape_zyx, spacing_mm, triple(affine[:3, 3].tolist()), tuple(directions.ravel().tolist()))


def _apart(geometry: Geometry, affine: np.ndarray) -> float:
    """The distance in mm between two opposite corners' places by geometry and by a 4x4 matrix, the larger one."""
    difference = affine - geometry.affine
    corner = np.array([*(n - 1 for n in reversed(geometry.shape_zyx)), 1.0])
    return float(max(np.linalg.norm(difference[:, 3]), np.linalg.norm(difference @ corner)))
