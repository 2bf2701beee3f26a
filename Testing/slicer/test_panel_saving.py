"""*Save...* in the panel with a report, and with DICOM objects of a CT from Slicer's DICOM database."""

import pydicom
import pytest
import slicer

from Testing.slicer_standin import qt
from Testing.slicer_standin.dicom_database import DICOMDatabase
from Testing.support import dicom_out_case, headless, phantoms
from Testing.support.panel_case import ACCEPT, chest, spin

BOXES = ("saveSegCheckBox", "saveSrCheckBox", "saveReviewedCheckBox", "saveIntoDatabaseCheckBox")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The phantom's DICOM files by their UIDs."""
    paths = phantoms.write_dicom(chest()[0], tmp_path_factory.mktemp("series"), **dicom_out_case.STUDY)
    return {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID: str(path) for path in paths}


@pytest.fixture
def database(files, tmp_path, monkeypatch):
    (tmp_path / "database").mkdir()
    made = DICOMDatabase(files, tmp_path / "database")
    monkeypatch.setattr(slicer, "dicomDatabase", made, raising=False)
    return made


@pytest.fixture
def out(tmp_path, monkeypatch):
    """The folder that the user chooses."""
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path / "out"))
    return tmp_path / "out"


@pytest.fixture
def loaded(found, files, database, out):
    """The phantom segmented, as loaded from the database."""
    found.panel.volume.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    found.panel.refresh()
    return found


def enabled(case):
    return [name for name in BOXES if getattr(case.ui, name).enabled]


def reject(case, row):
    case.ui.lesionTable.item(row, ACCEPT).setCheckState(qt.Qt.Unchecked)
    case.settle()


def written(out, kind):
    return pydicom.dcmread(out / f"{kind}.dcm")


def test_a_ct_that_is_not_from_the_database_has_no_objects_and_the_boxes_say_why(found, out):
    assert enabled(found) == []
    assert all("Slicer's DICOM database" in getattr(found.ui, name).toolTip for name in BOXES)
    found.ui.saveSegCheckBox.checked = True  # ticked for another CT before
    found.save()
    assert (out / "segmentation.seg.nrrd").exists() and not list(out.glob("*.dcm"))
    assert not found.ui.errorFrame.visible and found.ui.saveStatus.text == ""


def test_a_slicer_without_highdicom_is_told_what_to_do(loaded, monkeypatch):
    from LungTumorSegLib.slicer_.panel import saving

    assert enabled(loaded) == list(BOXES[:2])
    monkeypatch.setattr(saving, "find_spec", lambda name: None)
    loaded.panel.refresh()
    assert enabled(loaded) == []
    assert all('pip_install("highdicom")' in getattr(loaded.ui, name).toolTip for name in BOXES)


def test_a_report_goes_with_its_segmentation(loaded):
    seg, report = loaded.ui.saveSegCheckBox, loaded.ui.saveSrCheckBox
    assert "seg.dcm" in seg.toolTip and "first" in loaded.ui.saveReviewedCheckBox.toolTip
    report.click()
    assert seg.checked and enabled(loaded) == list(BOXES)
    assert "reviewed" in loaded.ui.saveReviewedCheckBox.toolTip
    seg.click()
    assert not report.checked and enabled(loaded) == list(BOXES[:2])


def test_only_accepted_lesions_are_in_it_and_it_is_not_reviewed(loaded, out, files, database):
    reject(loaded, 0)
    loaded.ui.saveSrCheckBox.click()
    loaded.save()
    assert not loaded.ui.errorFrame.visible, loaded.ui.errorLabel.text
    accepted = [x for x in loaded.panel.findings.lesions if x.status == "accepted"]
    assert len(written(out, "seg").SegmentSequence) == len(accepted) == 2
    for kind in ("seg", "sr"):
        assert "not reviewed" in written(out, kind).SeriesDescription
        assert database.fileForInstance(written(out, kind).SOPInstanceUID) == ""
    assert loaded.ui.saveStatus.text == 'Written, marked "not reviewed": seg.dcm, sr.dcm.'


def test_reviewed_objects_say_so_and_are_in_the_database(loaded, out, database):
    for name in BOXES:
        getattr(loaded.ui, name).checked = True
    loaded.save()
    assert not loaded.ui.errorFrame.visible, loaded.ui.errorLabel.text
    for kind in ("seg", "sr"):
        assert "not reviewed" not in written(out, kind).SeriesDescription
        copy = database.fileForInstance(written(out, kind).SOPInstanceUID)
        assert pydicom.dcmread(copy).StudyInstanceUID == written(out, "seg").StudyInstanceUID and str(out) not in copy
    assert "are in Slicer's DICOM database" in loaded.ui.saveStatus.text
    assert loaded.ui.saveReviewedCheckBox.checked
    reject(loaded, 0)  # after that nobody has looked at all of them
    assert not loaded.ui.saveReviewedCheckBox.checked and loaded.ui.saveStatus.text == ""


