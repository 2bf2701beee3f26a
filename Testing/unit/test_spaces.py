"""Where the voxels of an NRRD or a MetaImage lie, whatever space its header names."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import GeometryError
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.readers.nrrd_header import lps_from

from Testing.support.dicom_case import SMALL, refused

SIGNS = list(itertools.product(("left", "right"), ("posterior", "anterior"), ("superior", "inferior")))
PLUS = {"left", "posterior", "superior"}


def write_nrrd(path, space, signs=(1, 1, 1), extra_axis=False, encoding="raw", order=(0, 1, 2)):
    """SMALL as an NRRD in a space whose axis ``a`` is LPS axis ``order[a]`` times ``signs[a]``."""
    g = SMALL.geometry

    def vector(values):
        numbers = [signs[a] * values[order[a]] for a in range(3)] + ([0] if extra_axis else [])
        return "(" + ",".join(f"{v:.17g}" for v in numbers) + ")"

    axes = [vector(axis) for axis in np.asarray(g.affine[:3, :3]).T]
    sizes = [str(n) for n in reversed(g.shape_zyx)] + (["1"] if extra_axis else [])
    header = [
        "NRRD0004", "type: short", f"dimension: {len(sizes)}", f"space: {space}", f"sizes: {' '.join(sizes)}",
        f"space directions: {' '.join(axes)}{' (0,0,0,1)' if extra_axis else ''}", "endian: little",
        f"encoding: {encoding}", f"space origin: {vector(g.origin_lps)}",
    ]  # fmt: skip
    path.write_bytes("\n".join([*header, "", ""]).encode() + SMALL.voxels_zyx.astype("<i2").tobytes())
    return path


def lies_where_it_was(path):
    ct = read_ct(path)
    np.testing.assert_allclose(ct.geometry.affine, SMALL.geometry.affine, atol=1e-9)
    assert np.array_equal(ct.voxels_zyx, SMALL.voxels_zyx)
    assert ct.source["warnings"] == []


@pytest.mark.parametrize("words", SIGNS, ids="-".join)
@pytest.mark.parametrize("short", [False, True], ids=["name", "letters"])
def test_each_space_by_name_and_by_letters(tmp_path, words, short):
    space = "".join(word[0] for word in words).upper() if short else "-".join(words)
    lies_where_it_was(write_nrrd(tmp_path / "ct.nrrd", space, [1 if word in PLUS else -1 for word in words]))


@pytest.mark.parametrize("between", [" ", "", "_"], ids=["blanks", "nothing", "underscores"])
@pytest.mark.parametrize("words", SIGNS, ids="-".join)
def test_the_words_of_a_space_can_be_joined_in_other_ways(tmp_path, words, between):
    space = between.join(words).title()
    lies_where_it_was(write_nrrd(tmp_path / "ct.nrrd", space, [1 if word in PLUS else -1 for word in words]))


@pytest.mark.parametrize("key", [b"space: ", b"space directions: ", b"space origin: "])
def test_the_keys_of_a_header_can_have_capitals(tmp_path, key):
    path = write_nrrd(tmp_path / "ct.nrrd", "left-anterior-superior", (1, -1, 1))
    path.write_bytes(path.read_bytes().replace(key, key.title(), 1))
    lies_where_it_was(path)


@pytest.mark.parametrize("space", ["left-anterior-superior-time", "left anterior superior time", "LAST"])
def test_a_time_axis_of_one_is_no_sequence(tmp_path, space):
    lies_where_it_was(write_nrrd(tmp_path / "ct.nrrd", space, (1, -1, 1), extra_axis=True))


def test_the_axes_of_a_space_can_come_in_any_order(tmp_path):
    path = write_nrrd(tmp_path / "ct.nrrd", "superior-left-anterior", (1, 1, -1), order=(2, 0, 1))
    lies_where_it_was(path)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "left-left-superior", "LP", "XYZ", "time", ""])
def test_a_space_that_names_no_sides_is_none(space):
    assert lps_from(space) is None


def write_metaimage(path, letters, axes=None):
    g = SMALL.geometry
    header = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False",
        "CompressedData = False", f"Offset = {' '.join(map(str, g.origin_lps))}",
        f"ElementSpacing = {' '.join(map(str, g.spacing_xyz))}", f"AnatomicalOrientation = {letters}",
        f"DimSize = {' '.join(str(n) for n in reversed(g.shape_zyx))}", "ElementType = MET_SHORT",
        "ElementDataFile = LOCAL",
    ]  # fmt: skip
    if axes is not None:
        header.insert(5, f"TransformMatrix = {' '.join(str(v) for v in np.ravel(axes))}")
    path.write_bytes(("\n".join(header) + "\n").encode() + SMALL.voxels_zyx.astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(("letters", "axes"), [("RAI", None), ("LPS", None), ("RAI", np.eye(3)), ("???", np.eye(3))])
def test_a_metaimage_along_lps_lies_where_it_was(tmp_path, letters, axes):
    lies_where_it_was(write_metaimage(tmp_path / "ct.mha", letters, axes))


def test_a_metaimage_that_says_no_sides_is_read_with_a_warning(tmp_path):
    ct = read_ct(write_metaimage(tmp_path / "ct.mha", "???"))
    assert "LPS is assumed" in ct.source["warnings"][0]


def test_a_metaimage_that_itk_writes_turned_lies_where_it_was(tmp_path):
    for i, (sx, sy) in enumerate(itertools.product((1, -1), repeat=2)):
        image = sitk.GetImageFromArray(SMALL.voxels_zyx)
        image.SetSpacing(SMALL.geometry.spacing_xyz)
        image.SetDirection((sx, 0, 0, 0, sy, 0, 0, 0, 1))
        sitk.WriteImage(image, tmp_path / f"{i}.mha")
        ct = read_ct(tmp_path / f"{i}.mha")
        assert ct.geometry.direction == image.GetDirection() and ct.source["warnings"] == []


def test_letters_without_a_matrix_are_refused_since_they_are_read_both_ways(tmp_path):
    refused(GeometryError, "LAS without a TransformMatrix", write_metaimage(tmp_path / "ct.mha", "LAS"))


def test_letters_that_contradict_the_matrix_are_said_and_the_matrix_counts(tmp_path):
    ct = read_ct(write_metaimage(tmp_path / "ct.mha", "LAS", np.eye(3)))
    np.testing.assert_allclose(ct.geometry.affine, SMALL.geometry.affine)
    assert "says two orientations (AnatomicalOrientation LAS, TransformMatrix RAI)" in ct.source["warnings"][0]
