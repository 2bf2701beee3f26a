"""A cohort's pages and DICOM objects: in each case's folder, known by checksum, and no case is lost to them."""

import csv
import json
from pathlib import Path

import pydicom
import pytest
from LungTumorSegLib.cohort import place, run, table
from LungTumorSegLib.cohort.extras import Extras
from LungTumorSegLib.cohort.work import Settings
from LungTumorSegLib.data import Options
from LungTumorSegLib.enums import DicomObject
from LungTumorSegLib.errors import InputError, OutputError
from LungTumorSegLib.model.bundle import load_bundle

from Testing.support import cohort_case, dicom_out_case, phantoms
from Testing.support.command_case import run as run_command
from Testing.support.dicom_case import edited

EXTRAS = ("--dicom", "seg,sr", "--report")
MORE = {"report.html", "seg.dcm", "sr.dcm"}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Four cases, of which two are as DICOM objects want them; what came of them, and how the command ended."""
    folder = tmp_path_factory.mktemp("extras")
    phantoms.write_dicom(cohort_case.ct(0), folder / "series", **dicom_out_case.STUDY)
    lone = phantoms.write_dicom(cohort_case.ct(1), folder / "no frame")
    edited(lone, lambda dataset: dataset.pop("FrameOfReferenceUID"))
    phantoms.write_image(cohort_case.ct(2), folder / "ct.nrrd")
    rows = [("dicom", "series", ""), ("none", "series", "500"), ("lone", "no frame", ""), ("image", "ct.nrrd", "")]
    with (folder / "cases.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("case", "path", "min_diameter"), *rows])
    ended = run_command("cohort", folder / "cases.csv", "-o", folder / "out", *cohort_case.FAST, *EXTRAS)
    assert ended.exit_code == 0, ended.stderr
    return folder, folder / "out", ended


def files(output, name):
    return {path.name for path in (output / "cases" / name).iterdir()}


def test_a_dicom_case_has_its_objects_and_each_case_its_page(cohort):
    _, output, _ = cohort
    assert files(output, "dicom") == cohort_case.WHOLE | MORE
    assert all(files(output, name) == cohort_case.WHOLE | {"report.html"} for name in ("none", "lone", "image"))
    record = json.loads((output / "cases" / "dicom" / "case.json").read_text("utf-8"))
    assert record["files"].keys() > MORE
    made = pydicom.dcmread(output / "cases" / "dicom" / "sr.dcm")
    assert made.PatientName == dicom_out_case.STUDY["PatientName"]
    page = (output / "cases" / "dicom" / "report.html").read_text("utf-8")
    assert "Doe" not in page and "4711" not in page


def test_a_case_without_objects_is_done_and_its_row_says_why(cohort):
    _, output, ended = cohort
    rows = cohort_case.table(output, "cases.csv")
    assert {name: (row["status"], row["dicom"]) for name, row in rows.items()} == {
        "dicom": ("done", "seg,sr"),
        "none": ("done", ""),
        "lone": ("done", ""),
        "image": ("done", ""),
    }
    assert "No DICOM object was written: no lesion is listed." in rows["none"]["notes"]
    assert "No DICOM object was written." in rows["lone"]["notes"] and "no frame of reference" in rows["lone"]["notes"]
    assert "was not read from DICOM (NRRD)" in rows["image"]["notes"] and "DICOM object" not in rows["dicom"]["notes"]
    assert int(rows["image"]["lesions"]) > 0
    assert "Note: 3 cases have a result but no DICOM objects." in ended.stderr


def test_the_overview_links_to_them(cohort):
    _, output, _ = cohort
    page = (output / "index.html").read_text("utf-8")
    assert {name for name in MORE if f'href="cases/dicom/{name}"' in page} == MORE
    assert page.count('href="cases/image/report.html"') == 2  # the picture, and the name of the file


def test_a_changed_page_or_object_is_done_again(cohort):
    folder, output, _ = cohort
    settings = Settings(output, Options(lung_restriction=False), Extras(report=True, dicom=tuple(DicomObject)))
    cases = table.cases(folder / "cases.csv", settings.options, {"allow_partial": False, "add_hu": 0.0})
    assert run.plan(cases, settings).damaged == 0
    for name in ("report.html", "sr.dcm"):
        file = output / "cases" / "dicom" / name
        before = file.read_bytes()
        file.write_bytes(before[:-1])
        planned = run.plan(cases, settings)
        assert (planned.damaged, [case.name for case, _ in planned.todo]) == (1, ["dicom"])
        file.write_bytes(before)


@pytest.mark.parametrize(
    ("extras", "words"),
    [
        (Extras(report=True), "another --dicom: \\['seg', 'sr'\\] instead of \\[\\]"),
        (Extras(dicom=(DicomObject.SEG, DicomObject.SR)), "another --report: True instead of False"),
        (Extras(True, True, (DicomObject.SEG, DicomObject.SR)), "another --png"),
    ],
)
def test_one_cohort_has_the_same_files_in_each_case(cohort, extras, words):
    _, output, _ = cohort
    with pytest.raises(OutputError, match=words), place.opened(output, load_bundle(), extras, resume=True):
        pass


def test_what_lacks_a_package_is_refused_before_anything_is_computed(tmp_path, monkeypatch):
    from LungTumorSegLib.dicom_out import export

    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install highdicom"):
        Extras(dicom=(DicomObject.SEG,)).check()
    ended = run_command("cohort", tmp_path, "-o", tmp_path / "out", "--dicom", "seg")
    assert ended.exit_code == 3 and not (tmp_path / "out").exists()


def test_wrong_objects_are_wrong_use(tmp_path: Path):
    assert run_command("cohort", tmp_path, "-o", tmp_path / "out", "--dicom", "sr").exit_code == 2
