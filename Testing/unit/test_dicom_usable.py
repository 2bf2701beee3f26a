"""DICOM that breaks a rule of the standard and is usable all the same, or is refused by the name of what is wrong."""

import shutil

import numpy as np
import pytest
from LungTumorSegLib.errors import NotACTError, UnreadableError
from LungTumorSegLib.readers.ct import read_ct
from pydicom.uid import SecondaryCaptureImageStorage

from Testing.support import phantoms
from Testing.support.dicom_case import SMALL, edited, raw, refused, same

CAPTURE = ["DERIVED", "SECONDARY", "SCREEN SAVE"]


# foreign pictures


@pytest.mark.parametrize("at", [0, 9, 19], ids=["first", "middle", "last"])
@pytest.mark.parametrize("modality", ["CT", "OT", "SC"])
def test_a_screen_save_with_the_series_own_uid_is_left_out(tmp_path, at, modality):
    paths = phantoms.write_dicom(SMALL, tmp_path)
    save = tmp_path / f"{'0' if at == 0 else 'z'}_save.dcm"
    shutil.copy(paths[at], save)

    def capture(d):
        del d.ImagePositionPatient, d.ImageOrientationPatient, d.PixelSpacing
        d.ImageType, d.Modality = CAPTURE, modality
        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"{d.SOPInstanceUID}.9"
        if modality != "CT":
            d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage

    edited([save], capture)
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and "1 localizer(s) or picture(s)" in ct.source["warnings"][0]


# words and numbers


@pytest.mark.parametrize(
    "words",
    [b"HU", b"hu", b" HU", b"H.U.", b"Hounsfield", b"HOUNSFIELD UNITS", b"Houndsfield Unit", b"US", b"", b"HU_MOD"],
)
def test_hounsfield_units_are_told_however_they_are_spelt(tmp_path, words):
    edited(phantoms.write_dicom(SMALL, tmp_path), raw("RescaleType", words))
    assert same(read_ct(tmp_path), SMALL)


@pytest.mark.parametrize("words", [b"MGML", b"PCT", b"Z_EFF", b"ED", b"KEV"])
def test_another_quantity_is_refused_by_its_name(tmp_path, words):
    edited(phantoms.write_dicom(SMALL, tmp_path), raw("RescaleType", words))
    refused(NotACTError, f"{words.decode()}, not Hounsfield units .RescaleType", tmp_path)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PixelSpacing", b"3,5\\3,0"), ("PixelSpacing", b"3.5 mm\\3.0 mm"), ("RescaleIntercept", b"-1024,0"),
     ("RescaleIntercept", b"-1024 HU"), ("RescaleSlope", b"1,0")],
)  # fmt: skip
def test_a_decimal_comma_or_a_unit_does_not_matter(tmp_path, keyword, value):
    edited(phantoms.write_dicom(SMALL, tmp_path), raw(keyword, value))
    assert same(read_ct(tmp_path), SMALL)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("SliceThickness", b"3,0 mm"), ("SliceThickness", b"thin"), ("SeriesNumber", b"2a"), ("AcquisitionNumber", b"1,0"),
     ("NominalPercentageOfCardiacPhase", b"75 %"), ("TemporalPositionIdentifier", b"one")],
)  # fmt: skip
def test_a_number_that_nobody_needs_can_be_anything(tmp_path, keyword, value):
    edited(phantoms.write_dicom(SMALL, tmp_path), raw(keyword, value))
    assert same(read_ct(tmp_path), SMALL)


@pytest.mark.parametrize(("keyword", "value"), [("PixelSpacing", b"a\\b"), ("RescaleIntercept", b"1,024,0")])
def test_a_number_that_is_needed_and_is_none_is_named(tmp_path, keyword, value):
    edited(phantoms.write_dicom(SMALL, tmp_path), raw(keyword, value))
    refused(UnreadableError, f"{keyword} is '.*', which is no number", tmp_path)


# modality


@pytest.mark.parametrize("modality", [None, "", "OT"])
def test_a_modality_that_was_blanked_is_a_ct_by_its_class_with_a_note(tmp_path, modality):
    phantoms.write_dicom(SMALL, tmp_path, Modality=modality)
    ct = read_ct(tmp_path)
    assert same(ct, SMALL) and ct.source["modality"] == "CT"
    assert f"The Modality is {modality or 'empty'};" in " ".join(ct.source["warnings"])


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_a_modality_that_says_another_one_is_refused_by_the_tag(tmp_path, modality):
    phantoms.write_dicom(SMALL, tmp_path, Modality=modality)
    refused(NotACTError, rf"is {modality}, not CT \(Modality\)", tmp_path)


# folders


def test_the_dicomdir_of_a_disc_stands_for_its_folder(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "A" / "B")
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(64))
    assert same(read_ct(tmp_path / "DICOMDIR"), SMALL)


def test_folders_behind_links_are_read_once_and_a_circle_ends(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "real")
    case = tmp_path / "cases"
    case.mkdir()
    for link, target in ((case / "one", "real"), (case / "again", "real"), (tmp_path / "real" / "circle", "cases")):
        link.symlink_to(tmp_path / target)
    ct = read_ct(case)
    assert same(ct, SMALL) and ct.source["warnings"] == []


# a lost rescale


@pytest.mark.parametrize("offset", [1000, 1024])
@pytest.mark.parametrize("padded", [False, True], ids=["no padding", "padding"])
def test_the_offset_of_a_lost_rescale_is_told_from_air_and_can_be_put_right(tmp_path, offset, padded):
    whole, _ = phantoms.chest((6, 6, 6))
    stored = np.clip(whole.voxels_zyx.astype(int) + offset, 0, None).astype(np.int16)
    if padded:
        stored[:, :2] = 0
    path = tmp_path / "ct.nrrd"
    phantoms.write_image(phantoms.CT(stored, whole.geometry), path)
    refused(NotACTError, rf"about {offset} too high .*--add-hu -{offset}", path)
    ct = read_ct(path, add_hu=-offset)
    inside = whole.voxels_zyx > 500 - offset
    assert np.array_equal(ct.voxels_zyx[inside], whole.voxels_zyx[inside])
    assert f"-{offset} was added to every value" in ct.source["warnings"][-1]
