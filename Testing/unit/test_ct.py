"""Reading NRRD, NIfTI and MetaImage, and telling a CT from anything else. Every bad input has its own test."""

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.checks import as_hu, check
from LungTumorSegLib.data import CT
from LungTumorSegLib.errors import GeometryError, NotACTError, UnreadableError
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import phantoms

SUFFIXES = [".nrrd", ".nii", ".nii.gz", ".mha", ".mhd"]
# a piece of the right lung with the nodule and the chest wall: 30 x 24 x 20 voxels
SMALL, _ = phantoms.chest((3, 3, 3), (90, 72, 60), centre_lps=(-100, 10, 20))


def same_grid(a: Geometry, b: Geometry) -> bool:
    return a.shape_zyx == b.shape_zyx and np.allclose(a.affine, b.affine, atol=1e-4)  # NIfTI holds 32-bit numbers


def with_values(voxels) -> CT:
    return CT(np.asarray(voxels), SMALL.geometry, "image")


# reading


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_axis_order_and_flip_keeps_voxels_and_geometry(tmp_path, suffix):
    for order in phantoms.ORDERS:
        stored = phantoms.reorient(SMALL, *order)
        ct = read_ct(phantoms.write_image(stored, tmp_path / f"ct{suffix}"))
        assert np.array_equal(ct.voxels_zyx, stored.voxels_zyx)
        assert same_grid(ct.geometry, stored.geometry)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_oblique_volume_keeps_its_directions(tmp_path, suffix):
    stored = phantoms.oblique(SMALL, 17)
    ct = read_ct(phantoms.write_image(stored, tmp_path / f"ct{suffix}"))
    assert same_grid(ct.geometry, stored.geometry)


def test_an_nrrd_in_ras_is_turned_into_lps(tmp_path):
    path = write_nrrd(tmp_path, {"space": "right-anterior-superior"})
    assert read_ct(path).geometry.origin_lps == pytest.approx(np.multiply(SMALL.geometry.origin_lps, (-1, -1, 1)))


def test_a_name_with_spaces_and_umlauts_is_read(tmp_path):
    folder = tmp_path / "Müller 肺"
    folder.mkdir()
    assert read_ct(phantoms.write_image(SMALL, folder / "Größe 1.nrrd")).name == "Größe 1"


@pytest.mark.parametrize("stored", [np.int16, np.int32, np.float32, np.float64])
def test_whole_numbers_are_read_as_16_bit_integers_whatever_they_are_stored_as(tmp_path, stored):
    ct = read_ct(phantoms.write_image(with_values(SMALL.voxels_zyx.astype(stored)), tmp_path / "ct.nrrd"))
    assert ct.voxels_zyx.dtype == np.int16
    assert np.array_equal(ct.voxels_zyx, SMALL.voxels_zyx)


@pytest.mark.parametrize(("stored", "value"), [(np.int32, 100_000), (np.float64, -32_769), (np.float64, 0.25)])
def test_one_value_that_16_bit_integers_do_not_hold_makes_all_of_them_32_bit_numbers(tmp_path, stored, value):
    voxels = SMALL.voxels_zyx.astype(stored)
    voxels[9, 0, 0] = value
    ct = read_ct(phantoms.write_image(with_values(voxels), tmp_path / "ct.nrrd"))
    assert ct.voxels_zyx.dtype == np.float32
    assert np.array_equal(ct.voxels_zyx, voxels)
    assert ct.source["warnings"] == []


@pytest.mark.parametrize("ends", [(-32_768, 32_767), (-32_769, 0), (0, 32_768)])
@pytest.mark.parametrize("stored", [np.int32, np.float32])
def test_the_ends_of_16_bit_integers_decide_on_the_type(stored, ends):
    values = as_hu(np.array([[ends]], stored))
    assert values.dtype == (np.int16 if ends == (-32_768, 32_767) else np.float32)
    assert values.ravel().tolist() == list(ends)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_is_no_finite_number_keeps_from_being_one(value):
    assert not np.isfinite(as_hu(np.array([[[value, -1000.0]]]))).all()


