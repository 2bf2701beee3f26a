"""The panel follows the scene: CTs that are loaded, chosen or gone, results from the console, what was said of them."""

import pytest
import slicer
import slicer.util

from Testing.support import headless
from Testing.support.panel_case import NODULE_RAS, VOLUME, KnownNetwork, chest, spin

# ---- CTs


def test_a_ct_loaded_while_the_panel_is_open_is_chosen_where_none_was(case):
    labels = headless.add_volume(chest()[0], "labels", node_class="vtkMRMLLabelMapVolumeNode")
    case.settle()
    assert case.panel.volume is None
    first = headless.add_volume(chest()[0], "first")
    case.settle()
    assert case.panel.volume is first and case.ui.inputSelector.currentNode() is first is not labels
    assert case.ui.segmentButton.enabled
    headless.add_volume(chest()[0], "second")
    case.settle()
    assert case.panel.volume is first


def test_who_chooses_no_ct_is_left_without_until_one_is_loaded(case):
    case.add_chest()
    case.ui.inputSelector.setCurrentNode(None)
    case.settle()
    assert case.panel.volume is None
    case.panel.refresh()
    assert case.panel.volume is None
    newest = headless.add_volume(chest()[0], "newest")
    case.settle()
    assert case.panel.volume is newest


def test_lesions_lines_and_maps_leave_the_views_with_their_ct_and_come_back_with_it(found, scene):
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    node = found.logic.segmentation(found.panel.findings)
    first, lines = found.panel.volume, [x for x in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")]
    found.ui.showMapButton.click()
    shown_map = composite.GetForegroundVolumeID()
    other = found.add_chest("other")
    shown = [x.GetDisplayNode().GetVisibility() for x in (node, *lines)]
    assert not any(shown) and composite.GetForegroundVolumeID() is None
    assert found.ui.lesionTable.rowCount == 0
    found.ui.inputSelector.setCurrentNode(first)
    found.settle()
    assert all(x.GetDisplayNode().GetVisibility() for x in (node, *lines))
    assert composite.GetForegroundVolumeID() == shown_map is not None
    node.GetDisplayNode().SetVisibility(False)  # by the user
    for volume in (other, first):
        found.ui.inputSelector.setCurrentNode(volume)
        found.settle()
    assert not node.GetDisplayNode().GetVisibility()


def test_views_of_the_ct_before_show_the_chosen_one(views, found, application_logic):
    first = found.panel.volume
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    slicer.util.setSliceViewerLayers(background=first)
    second = found.add_chest("second")
    assert {x.GetBackgroundVolumeID() for x in composites} == {second.GetID()}
    third = headless.add_volume(chest()[0], "third")
    slicer.util.setSliceViewerLayers(background=third)
    found.ui.inputSelector.setCurrentNode(first)
    found.settle()
    assert {x.GetBackgroundVolumeID() for x in composites} == {third.GetID()}  # the user looks at something else


def test_a_result_that_comes_when_another_ct_is_chosen_waits_out_of_sight(case):
    first = case.add_chest("first")
    case.network.steps = 30
    case.ui.segmentButton.click()
    other = case.add_chest("other")
    case.wait()
    assert case.panel.volume is other and case.ui.lesionTable.rowCount == 0
    (findings,) = case.logic.results(first)
    assert not case.logic.segmentation(findings).GetDisplayNode().GetVisibility()
    case.ui.inputSelector.setCurrentNode(first)
    case.settle()
    assert case.ui.lesionTable.rowCount == 3
    assert case.logic.segmentation(findings).GetDisplayNode().GetVisibility()


# ---- the console


def test_a_result_made_and_changed_in_the_console_is_in_the_open_panel(case):
    from LungTumorSeg import LungTumorSegLogic

    volume = case.add_chest()
    console = LungTumorSegLogic(KnownNetwork())
    findings = console.segment(volume).findings
    case.settle()
    assert case.ui.lesionTable.rowCount == 3 and case.panel.findings is findings
    before = case.column(VOLUME)
    console.update(findings, threshold=0.8)
    case.settle()
    assert case.column(VOLUME) != before and case.ui.thresholdSlider.value == 0.8
    assert {x.status for x in findings.lesions} == {"accepted"}
    second = console.segment(volume).findings
    case.settle()
    assert case.panel.findings is second
    console.show_3d(second)
    case.settle()
    segments = console.segmentation(second).GetSegmentation()
    assert segments.ContainsRepresentation("Closed surface") and case.ui.show3DButton.checked


# ---- what was said


@pytest.fixture
def said(found):
    """A panel that has said something of a run, of a click and of a comparison."""
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "reader")
    copy.GetSegmentation().DeepCopy(found.logic.segmentation(found.panel.findings).GetSegmentation())
    found.ui.compareSelector.setCurrentNode(copy)
    found.settle()
    found.ui.compareButton.click()
    found.panel.segment_at(NODULE_RAS)
    found.wait()
    found.ui.compareButton.click()
    assert all(texts(found))
    return found


def texts(case):
    return [label.text for label in (case.ui.statusLabel, case.ui.clickStatus, case.ui.compareResult)]


def test_what_was_said_of_a_ct_leaves_with_it(said):
    said.add_chest("other")
    assert texts(said) == ["", "", ""]


def test_what_was_said_in_a_scene_leaves_with_it(said, _application):
    said.network.error = ZeroDivisionError("division by zero")
    said.run()
    assert said.ui.errorFrame.visible
    headless.clear(*_application)
    said.settle()
    assert texts(said) == ["", "", ""] and not said.ui.errorFrame.visible


def test_closing_the_scene_in_mid_run_leaves_no_progress_standing(case, _application):
    case.network.steps = 10_000
    case.add_chest()
    case.ui.segmentButton.click()
    spin(lambda: case.ui.statusLabel.text != "Waiting", seconds=10)
    headless.clear(*_application)
    case.settle()
    assert case.ui.statusLabel.text == "" and not case.ui.progressBar.visible


def test_figures_of_a_comparison_leave_when_the_lesions_change(said):
    said.adjust("thresholdSlider", 0.8)
    assert said.ui.compareResult.text == ""


# ---- placing


def test_esc_in_a_slice_view_ends_placing(views, case, standin_app):
    case.add_chest()
    interaction = standin_app.applicationLogic().GetInteractionNode()
    case.ui.placeButton.click()
    assert "Esc" in case.ui.clickStatus.text
    interactor = views[1].sliceView().interactor()
    for key, placing in (("a", True), ("Escape", False)):
        interactor.SetKeySym(key)
        interactor.InvokeEvent("KeyPressEvent")
        assert case.ui.placeButton.checked is placing
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    assert case.ui.clickStatus.text == ""
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
