"""From lesion to lesion, accept and reject by buttons and keys, and taking changes back."""

import numpy as np
import pytest
import slicer
import slicer.util

from Testing.support.panel_case import NAME, VOLUME, node_ids, spin


def statuses(case):
    return [lesion.status for lesion in case.panel.findings.lesions]


def selected_row(case):
    return [lesion.id for lesion in case.panel.findings.lesions].index(case.panel.selected_lesion)


@pytest.fixture
def press(found):
    """Keys go to the table, which has the focus."""
    from PySide6.QtTest import QTest

    found.window.activateWindow()
    found.ui.lesionTable.setFocus()

    def key(text, widget=None):
        QTest.keySequence(widget or found.ui.lesionTable, text)
        found.settle()

    return key


def test_keys_step_through_the_lesions_and_accept_or_reject_them(found, press):
    assert selected_row(found) == 0
    for key, row in (("N", 1), ("N", 2), ("N", 2), ("P", 1)):
        press(key)
        assert selected_row(found) == row == found.ui.lesionTable.currentRow()
    press("D")
    assert statuses(found) == ["accepted", "rejected", "accepted"]
    press("K")
    assert statuses(found) == ["accepted"] * 3
    for key in ("U", "U"):
        press(key)
    assert statuses(found) == ["accepted"] * 3 and not found.ui.undoButton.enabled
    press("Shift+U")
    assert statuses(found) == ["accepted", "rejected", "accepted"]


def test_keys_are_letters_where_one_writes_and_nothing_where_the_focus_is_elsewhere(found, press):
    import qt

    elsewhere = qt.QPushButton("a view")
    elsewhere.show()
    elsewhere.activateWindow()
    elsewhere.setFocus()
    spin(lambda: elsewhere.focus, seconds=5)
    assert elsewhere.focus
    press("D", elsewhere)
    elsewhere.close()
    assert statuses(found) == ["accepted"] * 3
    found.window.activateWindow()
    found.ui.environmentGroup.collapsed = False
    found.ui.wheelsEdit.setFocus()
    press("D", found.ui.wheelsEdit)
    assert found.ui.wheelsEdit.text.lower() == "d" and statuses(found) == ["accepted"] * 3


def test_the_buttons_name_their_keys(found):
    from LungTumorSegLib.slicer_.panel.review import KEYS

    for name, key in KEYS.items():
        assert f"(key {key})" in getattr(found.ui, f"{name}Button").toolTip
    taken = set("abfgiqrstvwxyz0123456789/*,.<>[]{}+-=")  # Slicer's views and markups, Segment Editor and its effects
    assert not taken & {key.lower() for key in KEYS.values()}


def test_the_buttons_come_with_a_result_and_do_what_the_keys_do(case):
    case.add_chest()
    assert not case.ui.reviewBox.visible
    case.run()
    assert case.ui.reviewBox.visible
    case.ui.nextButton.click()
    case.ui.nextButton.click()
    case.ui.previousButton.click()
    case.settle()
    assert selected_row(case) == 1
    case.ui.rejectButton.click()
    assert statuses(case) == ["accepted", "rejected", "accepted"]
    case.ui.acceptButton.click()
    assert statuses(case) == ["accepted"] * 3
    case.ui.removeResultButton.click()
    assert case.ui.reviewBox.visible and not case.ui.acceptButton.enabled  # that can be taken back
    case.add_chest("other")
    assert not case.ui.reviewBox.visible


def test_a_reloaded_panel_leaves_no_key_behind(found, press):
    import qt

    found.panel.close()
    found.settle()
    assert found.window.findChildren(qt.QShortcut) == []


def test_one_click_accepts_what_is_above_and_rejects_the_rest_in_one_step(found):
    found.logic.set_status(found.panel.findings, found.panel.findings.lesions[0].id, "rejected")
    found.ui.lesionTable.setCurrentCell(1, NAME)
    found.settle()
    found.ui.acceptAboveButton.click()
    assert statuses(found) == ["accepted", "accepted", "rejected"]
    assert found.ui.findingsSummary.text.startswith("3 lesions, 2 accepted")
    found.ui.undoButton.click()
    assert statuses(found) == ["rejected", "accepted", "accepted"]


