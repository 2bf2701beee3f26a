"""Slices of one series that belong apart are not zipped into one volume, and what belongs together is not torn."""

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.errors import GeometryError, InputError, UnreadableError
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import phantoms
from Testing.support.dicom_case import OTHER, SMALL, UID, refused, same
from Testing.unit.test_dicom_series import along_z, moved

BREATH = moved(OTHER, z=1.5)  # half a step further
SAME_NUMBER = {"AcquisitionNumber": 1}


def edit(paths, change):
    for k, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        change(dataset, k)
        dataset.save_as(path)


def renamed(paths, n=2):
    def change(dataset, k):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{dataset.SOPInstanceUID}.{n}"

    edit(paths, change)
    return paths


def two(folder, other, first, second, slices=None):
    """SMALL and another CT in one series, with tags of their own."""
    a = phantoms.write_dicom(SMALL, folder, prefix="a", **SAME_NUMBER | first)
    b = phantoms.write_dicom(other, folder, slices, prefix="b", **SAME_NUMBER | second)
    return a, renamed(b)


@pytest.mark.parametrize("shift_mm", [0.0, 1.4])
@pytest.mark.parametrize(
    ("tag", "values"),
    [
        ("IrradiationEventUID", (f"{UID}.5", f"{UID}.6")),
        ("NominalPercentageOfRespiratoryPhase", (0, 50)),
        ("TriggerTime", (120, 480)),
        ("ContrastBolusAgent", (None, "Iomeprol")),
        ("KVP", (80, 140)),
        ("SliceThickness", (3, 6)),
        ("ImageType", (["ORIGINAL", "PRIMARY", "AXIAL"], ["DERIVED", "SECONDARY", "MIP"])),
        ("PatientName", ("A^B", "C^D")),
        ("PatientBirthDate", ("19500101", "19600101")),
        ("PatientPosition", ("HFS", "HFP")),
        ("SeriesDescription", ("Thorax in", "Thorax ex")),
        ("AcquisitionTime", ("101500.5", "101630")),
        ("AcquisitionDateTime", ("20260101235950", "20260102000010")),
    ],
)
def test_whatever_tells_two_scans_of_a_region_apart_keeps_them_apart(tmp_path, tag, values, shift_mm):
    other = moved(OTHER, z=shift_mm)
    two(tmp_path, other, *({tag: value} if value is not None else {} for value in values))
    first, second = (read_ct(tmp_path, f"{UID}.1#{i}") for i in (1, 2))
    assert (same(first, SMALL) and same(second, other)) or (same(first, other) and same(second, SMALL))
    assert any("2 volumes" in warning for warning in first.source["warnings"])


@pytest.mark.parametrize("back", [False, True], ids=["same way", "back"])
@pytest.mark.parametrize("tag", ["InstanceNumber", "AcquisitionTime"])
def test_a_second_pass_over_the_region_is_a_volume_of_its_own(tmp_path, tag, back):
    first, second = two(tmp_path, moved(OTHER, z=1.2), {}, {})
    value = {"InstanceNumber": int, "AcquisitionTime": lambda n: f"1015{n / 2:05.2f}"}[tag]
    edit([*first, *(reversed(second) if back else second)], lambda d, k: setattr(d, tag, value(k + 1)))
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) or same(ct, moved(OTHER, z=1.2))


def test_two_scans_that_share_their_instance_uids_are_kept_apart(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, prefix="a", AcquisitionNumber=1)
    phantoms.write_dicom(OTHER, tmp_path, prefix="b", AcquisitionNumber=2)
    assert same(read_ct(tmp_path, "#1"), SMALL) and same(read_ct(tmp_path, "#2"), OTHER)


def test_different_slices_that_share_place_and_uid_are_no_copies(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, prefix="a")
    phantoms.write_dicom(OTHER, tmp_path, [7], prefix="b")
    edit([next(tmp_path.glob("b*"))], lambda d, k: setattr(d, "SOPInstanceUID", f"{UID}.1.8"))
    refused(GeometryError, "two different slices at one position", tmp_path)


