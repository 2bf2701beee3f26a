"""Two CTs compared in the panel: dates, table, RECIST, what is said when it cannot be done."""

import sys

import pytest
import slicer
from LungTumorSegLib.errors import InputError

from Testing import slicer_standin
from Testing.slicer_standin import qt
from Testing.support.follow_up_case import SHIFT, compare, pair
from Testing.support.panel_case import spin

EARLY, LATE = "2024-01-05", "2024-07-03"
NUMBER, FATE, DIAMETER, VOLUME, DOUBLING = range(5)


def column(case, number):
    table = case.ui.followUpTable
    return [table.item(row, number).text() for row in range(table.rowCount)]


def tick(case, row, ticked):
    case.ui.followUpTable.item(row, NUMBER).setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)


@pytest.fixture
def compared(case):
    """The later CT's outlines are larger than the earlier one's."""
    case.pair = pair(case)
    case.logic.update(case.logic.segment(case.pair[0]).findings, threshold=0.85)
    case.ui.otherDateEdit.text, case.ui.thisDateEdit.text = EARLY, LATE
    compare(case)
    return case


def test_each_lesion_is_told_with_its_change_and_error(compared):
    ui = compared.ui
    assert not ui.followUpGroup.collapsed and ui.followUpResult.visible and not ui.errorFrame.visible
    assert column(compared, NUMBER) == ["1", "2", "3"]
    assert set(column(compared, FATE)) <= {"growing", "stable"} and "growing" in column(compared, FATE)
    assert all(text.startswith("+") and "±" in text for text in column(compared, VOLUME))
    row = column(compared, FATE).index("growing")
    assert int(ui.followUpTable.item(row, DOUBLING).text()) > 0
    ui.followUpTable.setCurrentCell(row, FATE)
    assert "Doubling time: " in ui.followUpDetail.text and "Centres" in ui.followUpDetail.text
    known, results, _ = compared.network.compared[0]
    assert [str(day) for day in known.dates] == [EARLY, LATE] and None not in results
    assert len(compared.logic.results()) == 2  # none was made anew
    ui.copyFollowUpButton.click()
    lines = slicer.app.clipboard().text().splitlines()
    assert lines[0].split("\t")[0] == "No." and len(lines) == 1 + 3 + 3 and "RECIST" in lines[4]


def test_a_ct_without_a_result_gets_one_that_is_out_of_sight_until_it_is_looked_at(case):
    earlier, later = pair(case)
    compare(case)
    (other,) = case.logic.results(earlier)
    assert len(other.lesions) == 3
    assert set(column(case, FATE)) == {"stable"} and set(column(case, DOUBLING)) == {"–"}
    assert "No dates are known" in case.ui.followUpStatus.text
    assert "No doubling time: no dates." in case.ui.followUpDetail.text
    assert not case.logic.segmentation(other).GetDisplayNode().GetVisibility()
    assert case.logic.segmentation(case.panel.findings).GetDisplayNode().GetVisibility()
    assert case.panel.volume is later


def test_dates_in_the_other_order_are_sorted_and_that_is_said(case):
    earlier, later = pair(case)
    case.ui.otherDateEdit.text, case.ui.thisDateEdit.text = LATE, EARLY
    compare(case)
    assert "put into the order of their dates" in case.ui.followUpStatus.text
    known, results, _ = case.network.compared[0]
    assert known.order == (1, 0) and results[1] is None  # the chosen CT, with its result, is the earlier one
    # what the user wrote belongs to the volumes
    case.ui.inputSelector.setCurrentNode(earlier)
    case.ui.otherSelector.setCurrentNode(later)
    case.settle()
    assert (case.ui.otherDateEdit.text, case.ui.thisDateEdit.text) == (EARLY, LATE)
    assert case.ui.followUpResult.visible


def test_a_ct_from_a_file_asks_for_no_dicom_package(case, monkeypatch):
    monkeypatch.setitem(sys.modules, "LungTumorSegLib.readers.acquisition", None)  # as without pydicom
    case.add_chest()
    assert case.ui.thisDateEdit.enabled and case.ui.thisDateEdit.text == "" and case.ui.segmentButton.enabled


@pytest.mark.parametrize(
    ("dates", "said"),
    [((EARLY, ""), "The date of CT 2 (later) is not known"), (("5 May", LATE), "5 May is no date")],
)
def test_dates_that_cannot_be_are_said_beside_the_button(case, dates, said):
    pair(case)
    case.ui.otherDateEdit.text, case.ui.thisDateEdit.text = dates
    compare(case)
    assert said in case.ui.followUpStatus.text and case.network.compared == []


