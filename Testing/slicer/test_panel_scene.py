"""The panel while scenes close, open and are saved, volumes vanish and modules are reloaded."""

import threading

import numpy as np

from Testing.support import headless
from Testing.support.panel_case import (
    ACCEPT,
    DIAMETERS,
    NAME,
    NODULE_RAS,
    SIDE,
    VISIBLE,
    VOLUME,
    PanelCase,
    spin,
)
from Testing.support.paths import RESOURCES


def test_closing_the_scene_in_mid_run_ends_the_run(case, scene, _application):
    case.network.steps = 10_000
    case.add_chest()
    case.ui.segmentButton.click()
    spin(seconds=0.1)
    headless.clear(*_application)
    assert not case.logic.running
    case.settle()
    assert not case.ui.segmentButton.enabled and case.ui.segmentButton.text == "Segment"
    case.network.steps = 3
    case.add_chest()
    case.run()
    assert case.ui.lesionTable.rowCount == 3


def test_closing_the_scene_ends_the_clicks_and_the_making_of_surfaces(found, scene, monkeypatch, _application):
    from LungTumorSegLib.slicer_.panel import panel

    monkeypatch.setattr(panel, "SURFACE_SECONDS", 0.0)
    found.ui.placeButton.click()
    for _ in range(2):  # away, and made again
        found.ui.show3DButton.click()
    headless.clear(*_application)
    found.settle()
    assert not found.ui.placeButton.checked and found.ui.lesionTable.rowCount == 0
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0


def test_a_click_whose_result_is_removed_meanwhile_begins_a_new_one(found):
    found.network.steps = 20
    found.panel.segment_at(NODULE_RAS)
    found.ui.removeResultButton.click()
    found.wait()
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text
    assert found.ui.lesionTable.rowCount == 1 and len(found.logic.results()) == 1


def test_a_result_whose_segmentation_is_deleted_leaves_the_table(found, scene):
    scene.RemoveNode(found.logic.segmentation(found.panel.findings))
    found.settle()
    assert found.ui.lesionTable.rowCount == 0 and not found.ui.saveButton.enabled
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text


def test_deleting_the_ct_in_mid_run_ends_the_run_with_a_sentence(case, scene):
    case.network.steps = 10_000
    node = case.add_chest()
    case.ui.segmentButton.click()
    spin(seconds=0.1)
    scene.RemoveNode(node)
    case.wait()
    assert "removed from the scene" in case.ui.errorLabel.text
    assert case.ui.segmentButton.text == "Segment"
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_two_cts_of_one_name_have_their_own_results(case):
    first, second = case.add_chest("same"), case.add_chest("same")
    case.run()
    assert case.logic.results(second) and not case.logic.results(first)
    case.ui.inputSelector.setCurrentNode(first)
    case.settle()
    assert case.ui.lesionTable.rowCount == 0
    case.ui.inputSelector.setCurrentNode(second)
    case.settle()
    assert case.ui.lesionTable.rowCount == 3


def test_a_panel_that_is_closed_leaves_no_observer_and_no_thread_behind(standin_app, scene):
    threads = threading.active_count()
    case = PanelCase(RESOURCES)
    case.add_chest()
    case.ui.placeButton.click()
    case.run()
    parameters = case.logic.getParameterNode()
    case.close()
    parameters.Modified()
    scene.RemoveNode(scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode"))
    case.settle()
    assert case.network.closed and threading.active_count() <= threads


def test_the_settings_survive_saving_and_opening_the_scene(case, scene, tmp_path, _application):
    case.add_chest()
    case.ui.thresholdSlider.value = 0.35
    case.ui.replaceCheckBox.click()
    text = headless.scene_xml(scene, str(tmp_path))
    headless.clear(*_application)
    case.settle()
    assert case.panel.parameters.threshold != 0.35
    scene.SetLoadFromXMLString(1)
    scene.SetSceneXMLString(text)
    scene.Import()
    scene.SetLoadFromXMLString(0)
    case.settle()
    assert case.ui.thresholdSlider.value == 0.35 and case.ui.replaceCheckBox.checked


def test_results_survive_saving_and_opening_the_scene(found, scene, tmp_path, _application):
    import qt

    found.ui.lesionTable.item(0, NAME).setText("Apex")
    found.ui.lesionTable.item(2, ACCEPT).setCheckState(qt.Qt.Unchecked)
    found.adjust("thresholdSlider", 0.6)
    lesion = found.panel.findings.lesions[1]
    (z0, z1), (y0, y1), (x0, x1) = lesion.label_box.pairs
    found.paint(found.panel.findings.segment_id(lesion), np.s_[z0:z1, y0:y1, x0:x1])
    before = (
        [found.column(c) for c in (NAME, SIDE, VOLUME, DIAMETERS)],
        [x.status for x in found.panel.findings.lesions],
    )
    for kind in ("ScalarVolume", "Segmentation", "Table", "Text"):
        for i in range(scene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node")):
            scene.GetNthNodeByClass(i, f"vtkMRML{kind}Node").AddDefaultStorageNode()
    (tmp_path / "saved").mkdir()
    scene.SaveSceneToSlicerDataBundleDirectory(str(tmp_path / "saved"), None)
    headless.clear(*_application)
    found.settle()
    assert found.ui.lesionTable.rowCount == 0 and found.logic.results() == []

    scene.SetURL(str(next((tmp_path / "saved").glob("*.mrml"))))
    scene.Import()
    found.settle()
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text
    findings = found.panel.findings
    assert ([found.column(c) for c in (NAME, SIDE, VOLUME, DIAMETERS)], [x.status for x in findings.lesions]) == before
    assert set(before[1]) == {"accepted", "edited", "rejected"}
    assert found.ui.thresholdSlider.value == 0.6
    found.adjust("thresholdSlider", 0.3)  # still live
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 2  # those of the largest
    assert findings.lesions[0].volume_mm3 > float(before[0][2][0]) * 1000


def test_a_hidden_lesion_of_a_closed_scene_hides_none_of_the_next(found, _application):
    import qt

    found.ui.lesionTable.item(0, VISIBLE).setCheckState(qt.Qt.Unchecked)
    headless.clear(*_application)
    found.settle()
    found.add_chest()
    found.run()
    assert found.ui.lesionTable.item(0, VISIBLE).checkState() == qt.Qt.Checked


def test_a_reloaded_module_still_knows_its_results(found):
    import qt

    found.ui.lesionTable.item(1, VISIBLE).setCheckState(qt.Qt.Unchecked)
    found.panel.close()
    again = PanelCase(RESOURCES)
    try:
        shown = [again.ui.lesionTable.item(row, VISIBLE).checkState() for row in range(3)]
        assert shown == [qt.Qt.Checked, qt.Qt.Unchecked, qt.Qt.Checked]
        assert again.ui.lesionTable.rowCount == 3
        assert again.column(NAME) == found.column(NAME)
    finally:
        again.close()