def test_the_views_zoom_to_the_lesion(found, scene):
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    view.SetDimensions(600, 400, 1)
    view.SetFieldOfView(600, 400, 1)
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    found.ui.nextButton.click()
    lesion = found.panel.lesion
    wide, high, _ = view.GetFieldOfView()
    assert high == pytest.approx(max(80, 4 * lesion.long_axis_mm)) and wide == pytest.approx(1.5 * high)
    away = np.subtract(camera.GetPosition(), camera.GetFocalPoint())
    assert np.linalg.norm(away) == pytest.approx(high / 2 / np.tan(np.radians(camera.GetViewAngle() / 2)))


def test_the_result_is_in_3d_when_a_run_ends(found):
    found.settle()
    segments = found.logic.segmentation(found.panel.findings).GetSegmentation()
    assert found.ui.show3DButton.checked and segments.ContainsRepresentation("Closed surface")


# ---- undo and redo


def test_every_kind_of_change_is_taken_back_and_made_again(found):
    def shown():
        findings = found.panel.findings
        return found.column(NAME), found.column(VOLUME), statuses(found), findings.threshold, findings.smooth_mm

    findings = found.panel.findings
    (z0, z1), (y0, y1), (x0, x1) = findings.lesions[0].label_box.pairs
    states = [shown()]
    for change in (
        lambda: found.logic.set_status(findings, findings.lesions[1].id, "rejected"),
        lambda: found.ui.lesionTable.item(0, NAME).setText("Apex"),
        lambda: found.adjust("thresholdSlider", 0.7),
        lambda: found.paint(findings.segment_id(findings.lesions[0]), np.s_[z0:z1, y0:y1, x0 : x1 + 4]),
        lambda: found.adjust("smoothSlider", 1.0),
    ):
        change()
        found.settle()
        states.append(shown())
    for state in states[-2::-1]:
        found.ui.undoButton.click()
        found.settle()
        assert shown() == state
    assert not found.ui.undoButton.enabled
    for state in states[1:]:
        found.ui.redoButton.click()
        found.settle()
        assert shown() == state
    assert not found.ui.redoButton.enabled
    assert found.ui.thresholdSlider.value == 0.7
    found.ui.undoButton.click()
    found.logic.rename(findings, findings.lesions[0].id, "Hilus")
    found.settle()
    assert not found.ui.redoButton.enabled  # a new change is a new way
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text


def test_what_changes_nothing_is_no_step(found):
    found.logic.set_status(found.panel.findings, found.panel.findings.lesions[0].id, "accepted")
    found.logic.take_over_edits(found.panel.findings)
    found.panel.refresh()
    assert not found.ui.undoButton.enabled


def test_a_removed_result_comes_back_as_it_was(found, scene):
    found.adjust("thresholdSlider", 0.7)
    found.ui.lesionTable.item(0, NAME).setText("Apex")
    found.settle()
    before, findings = (found.column(NAME), found.column(VOLUME), len(node_ids(scene))), found.panel.findings
    found.ui.removeResultButton.click()
    assert found.ui.lesionTable.rowCount == 0
    found.ui.undoButton.click()
    found.settle()
    assert (found.column(NAME), found.column(VOLUME), len(node_ids(scene))) == before
    assert found.panel.findings is findings
    segments = found.logic.segmentation(findings).GetSegmentation()
    assert segments.ContainsRepresentation("Closed surface")
    found.adjust("thresholdSlider", 0.5)  # still live
    found.ui.undoButton.click()
    found.ui.redoButton.click()
    for _ in range(2):
        found.ui.undoButton.click()
    found.ui.redoButton.click()
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text


def test_a_change_of_another_cts_result_is_not_taken_back_out_of_sight(found):
    first, findings = found.panel.volume, found.panel.findings
    found.logic.rename(findings, findings.lesions[0].id, "Apex")
    found.add_chest("other")
    assert not found.ui.undoButton.enabled
    assert found.logic.undo(found.panel.volume) is None
    found.ui.inputSelector.setCurrentNode(first)
    found.settle()
    found.ui.undoButton.click()
    assert "Apex" not in findings.names.values()
    slicer.mrmlScene.RemoveNode(first)
    found.settle()
    assert not found.ui.redoButton.enabled
