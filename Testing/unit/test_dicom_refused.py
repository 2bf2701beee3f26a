"""DICOM files that are damaged, or no CT in Hounsfield units: refused with a sentence, or passed over."""

import pydicom
import pytest
from LungTumorSegLib.errors import GeometryError, NotACTError, UnreadableError
from LungTumorSegLib.readers.ct import read_ct
from pydicom.uid import MRImageStorage

from Testing.support import phantoms
from Testing.support.dicom_case import SMALL, UID, refused, same

# files that can't be read


def test_an_empty_folder_is_refused(tmp_path):
    refused(UnreadableError, "it is empty", tmp_path)


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no image " * 100)
    refused(UnreadableError, "none of its 1 files", tmp_path)


def test_a_truncated_file_is_refused_by_name(tmp_path):
    path = phantoms.write_dicom(SMALL, tmp_path)[5]
    path.write_bytes(path.read_bytes()[:-700])
    refused(UnreadableError, path.name, tmp_path)


def test_a_truncated_compressed_file_is_refused_by_name(tmp_path):
    path = phantoms.write_dicom(SMALL, tmp_path, compressed=True)[5]
    path.write_bytes(path.read_bytes()[:-700])
    refused(UnreadableError, path.name, tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.5])
def test_a_file_cut_off_within_its_header_is_refused(tmp_path, share):
    path = phantoms.write_dicom(SMALL, tmp_path)[5]
    content = path.read_bytes()
    header = len(content) - SMALL.voxels_zyx[0].nbytes
    path.write_bytes(content[: 132 + int((header - 132) * share)])
    with pytest.raises((UnreadableError, GeometryError), match="damaged"):  # the second where only the position is lost
        read_ct(tmp_path)


def test_a_damaged_file_that_is_no_ct_does_not_matter(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path)
    path = phantoms.write_dicom(SMALL, tmp_path, [3], prefix="mr", series=f"{UID}.3", Modality="MR")[0]
    content = pydicom.dcmread(path)
    content.file_meta.MediaStorageSOPClassUID = content.SOPClassUID = MRImageStorage
    content.save_as(path)
    path.write_bytes(path.read_bytes()[:600])
    assert same(read_ct(tmp_path), SMALL)


def test_a_series_number_with_letters_does_not_matter(tmp_path):
    for path in phantoms.write_dicom(SMALL, tmp_path, SeriesNumber=1111):
        path.write_bytes(path.read_bytes().replace(b"1111", b"111A"))
    assert same(read_ct(tmp_path), SMALL)


def test_a_dicomdir_is_passed_over(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "SER1")
    content = pydicom.dcmread(next((tmp_path / "SER1").iterdir()))
    content.file_meta.MediaStorageSOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    del content.SOPClassUID, content.SeriesInstanceUID, content.PixelData, content.Rows
    content.save_as(tmp_path / "DICOMDIR")
    assert same(read_ct(tmp_path), SMALL)


def test_a_series_without_positions_is_refused(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, ImagePositionPatient=None)
    refused(GeometryError, "position", tmp_path)


@pytest.mark.parametrize("spacing", [[0, 3], [3, -3]])
def test_a_pixel_size_that_cannot_be_is_refused(tmp_path, spacing):
    phantoms.write_dicom(SMALL, tmp_path, PixelSpacing=spacing)
    refused(GeometryError, "pixel size", tmp_path)


def test_an_orientation_that_cannot_be_is_refused(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, ImageOrientationPatient=[1, 0, 0, 0.5, 1, 0])
    refused(GeometryError, "orientation", tmp_path)


# not a CT in Hounsfield units


def test_an_mr_series_is_refused(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, Modality="MR", SOPClassUID=MRImageStorage)
    refused(NotACTError, "is MR, not CT", tmp_path)


def test_a_folder_with_only_other_things_is_refused_with_the_list(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, [3], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    phantoms.write_dicom(SMALL, tmp_path, series=f"{UID}.3", prefix="b", Modality="MR", SeriesNumber=2)
    refused(GeometryError, "None of the series.*not usable.*MR", tmp_path)


def test_colour_pictures_are_refused(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, SamplesPerPixel=3)
    refused(GeometryError, "colour pictures", tmp_path)


def test_a_map_of_iodine_is_refused(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, RescaleType="MGML")
    refused(NotACTError, "MGML, not Hounsfield", tmp_path)


def test_a_lost_rescale_is_told_from_other_images(tmp_path):
    whole, _ = phantoms.chest((6, 6, 6))
    phantoms.write_dicom(whole, tmp_path, RescaleSlope=None, RescaleIntercept=None)
    refused(NotACTError, "1024 too high", tmp_path)
