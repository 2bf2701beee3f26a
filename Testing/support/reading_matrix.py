"""One CT in every format, byte order, compression and number type, in four orientations: written, and read by others.

Headers of NRRD and MetaImage are written here by hand, so that no library's habits stand between the file and what is
known of it.
"""

import bz2
import gzip
import zlib
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import RAS_FROM_LPS, Geometry
from pydicom import uid

from Testing.support import phantoms
from Testing.support.compressed import LOSSLESS, compress, stored_as

# a piece of the right lung with the nodule and the chest wall: 30 x 24 x 20 voxels, -920 to 505 HU
PIECE, _ = phantoms.chest((3, 3.5, 4), (90, 84, 80), centre_lps=(-100, 10, 20))
# every axis is once the first; one order is mirrored
ORIENTATIONS = [phantoms.ORDERS[i] for i in (0, 13, 30, 43)]
NATIVE = {
    "implicit": uid.ImplicitVRLittleEndian, "explicit": uid.ExplicitVRLittleEndian,
    "big": uid.ExplicitVRBigEndian, "deflated": uid.DeflatedExplicitVRLittleEndian,
}  # fmt: skip
PACKED = ("RLE", "JPEG lossless", "JPEG lossless 14", "JPEG-LS", "JPEG 2000", "HTJ2K")
# bits stored, whether they have a sign, rescale
DICOM_NUMBERS = {
    "int16": (16, True, (1, 0)), "int12": (12, True, (1, 0)),
    "uint16": (16, False, (1, -1024)), "uint12": (12, False, (1, -1024)),
}  # fmt: skip
NUMBERS = {"int16": ("short", "MET_SHORT"), "int32": ("int", "MET_INT"), "float32": ("float", "MET_FLOAT"),
           "float64": ("double", "MET_DOUBLE")}  # fmt: skip
SPACES = ("left-posterior-superior", "RAS", "LAS", "right-posterior-superior", "LPI", "RAI", "LAI", "RPI")
SIGNS = {"L": 1, "R": -1, "P": 1, "A": -1, "S": 1, "I": -1}


@dataclass(frozen=True)
class Combination:
    """form: the format and how it lies in files. number: of its place in the list, by which a space is chosen."""

    form: str
    order: str
    packing: str
    numbers: str
    orientation: int
    number: int

    def __str__(self) -> str:
        return f"{self.form}-{self.order}-{self.packing}-{self.numbers}-{self.orientation}".replace(" ", "_")


def _listed():
    places = range(len(ORIENTATIONS))
    for form, numbers, place in product(("slices", "frames"), DICOM_NUMBERS, places):
        yield from ((form, name, "none", numbers, place) for name in NATIVE)
        # the encoder of HTJ2K at hand writes no signed streams
        packed = (name for name in PACKED if name != "HTJ2K" or numbers.startswith("u"))
        yield from ((form, "explicit", name, numbers, place) for name in packed)
    yield from product(("nrrd", "nhdr"), ("little", "big"), ("raw", "gzip", "bzip2"), NUMBERS, places)
    yield from product(("nrrd", "nhdr"), ("text",), ("ascii",), NUMBERS, places)
    yield from product(("mha", "mhd"), ("little", "big"), ("none", "zlib"), NUMBERS, places)
    forms = ("nifti1", "nifti2", "nifti1 pair", "nifti2 pair")
    yield from product(forms, ("little", "big"), ("none", "gzip"), (*NUMBERS, "uint16"), places)


COMBINATIONS = [Combination(*parts, number) for number, parts in enumerate(_listed())]


def write(combination: Combination, folder: Path) -> Path:
    """What the reader is given."""
    ct = phantoms.reorient(PIECE, *ORIENTATIONS[combination.orientation])
    if combination.form in ("slices", "frames"):
        return _write_dicom(combination, ct, folder)
    if combination.form in ("nrrd", "nhdr"):
        return _write_nrrd(combination, ct, folder)
    if combination.form in ("mha", "mhd"):
        return _write_metaimage(combination, ct, folder)
    return _write_nifti(combination, ct, folder)


def _write_dicom(combination: Combination, ct: CT, folder: Path) -> Path:
    bits, signed, rescale = DICOM_NUMBERS[combination.numbers]
    if combination.form == "slices":
        paths = phantoms.write_dicom(ct, folder / "ct", rescale=(rescale,))
    else:
        paths = [phantoms.write_enhanced_dicom(ct, folder / "ct.dcm", rescale=rescale)]
    syntax = NATIVE[combination.order]
    for path in paths:
        stored_as(path, bits, signed)
        if combination.packing != "none":
            compress(path, *LOSSLESS[combination.packing])
            continue
        dataset = pydicom.dcmread(path)
        if not syntax.is_little_endian:
            dataset.PixelData = dataset.pixel_array.astype(">u2" if not signed else ">i2").tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.file_meta.TransferSyntaxUID = syntax
        order = {"implicit_vr": syntax.is_implicit_VR, "little_endian": syntax.is_little_endian}
        pydicom.dcmwrite(path, dataset, enforce_file_format=True, **order)
    return folder / "ct" if combination.form == "slices" else paths[0]


def _bytes(combination: Combination, ct: CT) -> bytes:
    order = ">" if combination.order == "big" else "<"
    return ct.voxels_zyx.astype(np.dtype(combination.numbers).newbyteorder(order)).tobytes()


def space_of(combination: Combination) -> str:
    return SPACES[combination.number % len(SPACES)]