def test_a_comparison_needs_another_ct(case):
    assert not case.ui.followUpButton.enabled and case.ui.followUpGroup.collapsed
    _, later = pair(case)
    assert case.ui.followUpButton.enabled
    case.ui.otherSelector.setCurrentNode(later)
    case.settle()
    assert not case.ui.followUpButton.enabled and "looked at already" in case.ui.followUpButton.toolTip


def test_what_the_library_refuses_is_said_and_nothing_is_added(case):
    earlier, _ = pair(case)
    case.network.error = InputError("CT 1 (earlier) and CT 2 (later) hold the same voxels: one CT was given twice.")
    compare(case)
    assert "given twice" in case.ui.followUpStatus.text and "given twice" in case.ui.errorLabel.text
    assert case.logic.results(earlier) == [] and not case.ui.followUpResult.visible


def test_a_user_who_knows_better_says_that_it_is_one_patient(case, monkeypatch):
    from LungTumorSegLib.readers.acquisition import Acquisition
    from LungTumorSegLib.slicer_.scene import dicom_files

    pair(case)
    monkeypatch.setattr(dicom_files, "acquisition", lambda volume: Acquisition(patient_id=volume.GetName()))
    compare(case)
    assert "different patients" in case.ui.followUpStatus.text and case.network.compared == []
    case.ui.samePatientCheckBox.checked = True
    compare(case)
    assert case.ui.followUpResult.visible and case.ui.samePatientCheckBox.checked
    case.ui.otherSelector.setCurrentNode(None)
    case.settle()
    assert not case.ui.samePatientCheckBox.checked  # it was said of that CT


def test_cancel_leaves_the_scene_as_it_was(case):
    earlier, _ = pair(case)
    case.network.steps = 5000
    case.ui.followUpButton.click()
    spin(lambda: "of 5000" in case.ui.followUpStatus.text, seconds=10)
    assert case.ui.followUpButton.text == "Cancel" and case.ui.progressBar.visible
    case.ui.followUpButton.click()
    case.settle()
    assert case.ui.followUpButton.text == "Compare" and case.logic.results(earlier) == []
    assert not case.ui.followUpResult.visible and not case.logic.running and case.ui.followUpStatus.text == ""


def test_cancel_while_results_come_into_the_scene_takes_them_back(case):
    earlier, later = case.add_chest("earlier", SHIFT, 3), case.add_chest("later")
    case.ui.otherSelector.setCurrentNode(earlier)
    case.settle()
    nodes = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    case.ui.followUpButton.click()
    case.panel._timer.stop()
    while not case.logic.results(earlier):
        case.logic.poll()
    assert case.logic.results(later) == []
    case.ui.followUpButton.click()
    case.settle()
    assert case.logic.results() == [] and not case.ui.undoButton.enabled
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == nodes
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_a_ct_that_is_removed_in_mid_run_ends_it(case):
    earlier, _ = pair(case)
    case.network.steps = 200
    case.ui.followUpButton.click()
    slicer.mrmlScene.RemoveNode(earlier)
    case.wait()
    assert '"earlier" was removed' in case.ui.errorLabel.text and len(case.logic.results()) == 1


def test_targets_and_response_are_suggestions(compared):
    ui = compared.ui
    assert ui.recistLabel.text.startswith("RECIST 1.1, sum of lesions 1, 2: ")
    suggested = ui.ruleLabel.text
    assert suggested.startswith("Suggested: SD, stable disease: neither") and "SD" in ui.responseCombo.currentText
    ui.responseCombo.currentIndex = 3
    ui.responseCombo.activated.emit(3)
    tick(compared, 2, True)
    assert (
        ui.recistLabel.text.startswith("RECIST 1.1, sum of lesions 1, 2, 3: ") and "at most two" in ui.recistLabel.text
    )
    assert "PD" in ui.responseCombo.currentText and ui.ruleLabel.text == suggested  # the user's word stays
    for row in range(3):
        tick(compared, row, False)
    assert "Tick the number" in ui.recistLabel.text and not ui.responseCombo.visible


def test_a_tick_replaces_no_item(compared):
    """Qt reads the ticked item once more after it has told of it: an item that was replaced then is freed memory."""
    table = compared.ui.followUpTable
    before = [table.item(row, NUMBER) for row in range(3)]
    tick(compared, 2, True)
    assert [table.item(row, NUMBER) for row in range(3)] == before


