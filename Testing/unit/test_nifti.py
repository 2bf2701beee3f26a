"""Reading NIfTI: both versions, both ways to keep the voxels, and what its header can say wrongly."""

import gzip
import struct
from dataclasses import replace
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import NotACTError, UnreadableError
from LungTumorSegLib.readers import nifti
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import phantoms
from Testing.support.nifti_case import RAS, SMALL, is_same, refused_geometry, save

NIFTI_2 = [(nibabel.Nifti2Image, ".nii"), (nibabel.Nifti2Image, ".nii.gz"), (nibabel.Nifti2Pair, ".img")]
PAIRS = [(nibabel.Nifti1Pair, ".hdr"), (nibabel.Nifti1Pair, ".img"), (nibabel.Nifti2Pair, ".hdr")]


@pytest.mark.parametrize(("kind", "ending"), NIFTI_2)
def test_nifti_2_is_read_in_every_axis_order(tmp_path, kind, ending):
    for order in phantoms.ORDERS:
        stored = phantoms.reorient(SMALL, *order)
        assert is_same(read_ct(save(tmp_path / f"ct{ending}", stored, kind)), stored)


@pytest.mark.parametrize(("kind", "ending"), PAIRS)
def test_a_pair_is_read_by_either_of_its_files(tmp_path, kind, ending):
    assert is_same(read_ct(save(tmp_path / f"ct{ending}", kind=kind)))


def test_a_pair_without_its_voxels_is_refused_and_the_missing_file_named(tmp_path):
    path = save(tmp_path / "ct.hdr", kind=nibabel.Nifti1Pair)
    (tmp_path / "ct.img").unlink()
    with pytest.raises(UnreadableError, match=r"ct\.img is missing"):
        read_ct(path)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_header_of_the_other_byte_order_is_read(tmp_path, kind):
    image = kind(SMALL.voxels_zyx.T, RAS @ SMALL.geometry.affine)
    nibabel.save(kind(image.dataobj, image.affine, image.header.as_byteswapped(">")), tmp_path / "ct.nii")
    assert is_same(read_ct(tmp_path / "ct.nii"))


def test_what_is_zipped_is_read_whatever_its_name(tmp_path):
    path = save(tmp_path / "ct.nii")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert is_same(read_ct(path))


def test_a_fourth_axis_of_one_is_left_out(tmp_path):
    image = nibabel.Nifti1Image(SMALL.voxels_zyx.T[..., None], RAS @ SMALL.geometry.affine)
    nibabel.save(image, tmp_path / "ct.nii")
    assert is_same(read_ct(tmp_path / "ct.nii"))


def test_several_volumes_in_one_file_are_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.stack([SMALL.voxels_zyx.T] * 2, -1), np.eye(4)), tmp_path / "ct.nii")
    refused_geometry(tmp_path / "ct.nii", "4 dimensions")


@pytest.mark.parametrize(("dtype", "values"), [("complex64", 2), ([("R", "u1"), ("G", "u1"), ("B", "u1")], 3)])
def test_several_values_in_a_voxel_are_refused(tmp_path, dtype, values):
    voxels = np.zeros(SMALL.voxels_zyx.T.shape, dtype)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "ct.nii")
    refused_geometry(tmp_path / "ct.nii", f"{values} values per voxel")


def test_voxels_without_a_number_stay_without_one_and_are_refused(tmp_path):
    voxels = SMALL.voxels_zyx.astype(np.float32)
    voxels[5, 6, 7] = np.nan
    with pytest.raises(NotACTError, match="without a number"):
        read_ct(save(tmp_path / "ct.nii", replace(SMALL, voxels_zyx=voxels)))


def test_an_8_bit_mask_is_told_by_its_type(tmp_path):
    mask = replace(SMALL, voxels_zyx=(SMALL.voxels_zyx > -500).astype(np.uint8))
    with pytest.raises(NotACTError, match="8-bit"):
        read_ct(save(tmp_path / "ct.nii", mask))


@pytest.mark.parametrize("field", [{"datatype": 999}, {"dim": [3, 30, -24, 20, 1, 1, 1, 1]}, {"vox_offset": np.nan}])
def test_a_header_that_makes_no_sense_is_refused(tmp_path, field):
    content = bytearray(save(tmp_path / "ct.nii").read_bytes())
    header = nibabel.Nifti1Header(bytes(content[:348]), check=False)
    for key, value in field.items():
        header[key] = value
    content[:348] = header.binaryblock
    (tmp_path / "ct.nii").write_bytes(content)
    with pytest.raises(UnreadableError, match="damaged"):
        read_ct(tmp_path / "ct.nii")


def test_a_file_in_metres_is_read_where_it_says_so(tmp_path):
    affine = np.diag([0.001, 0.001, 0.001, 1]) @ RAS @ SMALL.geometry.affine
    image = nibabel.Nifti1Image(SMALL.voxels_zyx.T, affine)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "ct.nii")
    assert is_same(read_ct(tmp_path / "ct.nii"))