def _write_nrrd(combination: Combination, ct: CT, folder: Path) -> Path:
    space = space_of(combination)
    letters = space if len(space) == 3 else "".join(word[0] for word in space.split("-")).upper()
    affine = np.diag([SIGNS[letter] for letter in letters]) @ ct.geometry.affine[:3]

    def vector(values):
        return f"({','.join(f'{v:.10g}' for v in values)})"

    pack = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "ascii": bytes}[combination.packing]
    content = _bytes(combination, ct)
    if combination.packing == "ascii":
        content = " ".join(f"{v:g}" for v in ct.voxels_zyx.ravel()).encode()
    apart = combination.form == "nhdr"
    lines = [
        "NRRD0004", f"type: {NUMBERS[combination.numbers][0]}", "dimension: 3", f"space: {space}",
        f"sizes: {' '.join(map(str, reversed(ct.geometry.shape_zyx)))}",
        f"space directions: {' '.join(map(vector, affine[:, :3].T))}", "kinds: domain domain domain",
        *([f"endian: {combination.order}"] if combination.order != "text" else []),
        f"encoding: {combination.packing}", f"space origin: {vector(affine[:, 3])}",
        *(["data file: ct.bin"] if apart else []),
    ]  # fmt: skip
    header = ("\n".join(lines) + "\n\n").encode()
    path = folder / f"ct.{combination.form}"
    path.write_bytes(header if apart else header + pack(content))
    if apart:
        (folder / "ct.bin").write_bytes(pack(content))
    return path


def _write_metaimage(combination: Combination, ct: CT, folder: Path) -> Path:
    content, packed = _bytes(combination, ct), combination.packing == "zlib"
    if packed:
        content = zlib.compress(content)
    apart = combination.form == "mhd"

    def row(values):
        return " ".join(f"{v:.10g}" for v in values)

    lines = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True",
        f"BinaryDataByteOrderMSB = {combination.order == 'big'}", f"CompressedData = {packed}",
        *([f"CompressedDataSize = {len(content)}"] if packed else []),
        f"TransformMatrix = {row(np.reshape(ct.geometry.direction, (3, 3)).T.ravel())}",
        f"Offset = {row(ct.geometry.origin_lps)}", f"ElementSpacing = {row(ct.geometry.spacing_xyz)}",
        f"DimSize = {row(reversed(ct.geometry.shape_zyx))}", f"ElementType = {NUMBERS[combination.numbers][1]}",
        f"ElementDataFile = {'ct.bin' if apart else 'LOCAL'}",
    ]  # fmt: skip
    header = ("\n".join(lines) + "\n").encode()
    path = folder / f"ct.{combination.form}"
    path.write_bytes(header if apart else header + content)
    if apart:
        (folder / "ct.bin").write_bytes(content)
    return path


def _write_nifti(combination: Combination, ct: CT, folder: Path) -> Path:
    version, pair = combination.form[5], combination.form.endswith("pair")
    kind = getattr(nibabel, f"Nifti{version}{'Pair' if pair else 'Image'}")
    header = kind(ct.voxels_zyx.T, RAS_FROM_LPS @ ct.geometry.affine).header
    header.set_xyzt_units("mm")
    header.set_data_dtype(combination.numbers)
    rescaled = combination.numbers == "uint16"
    header.set_slope_inter(1, -1024 if rescaled else 0)
    start = 0 if pair else {"1": 352, "2": 544}[version]
    header.set_data_offset(start)
    if combination.order == "big":
        header = header.as_byteswapped(">")
    voxels = _bytes(combination, replace(ct, voxels_zyx=ct.voxels_zyx.astype(np.int32) + 1024 * rescaled))
    pack, zipped = (gzip.compress, ".gz") if combination.packing == "gzip" else (bytes, "")
    if pair:
        (folder / f"ct.hdr{zipped}").write_bytes(pack(header.binaryblock + bytes(4)))
        path, content = folder / f"ct.img{zipped}", voxels
    else:
        path, content = folder / f"ct.nii{zipped}", header.binaryblock.ljust(start, b"\0") + voxels
    path.write_bytes(pack(content))
    return path


def others(combination: Combination, path: Path) -> CT | None:
    """What SimpleITK reads; None where it is wrong or cannot read it."""
    if combination.form == "slices":
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
        return _of_itk(sitk.ReadImage(names, imageIO="GDCMImageIO"))
    if combination.form == "frames":
        return None
    if combination.form in ("nrrd", "nhdr"):
        right = space_of(combination) in ("left-posterior-superior", "RAS") and combination.packing != "bzip2"
        return _of_itk(sitk.ReadImage(str(path), imageIO="NrrdImageIO")) if right else None
    if combination.form in ("mha", "mhd"):
        return _of_itk(sitk.ReadImage(str(path), imageIO="MetaImageIO"))
    if combination.form.startswith("nifti1"):
        return _of_itk(sitk.ReadImage(str(path), imageIO="NiftiImageIO"))
    return None


def _of_itk(image: sitk.Image) -> CT:
    geometry = Geometry(tuple(reversed(image.GetSize())), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return CT(sitk.GetArrayFromImage(image), geometry)


def difference(ct: CT, other: CT) -> str:
    """What differs between two CTs seen as axial slices, in words; nothing where they are the same."""
    if ct.geometry.axial().shape_zyx != other.geometry.axial().shape_zyx:
        return f"{ct.geometry.axial().shape_zyx} voxels, not {other.geometry.axial().shape_zyx}"
    corners = np.array(list(product(*((0, n - 1) for n in ct.geometry.axial().shape_zyx))))
    apart = np.abs(ct.geometry.axial().lps(corners) - other.geometry.axial().lps(corners)).max()
    wrong = int((ct.axial_view != other.axial_view).sum())
    return f"{apart:.4f} mm apart, {wrong} voxels differ" if apart > 1e-3 or wrong else ""