@pytest.mark.parametrize("n", [2, 3])
def test_breaths_that_nothing_tells_apart_are_seen_in_the_voxels(tmp_path, n):
    for i in range(n):
        breath, _ = phantoms.chest((3, 3.5, 3), (90, 84, 60), centre_lps=(-100, 10 + 8 * i, 20 + 3 * i / n), seed=i)
        breath = moved(breath, y=-8 * i)
        renamed(phantoms.write_dicom(breath, tmp_path, prefix=f"{i}_", seed=i), i)
    refused(GeometryError, rf"{n} acquisitions \(breath-holds, phases", tmp_path)


def test_two_enhanced_files_of_one_series_are_two_volumes(tmp_path):
    series = f"{UID}.2"
    phantoms.write_enhanced_dicom(SMALL, tmp_path / "a.dcm", series=series)
    phantoms.write_enhanced_dicom(BREATH, tmp_path / "b.dcm", series=series)
    assert same(read_ct(tmp_path, "#1"), SMALL) and same(read_ct(tmp_path, "#2"), BREATH)


def test_a_few_slices_that_watch_for_the_contrast_medium_are_left_out(tmp_path):
    two(tmp_path, BREATH, {"AcquisitionNumber": 2}, {"AcquisitionNumber": 1}, slices=[9, 10])
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and "2 localizer(s) or picture(s)" in ct.source["warnings"][0]


def test_scans_that_overlap_at_their_ends_are_not_zipped_there(tmp_path):
    lower, upper = along_z(SMALL, 0, 12), moved(along_z(OTHER, 8, 20), z=1.5)
    phantoms.write_dicom(lower, tmp_path, prefix="a", AcquisitionNumber=1)
    renamed(phantoms.write_dicom(upper, tmp_path, prefix="b", AcquisitionNumber=2))
    refused(UnreadableError, r"8 slice\(s\).* about 24 mm", tmp_path)
    assert same(read_ct(tmp_path, allow_partial=True), lower)


@pytest.mark.parametrize("tag", ["PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "ConvolutionKernel"])
def test_half_a_chest_of_another_patient_or_kind_is_not_read_as_a_whole(tmp_path, tag):
    phantoms.write_dicom(along_z(SMALL, 0, 11), tmp_path, prefix="a", **{tag: "1.7"})
    renamed(phantoms.write_dicom(along_z(SMALL, 11, 20), tmp_path, prefix="b", **{tag: "1.8"}))
    refused(InputError, r"mm of the chest were not looked at", tmp_path)


def test_another_pixel_size_in_the_same_region_is_a_volume_of_its_own(tmp_path):
    wide, _ = phantoms.chest((3.3, 3.5, 3), (99, 84, 60), centre_lps=(-100, 10, 21))
    two(tmp_path, wide, {}, {})
    assert same(read_ct(tmp_path, "#1"), SMALL) and same(read_ct(tmp_path, "#2"), wide)


def test_another_direction_in_the_same_region_is_a_volume_of_its_own(tmp_path):
    turned = phantoms.oblique(moved(OTHER, z=1.5), 0.4, axis=(1, 0, 0))
    two(tmp_path, turned, {}, {})
    assert same(read_ct(tmp_path, "#1"), SMALL) and same(read_ct(tmp_path, "#2"), turned)


@pytest.mark.parametrize("lost", ["AcquisitionNumber", "KVP", "SliceThickness", "InstanceNumber"])
def test_a_slice_that_lost_a_mark_stays_in_its_volume(tmp_path, lost):
    paths = phantoms.write_dicom(SMALL, tmp_path, KVP=120)
    edit([paths[6]], lambda d, k: delattr(d, lost))
    assert same(read_ct(tmp_path), SMALL)


@pytest.mark.parametrize("tag", ["AcquisitionNumber", "KVP", "AcquisitionTime", "TriggerTime", "SeriesNumber"])
def test_marks_without_order_do_not_tear_a_volume(tmp_path, tag):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    values = np.random.default_rng(3).integers(1, 5, len(paths)).tolist()
    edit(paths, lambda d, k: setattr(d, tag, f"10150{values[k]}" if tag == "AcquisitionTime" else values[k]))
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and ct.source["warnings"] == []


@pytest.mark.parametrize("down", [False, True])
def test_rotations_that_each_take_four_slices_at_once_make_one_chest(tmp_path, down):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    times = [k // 4 for k in range(20)]
    edit(paths[::-1] if down else paths, lambda d, k: setattr(d, "AcquisitionTime", f"10150{times[k]}"))
    assert same(read_ct(tmp_path), SMALL)
