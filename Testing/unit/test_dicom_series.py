"""DICOM folders and files as they come: sorted, rescaled, chosen, straightened, or refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import GeometryError, UnreadableError
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.readers import dicom_series
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import phantoms
from Testing.support.dicom_case import OTHER, SMALL, UID, refused, same


def along_z(ct, start, stop):
    """Some slices of a CT."""
    box = Box((start, 0, 0), (stop, *ct.geometry.shape_zyx[1:]))
    return replace(ct, voxels_zyx=ct.voxels_zyx[box.slices], geometry=ct.geometry.crop(box))


def moved(ct, x=0.0, y=0.0, z=0.0):
    return replace(ct, geometry=replace(ct.geometry, origin_lps=tuple(np.add(ct.geometry.origin_lps, (x, y, z)))))


def nodule_centre(ct):
    """Centre of the bright voxels within 14 mm of where the nodule was put."""
    index = np.indices(ct.voxels_zyx.shape).reshape(3, -1).T
    points = ct.geometry.lps(index)
    near = np.linalg.norm(points - phantoms.NODULE[0], axis=1) < 14
    weight = np.clip(ct.voxels_zyx.reshape(-1)[near] + 500.0, 0, None)
    return (points[near] * weight[:, None]).sum(0) / weight.sum()


# reading


def test_slices_are_sorted_by_position_not_by_name_or_number(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path)
    assert same(read_ct(tmp_path), SMALL)


def test_geometry_and_voxels_are_those_of_simpleitk(tmp_path):
    paths = phantoms.write_dicom(phantoms.oblique(SMALL, 12), tmp_path)
    image = sitk.ReadImage([str(p) for p in paths])
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.voxels_zyx, sitk.GetArrayFromImage(image))
    assert np.allclose(ct.geometry.origin_lps, image.GetOrigin())
    assert np.allclose(ct.geometry.spacing_xyz, image.GetSpacing())
    assert np.allclose(ct.geometry.direction, image.GetDirection())


def test_every_axis_order_and_flip_lies_where_it_was(tmp_path):
    coarse, _ = phantoms.chest((9, 7, 6), (90, 84, 60), centre_lps=(-100, 10, 20))
    for i, order in enumerate(phantoms.ORDERS):
        stored = phantoms.reorient(coarse, *order)
        phantoms.write_dicom(stored, tmp_path / str(i))
        ct = read_ct(tmp_path / str(i))
        # DICOM always stacks along row x column, so that a mirrored stack comes out the other way round
        assert np.array_equal(
            ct.geometry.axial_order().view(ct.voxels_zyx), stored.geometry.axial_order().view(stored.voxels_zyx)
        )
        assert np.allclose(ct.geometry.axial().affine, stored.geometry.axial().affine)


def test_one_file_stands_for_its_series(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    phantoms.write_dicom(OTHER, tmp_path, series=f"{UID}.7", prefix="other")
    assert same(read_ct(paths[3]), SMALL)


def test_files_without_extension_in_subfolders_beside_other_files_are_found(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "PAT0" / "SER 1", prefix="IM", suffix="")
    (tmp_path / "readme.txt").write_text("not DICOM " * 50)
    (tmp_path / ".DS_Store").write_bytes(b"\0" * 200)
    assert same(read_ct(tmp_path), SMALL)


def test_old_files_without_the_dicm_mark_are_read(tmp_path):
    for path in phantoms.write_dicom(SMALL, tmp_path, suffix=""):
        content = path.read_bytes()
        path.write_bytes(content[132:])
    assert same(read_ct(tmp_path), SMALL)


def test_the_rescale_of_each_slice_is_its_own(tmp_path):
    even = replace(SMALL, voxels_zyx=SMALL.voxels_zyx // 2 * 2)
    phantoms.write_dicom(even, tmp_path, rescale=((1, -1024), (2, 0), (2, -100)))
    ct = read_ct(tmp_path)
    assert ct.voxels_zyx.dtype == np.int16
    assert np.array_equal(ct.voxels_zyx, even.voxels_zyx)
    assert ct.source["rescale_slope"] == [1, 2]
    assert ct.source["rescale_intercept"] == [-1024, 0]


def test_a_rescale_with_fractions_gives_fractions(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, rescale=((0.5, -1000.25),))
    ct = read_ct(tmp_path)
    assert ct.voxels_zyx.dtype == np.float32
    assert np.abs(ct.voxels_zyx - SMALL.voxels_zyx).max() <= 0.25


def test_values_beyond_16_bit_integers_are_not_clipped(tmp_path):
    voxels = SMALL.voxels_zyx.astype(np.int32)
    voxels[7, 3, 3] = 40_000
    phantoms.write_dicom(replace(SMALL, voxels_zyx=voxels), tmp_path, rescale=((1, 10_000),))
    ct = read_ct(tmp_path)
    assert ct.voxels_zyx.dtype == np.float32
    assert np.array_equal(ct.voxels_zyx, voxels)


def test_lossless_jpeg_is_read(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, compressed=True)
    assert same(read_ct(tmp_path), SMALL)


def test_the_source_tells_what_was_read_in_json_without_the_patient(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, ConvolutionKernel=["B30f", "3"])
    source = read_ct(tmp_path).source
    assert source["series_uid"] == f"{UID}.1"
    assert source["modality"] == "CT"
    assert "phantom" not in json.dumps(source).lower().replace(str(tmp_path).lower(), "")


# multi-frame


@pytest.mark.parametrize("rescale", [(1, -1024), (2, -1000)])
def test_an_enhanced_file_is_read_in_the_order_of_its_positions(tmp_path, rescale):
    even = replace(SMALL, voxels_zyx=SMALL.voxels_zyx // 2 * 2)
    order = np.random.default_rng(0).permutation(len(SMALL.voxels_zyx)).tolist()
    path = phantoms.write_enhanced_dicom(phantoms.oblique(even, 9), tmp_path / "ct", order, rescale=rescale)
    assert same(read_ct(path), phantoms.oblique(even, 9))


def test_a_truncated_enhanced_file_is_refused(tmp_path):
    path = phantoms.write_enhanced_dicom(SMALL, tmp_path / "ct.dcm")
    path.write_bytes(path.read_bytes()[:-5000])
    refused(UnreadableError, "cut off", tmp_path)


def test_a_missing_frame_is_refused(tmp_path):
    phantoms.write_enhanced_dicom(SMALL, tmp_path / "ct.dcm", [k for k in range(20) if k != 8])
    refused(GeometryError, "1 slice.*missing", tmp_path)


# several series


def test_the_best_chest_ct_is_picked_by_the_rule(tmp_path):
    thick = along_z(replace(SMALL, geometry=replace(SMALL.geometry, spacing_xyz=(3, 3.5, 5))), 0, 12)
    half = along_z(SMALL, 0, 9)
    worse_to_best = [
        (half, "Thorax top"),
        (SMALL, "Thorax MIP"),
        (phantoms.reorient(SMALL, (1, 0, 2), (False, False, False)), "Thorax coronal"),
        (SMALL, "Abdomen"),
        (SMALL, "Recon 2"),
        (thick, "Thorax 5.0"),
        (SMALL, "Lung 3.0"),
    ]
    for i, (ct, description) in enumerate(worse_to_best):
        phantoms.write_dicom(ct, tmp_path, series=f"{UID}.{i}", prefix=f"{i}_", SeriesDescription=description)
        found = dicom_series.list_series(tmp_path)
        assert [s.name for s in found] == [d for _, d in reversed(worse_to_best[: i + 1])]
    ct = read_ct(tmp_path)
    assert ct.name == "Lung 3.0"
    assert len(ct.source["other_series"]) == 6
    assert "7 series were found" in ct.source["warnings"][0]


def test_a_series_is_chosen_by_its_uid_or_a_part_of_it(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, series=f"{UID}.55")
    phantoms.write_dicom(OTHER, tmp_path, series=f"{UID}.66", prefix="b")
    assert same(read_ct(tmp_path, series=f"{UID}.66"), OTHER)
    assert same(read_ct(tmp_path, series=".55"), SMALL)


def test_a_uid_that_begins_another_one_is_not_ambiguous(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, series=f"{UID}.5")
    phantoms.write_dicom(OTHER, tmp_path, series=f"{UID}.55", prefix="b")
    assert same(read_ct(tmp_path, series=f"{UID}.5"), SMALL)


def test_an_ambiguous_part_of_a_uid_is_refused_with_the_list_and_the_rule(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, series=f"{UID}.55")
    phantoms.write_dicom(OTHER, tmp_path, series=f"{UID}.66", prefix="b")
    refused(UnreadableError, rf"More than one.*{UID}\.55.*{UID}\.66.*thinnest", tmp_path, series="498")


def test_an_unknown_series_is_refused_with_the_list(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path)
    refused(UnreadableError, rf"No series.*{UID}\.1", tmp_path, series="9.9.9")


def test_a_localizer_series_is_never_picked(tmp_path):
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesDescription": "Thorax topogram"}
    phantoms.write_dicom(OTHER, tmp_path, series=f"{UID}.0", prefix="scout", **scout)
    phantoms.write_dicom(SMALL, tmp_path, SeriesDescription="")
    assert same(read_ct(tmp_path), SMALL)


def test_localizers_in_the_series_are_left_out(tmp_path):
    scout = phantoms.reorient(SMALL, (1, 0, 2), (False, False, False))
    phantoms.write_dicom(scout, tmp_path, [3], prefix="scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    phantoms.write_dicom(SMALL, tmp_path)
    ct = read_ct(tmp_path)
    assert same(ct, SMALL)
    assert "1 localizer" in ct.source["warnings"][0]


def test_an_unmarked_scout_in_another_direction_is_left_out(tmp_path):
    phantoms.write_dicom(phantoms.reorient(SMALL, (1, 0, 2), (False, False, False)), tmp_path, [3], prefix="scout")
    phantoms.write_dicom(SMALL, tmp_path)
    assert same(read_ct(tmp_path), SMALL)


# slices that are there twice, or not at all


def test_a_file_that_was_copied_twice_is_used_once(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    shutil.copy(paths[4], tmp_path / "copy of a slice")
    ct = read_ct(tmp_path)
    assert same(ct, SMALL)
    assert "twice" in ct.source["warnings"][0]


def test_a_slice_stored_twice_under_two_uids_is_used_once(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, [*range(20), 7])
    assert same(read_ct(tmp_path), SMALL)


def test_of_two_phases_the_first_is_read_and_the_other_can_be_chosen(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, AcquisitionNumber=1)
    for path in phantoms.write_dicom(OTHER, tmp_path, prefix="b", AcquisitionNumber=2):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID += ".2"
        dataset.save_as(path)
    ct = read_ct(tmp_path)
    assert same(ct, SMALL)
    assert "2 volumes" in ct.source["warnings"][0]
    assert same(read_ct(tmp_path, series="#2"), OTHER)


def two_images_a_position(tmp_path, **tags):
    phantoms.write_dicom(SMALL, tmp_path)
    for path in phantoms.write_dicom(OTHER, tmp_path, prefix="b", **tags):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID += ".2"
        dataset.save_as(path)


def test_two_phases_that_no_tag_tells_apart_are_refused(tmp_path):
    two_images_a_position(tmp_path)
    refused(GeometryError, "two different slices at one position", tmp_path)


@pytest.mark.parametrize("lost", [[9], [9, 10], [1], [18]])
def test_missing_slices_are_refused_and_counted(tmp_path, lost):
    phantoms.write_dicom(SMALL, tmp_path, [k for k in range(20) if k not in lost])
    refused(GeometryError, rf"gap.*{len(lost)} slice\(s\) are missing", tmp_path)


def test_two_slices_are_refused(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, [4, 5])
    refused(GeometryError, "only 2 slice", tmp_path)


def test_a_single_file_alone_is_refused(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path, [4])
    refused(GeometryError, "only 1 slice", paths[0])


# spacing and tilt


def test_positions_rounded_to_one_decimal_are_even(tmp_path):
    thin, _ = phantoms.chest((3, 3, 0.625), (90, 72, 40), centre_lps=(-100, 10, 20))
    for path in phantoms.write_dicom(thin, tmp_path):
        dataset = pydicom.dcmread(path)
        dataset.ImagePositionPatient = [f"{float(v):.1f}" for v in dataset.ImagePositionPatient]
        dataset.save_as(path)
    ct = read_ct(tmp_path)
    assert ct.source["warnings"] == []
    assert ct.geometry.spacing_xyz[2] == pytest.approx(0.625, abs=0.003)
    assert np.array_equal(ct.voxels_zyx, thin.voxels_zyx)


def test_a_change_of_the_slice_spacing_is_interpolated_and_told(tmp_path):
    chest, _ = phantoms.chest((3, 3, 1.5), (90, 72, 60), centre_lps=(-100, 10, 20), noise=0)
    kept = [*range(0, 20, 2), *range(20, 40)]
    phantoms.write_dicom(chest, tmp_path, kept)
    ct = read_ct(tmp_path)
    assert ct.geometry.spacing_xyz[2] == 1.5
    assert ct.geometry.shape_zyx == chest.geometry.shape_zyx
    assert np.array_equal(ct.voxels_zyx[kept], chest.voxels_zyx[kept])
    between = (chest.voxels_zyx[4].astype(float) + chest.voxels_zyx[6]) / 2
    assert np.abs(ct.voxels_zyx[5] - between).max() <= 0.5
    assert "unevenly spaced (1.50 to 3.00 mm)" in ct.source["warnings"][0]


def test_a_spacing_that_varies_too_much_is_refused(tmp_path):
    chest, _ = phantoms.chest((3, 3, 1), (90, 72, 60), centre_lps=(-100, 10, 20))
    phantoms.write_dicom(chest, tmp_path, [*range(0, 40, 8), *range(40, 60)])
    refused(GeometryError, "too unevenly spaced", tmp_path)


@pytest.mark.parametrize("degrees", [-20, 8, 25])
def test_a_tilted_gantry_is_straightened(tmp_path, degrees):
    whole, _ = phantoms.chest((3, 3, 2.5), lesions=[phantoms.NODULE], noise=0)
    phantoms.write_dicom(phantoms.tilted(whole, degrees), tmp_path)
    ct = read_ct(tmp_path)
    assert f"tilted by {abs(degrees)}.0 degrees" in ct.source["warnings"][0]
    cosines = np.reshape(ct.geometry.direction, (3, 3))
    assert np.allclose(cosines.T @ cosines, np.eye(3), atol=1e-6)
    assert np.abs(nodule_centre(ct) - nodule_centre(whole)).max() < 0.5


def test_no_slice_loses_its_edge_when_a_tilt_is_straightened(tmp_path):
    bright = np.zeros((20, 24, 30), np.int16)
    bright[:, 8:16] = -900
    bright[:, [0, -1]] = 1000
    tilt = phantoms.tilted(SMALL, 20)
    phantoms.write_dicom(replace(tilt, voxels_zyx=bright), tmp_path)
    straight = read_ct(tmp_path).voxels_zyx
    edges = np.clip(straight, 0, None).astype(float).sum((1, 2))
    assert np.abs(edges - 2 * 1000 * 30).max() < 0.02 * 60000


def test_slices_shifted_against_each_other_are_refused(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, range(10))
    phantoms.write_dicom(moved(SMALL, x=12), tmp_path, range(10, 20), prefix="b")
    refused(GeometryError, "shifted sideways", tmp_path)


def test_a_grid_of_one_step_is_kept_to_the_micrometre(tmp_path):
    geometry = Geometry((20, 24, 30), (0.703125, 0.703125, 1.25), (-170.3, -151.2, -300.123), SMALL.geometry.direction)
    phantoms.write_dicom(replace(SMALL, geometry=geometry), tmp_path)
    assert read_ct(tmp_path).geometry == geometry


# what names the patient


@pytest.mark.parametrize(
    ("described", "kept"),
    [
        ("Thorax DOE axial", ""),
        ("Thorax_Doe_axial", ""),
        ("Thorax does", "Thorax does"),  # three letters within a word name nobody
        ("thorax 4711-a", ""),
        ("born 19500102", ""),
        ("Thorax 1.0 B30f", "Thorax 1.0 B30f"),
        ("xxWashingtonxx", ""),
        ("胸部王小明", ""),
    ],
)
def test_a_description_that_names_the_patient_is_not_taken_over(tmp_path, described, kept):
    patient = {"PatientName": "Doe^Washington=王^小明", "PatientID": "4711-A", "PatientBirthDate": "19500102"}
    phantoms.write_dicom(SMALL, tmp_path, SpecificCharacterSet="ISO_IR 192", SeriesDescription=described, **patient)
    ct = read_ct(tmp_path)
    assert ct.source["description"] == kept and ct.name == (kept or "Series 1")


def test_the_chest_is_still_chosen_by_such_a_description(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "a", series=f"{UID}.5", PatientName="Mip", SeriesDescription="Mip axial")
    phantoms.write_dicom(SMALL, tmp_path / "b", series=f"{UID}.6", PatientName="Mip", SeriesDescription="plain")
    assert read_ct(tmp_path).source["series_uid"] == f"{UID}.6"
