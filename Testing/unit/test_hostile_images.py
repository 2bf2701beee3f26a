"""A CT that somebody sent: sizes that it does not hold, bytes that unpack to a thousandfold, names of other files.

It is refused with a sentence before memory is taken, and no file outside of its folder is opened.
"""

import builtins
import gzip
import io
import os
import zlib
from pathlib import Path

import psutil
import pydicom
import pytest
from LungTumorSegLib import memory
from LungTumorSegLib.errors import UnreadableError
from LungTumorSegLib.readers import dicom_file
from LungTumorSegLib.readers.ct import read_ct
from pydicom.uid import DeflatedExplicitVRLittleEndian

from Testing.support import phantoms
from Testing.support.dicom_case import SMALL, same
from Testing.unit.test_data_files import RAW, SIZE, meta, nrrd

BOMB_MB = 200
LITTLE_MB = 40  # what a refusal may take; a bomb has 200
HUGE = "20000 20000 20000"


@pytest.fixture(scope="module")
def zeros():
    """zlib, 200 MB out of 200 kB; with the CT's voxels in front."""
    packer = zlib.compressobj(1)
    return b"".join(
        [packer.compress(RAW), *(packer.compress(bytes(1_000_000)) for _ in range(BOMB_MB)), packer.flush()]
    )


@pytest.fixture(scope="module")
def gzipped(zeros):
    content = io.BytesIO()
    with gzip.open(content, "wb", 1) as stream:
        stream.write(RAW)
        for _ in range(BOMB_MB):
            stream.write(bytes(1_000_000))
    return content.getvalue()


class Taken:
    """How much memory was taken at most since it was made."""

    def __init__(self):
        memory.forget_peak()
        self.before = memory.peak_mb()

    def little(self) -> bool:
        return memory.peak_mb() - self.before < LITTLE_MB


def refused(path, words: str, **reading) -> None:
    taken = Taken()
    with pytest.raises(UnreadableError, match=words):
        read_ct(path, **reading)
    assert taken.little()


# Sizes


@pytest.mark.parametrize("encoding", ["raw", "gzip", "ascii", "bzip2"])
@pytest.mark.parametrize("space", ["left-posterior-superior", "LPI"])  # the second one is nothing to ITK
def test_an_nrrd_that_says_more_than_it_holds_takes_no_memory(tmp_path, encoding, space):
    path = nrrd(tmp_path / "ct.nrrd", None, encoding, space=space, content=RAW)
    path.write_bytes(path.read_bytes().replace(f"sizes: {SIZE}".encode(), f"sizes: {HUGE}".encode()))
    refused(path, "damaged")


@pytest.mark.parametrize("fields", [{}, {"CompressedData": True}, {"BinaryData": False}])
def test_a_metaimage_that_says_more_than_it_holds_takes_no_memory(tmp_path, fields):
    refused(meta(tmp_path / "ct.mha", content=RAW, **fields | {"DimSize": HUGE}), "damaged")


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz"])
def test_a_nifti_that_says_more_than_it_holds_takes_no_memory(tmp_path, name):
    path = phantoms.write_image(SMALL, tmp_path / name)
    open_ = gzip.open if name.endswith("gz") else open
    with open_(path, "rb") as stream:
        content = bytearray(stream.read())
    content[42:48] = b"\x20\x4e" * 3  # dim: 20,000 each
    with open_(path, "wb") as stream:
        stream.write(content)
    refused(path, "damaged")


def test_more_voxels_than_there_is_memory_for_are_refused_by_that(tmp_path):
    slices = psutil.virtual_memory().available // 2_000_000 + 10
    with (tmp_path / "ct.raw").open("wb") as stream:
        os.truncate(stream.fileno(), slices * 2_000_000)  # a sparse file, which takes no disk
    path = nrrd(tmp_path / "ct.nhdr", "ct.raw")
    path.write_bytes(path.read_bytes().replace(f"sizes: {SIZE}".encode(), f"sizes: 1000 1000 {slices}".encode()))
    refused(path, "too much for the .* GB of memory that are free")


# Bytes that unpack to a thousandfold


@pytest.mark.parametrize("space", ["left-posterior-superior", "LPI"])
def test_voxels_of_an_nrrd_are_unpacked_as_far_as_they_are_wanted(tmp_path, space, gzipped):
    taken = Taken()
    ct = read_ct(nrrd(tmp_path / "ct.nrrd", None, "gzip", -1 if space == "LPI" else 1, space, gzipped))
    assert same(ct, SMALL) and taken.little()