def test_axes_askew_by_rounding_are_brought_to_right_angles(tmp_path):
    affine = RAS @ SMALL.geometry.affine
    affine[0, 2] += 3 * np.radians(0.03)
    nibabel.save(nibabel.Nifti1Image(SMALL.voxels_zyx.T, affine), tmp_path / "ct.nii")
    geometry = read_ct(tmp_path / "ct.nii").geometry
    directions = np.reshape(geometry.direction, (3, 3))
    np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-12)
    corners = [grid.lps((19, 23, 29)) for grid in (geometry, SMALL.geometry)]
    assert np.linalg.norm(corners[0] - corners[1]) < 0.05


TURN = np.array([[np.cos(0.3), -np.sin(0.3), 0, 0], [np.sin(0.3), np.cos(0.3), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("sform", [np.eye(4), TURN, np.diag([1, 1, -1, 1.0])], ids=["same", "turned", "mirrored"])
@pytest.mark.parametrize("moved_mm", [0, 0.00001, 50])
def test_of_two_positions_the_one_is_used_that_itk_uses(tmp_path, sform, moved_mm):
    path, affine = tmp_path / "ct.nii", RAS @ SMALL.geometry.affine
    other = sform @ affine
    other[0, 3] += moved_mm
    for sform_code, qform_code in product(range(5), range(5)):
        image = nibabel.Nifti1Image(SMALL.voxels_zyx.T, None)
        image.header.set_zooms((3, 3, 3))
        image.header.set_sform(other, sform_code)
        image.header.set_qform(affine if qform_code else None, qform_code)
        image.header["pixdim"][1:4] = 3
        nibabel.save(image, path)
        itk = sitk.ReadImage(str(path))
        geometry = nifti.read(path)[1]
        assert geometry.spacing_xyz == itk.GetSpacing()
        assert geometry.origin_lps == pytest.approx(itk.GetOrigin(), abs=1e-6)
        assert geometry.direction == pytest.approx(itk.GetDirection(), abs=1e-6)


def write_nifti(tmp_path, *edits) -> Path:
    """A NIfTI file in whose header numbers are replaced: (offset, struct format, values...)."""
    path = tmp_path / "ct.nii"
    sitk.WriteImage(phantoms.to_sitk(SMALL.voxels_zyx, SMALL.geometry), str(path))
    content = bytearray(path.read_bytes())
    for offset, form, *values in edits:
        struct.pack_into(form, content, offset, *values)
    path.write_bytes(content)
    return path


def test_the_rescale_of_a_nifti_is_applied(tmp_path):
    path = write_nifti(tmp_path, (112, "<2f", 1.5, -100.0))
    assert np.allclose(read_ct(path).voxels_zyx, SMALL.voxels_zyx * 1.5 - 100)


def test_a_nifti_with_two_positions_is_read_with_a_warning(tmp_path):
    path = write_nifti(tmp_path, (252, "<2h", 1, 2), (280, "<12f", -2, 0, 0, 10, 0, -2, 0, 20, 0, 0, 2, 30))
    assert "qform and sform" in read_ct(path).source["warnings"][0]


@pytest.mark.parametrize("spacing", [-3.0, 0.0, float("nan")])
@pytest.mark.parametrize("axis", [1, 3])
def test_a_nifti_with_a_bad_spacing_is_refused(tmp_path, axis, spacing):
    refused_geometry(write_nifti(tmp_path, (76 + 4 * axis, "<f", spacing)), "voxel size")


def test_a_nifti_with_slanted_axes_is_refused(tmp_path):
    slanted = (280, "<12f", -3, 1, 0, 10, 0, -3, 0, 20, 0, 0, 3, 30)
    refused_geometry(write_nifti(tmp_path, (252, "<2h", 1, 2), slanted), "right angles")


def test_a_nifti_with_slanted_axes_and_no_other_position_is_refused(tmp_path):
    slanted = (280, "<12f", -3, 1, 0, 10, 0, -3, 0, 20, 0, 0, 3, 30)
    refused_geometry(write_nifti(tmp_path, (252, "<2h", 0, 2), slanted), "right angles")


def test_a_nifti_that_contradicts_itself_is_refused(tmp_path):
    other = (280, "<12f", -2, 0, 0, 10, 0, -2, 0, 20, 0, 0, 2, 30)
    refused_geometry(write_nifti(tmp_path, (252, "<2h", 0, 2), other), "contradicts itself")


@pytest.mark.parametrize("unit", [1, 3])
def test_a_nifti_in_metres_or_micrometres_by_mistake_is_refused(tmp_path, unit):
    refused_geometry(write_nifti(tmp_path, (123, "b", unit)), "units")
