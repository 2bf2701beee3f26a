"""Tiny CTs in every format that is read: 5 slices of 6 x 6 pixels, 5 mm apart."""

import gzip
import io
import tempfile
import zlib
from functools import cache
from pathlib import Path
from random import Random

import nibabel
import numpy as np
import pydicom
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.readers.ct import read_ct
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from Testing.support import dicom_case, phantoms

from . import mutate
from .judge import Files, Format, files_in

GEOMETRY = Geometry((5, 6, 6), (5.0, 5.0, 5.0), (-70.0, -10.0, 3.0))
NUMBERS = (
    "0",
    "-1",
    "1\\1",
    "1\\nan",
    "1e400",
    "",
    "x",
    "65535",
    "-2147483648",
    "1\\0\\0\\0\\1\\0",
    "0\\0\\0\\0\\0\\0",
    "1.5",
)
KEYWORDS = (
    "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept", "Rows",
    "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "NumberOfFrames",
    "PixelPaddingValue", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "ImageType", "AcquisitionTime",
    "InstanceNumber", "PhotometricInterpretation", "SpecificCharacterSet", "PatientName", "SeriesNumber", "StudyDate",
    "TriggerTime", "ContentTime", "FrameOfReferenceUID", "RescaleType", "SliceThickness",
)  # fmt: skip


@cache
def ct() -> CT:
    """Air, lung and soft tissue, so that it passes for a CT."""
    hu = np.random.default_rng(0).choice([-1000, -850, 40], GEOMETRY.shape_zyx) + np.arange(6)
    return CT(hu.astype(np.int16), GEOMETRY, "tiny", {"modality": "CT"})


def _written(write) -> Files:
    with tempfile.TemporaryDirectory() as name:
        write(Path(name))
        return files_in(Path(name))


def _edited(folder: Path, change) -> None:
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)


def _deflate(dataset: pydicom.Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def _pack(dataset: pydicom.Dataset) -> None:
    dataset.compress(RLELossless)


@cache
def dicom_seeds() -> list[Files]:
    plain = _written(lambda folder: phantoms.write_dicom(ct(), folder))
    packed = _written(lambda folder: phantoms.write_dicom(ct(), folder, compressed=True))
    deflated = _written(lambda folder: (phantoms.write_dicom(ct(), folder), _edited(folder, _deflate)))
    rle = _written(
        lambda folder: (phantoms.write_dicom(ct(), folder), _edited(folder, lambda d: d.compress(RLELossless)))
    )
    enhanced = _written(lambda folder: phantoms.write_enhanced_dicom(ct(), folder / "ct.dcm"))
    return [plain, plain, packed, deflated, rle, enhanced, enhanced]


def dicom_damaged(rng: Random, files: Files) -> Files:
    name = rng.choice(sorted(files))
    if rng.random() < 0.5:
        return files | {name: mutate.damaged(rng, files[name], 1200)}
    dataset = pydicom.dcmread(io.BytesIO(files[name]))
    for _ in range(rng.choice((1, 1, 2))):
        keyword, value = rng.choice(KEYWORDS), rng.choice((*NUMBERS, *mutate.WORDS))
        dicom_case.raw(keyword, value.encode())(dataset)
    out = io.BytesIO()
    try:
        dataset.save_as(out)
    except Exception:  # pydicom writes no such value: bytes then
        return files | {name: mutate.damaged(rng, files[name], 1200)}
    names = sorted(files) if rng.random() < 0.1 else [name]  # all slices alike
    return files | dict.fromkeys(names, out.getvalue())


@cache
def nrrd_seeds() -> list[Files]:
    raw = ct().voxels_zyx.astype("<i2").tobytes()
    lines = (
        "NRRD0005\ntype: short\ndimension: 3\nspace: {}\nsizes: 6 6 5\nspace directions: (5,0,0) (0,5,0) (0,0,5)\n"
        "kinds: domain domain domain\nendian: little\nencoding: {}\nspace origin: (-70,-10,3)\n{}"
    )
    texts = " ".join(map(str, ct().voxels_zyx.ravel())).encode()
    planes = {f"s{k}.raw": raw[72 * k : 72 * k + 72] for k in range(5)}

    def whole(space="left-posterior-superior", encoding="raw", content=raw):
        return {"ct.nrrd": lines.format(space, encoding, "\n").encode() + content}

    return [
        whole(), whole("LPI"), whole(encoding="gzip", content=gzip.compress(raw)),
        whole(encoding="ascii", content=texts),
        whole("RPI", "gzip", gzip.compress(raw)),
        {"ct.nhdr": lines.format("LPS", "raw", "data file: ct.raw\n").encode(), "ct.raw": raw},
        {"ct.nhdr": lines.format("LPI", "raw", "data file: LIST\n" + "\n".join(planes) + "\n").encode(), **planes},
        {"ct.nhdr": lines.format("LPS", "raw", "data file: s%d.raw 0 4 1\n").encode(), **planes},
    ]  # fmt: skip


@cache
def meta_seeds() -> list[Files]:
    raw = ct().voxels_zyx.astype("<i2").tobytes()
    lines = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = {}\n"
        "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = -70 -10 3\nCenterOfRotation = 0 0 0\n"
        "AnatomicalOrientation = RAI\nElementSpacing = 5 5 5\nDimSize = 6 6 5\nElementType = MET_SHORT\n"
        "ElementDataFile = {}\n"
    )
    planes = {f"s{k}.raw": raw[72 * k : 72 * k + 72] for k in range(5)}
    return [
        {"ct.mha": lines.format("False", "LOCAL").encode() + raw},
        {"ct.mha": lines.format("True", "LOCAL").encode() + zlib.compress(raw)},
        {"ct.mhd": lines.format("False", "ct.raw").encode(), "ct.raw": raw},
        {"ct.mhd": lines.format("False", "LIST\n" + "\n".join(planes)).encode(), **planes},
        {"ct.mhd": lines.format("False", "s%d.raw 0 4 1").encode(), **planes},
    ]