def test_what_was_drawn_a_moment_ago_was_not_reviewed(loaded, out):
    loaded.ui.saveSegCheckBox.click()
    loaded.ui.saveReviewedCheckBox.click()
    node = loaded.logic.segmentation(loaded.panel.findings)
    segment = node.GetSegmentation().GetNthSegmentID(0)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, loaded.panel.volume).copy()
    array[array.shape[0] // 2, :4, :4] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, segment, loaded.panel.volume)
    loaded.save()  # before the panel has seen it
    assert "not reviewed" in written(out, "seg").SeriesDescription


def test_without_an_accepted_lesion_it_is_said_that_there_is_no_object(loaded, out):
    loaded.ui.saveSegCheckBox.click()
    for row in range(3):
        reject(loaded, row)
    loaded.save()
    assert (out / "lesions.csv").exists() and not list(out.glob("*.dcm"))
    assert "no DICOM object was written" in loaded.ui.saveStatus.text


def test_a_database_that_takes_nothing_is_said_and_the_files_are_there(loaded, out, tmp_path):
    (tmp_path / "database").rmdir()
    loaded.ui.saveSegCheckBox.click()
    loaded.ui.saveIntoDatabaseCheckBox.click()
    loaded.save()
    assert "did not take seg.dcm" in loaded.ui.errorLabel.text
    assert (out / "seg.dcm").exists() and loaded.ui.saveStatus.text == ""


def test_a_closed_database_is_said_before_anything_is_written(loaded, out, database):
    database.isOpen = False
    loaded.ui.saveSegCheckBox.click()
    loaded.save()
    assert "is not open" in loaded.ui.errorLabel.text and not out.exists()


def test_the_date_of_a_ct_from_the_database_is_that_of_its_files(loaded, database):
    other = loaded.add_chest("other", (5.0, 0.0, 0.0))
    assert loaded.ui.thisDateEdit.text == ""
    loaded.ui.inputSelector.setCurrentNodeID(loaded.logic.volume(loaded.logic.results()[0]).GetID())
    loaded.ui.otherSelector.setCurrentNode(other)
    loaded.settle()
    assert (loaded.ui.otherDateEdit.text, loaded.ui.thisDateEdit.text) == ("", "2024-03-05")
    database.isOpen = False
    loaded.ui.otherSelector.setCurrentNode(None)
    loaded.settle()
    assert loaded.ui.thisDateEdit.text == ""


# ---- the report


def report(case, out):
    """What report.html says, once *Save...* is done."""
    case.save()
    assert not case.ui.errorFrame.visible, case.ui.errorLabel.text
    return (out / "report.html").read_text("utf-8")


def test_the_report_is_drawn_between_turns_of_the_window_and_holds_what_was_there(found, out):
    reject(found, 1)
    found.ui.saveReportCheckBox.click()
    assert not found.ui.savePdfCheckBox.checked
    found.ui.saveButton.click()
    assert found.ui.saveStatus.text == "Lesions are being measured: 1" and not found.ui.saveButton.enabled
    spin(lambda: found.ui.saveStatus.text == "The report is being drawn: lesion 1", seconds=30)
    assert not out.exists()  # all files or none, at the end
    reject(found, 0)  # too late for this one
    found.settle()
    page = (out / "report.html").read_text("utf-8")
    assert page.count("data:image/jpeg") == 2 + 2 * 3 and '<html lang="en"' in page
    assert found.ui.saveStatus.text == "Written: report.html."
    assert not (out / "report.pdf").exists() and len((out / "lesions.csv").read_text().splitlines()) == 1 + 3


def test_the_report_has_the_panels_language(found, out, standin_app, monkeypatch):
    monkeypatch.setattr(standin_app, "applicationLocaleName", "zh_CN")
    found.ui.saveReportCheckBox.click()
    assert '<html lang="zh-CN"' in report(found, out)


def test_a_pdf_goes_with_its_page(found, out):
    pytest.importorskip("weasyprint")
    page, pdf = found.ui.saveReportCheckBox, found.ui.savePdfCheckBox
    pdf.click()
    assert page.checked
    report(found, out)
    assert (out / "report.pdf").read_bytes()[:4] == b"%PDF"
    assert found.ui.saveStatus.text == "Written: report.html. Written: report.pdf."
    page.click()
    assert not pdf.checked


def test_a_slicer_without_the_reports_packages_is_told_what_to_do(found, out, monkeypatch):
    from LungTumorSegLib.slicer_.panel import saving

    found.ui.saveReportCheckBox.click()
    monkeypatch.setattr(saving, "find_spec", lambda name: None)
    found.panel.refresh()
    assert 'pip_install("Jinja2 matplotlib")' in found.ui.saveReportCheckBox.toolTip
    found.save()
    assert (out / "lesions.csv").exists() and not (out / "report.html").exists()


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_drawn(found, out):
    out.write_text("a file")
    found.ui.saveReportCheckBox.click()
    found.save()
    assert found.ui.errorFrame.visible and found.ui.saveStatus.text == "" and found.ui.saveButton.enabled


def test_a_module_that_is_closed_while_it_draws_writes_nothing(found, out):
    found.ui.saveReportCheckBox.click()
    found.ui.saveButton.click()
    found.panel.close()
    spin(seconds=0.5)
    assert not out.exists()


def test_a_scene_that_is_closed_while_lesions_are_measured_takes_no_file_along(found, out, _application):
    found.ui.saveButton.click()
    assert found.ui.saveStatus.text == "Lesions are being measured: 1" and not out.exists()
    headless.clear(*_application)
    found.settle()
    assert len((out / "lesions.csv").read_text().splitlines()) == 1 + 3
    assert not found.ui.errorFrame.visible and not found.ui.saveButton.enabled