@pytest.mark.parametrize("stored", [np.int16, np.float32])
def test_voxels_that_have_their_type_are_not_copied(stored):
    voxels = (SMALL.voxels_zyx + 0.5).astype(stored)
    assert as_hu(voxels) is voxels


def test_a_file_without_orientation_is_read_with_a_warning(tmp_path):
    ct = read_ct(write_nrrd(tmp_path, {"spacings": "3 3 3"}, without=("space",)))
    assert "left and right" in ct.source["warnings"][0]


# files that can't be read


def test_a_missing_path_is_refused(tmp_path):
    with pytest.raises(UnreadableError, match="no file or folder"):
        read_ct(tmp_path / "nowhere.nrrd")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "ct.nrrd").touch()
    with pytest.raises(UnreadableError, match="damaged"):
        read_ct(tmp_path / "ct.nrrd")


def test_a_text_file_is_refused_with_the_kinds_that_can_be_read(tmp_path):
    (tmp_path / "notes.txt").write_text("no image " * 100)
    with pytest.raises(UnreadableError, match="DICOM folder, NRRD, NIfTI"):
        read_ct(tmp_path / "notes.txt")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = phantoms.write_image(SMALL, tmp_path / "ct.nrrd")
    path.chmod(0)
    with pytest.raises(UnreadableError, match="can't be opened"):
        read_ct(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused(tmp_path, suffix, compressed):
    path = tmp_path / f"ct{suffix}"
    sitk.WriteImage(phantoms.to_sitk(SMALL.voxels_zyx, SMALL.geometry), str(path), useCompression=compressed)
    data = next((f for f in tmp_path.iterdir() if f.suffix in (".raw", ".zraw")), path)
    data.write_bytes(data.read_bytes()[: data.stat().st_size * 2 // 3])
    with pytest.raises(UnreadableError, match="damaged or cut off"):
        read_ct(path)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha", ".mhd"])
def test_a_compressed_file_with_one_wrong_byte_is_refused(tmp_path, suffix):
    path = phantoms.write_image(SMALL, tmp_path / f"ct{suffix}")
    data = next((f for f in tmp_path.iterdir() if f.suffix == ".zraw"), path)
    content = bytearray(data.read_bytes())
    content[len(content) * 2 // 3] ^= 0xFF
    data.write_bytes(content)
    with pytest.raises(UnreadableError, match="damaged or cut off"):
        read_ct(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_with_only_the_start_of_a_header_is_refused(tmp_path, suffix):
    path = phantoms.write_image(SMALL, tmp_path / f"ct{suffix}")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UnreadableError):
        read_ct(path)


def test_a_metaimage_without_its_data_file_is_refused(tmp_path):
    path = phantoms.write_image(SMALL, tmp_path / "ct.mhd")
    (tmp_path / "ct.zraw").unlink()
    with pytest.raises(UnreadableError, match=r"ct\.zraw, with voxels of ct\.mhd, is missing"):
        read_ct(path)


# geometry


def write_nrrd(tmp_path, fields, without=()) -> Path:
    """A raw NRRD whose header fields are replaced or taken out ("space" takes the three space fields)."""
    path = tmp_path / "ct.nrrd"
    sitk.WriteImage(phantoms.to_sitk(SMALL.voxels_zyx, SMALL.geometry), str(path), useCompression=False)
    head, _, data = path.read_bytes().partition(b"\n\n")
    lines = {line.split(":")[0]: line for line in head.decode().split("\n")}
    lines.update({key: f"{key}: {value}" for key, value in fields.items()})
    kept = [line for key, line in lines.items() if not any(key.startswith(w) for w in without)]
    path.write_bytes("\n".join(kept).encode() + b"\n\n" + data)
    return path


def write_metaimage(tmp_path, **fields) -> Path:
    """A MetaImage whose header fields are replaced, or taken out (None)."""
    path = tmp_path / "ct.mhd"
    sitk.WriteImage(phantoms.to_sitk(SMALL.voxels_zyx, SMALL.geometry), str(path), useCompression=False)
    text = path.read_text()
    for key, value in fields.items():
        text = re.sub(f"{key} = .*\n", "" if value is None else f"{key} = {value}\n", text)
    path.write_text(text)
    return path


def refused_geometry(path, match):
    with pytest.raises(GeometryError, match=match):
        read_ct(path)


def test_a_2d_image_is_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(SMALL.voxels_zyx[0]), str(tmp_path / "ct.nrrd"))
    refused_geometry(tmp_path / "ct.nrrd", "2 dimensions")


def test_a_4d_image_is_refused(tmp_path):
    series = sitk.JoinSeries([sitk.GetImageFromArray(SMALL.voxels_zyx)] * 2)
    sitk.WriteImage(series, str(tmp_path / "ct.nrrd"))
    refused_geometry(tmp_path / "ct.nrrd", "4 dimensions")


def test_an_rgb_image_is_refused(tmp_path):
    colours = np.repeat(SMALL.voxels_zyx[..., None].clip(0, 255).astype(np.uint8), 3, axis=-1)
    sitk.WriteImage(sitk.GetImageFromArray(colours, isVector=True), str(tmp_path / "ct.nrrd"))
    refused_geometry(tmp_path / "ct.nrrd", "3 values per voxel")


def test_two_slices_are_refused(tmp_path):
    geometry = replace(SMALL.geometry, shape_zyx=(2, *SMALL.geometry.shape_zyx[1:]))
    refused_geometry(
        phantoms.write_image(replace(SMALL, voxels_zyx=SMALL.voxels_zyx[:2], geometry=geometry), tmp_path / "ct.nrrd"),
        "only 2 slice",
    )


def test_a_volume_thinner_than_16_mm_is_refused():
    thin, _ = phantoms.chest((3, 3, 1), (90, 72, 15), centre_lps=(-100, 10, 20))
    with pytest.raises(GeometryError, match="only 15 mm"):
        check(thin)


@pytest.mark.parametrize("spacings", ["3 -3 3", "3 0 3", "3 nan 3"])
def test_an_nrrd_with_a_bad_spacing_is_refused(tmp_path, spacings):
    refused_geometry(write_nrrd(tmp_path, {"spacings": spacings}, without=("space",)), "voxel size")


@pytest.mark.parametrize("last", ["(0,0,0)", "none"])
def test_an_nrrd_with_an_axis_without_length_is_refused(tmp_path, last):
    refused_geometry(write_nrrd(tmp_path, {"space directions": f"(3,0,0) (0,3,0) {last}"}), "voxel size")


def test_an_nrrd_without_spacing_is_refused(tmp_path):
    refused_geometry(write_nrrd(tmp_path, {}, without=("space",)), "how large its voxels are")


def test_an_nrrd_with_slanted_axes_is_refused_and_slicers_way_named(tmp_path):
    refused_geometry(write_nrrd(tmp_path, {"space directions": "(3,0,0) (0,3,0) (0,1,3)"}), "3D Slicer")


@pytest.mark.parametrize("spacing", ["-3 3 3", "3 3 0", "nan 3 3"])
def test_a_metaimage_with_a_bad_spacing_is_refused(tmp_path, spacing):
    refused_geometry(write_metaimage(tmp_path, ElementSpacing=spacing), "voxel size")


def test_a_metaimage_without_spacing_is_refused(tmp_path):
    refused_geometry(write_metaimage(tmp_path, ElementSpacing=None), "how large its voxels are")


def test_a_metaimage_with_slanted_axes_is_refused(tmp_path):
    refused_geometry(write_metaimage(tmp_path, TransformMatrix="1 0 0 0 1 0 0 0.5 1"), "right angles")


def test_voxels_of_another_shape_than_the_geometry_are_refused():
    with pytest.raises(GeometryError, match="single 3D volume"):
        check(with_values(SMALL.voxels_zyx[1:]))


# values


def refused_values(voxels, match, **source):
    with pytest.raises(NotACTError, match=match):
        check(replace(with_values(voxels), source=source))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_a_number_are_refused(value):
    voxels = SMALL.voxels_zyx.astype(np.float32)
    voxels[5, 6, 7] = value
    refused_values(voxels, "without a number")


def test_an_image_of_zeros_is_refused():
    refused_values(np.zeros_like(SMALL.voxels_zyx), r"same value \(0\)")


def test_a_constant_image_is_refused():
    refused_values(np.full_like(SMALL.voxels_zyx, -1000), r"same value \(-1000\)")


def test_values_like_those_of_mr_are_refused():
    rng = np.random.default_rng(0)
    refused_values(rng.gamma(2, 200, SMALL.voxels_zyx.shape).astype(np.int16), "not MR")


def test_an_8_bit_picture_is_refused(tmp_path):
    picture = ((SMALL.voxels_zyx.astype(float) + 1024) / 8).clip(0, 255).astype(np.uint8)
    refused_values(picture, "8-bit")
    with pytest.raises(NotACTError, match="8-bit"):
        read_ct(phantoms.write_image(with_values(picture), tmp_path / "ct.nrrd"))


def test_a_mask_is_refused():
    refused_values((SMALL.voxels_zyx > -500).astype(np.uint8), "mask")


def test_normalised_values_are_refused():
    refused_values((SMALL.voxels_zyx.astype(np.float32) + 1024) / 2048, "run from")


def test_a_soft_tissue_window_is_refused():
    refused_values(SMALL.voxels_zyx.clip(-160, 240), "no air or lung")


def test_a_ct_without_its_rescale_is_told_from_other_images():
    whole, _ = phantoms.chest()
    with pytest.raises(NotACTError, match="1024 too high"):
        check(replace(whole, voxels_zyx=whole.voxels_zyx + 1024))


def test_a_volume_labelled_as_mr_is_refused():
    refused_values(SMALL.voxels_zyx, "labelled as MR", modality="MR")


# what a real CT may be


@pytest.mark.parametrize("padding", [-2000, -3024])
def test_padding_outside_the_field_of_view_is_no_reason_to_refuse(padding):
    whole, _ = phantoms.chest()
    _, y, x = np.indices(whole.voxels_zyx.shape)
    circle = (y - 48) ** 2 + (x - 64) ** 2 < 45**2
    check(replace(whole, voxels_zyx=np.where(circle, whole.voxels_zyx, padding).astype(np.int16)))


def test_padding_alone_is_no_air():
    voxels = SMALL.voxels_zyx.clip(-100, None)
    voxels[:, :5] = -2000
    refused_values(voxels, "no air or lung")


@pytest.mark.parametrize("metal", [3071, 30000])
def test_metal_is_no_reason_to_refuse(metal):
    voxels = SMALL.voxels_zyx.copy()
    voxels[8:12, 8:12, 8:12] = metal
    check(with_values(voxels))


def test_contrast_medium_is_no_reason_to_refuse():
    whole, _ = phantoms.chest()
    voxels = np.where((whole.voxels_zyx > 0) & (whole.voxels_zyx < 100), 350, whole.voxels_zyx)
    check(replace(whole, voxels_zyx=voxels))


def test_a_crop_without_air_around_the_patient_is_a_ct():
    crop, _ = phantoms.chest((1, 1, 1), (70, 50, 50), centre_lps=(-110, 10, 20))
    check(crop)


def test_a_crop_of_16_mm_at_the_edge_of_a_tumour_is_a_ct():
    crop, _ = phantoms.chest((1, 1, 2), (16, 16, 16), centre_lps=(-80, 18, 21))
    check(crop)


@pytest.mark.parametrize("spacing", [(3, 3, 8), (0.8, 0.8, 0.5)])
def test_thick_and_thin_slices_are_a_ct(spacing):
    crop, _ = phantoms.chest(spacing, (60, 60, 40), centre_lps=(-100, 10, 20))
    check(crop)


def test_values_cut_to_a_lung_window_are_a_ct():
    check(with_values(SMALL.voxels_zyx.clip(-1000, 400)))
