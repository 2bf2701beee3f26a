"""What of a DICOM series is not read is said, in files and in millimetres of chest, and is an error when it is much."""

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.errors import GeometryError, UnreadableError
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


DAMAGE = {
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "cut off in the header": lambda content: content[:400],
    "only the mark": lambda content: content[:132],
    "cut off in the pixels": lambda content: content[:-700],
    "header alone": lambda content: content[: -SMALL.voxels_zyx[0].nbytes],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_a_broken_slice_inside_is_an_error_unless_it_is_allowed(tmp_path, damage, compressed):
    paths = phantoms.write_dicom(SMALL, tmp_path, compressed=compressed)
    paths[9].write_bytes(DAMAGE[damage](paths[9].read_bytes()))
    refused(UnreadableError, r"1 file\(s\) .* 3 mm of the chest .* inside.*--allow-partial", tmp_path)
    ct = read_ct(tmp_path, allow_partial=True)
    rest = [k for k in range(20) if k != 9]
    assert np.array_equal(ct.voxels_zyx[rest], SMALL.voxels_zyx[rest]) and (ct.voxels_zyx[9] == -1024).all()
    assert ct.source["not_read"] == {"files": 1, "mm": 3.0}
    assert any("1 file(s)" in w and "3 mm" in w for w in ct.source["warnings"])


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(("broken", "error"), [(1, False), (5, True)])
def test_broken_slices_at_the_end_are_a_note_up_to_a_tenth(tmp_path, damage, broken, error):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    for path in paths[20 - broken :]:
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    if error:
        refused(UnreadableError, r"5 file\(s\).* 15 mm of the chest", tmp_path)
    ct = read_ct(tmp_path, allow_partial=error)
    assert same(ct, along_z(SMALL, 0, 20 - broken))
    assert ct.source["not_read"] == {"files": broken, "mm": 3.0 * broken}


def test_every_second_slice_broken_is_an_error(tmp_path):
    for path in phantoms.write_dicom(SMALL, tmp_path)[1::2]:
        path.write_bytes(b"")
    refused(UnreadableError, r"10 file\(s\)", tmp_path)


@pytest.mark.parametrize("lost", [[4], [4, 6], [3, 9, 15], [7, 8]])
def test_missing_slices_are_read_as_air_where_that_is_allowed(tmp_path, lost):
    rest = [k for k in range(20) if k not in lost]
    phantoms.write_dicom(SMALL, tmp_path, rest)
    refused(GeometryError, "gap.*--allow-partial", tmp_path)
    ct = read_ct(tmp_path, allow_partial=True)
    assert np.array_equal(ct.voxels_zyx[rest], SMALL.voxels_zyx[rest]) and (ct.voxels_zyx[lost] == -1024).all()
    assert ct.source["not_read"]["mm"] == pytest.approx(3.0 * len(lost))
    assert f"{3 * len(lost)} mm are missing inside" in ct.source["warnings"][0]


@pytest.mark.parametrize("suffix", [".part", ".crdownload", ".tmp"])
def test_downloads_that_did_not_end_count(tmp_path, suffix):
    for path in phantoms.write_dicom(SMALL, tmp_path, prefix="im")[-6:]:
        path.unlink()
        path.with_name(path.name + suffix).write_bytes(b"\0" * 900)
    refused(UnreadableError, r"6 file\(s\)", tmp_path)


def test_files_named_by_hashes_and_in_folders_of_their_own_count(tmp_path):
    for k, path in enumerate(phantoms.write_dicom(SMALL, tmp_path / "all")):
        folder = tmp_path / f"I{k}"
        folder.mkdir()
        path.rename(folder / f"{k * 0x123456789ABCDEF1:020x}")
        if k > 12:
            next(folder.iterdir()).write_bytes(PAGE)
    refused(UnreadableError, r"7 file\(s\)", tmp_path)


def test_a_damaged_header_of_another_series_does_not_matter(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "a")
    for folder in (tmp_path / "a", tmp_path / "b"):
        path = phantoms.write_dicom(SMALL, folder, [5], prefix="other", series=f"{UID}.9")[0]
        content = path.read_bytes()
        path.write_bytes(content[: content.rindex(f"{UID}.9".encode()) + 60])
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and ct.source["not_read"]["files"] == 0


def test_notes_and_previews_beside_each_slice_are_no_slices(tmp_path):
    for path in phantoms.write_dicom(SMALL, tmp_path, suffix=""):
        path.with_name(f"{path.name}.json").write_text("{}")
        path.with_name(f"{path.name}.png").write_bytes(b"\x89PNG" + bytes(200))
    (tmp_path / "empty.txt").touch()
    assert read_ct(tmp_path).source["not_read"] == {"files": 0, "mm": 0.0}


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
