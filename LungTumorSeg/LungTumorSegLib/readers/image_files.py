"""One image file (NRRD, NIfTI, MetaImage) as voxels and geometry.

SimpleITK reads them, turning RAS headers into LPS. Before it does, the header is looked at, because ITK (5.4, tried)
repairs or ignores in silence what must be refused: a NIfTI file cut in half is filled up with zeros, a spacing of 0 or
NaN becomes 1, a negative spacing mirrors the image, a damaged compressed MetaImage is read as far as it goes.
"""

import math
import re
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..checks import check_orthogonal
from ..errors import GeometryError, UnreadableError
from ..geometry import Geometry
from . import nifti

READERS = {"NRRD": "NrrdImageIO", "NIfTI": "NiftiImageIO", "MetaImage": "MetaImageIO"}
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
    if nifti.read(path):
        return "NIfTI"
    return next((kind for suffix, kind in SUFFIXES.items() if path.name.lower().endswith(suffix)), None)


def read(path: Path, kind: str) -> tuple[np.ndarray, Geometry, str, list[str]]:
    """Voxels (z, y, x) as stored, their geometry, the pixel type in words, and warnings for the user.

    UnreadableError: damaged, cut off. GeometryError: not one grey 3D volume, or no usable spacing and orientation.
    """
    warnings = {"NRRD": _check_nrrd, "NIfTI": _check_nifti, "MetaImage": _check_metaimage}[kind](path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(READERS[kind])
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        components, dimension = reader.GetNumberOfComponents(), reader.GetDimension()
        if components != 1:
            raise GeometryError(
                f"{path.name} holds {components} values per voxel: a colour picture, a vector image or a sequence. "
                "Give one grey CT volume."
            )
        if dimension != 3:
            raise GeometryError(f"{path.name} has {dimension} dimensions. Give one 3D CT volume.")
        image = reader.Execute()
    except RuntimeError as error:
        raise damaged(path) from error
    geometry = Geometry(tuple(reversed(image.GetSize())), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    if kind == "NIfTI":
        warnings += _check_nifti_grid(path, geometry)
    return sitk.GetArrayFromImage(image), geometry, image.GetPixelIDTypeAsString(), warnings


def damaged(path: Path) -> UnreadableError:
    return UnreadableError(f"{path.name} can't be read: it is damaged or cut off. Copy or export it again.")


def _check_nrrd(path: Path) -> list[str]:
    import nrrd  # not part of Slicer, which reads files itself

    try:
        header = nrrd.read_header(str(path))
    except Exception as error:  # NRRDError, or whatever pynrrd's parsers raise on damaged bytes
        raise damaged(path) from error
    if header.get("dimension") != 3:
        return []  # `read` says what is wrong
    if "space directions" in header:
        _check_spacings(path, np.linalg.norm(np.asarray(header["space directions"], float), axis=1))
    elif "spacings" in header and "space" not in header:
        _check_spacings(path, header["spacings"])
    else:
        raise GeometryError(f"{path.name} doesn't say how large its voxels are. Export it again from the original.")
    if header.get("space", "").lower() not in _ANATOMICAL_SPACES or "space origin" not in header:
        return [f"{path.name} doesn't say where the patient's left and right are; LPS is assumed. Check the sides."]
    return []


_ANATOMICAL_SPACES = {
    "left-posterior-superior", "lps", "right-anterior-superior", "ras", "left-anterior-superior", "las",
}  # fmt: skip


def _check_metaimage(path: Path) -> list[str]:
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    end = re.search(rb"ElementDataFile\s*=\s*([^\r\n]*)\r?\n?", head)
    if not end:
        raise damaged(path)
    lines = (line.partition("=") for line in head[: end.start()].decode("latin-1").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    spacing = fields.get("ElementSpacing", fields.get("ElementSize"))
    if spacing is None:
        raise GeometryError(f"{path.name} doesn't say how large its voxels are. Export it again from the original.")
    try:
        _check_spacings(path, [float(s) for s in spacing.split()])
    except ValueError as error:
        raise damaged(path) from error
    if fields.get("CompressedData", "").lower() == "true":
        name = end[1].decode("utf-8", "replace").strip()
        local = name.upper() == "LOCAL"
        _check_zlib(path if local else path.parent / name, end.end() if local else 0)
    return []


def _check_zlib(path: Path, start: int):
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            whole = zlib.decompressobj(wbits=47)  # zlib or gzip, told by its first bytes
            while not whole.eof and (chunk := stream.read(1 << 20)):
                whole.decompress(chunk)
    except (OSError, zlib.error) as error:
        raise damaged(path) from error
    if not whole.eof:
        raise damaged(path)


def _check_nifti(path: Path) -> list[str]:
    """The file holds all its voxels, its spacing is positive, its axes at right angles."""
    header = nifti.read(path)
    try:
        whole = header and nifti.size_of(path) >= header.data_bytes
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path) from error
    if not whole:
        raise damaged(path)
    _check_spacings(path, header.spacing_xyz)
    if header.sform:
        check_orthogonal(path.name, header.sform_lps[:3, :3])
    elif not header.qform:
        return [f"{path.name} doesn't say where the patient's left and right are; LPS is assumed. Check the sides."]
    return []


def _check_nifti_grid(path: Path, geometry: Geometry) -> list[str]:
    """A NIfTI file can give its position twice, as qform and as sform; ITK and Slicer take one without a word."""
    header = nifti.read(path)
    if not header.sform:
        return []
    difference = header.sform_lps - geometry.affine
    corner = np.array([*(n - 1 for n in reversed(geometry.shape_zyx)), 1.0])
    apart = max(np.linalg.norm(difference[:, 3]), np.linalg.norm(difference @ corner))
    if apart <= 0.5 * min(geometry.spacing_xyz):
        return []
    if not header.qform:
        raise GeometryError(
            f"{path.name} contradicts itself about the size of its voxels (pixdim and sform differ). "
            "Convert it again from the original."
        )
    return [f"{path.name} gives two positions (qform and sform, {apart:.1f} mm apart); one is used, as in 3D Slicer."]


def _check_spacings(path: Path, spacings):
    """Zero, negative or not a number: refused. (A mirrored axis is written as a negative direction, not spacing.)"""
    if not all(math.isfinite(s) and s > 0 for s in spacings):
        shown = " x ".join(f"{s:g}" for s in spacings)
        raise GeometryError(
            f"The voxel size in {path.name} is {shown} mm, which can't be. Export it again from the original."
        )