def test_a_sixth_target_is_refused_and_its_tick_taken_back(compared, monkeypatch):
    def refuse(follow_up, targets):
        raise InputError("Six targets.")

    from LungTumorSegLib.findings.follow_up import recist

    monkeypatch.setattr(recist, "recist", refuse)
    tick(compared, 2, True)
    states = [compared.ui.followUpTable.item(row, NUMBER).checkState() for row in range(3)]
    assert states == [qt.Qt.Checked, qt.Qt.Checked, qt.Qt.Unchecked] and "Six targets." in compared.ui.errorLabel.text


def test_what_is_wrong_stays_said_beside_the_table_of_before(compared):
    compared.ui.otherDateEdit.text = "5 May"
    compare(compared)
    compared.panel.refresh_soon()
    compared.settle()
    assert "5 May is no date" in compared.ui.followUpStatus.text and compared.ui.followUpResult.visible
    compared.ui.otherDateEdit.text = EARLY
    compare(compared)
    assert "no date" not in compared.ui.followUpStatus.text


def test_changed_lesions_are_said(compared):
    assert "press Compare again" not in compared.ui.followUpStatus.text
    findings = compared.panel.findings
    compared.logic.set_status(findings, findings.lesions[0].id, "rejected")
    compared.settle()
    assert "press Compare again" in compared.ui.followUpStatus.text
    compare(compared)
    assert compared.ui.followUpTable.rowCount == 3 and "press Compare again" not in compared.ui.followUpStatus.text


@pytest.mark.parametrize("segmented", [True, False])
def test_a_lesion_that_a_run_missed_is_found_by_a_click_and_joins_that_cts_result(case, segmented):
    earlier, _ = pair(case)
    case.network.missed = 2
    if segmented:
        assert len(case.logic.segment(earlier).findings.lesions) == 2
    compare(case)
    (other,) = case.logic.results(earlier)
    assert len(other.lesions) == 3 and column(case, FATE) == ["stable"] * 3
    details = []
    for row in range(3):
        case.ui.followUpTable.setCurrentCell(row, FATE)
        details.append(case.ui.followUpDetail.text)
    assert sum("(found by a click)" in text for text in details) == 1
    assert "press Compare again" not in case.ui.followUpStatus.text


def test_what_was_rejected_in_one_ct_is_neither_new_nor_gone(case):
    earlier, _ = pair(case)
    other = case.logic.segment(earlier).findings
    case.logic.set_status(other, other.lesions[2].id, "rejected")
    compare(case)
    row = column(case, FATE).index("not compared")
    assert column(case, FATE).count("stable") == 2
    assert "was rejected in the earlier CT" in case.ui.followUpTable.item(row, FATE).toolTip()


def test_a_registration_that_failed_compares_nothing_and_moves_one_ct_alone(views, case):
    pair(case)
    case.network.vessels = 0.3
    compare(case)
    assert set(column(case, FATE)) == {"not compared"}
    assert case.ui.ruleLabel.text.startswith("Suggested: NE")


def test_it_fits_into_slicers_panel_and_can_be_looked_at(compared, tmp_path):
    """Pictures in the folder that pytest keeps."""
    for dark in (False, True):
        slicer_standin.set_theme(dark=dark)
        compared.settle()
        slicer_standin.picture(compared.window, tmp_path / f"dark-{dark}.png", 320)
    slicer_standin.set_theme(dark=False)
    assert compared.window.minimumSizeHint.width() <= 310
    table = compared.ui.followUpTable
    assert sum(table.columnWidth(c) for c in range(DOUBLING)) + 30 < table.viewport().width


def test_what_a_comparison_says_is_translated(case):
    class Marks(qt.QTranslator):
        def translate(self, context, text, disambiguation=None, n=-1):
            return f"«{text}»" if text else ""

        def isEmpty(self):
            return False

    pair(case)
    marks = Marks()
    qt.QCoreApplication.installTranslator(marks)
    try:
        compare(case)
        ui = case.ui
        said = [ui.recistLabel.text, ui.ruleLabel.text, ui.followUpButton.text, *column(case, FATE)]
        assert all(text.startswith("«") for text in said)
        assert ui.followUpDetail.text.count("«") >= 4  # the evidence is the library's, in English
    finally:
        qt.QCoreApplication.removeTranslator(marks)