def test_a_metaimage_that_unpacks_to_far_more_than_it_says_is_refused(tmp_path, zeros):
    refused(meta(tmp_path / "ct.mha", content=zeros, CompressedData=True), "damaged")


def test_a_nifti_that_unpacks_to_far_more_than_it_says_is_refused(tmp_path):
    path = phantoms.write_image(SMALL, tmp_path / "ct.nii")
    with gzip.open(tmp_path / "bomb.nii.gz", "wb", 1) as stream:
        stream.write(path.read_bytes())
        for _ in range(BOMB_MB):
            stream.write(bytes(1_000_000))
    refused(tmp_path / "bomb.nii.gz", "damaged")


def test_a_deflated_series_is_read_and_one_that_unpacks_to_more_than_a_ct_is_refused(tmp_path, monkeypatch):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(path)
    assert same(read_ct(tmp_path), SMALL)
    monkeypatch.setattr(dicom_file, "MOST_UNPACKED_BYTES", 50_000_000)
    packed = paths[3].read_bytes()
    start = packed.index(DeflatedExplicitVRLittleEndian.encode())
    meta_end = 144 + int.from_bytes(packed[140:144], "little")
    assert start < meta_end
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    inside = zlib.decompress(packed[meta_end:], -zlib.MAX_WBITS)
    bomb = [packer.compress(inside), *(packer.compress(bytes(1_000_000)) for _ in range(BOMB_MB)), packer.flush()]
    paths[3].write_bytes(packed[:meta_end] + b"".join(bomb))
    refused(tmp_path, "1 file.* can't be read")


# Numbers in a DICOM header


@pytest.mark.parametrize("frames", [10**6, 2**31 - 1])
def test_a_number_of_frames_is_not_believed(tmp_path, frames):
    path = phantoms.write_dicom(SMALL, tmp_path, [3])[0]
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = frames
    dataset.save_as(path)
    refused(tmp_path, "more than it has room for")


def test_a_picture_of_65535_pixels_a_side_is_refused(tmp_path, monkeypatch):
    phantoms.write_dicom(SMALL, tmp_path, Rows=65535, Columns=65535)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Free", (), {"available": 16e9}))
    refused(tmp_path, "too much for the 16.0 GB")


# Names of other files

OUTSIDE = ("/etc/passwd", "../secret.raw", "sub/../../secret.raw", "C:\\secret.raw", "..\\secret.raw", "\\\\host\\a")


@pytest.fixture
def opened(monkeypatch):
    """Names of all files that Python opens."""
    names, open_ = [], io.open

    def watched(file, *args, **kwargs):
        names.append(str(file))
        return open_(file, *args, **kwargs)

    monkeypatch.setattr(io, "open", watched)
    monkeypatch.setattr(builtins, "open", watched)
    return names


@pytest.mark.parametrize("where", OUTSIDE)
@pytest.mark.parametrize("form", ["{}", "LIST\n{}", "{}%d 1 20 1"])
@pytest.mark.parametrize("write", [nrrd, meta])
def test_voxels_outside_of_the_headers_folder_are_not_opened(tmp_path, where, form, write, opened):
    folder = tmp_path / "ct"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(RAW)
    path = write(folder / ("ct.nhdr" if write is nrrd else "ct.mhd"), form.format(where))
    opened.clear()
    refused(path, "outside of its own folder")
    assert not any("secret" in name or "passwd" in name for name in opened)


def test_a_folder_below_the_header_is_its_own(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ct.raw").write_bytes(RAW)
    assert same(read_ct(nrrd(tmp_path / "ct.nhdr", "./sub/ct.raw")), SMALL)


@pytest.mark.parametrize(
    "pattern", ["s%d 0 999999999 1", "s%999999999d 0 9 1", "s%d 0 9999999999999999999 1", "%s%s%d 1 2 1", "%n%d 1 2 1"]
)
@pytest.mark.parametrize("write", [nrrd, meta])
def test_a_pattern_of_a_billion_names_is_refused(tmp_path, pattern, write):
    refused(write(Path(tmp_path, "ct.nhdr" if write is nrrd else "ct.mhd"), pattern), "damaged|is missing")


@pytest.mark.parametrize("start", [b"NRRD0005\n", b"ObjectType = Image\nNDims = 3\nComment = "])
def test_a_header_without_an_end_is_not_read_for_ever(tmp_path, start):
    (tmp_path / "ct.img").write_bytes(start + b"# a comment\n" * 10_000_000)
    refused(tmp_path / "ct.img", "damaged|can't be")
