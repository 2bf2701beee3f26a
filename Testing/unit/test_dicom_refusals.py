"""Sources that no DICOM object can be made from, headers as they come, and what is never written."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.dicom_out import export
from LungTumorSegLib.enums import Status
from LungTumorSegLib.errors import GeometryError, InputError, UnreadableError
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.readers.ct import read_ct
from pydicom.data import get_testdata_file

from Testing.support import dicom_out_case as case
from Testing.support import phantoms
from Testing.support.dicom_case import SMALL, edited, raw


def _refused(error, match, ct):
    with pytest.raises(error, match=match):
        export.prepare(ct, ["seg"])


def test_a_ct_that_is_no_dicom_is_refused(tmp_path):
    _refused(InputError, "was not read from DICOM", read_ct(phantoms.write_image(SMALL, tmp_path / "ct.nrrd")))


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID"])
def test_files_without_what_objects_refer_to_are_refused(tmp_path, keyword):
    _refused(InputError, keyword, read_ct(case.write_series(tmp_path / "s", **{keyword: None})))


def test_files_that_are_gone_after_the_ct_was_read_are_said(tmp_path):
    ct = read_ct(case.write_series(tmp_path / "s"))
    ct.frames[3][0].unlink()
    _refused(UnreadableError, "can't be read any more", ct)


def test_a_grid_that_is_not_the_files_is_refused(tmp_path):
    ct = read_ct(case.write_series(tmp_path / "s"))
    _refused(GeometryError, "does not lie in the planes", replace(ct, geometry=phantoms.oblique(ct, 5).geometry))
    coarse = Geometry.from_affine(ct.geometry.shape_zyx, ct.geometry.affine * 2)
    _refused(GeometryError, "does not lie in the planes", replace(ct, geometry=coarse))


def test_headers_that_no_object_can_take_over_are_refused_before_the_run(tmp_path):
    ct = read_ct(case.write_series(tmp_path / "s", SOPClassUID="1.2.3.4.5"))
    _refused(InputError, "not as the standard has them", ct)


def test_without_highdicom_a_sentence_says_what_to_install():
    program = (
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda n: None if n == 'highdicom' else find(n)\n"
        "from LungTumorSegLib.dicom_out import export\n"
        "try: export.prepare(None, ['seg'])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("InputError") and "pip install highdicom" in done.stdout, done.stderr


def test_no_lesion_no_object(tmp_path):
    def rejected(result):
        return replace(result, lesions=tuple(replace(x, status=Status.REJECTED) for x in result.lesions))

    assert list(case.write(tmp_path, change=rejected).folder.iterdir()) == []


def test_elements_that_break_the_rules_or_are_missing_stop_nothing(tmp_path):
    series = case.write_series(tmp_path / "s", PatientSex="unknown", AccessionNumber=None, StudyID=None)
    paths = list(series.iterdir())
    edited(paths, raw("PatientBirthDate", b"1950-13-99"))
    edited(paths, raw("StudyTime", b"noon"))
    edited(paths, raw("PatientWeight", b"heavy"))
    edited(paths, raw("SpecificCharacterSet", b"LATIN"))
    ct = read_ct(series)
    for path in export.prepare(ct, ["seg", "sr"]).write(tmp_path, case.made_result(ct)):
        assert case.dciodvfy(path) == []
        made = pydicom.dcmread(path)
        assert [made[k].value or "" for k in ("PatientSex", "PatientBirthDate", "StudyTime", "StudyID")] == [""] * 4
        assert made.PatientName == case.STUDY["PatientName"]


@pytest.mark.parametrize(
    ("charset", "name"),
    [("ISO_IR 192", "王^小明"), ("GB18030", "王^小明"), ("ISO_IR 100", "Müller^Jörg"), ("ISO_IR 144", "Иванов^Иван")],
)
def test_names_in_any_script_are_kept(tmp_path, charset, name):
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99LOCAL", name
    tags = {"SpecificCharacterSet": charset, "PatientName": name, "StudyDescription": name}
    made = case.write(tmp_path, kinds=["seg", "sr"], **tags, ProcedureCodeSequence=[code])
    for kind in ("seg", "sr"):
        said = made.read(kind)
        assert str(said.PatientName) == said.StudyDescription == said.ProcedureCodeSequence[0].CodeMeaning == name


def _private(dataset):
    block = dataset.private_block(0x0011, "MAKER", create=True)
    block.add_new(1, "LO", "Doe private")
    item = pydicom.Dataset()
    item.PatientID = "other id"
    item.private_block(0x0013, "MAKER", create=True).add_new(1, "LO", "Doe nested")
    dataset.OtherPatientIDsSequence = [item]


def test_private_elements_are_not_copied_nested_ones_neither(tmp_path):
    series = case.write_series(tmp_path / "s")
    edited(list(series.iterdir()), _private)
    ct = read_ct(series)
    for path in export.prepare(ct, ["seg", "probability", "sr"]).write(tmp_path, case.made_result(ct)):
        made = pydicom.dcmread(path)
        assert made.OtherPatientIDsSequence[0].PatientID == "other id"
        assert not [e for e in made.iterall() if e.tag.is_private]
        assert b"Doe private" not in path.read_bytes() and b"Doe nested" not in path.read_bytes()


def test_nothing_of_the_patient_is_printed(tmp_path, capfd, recwarn):
    ct = read_ct(case.write_series(tmp_path / "s", PatientName="Doe"))  # highdicom warns of such a name, and names it
    recwarn.clear()
    (tmp_path / "out").mkdir()
    paths = export.prepare(ct, ["seg", "probability", "sr"]).write(tmp_path / "out", case.made_result(ct))
    said = capfd.readouterr()
    assert (said.out, said.err, list(recwarn)) == ("", "", [])
    assert [path.name for path in paths] == ["seg.dcm", "probability.dcm", "sr.dcm"]


def test_the_header_of_a_real_scanner_gives_objects_without_errors(tmp_path):
    # pydicom's own sample, of a GE scanner: 100 private elements, an empty weight, no accession number
    real = get_testdata_file("CT_small.dcm")
    (tmp_path / "series").mkdir()
    for k in range(20):
        slice_ = pydicom.dcmread(real)
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = f"{slice_.SOPInstanceUID}.{k}"
        x, y, z = slice_.ImagePositionPatient
        slice_.ImagePositionPatient, slice_.InstanceNumber = [x, y, z + 5 * k], k + 1
        slice_.PixelData = (slice_.pixel_array + np.uint16(k)).tobytes()
        slice_.save_as(tmp_path / "series" / f"{k}.dcm")
    ct = read_ct(tmp_path / "series")
    for path in export.prepare(ct, ["seg", "probability", "sr"]).write(tmp_path, case.made_result(ct)):
        assert case.dciodvfy(path) == []
        made = pydicom.dcmread(path)
        assert (made.PatientName, made.StudyDate) == ("CompressedSamples^CT1", "20040119")
        assert made.ContributingEquipmentSequence[0].Manufacturer == "GE MEDICAL SYSTEMS"
