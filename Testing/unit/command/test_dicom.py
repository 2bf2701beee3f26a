"""``--dicom``: objects beside the other files, what stops them before the run, and where the patient's name is."""

import json

import pydicom
import pytest
from pydicom.datadict import DicomDictionary

from Testing.support import dicom_out_case as case
from Testing.support import phantoms
from Testing.support.command_case import assert_refused, run
from Testing.support.dicom_case import edited

X, Y, Z = phantoms.NODULE[0]
POINT = ("--point", f"{-X},{-Y},{Z}")
NAME = "Geheim"


@pytest.fixture
def series(tmp_path, small):
    phantoms.write_dicom(small, tmp_path / "series", **case.STUDY)
    return tmp_path / "series"


def _names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_objects_lie_beside_the_other_files_and_go_with_them(series, output):
    ended = run("segment", series, "-o", output, "--dicom", "seg,probability,sr", *POINT)
    assert ended.exit_code == 0, ended.stderr
    objects = {"seg.dcm", "probability.dcm", "sr.dcm"}
    assert objects < _names(output) and str(output / "seg.dcm") in ended.stdout.splitlines()
    record = json.loads((output / "result.json").read_text("utf-8"))
    assert objects < set(record["files"])
    segments = pydicom.dcmread(output / "seg.dcm").SegmentSequence
    assert [s.TrackingID for s in segments] == [f"LungTumorSeg_{lesion['id']}" for lesion in record["lesions"]]
    assert {s.SegmentAlgorithmType for s in segments} == {"SEMIAUTOMATIC"}
    for name in objects:
        assert case.dciodvfy(output / name) == []
    assert run("segment", series, "-o", output, "--overwrite", *POINT).exit_code == 0
    assert not objects & _names(output)


def test_lesions_of_a_run_without_clicks_are_automatic(series, output):
    ended = run("segment", series, "-o", output, "--dicom", "seg,sr", "--no-lung-mask")
    assert ended.exit_code == 0, ended.stderr
    record = json.loads((output / "result.json").read_text("utf-8"))
    seg = pydicom.dcmread(output / "seg.dcm")
    assert {s.SegmentAlgorithmType for s in seg.SegmentSequence} == {"AUTOMATIC"}
    listed = [lesion for lesion in record["lesions"] if lesion["listed"]]
    assert len(seg.SegmentSequence) == len(listed) < len(record["lesions"])  # the less likely are not in it


def test_a_ct_that_is_no_dicom_is_refused_before_the_network_runs(small_file, output):
    ended = run("segment", small_file, "-o", output, "--dicom", "seg", *POINT)
    assert_refused(ended, 3, "was not read from DICOM")
    assert "Segmenting" not in ended.stderr and not output.exists()


@pytest.mark.parametrize("words", ["", "seg,pdf", "sr", "probability", "seg;sr"])
def test_unknown_objects_and_those_without_the_segmentation_are_wrong_use(tmp_path, words):
    ended = run("segment", tmp_path, "-o", tmp_path / "out", "--dicom", words)
    assert ended.exit_code == 2 and not (tmp_path / "out").exists()


def test_without_a_lesion_no_object_is_written_and_that_is_said(series, output):
    ended = run("segment", series, "-o", output, "--dicom", "seg,sr", "--no-lung-mask", "--min-diameter", 500)
    assert ended.exit_code == 0, ended.stderr
    assert "Note: No DICOM object was written: no lesion is listed." in ended.stderr
    assert not [name for name in _names(output) if name.endswith(".dcm")]


def _name_everywhere(dataset):
    """The patient's name in every element that takes a text, in private ones and in a description."""
    groups = (0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040)
    for tag, (vr, many, _, retired, keyword) in DicomDictionary.items():
        takes_text = vr in ("LO", "SH", "PN", "ST", "LT", "UT", "UC") and many.startswith("1") and not retired
        if takes_text and tag >> 16 in groups:
            setattr(dataset, keyword, f"{NAME}^Gerda" if vr == "PN" else NAME)
    dataset.BodyPartExamined = NAME.upper()
    dataset.SeriesDescription = f"Thorax {NAME} axial"
    dataset.private_block(0x0011, NAME, create=True).add_new(1, "LO", NAME)


def test_the_patients_name_is_in_the_objects_alone(series, output, tmp_path):
    edited(list(series.iterdir()), _name_everywhere)
    log, labels = tmp_path / "run.log", tmp_path / "labels.nii.gz"
    options = (
        "--dicom",
        "seg,probability,sr",
        "--png",
        "--report",
        "--log",
        log,
        "--labels",
        labels,
        "--json",
        "--no-lung-mask",
    )
    ended = run("segment", series, "-o", output, *options, "--series", "1.2.826", "--allow-partial")
    assert ended.exit_code == 0, ended.stderr
    secret = NAME.lower().encode()
    others = [path for path in (*output.iterdir(), log, labels) if path.suffix != ".dcm"]
    assert len(others) > 7
    assert [path.name for path in others if secret in path.read_bytes().lower()] == []
    assert NAME.lower() not in (ended.stdout + ended.stderr + " ".join(_names(output))).lower()
    for path in output.glob("*.dcm"):
        made = pydicom.dcmread(path)
        assert made.PatientName == f"{NAME}^Gerda"
        assert not [e for e in made.iterall() if e.tag.is_private]
