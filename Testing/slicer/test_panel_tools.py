"""Clicks, comparison and environment in the panel."""

import pytest
from LungTumorSegLib.errors import InputError

from Testing.slicer_standin.slice_views import click
from Testing.support.panel_case import NODULE_RAS, PanelCase, ReadyInstaller, node_ids, spin
from Testing.support.paths import RESOURCES


def test_clicks_work_before_any_run_and_leave_no_point_behind(case, scene):
    case.add_chest()
    before = node_ids(scene)
    case.ui.placeButton.click()
    case.click_at(NODULE_RAS)
    case.wait()
    assert case.ui.lesionTable.rowCount == 1
    assert case.ui.clickStatus.text.startswith("Found:")
    assert case.network.starts[0].points_lps[0] == pytest.approx((-86.0, 12.0, 21.0))
    case.ui.placeButton.click()
    case.ui.removeResultButton.click()
    assert node_ids(scene) == before


def test_several_clicks_queue_and_join_one_result(case):
    case.add_chest()
    case.ui.placeButton.click()
    for ras in (NODULE_RAS, (-78.0, -6.0, -12.0)):
        case.click_at(ras)
    case.wait()
    assert case.ui.lesionTable.rowCount == 2
    case.click_at((60.0, 30.0, -21.0))  # also after diameters, which are markups too, were drawn
    case.wait()
    assert case.ui.lesionTable.rowCount == 3
    assert len(case.logic.results()) == 1


def test_a_click_where_nothing_is_says_so(case, scene):
    case.add_chest()
    case.ui.placeButton.click()
    before = node_ids(scene)
    case.click_at((86.0, 40.0, -40.0))
    case.wait()
    assert "Nothing was found" in case.ui.clickStatus.text
    assert node_ids(scene) == before


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_a_click_that_failed_or_was_cancelled_is_not_looked_for_any_more(case, how):
    case.add_chest()
    case.ui.placeButton.click()
    case.network.steps = 20
    case.click_at(NODULE_RAS)
    spin(seconds=0.1)
    assert case.ui.clickStatus.text == "Looking ..."
    if how == "failed":
        case.network.error = InputError("The point lies outside the CT.")
    else:
        case.ui.segmentButton.click()
    case.wait()
    assert case.ui.errorFrame.visible is (how == "failed")
    assert case.ui.clickStatus.text == "" and not case.ui.clickStatus.visible


def test_a_mouse_click_in_a_slice_view_finds_a_lesion_and_one_with_ctrl_rejects_it(views, case):
    case.add_chest()
    case.ui.placeButton.click()
    assert "Ctrl" in case.ui.clickStatus.text and "Ctrl" in case.ui.placeButton.toolTip
    click(views[0], NODULE_RAS)
    case.wait()
    assert case.network.starts[0].points_lps[0] == pytest.approx((-86.0, 12.0, 21.0), abs=0.6)
    assert [x.status for x in case.panel.findings.lesions] == ["accepted"]
    reached = []
    views[1].sliceView().interactor().AddObserver("LeftButtonPressEvent", lambda *_: reached.append(1))
    click(views[1], NODULE_RAS, control=True)
    assert reached == []  # or the view would begin a drag
    assert case.ui.clickStatus.text.startswith("Rejected:")
    assert [x.status for x in case.panel.findings.lesions] == ["rejected"]
    click(views[1], (0.0, 0.0, 60.0), control=True)
    assert "no lesion" in case.ui.clickStatus.text, case.ui.errorLabel.text
    assert len(case.network.starts) == 1  # a click with Ctrl never runs the network


def test_after_the_end_of_place_mode_a_click_with_ctrl_is_the_views_again(views, found):
    found.ui.placeButton.click()
    found.ui.placeButton.click()
    click(views[0], NODULE_RAS, control=True)
    assert {x.status for x in found.panel.findings.lesions} == {"accepted"}