@cache
def nifti_seeds() -> list[Files]:
    affine = np.diag([-1.0, -1, 1, 1]) @ GEOMETRY.affine

    def made(kind, name, **header):
        image = kind(ct().voxels_zyx.T, affine)
        image.header.set_xyzt_units("mm")
        for key, value in header.items():
            image.header[key] = value
        return _written(lambda folder: nibabel.save(image, folder / name))

    one, two, pair = nibabel.Nifti1Image, nibabel.Nifti2Image, nibabel.Nifti1Pair
    return [made(one, "ct.nii"), made(one, "ct.nii", qform_code=1), made(one, "ct.nii.gz"), made(two, "ct.nii"),
            made(pair, "ct.img")]  # fmt: skip


def header_damaged(rng: Random, files: Files) -> Files:
    """The text of a header, or its bytes."""
    name = sorted(files)[0]
    data = files[name]
    end = data.find(b"\n\n") if data.startswith(b"NRRD") else data.find(b"ElementDataFile")
    end = end if end > 0 else len(data)
    if rng.random() < 0.7:
        return files | {name: mutate.text(rng, data, data.find(b"\n", end) if end < len(data) else end)}
    name = rng.choice(sorted(files))
    return files | {name: mutate.damaged(rng, files[name], end if name.startswith("ct.") else 0)}


def nifti_damaged(rng: Random, files: Files) -> Files:
    name = rng.choice(sorted(files))
    data = files[name]
    if name.endswith(".gz") and rng.random() < 0.7:
        return {name: gzip.compress(mutate.damaged(rng, gzip.decompress(data), 352), 1)}
    return files | {name: mutate.damaged(rng, data, 352)}


def _read(path: Path) -> None:
    read = read_ct(path)
    assert np.isfinite(read.geometry.affine).all() and np.isfinite(read.voxels_zyx).all()
    assert read.voxels_zyx.shape == read.geometry.shape_zyx


def _first(folder: Path) -> None:
    _read(min(path for path in folder.iterdir() if path.name.startswith("ct.")))


FORMATS = (
    Format("dicom", dicom_seeds, dicom_damaged, _read),
    Format("nrrd", nrrd_seeds, header_damaged, _first),
    Format("metaimage", meta_seeds, header_damaged, _first),
    Format("nifti", nifti_seeds, nifti_damaged, _first),
)
