"""Voxels in files of their own beside a header, and headers that do not fit their voxels: NRRD and MetaImage."""

import bz2
import gzip
import zlib

import nibabel
import numpy as np
import pytest
from LungTumorSegLib.errors import NotACTError, UnreadableError
from LungTumorSegLib.readers.ct import read_ct

from Testing.support.dicom_case import SMALL, refused, same
from Testing.support.nifti_case import RAS

RAW = SMALL.voxels_zyx.astype("<i2").tobytes()
SIZE = " ".join(str(n) for n in reversed(SMALL.geometry.shape_zyx))
SPACING = " ".join(map(str, SMALL.geometry.spacing_xyz))
PLANES = {f"s{k:03d}.raw": plane.astype("<i2").tobytes() for k, plane in enumerate(SMALL.voxels_zyx)}
NAMES = "\n".join(PLANES)
CUT = PLANES | {"s010.raw": PLANES["s010.raw"][:-200]}
FIRST_19 = "\n".join(list(PLANES)[:19])


def put(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def nrrd(path, data, encoding="raw", sign=1, space="left-posterior-superior", content=b"", scale=1.0, more=()):
    """sign: of z in this space. data: what "data file" says; None: the voxels follow the header."""
    vectors = np.diag([1, 1, sign]) @ SMALL.geometry.affine[:3] * scale
    written = [f"({','.join(f'{v:.17g}' for v in vector)})" for vector in vectors.T]
    lines = [
        "NRRD0005", "type: short", "dimension: 3", f"space: {space}", f"sizes: {SIZE}", "endian: little",
        f"space directions: {' '.join(written[:3])}", f"space origin: {written[3]}", f"encoding: {encoding}", *more,
    ]  # fmt: skip
    end = "\n\n" if data is None else f"\ndata file: {data}\n"
    path.write_bytes("\n".join(lines).encode() + end.encode() + content)
    return path


def meta(path, data="LOCAL", content=b"", **more):
    fields = {
        "ObjectType": "Image", "NDims": 3, "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": " ".join(map(str, SMALL.geometry.origin_lps)),
        "ElementSpacing": SPACING, "DimSize": SIZE, "ElementType": "MET_SHORT", **more, "ElementDataFile": data,
    }  # fmt: skip
    path.write_bytes("".join(f"{key} = {value}\n" for key, value in fields.items()).encode() + content)
    return path


# NRRD


SPACES = [("left-posterior-superior", 1), ("LPI", -1)]  # the second one is nothing to ITK


@pytest.mark.parametrize(("space", "sign"), SPACES)
@pytest.mark.parametrize("data", [f"LIST\n{NAMES}", f"LIST 2\n{NAMES}", "s%03d.raw 0 19 1", "s%03d.raw 0 19 1 2"])
def test_an_nrrd_in_a_file_for_each_slice_is_read(tmp_path, data, space, sign):
    put(tmp_path, PLANES)
    assert same(read_ct(nrrd(tmp_path / "ct.nhdr", data, sign=sign, space=space)), SMALL)


@pytest.mark.parametrize(("space", "sign"), SPACES)
def test_an_nrrd_whose_slices_are_numbered_downwards_and_zipped_is_read(tmp_path, space, sign):
    put(tmp_path, {f"{19 - k}.gz": gzip.compress(plane) for k, plane in enumerate(PLANES.values())})
    assert same(read_ct(nrrd(tmp_path / "ct.nhdr", "%d.gz 19 0 -1", "gzip", sign, space)), SMALL)


@pytest.mark.parametrize(("space", "sign"), SPACES)
@pytest.mark.parametrize(
    ("encoding", "more", "content"),
    [("raw", "line skip: 2", b"a\nb\n" + RAW), ("raw", "byte skip: -1", b"x" * 777 + RAW),
     ("gzip", "byte skip: 5", gzip.compress(b"12345" + RAW)), ("bzip2", "line skip: 1", b"a\n" + bz2.compress(RAW)),
     ("gzip", "line skip: 0", gzip.compress(RAW[:999]) + gzip.compress(RAW[999:])),
     ("bz2", "line skip: 0", bz2.compress(RAW[:999]) + bz2.compress(RAW[999:]))],
)  # fmt: skip
def test_what_stands_before_the_voxels_is_skipped(tmp_path, space, sign, encoding, more, content):
    put(tmp_path, {"in here/ct.raw": content})
    path = nrrd(tmp_path / "ct.nhdr", "in here/ct.raw", encoding, sign, space, more=[more])
    assert same(read_ct(path), SMALL)


@pytest.mark.parametrize(("space", "sign"), SPACES)
@pytest.mark.parametrize("data", [f"LIST\n{FIRST_19}", "s%03d.raw 0 18 1"])
def test_a_list_of_too_few_files_is_refused(tmp_path, data, space, sign):
    put(tmp_path, PLANES)
    refused(UnreadableError, "damaged", nrrd(tmp_path / "ct.nhdr", data, sign=sign, space=space))
    refused(UnreadableError, "damaged", meta(tmp_path / "ct.mhd", data))


@pytest.mark.parametrize(("space", "sign"), SPACES)
@pytest.mark.parametrize("data", [f"LIST\n{NAMES}", "s%03d.raw 0 19 1"])
def test_one_file_of_a_list_that_is_cut_off_is_refused(tmp_path, data, space, sign):
    put(tmp_path, CUT)
    refused(UnreadableError, "damaged", nrrd(tmp_path / "ct.nhdr", data, sign=sign, space=space))
    refused(UnreadableError, "damaged", meta(tmp_path / "ct.mhd", data))


@pytest.mark.parametrize("write", [nrrd, meta])
@pytest.mark.parametrize("data", [f"LIST\n{NAMES}", "s%03d.raw 0 19 1"])
def test_a_missing_file_is_named_and_nothing_is_called_damaged(tmp_path, write, data):
    put(tmp_path, PLANES)
    (tmp_path / "s010.raw").unlink()
    refused(UnreadableError, r"^s010\.raw, with voxels of ct\.hdr, is missing", write(tmp_path / "ct.hdr", data))
    refused(UnreadableError, r"^gone\.raw, with voxels of ct\.hdr, is missing", write(tmp_path / "ct.hdr", "gone.raw"))


@pytest.mark.parametrize(("unit", "scale"), [("cm", 0.1), ("m", 0.001), ("um", 1000.0)])
def test_an_nrrd_in_other_units_is_in_mm(tmp_path, unit, scale):
    more = [f'space units: "{unit}" "{unit}" "{unit}"']
    assert same(read_ct(nrrd(tmp_path / "ct.nrrd", None, content=RAW, scale=scale, more=more)), SMALL)


def test_an_nrrd_without_its_byte_order_is_refused_by_that(tmp_path):
    path = nrrd(tmp_path / "ct.nrrd", None, content=RAW)
    path.write_bytes(path.read_bytes().replace(b"endian: little\n", b""))
    refused(UnreadableError, r"byte order of its voxels \(endian\)", path)


# MetaImage


@pytest.mark.parametrize("data", [f"LIST\n{NAMES}", f"LIST 2\n{NAMES}", "s%03d.raw 0 19 1"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_metaimage_in_a_file_for_each_slice_is_read(tmp_path, data, packed):
    put(tmp_path, {name: zlib.compress(plane) if packed else plane for name, plane in PLANES.items()})
    assert same(read_ct(meta(tmp_path / "ct.mhd", data, CompressedData=packed)), SMALL)


@pytest.mark.parametrize("order", ["BinaryDataByteOrderMSB", "ElementByteOrderMSB"])
@pytest.mark.parametrize("said", ["True", "true", "T", "1"])
@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress], ids=["zlib", "gzip"])
def test_packed_voxels_in_the_other_byte_order_are_read(tmp_path, order, said, pack):
    content = pack(SMALL.voxels_zyx.astype(">i2").tobytes())
    put(tmp_path, {"ct.zraw": content})
    fields = {"BinaryDataByteOrderMSB": "False", order: said, "CompressedData": said}
    assert same(read_ct(meta(tmp_path / "ct.mhd", "ct.zraw", **fields)), SMALL)
    assert same(read_ct(meta(tmp_path / "ct.mha", "LOCAL", content, **fields)), SMALL)


@pytest.mark.parametrize("off", [-500, 0, 500])
def test_a_wrong_size_of_the_packed_voxels_does_not_matter(tmp_path, off):
    content = zlib.compress(RAW)
    path = meta(tmp_path / "ct.mha", "LOCAL", content, CompressedData=True, CompressedDataSize=len(content) + off)
    assert same(read_ct(path), SMALL)


@pytest.mark.parametrize("short", [2, 1000])
def test_packed_voxels_that_are_too_few_are_refused(tmp_path, short):
    content = zlib.compress(RAW[:-short])
    put(tmp_path, {"ct.zraw": content})
    refused(UnreadableError, "damaged", meta(tmp_path / "ct.mha", "LOCAL", content, CompressedData=True))
    refused(UnreadableError, "damaged", meta(tmp_path / "ct.mhd", "ct.zraw", CompressedData=True))


@pytest.mark.parametrize("skip", [100, -1])
def test_what_stands_before_a_metaimages_voxels_is_skipped(tmp_path, skip):
    put(tmp_path, {"ct.raw": b"h" * 100 + RAW})
    assert same(read_ct(meta(tmp_path / "ct.mhd", "ct.raw", HeaderSize=skip)), SMALL)


def test_voxels_as_text_are_read(tmp_path):
    words = " ".join(map(str, SMALL.voxels_zyx.ravel()))
    assert same(read_ct(meta(tmp_path / "ct.mha", "LOCAL", words.encode(), BinaryData=False)), SMALL)
    path = meta(tmp_path / "ct.mha", "LOCAL", words[: len(words) // 2].encode(), BinaryData=False)
    refused(UnreadableError, "damaged", path)


def test_a_rescale_of_a_metaimage_is_applied_and_said(tmp_path):
    content = (SMALL.voxels_zyx * 2 + 2048).astype("<i2").tobytes()
    rescale = {"ElementToIntensityFunctionSlope": 0.5, "ElementToIntensityFunctionOffset": -1024}
    ct = read_ct(meta(tmp_path / "ct.mha", "LOCAL", content, **rescale))
    assert same(ct, SMALL) and "3D Slicer does not apply it" in ct.source["warnings"][0]


def test_a_metaimage_in_cm_is_in_mm(tmp_path):
    g = SMALL.geometry
    spacing, offset = (" ".join(str(v / 10) for v in values) for values in (g.spacing_xyz, g.origin_lps))
    path = meta(tmp_path / "ct.mha", "LOCAL", RAW, DistanceUnits="cm", ElementSpacing=spacing, Offset=offset)
    assert same(read_ct(path), SMALL)


def test_a_metaimage_labelled_as_mr_is_refused(tmp_path):
    path = meta(tmp_path / "ct.mha", "LOCAL", RAW, Modality="MET_MOD_MR")
    refused(NotACTError, r"labelled as MR, not as CT \(Modality\)", path)


# more than the header says


def test_voxels_beyond_those_that_the_header_says_are_said(tmp_path):
    nibabel.save(nibabel.Nifti1Image(SMALL.voxels_zyx.T, RAS @ SMALL.geometry.affine), tmp_path / "ct.nii")
    (tmp_path / "ct.nii").write_bytes((tmp_path / "ct.nii").read_bytes() + RAW[: len(RAW) // 4])
    for path in (tmp_path / "ct.nii", meta(tmp_path / "ct.mha", "LOCAL", RAW + RAW[: len(RAW) // 4])):
        ct = read_ct(path)
        assert same(ct, SMALL) and "says 20 slices and holds 5 more" in ct.source["warnings"][0]
        path.write_bytes(path.read_bytes()[: -len(RAW) // 4 + 100])  # less than a slice is padding
        assert read_ct(path).source["warnings"] == []