def test_leaving_the_module_or_place_mode_ends_the_clicks(case, standin_app):
    case.add_chest()
    interaction = standin_app.applicationLogic().GetInteractionNode()
    case.ui.placeButton.click()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    case.panel.exit()
    assert not case.ui.placeButton.checked
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    case.ui.placeButton.click()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)  # the Esc key
    assert not case.ui.placeButton.checked


# ---- compare


def test_a_result_agrees_with_its_copy_and_less_with_a_part_of_it(found, scene):
    original = found.logic.segmentation(found.panel.findings)
    copy = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "reader")
    copy.GetSegmentation().DeepCopy(original.GetSegmentation())
    found.ui.compareSelector.setCurrentNode(copy)
    found.settle()
    found.ui.compareButton.click()
    assert found.ui.compareResult.text.startswith("Dice 1.000\n")
    copy.GetSegmentation().RemoveSegment(copy.GetSegmentation().GetNthSegmentID(0))
    found.ui.compareButton.click()
    assert 0.1 < float(found.ui.compareResult.text.split()[1]) < 1.0
    copy.GetSegmentation().RemoveAllSegments()
    found.ui.compareButton.click()
    assert "nothing in the place of this CT" in found.ui.errorLabel.text


def test_a_result_is_not_compared_with_itself(found):
    found.ui.compareSelector.setCurrentNode(found.logic.segmentation(found.panel.findings))
    found.settle()
    assert not found.ui.compareButton.enabled


# ---- environment


def test_missing_packages_are_named_and_installed_on_a_click(standin_app, monkeypatch, tmp_path):
    import qt

    case = PanelCase(RESOURCES, installer=ReadyInstaller(["scikit-image>=0.25"]))
    try:
        case.add_chest()
        assert not case.ui.segmentButton.enabled and "scikit-image" in case.ui.segmentButton.toolTip
        assert case.installer.calls == []  # nothing without a click
        assert not case.ui.environmentGroup.collapsed and not case.ui.installLog.visible
        monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
        case.ui.browseWheelsButton.click()
        case.ui.installButton.click()
        assert case.installer.calls == [("install", tmp_path)]
        assert "pip says install" in case.ui.installLog.plainText and case.ui.installLog.visible
        assert case.ui.environmentStatus.text == "install went well"
        assert case.ui.segmentButton.enabled
    finally:
        case.close()


def test_check_repair_remove_and_report_reach_the_installer(case, standin_app, monkeypatch):
    import slicer

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text: True)
    case.network.pid = 4711
    case.panel.refresh()
    assert "4711" in case.ui.childStatus.text and case.ui.stopChildButton.enabled
    for button in (case.ui.checkButton, case.ui.repairButton, case.ui.removeButton):
        button.click()
    assert [name for name, _ in case.installer.calls] == ["verify", "repair", "remove"]
    assert case.network.closed  # before its packages are removed
    case.ui.copyReportButton.click()
    assert standin_app.clipboard().text().startswith("Slicer 5.12.3") and "pip says" in standin_app.clipboard().text()


def test_the_background_process_is_stopped_on_a_click(case):
    case.network.pid = 4711
    case.panel.refresh()
    case.ui.stopChildButton.click()
    assert case.network.closed and case.ui.statusLabel.text == ""


def test_stopping_the_background_process_in_mid_run_cancels_the_run(case):
    case.network.steps, case.network.pid = 10_000, 4711
    case.add_chest()
    case.ui.segmentButton.click()
    spin(lambda: "of 10000" in case.ui.statusLabel.text, seconds=10)
    case.ui.stopChildButton.click()
    case.settle()
    assert case.network.closed and not case.logic.running
    assert "Cancelled" in case.ui.statusLabel.text and case.ui.segmentButton.text == "Segment"


def test_choosing_another_engine_to_install_forgets_the_last_verdict(case):
    case.ui.checkButton.click()
    case.ui.installEngineCombo.currentIndex = 2
    assert case.ui.installLog.plainText == "" and case.ui.environmentStatus.text.startswith("Installed:")
