"""What of a DICOM series is not read is said, in files and in millimetres of chest, and is an error when it is much."""

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.errors import UnreadableError
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import phantoms
from Testing.support.dicom_case import OTHER, SMALL, UID, refused, same
from Testing.unit.test_dicom_series import along_z, moved

PAGE = b"<html>503 Service Unavailable</html>" * 10


@pytest.mark.parametrize("content", [b"", PAGE], ids=["empty", "error page"])
@pytest.mark.parametrize("suffix", ["", ".dcm", ".IMA"])
def test_a_copy_that_broke_off_is_an_error_that_names_files_and_millimetres(tmp_path, content, suffix):
    paths = phantoms.write_dicom(SMALL, tmp_path, prefix="im", suffix=suffix)
    for path in paths[-8:]:
        path.write_bytes(content)
    refused(UnreadableError, r"8 file\(s\) .* about 24 mm of the chest .*--allow-partial", tmp_path)
    ct = read_ct(tmp_path, allow_partial=True)
    assert same(ct, along_z(SMALL, 0, 12))
    assert ct.source["not_read"] == {"files": 8, "mm": 24.0}
    assert "about 24 mm of the chest were not looked at" in ct.source["warnings"][0]


def test_a_single_broken_file_at_the_end_is_a_note(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    paths[-1].write_bytes(b"")
    ct = read_ct(tmp_path)
    assert same(ct, along_z(SMALL, 0, 19)) and ct.source["not_read"] == {"files": 1, "mm": 3.0}


def test_what_else_lies_on_a_cd_is_no_part_of_the_chest(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path)
    (tmp_path / "README.txt").write_text("Viewer: start.exe")
    (tmp_path / "start.exe").write_bytes(b"MZ" * 100)
    ct = read_ct(tmp_path)
    assert ct.source["warnings"] == [] and ct.source["not_read"] == {"files": 0, "mm": 0.0}


def test_slices_of_another_size_beyond_the_stack_count_in_millimetres(tmp_path):
    phantoms.write_dicom(along_z(SMALL, 0, 12), tmp_path / "a", prefix="a")
    narrow = along_z(SMALL, 12, 20)
    narrow = phantoms.CT(narrow.voxels_zyx[:, :, :-2].copy(), narrow.geometry.crop(
        phantoms.Box((0, 0, 0), (8, *narrow.voxels_zyx[:, :, :-2].shape[1:]))
    ))  # fmt: skip
    phantoms.write_dicom(narrow, tmp_path / "b", prefix="b", seed=2)
    for path in (tmp_path / "b").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{dataset.SOPInstanceUID}.9"
        dataset.save_as(path)
    refused(UnreadableError, r"8 slice\(s\) are of another size.* about 24 mm", tmp_path)
    assert same(read_ct(tmp_path, allow_partial=True), along_z(SMALL, 0, 12))


# what belongs apart is not zipped


@pytest.mark.parametrize("shift_mm", [0.0, 1.0, 1.5, 6.0])
@pytest.mark.parametrize("tag", ["AcquisitionNumber", "TemporalPositionIdentifier"])
def test_two_breath_holds_in_one_series_are_two_volumes_whatever_their_distance(tmp_path, shift_mm, tag):
    phantoms.write_dicom(SMALL, tmp_path, prefix="a", **{tag: 1})
    paths = phantoms.write_dicom(moved(OTHER, z=shift_mm), tmp_path, prefix="b", **{tag: 2})
    for path in paths:
        _renamed(path)
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and ct.source["series_uid"].endswith("#1")
    assert any("2 volumes" in warning for warning in ct.source["warnings"])
    assert same(read_ct(tmp_path, f"{UID}.1#2"), moved(OTHER, z=shift_mm))


@pytest.mark.parametrize("tag", ["PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "ConvolutionKernel"])
def test_what_belongs_to_another_patient_study_frame_or_kernel_is_another_volume(tmp_path, tag):
    phantoms.write_dicom(SMALL, tmp_path, prefix="a", **{tag: f"{UID}.7"})
    for path in phantoms.write_dicom(moved(OTHER, z=1.5), tmp_path, prefix="b", **{tag: f"{UID}.8"}):
        _renamed(path)
    ct = read_ct(tmp_path)
    assert same(ct, SMALL)
    assert "2 volumes (acquisitions, phases, patients, kernels or pixel sizes)" in " ".join(ct.source["warnings"])
    assert f"{UID}.7" not in " ".join(ct.source["warnings"])  # no name of a patient


def test_a_step_and_shoot_scan_with_a_number_for_each_rotation_is_one_volume(tmp_path):
    for n, start in enumerate(range(0, 20, 4)):
        part = along_z(SMALL, start, start + 4)
        for path in phantoms.write_dicom(part, tmp_path, prefix=f"{n}_", AcquisitionNumber=n + 1):
            _renamed(path, n)
    assert same(read_ct(tmp_path), SMALL)


# rescale


def test_a_slice_that_lost_its_rescale_takes_that_of_the_others(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    _without_rescale(paths[7])
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.voxels_zyx, SMALL.voxels_zyx)
    assert "1 slice(s) of" in ct.source["warnings"][0] and "that of the others was used" in ct.source["warnings"][0]


def test_a_slice_that_lost_its_intercept_alone_takes_that_of_the_others(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    _without_rescale(paths[7], "RescaleIntercept")
    assert np.array_equal(read_ct(tmp_path).voxels_zyx, SMALL.voxels_zyx)


def test_a_lost_rescale_among_several_is_refused(tmp_path):
    paths = phantoms.write_dicom(SMALL, tmp_path, rescale=((1, -1024), (1, 0)))
    _without_rescale(paths[7])
    refused(UnreadableError, "1 slice.s. of .* have no rescale and the others have several", tmp_path)


def _renamed(path, n=0):
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{dataset.SOPInstanceUID}.{n + 2}"
    dataset.save_as(path)


def _without_rescale(path, *keywords):
    dataset = pydicom.dcmread(path)
    for keyword in keywords or ("RescaleSlope", "RescaleIntercept"):
        delattr(dataset, keyword)
    dataset.save_as(path)
