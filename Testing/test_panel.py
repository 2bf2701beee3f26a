"""The panel, widget by widget, on the real scene and logic; only the network is a known one."""

import threading
from pathlib import Path

import headless
import numpy as np
import pytest
import vtk
from LungTumorSegLib.errors import WorkerError
from panel_case import KnownNetwork, PanelCase, ReadyInstaller, chest, spin

RESOURCES = Path(__file__).parent.parent / "LungTumorSeg" / "Resources"
ACCEPT, SHOW, NAME, SIDE, VOLUME, DIAMETERS = range(6)


@pytest.fixture
def case(standin_app):
    made = PanelCase(RESOURCES)
    yield made
    made.close()


@pytest.fixture
def found(case):
    """A case with the phantom segmented."""
    case.add_chest()
    case.run()
    return case


def node_ids(scene):
    return [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]


def test_without_a_ct_the_button_says_what_is_missing(case):
    assert not case.ui.segmentButton.enabled
    assert "CT" in case.ui.segmentButton.toolTip
    assert "Load a chest CT" in case.ui.inputSummary.text


def test_a_ct_is_described_and_can_be_segmented(case):
    case.add_chest()
    assert case.ui.inputSummary.text.startswith("128 x 96 x 60; spacing 3.00 x 3.00 x 3.00 mm")
    assert case.ui.segmentButton.enabled


def test_what_is_not_a_ct_is_named_and_cannot_be_segmented(case):
    import slicer

    node = case.add_chest()
    slicer.util.updateVolumeFromArray(node, np.full((20, 20, 20), 100, np.int16))
    case.panel.refresh()
    assert not case.ui.segmentButton.enabled
    assert case.ui.inputSummary.text == case.ui.segmentButton.toolTip
    assert "same value" in case.ui.inputSummary.text


def test_label_maps_are_not_offered(case, scene):
    headless.add_volume(chest()[0], "labels", node_class="vtkMRMLLabelMapVolumeNode")
    assert case.ui.inputSelector.nodeCount() == 0


def test_the_window_buttons_set_the_window(case):
    display = case.add_chest().GetDisplayNode()
    case.ui.lungWindowButton.click()
    assert (display.GetWindow(), display.GetLevel()) == (1500, -600)
    case.ui.softTissueButton.click()
    assert (display.GetWindow(), display.GetLevel()) == (400, 40)


def test_a_run_shows_its_progress_and_leaves_the_event_loop_alive(case):
    case.add_chest()
    seen, ticks = [], []
    import qt

    timer = qt.QTimer()
    timer.setInterval(5)
    timer.connect(
        "timeout()", lambda: (ticks.append(1), seen.append((case.ui.statusLabel.text, case.ui.segmentButton.text)))
    )
    timer.start()
    case.run()
    timer.stop()
    texts = {text for text, _ in seen}
    assert any("2 of 4" in text for text in texts) and any("s left" in text for text in texts)
    assert "Cancel" in {button for _, button in seen}
    assert len(ticks) > 2 * case.network.steps  # it ticked between the messages
    assert case.ui.segmentButton.text == "Segment" and not case.ui.progressBar.visible
    assert "known on CPU (a phantom)" in case.ui.statusLabel.text


def test_the_findings_are_in_the_table_best_first(found):
    findings = found.panel.findings
    assert found.ui.lesionTable.rowCount == 3 == len(findings.lesions)
    assert found.column(NAME) == [findings.names[lesion.id] for lesion in findings.lesions]
    assert set(found.column(SIDE)) == {"L", "R"}
    volumes = [float(text) for text in found.column(VOLUME)]
    assert max(volumes) == pytest.approx(np.pi / 6 * 18**3 / 1000, rel=0.25)
    assert found.ui.findingsSummary.text.startswith("3 lesions, 3 accepted")


def test_cancel_leaves_the_scene_as_it_was(case, scene, tmp_path):
    case.network.steps = 10_000
    case.add_chest()
    before = headless.scene_xml(scene, str(tmp_path))
    case.ui.segmentButton.click()
    spin(lambda: "of 10000" in case.ui.statusLabel.text, seconds=10)
    case.ui.segmentButton.click()
    assert headless.scene_xml(scene, str(tmp_path)) == before
    assert case.ui.segmentButton.text == "Segment" and case.ui.segmentButton.enabled
    assert "Cancelled" in case.ui.statusLabel.text


def test_a_failure_is_one_sentence_and_its_log_can_be_copied(case, standin_app, scene):
    case.add_chest()
    before = node_ids(scene)
    case.network.error = WorkerError(
        "The program that segments ended unexpectedly.", log="line 1\nMemoryError: last line"
    )
    case.run()
    assert case.ui.errorFrame.visible
    assert case.ui.errorLabel.text.startswith("The program that segments ended unexpectedly.")
    case.ui.copyLogButton.click()
    copied = standin_app.clipboard().text()
    assert "Traceback" in copied and "MemoryError: last line" in copied
    assert node_ids(scene) == before
    case.run()
    assert not case.ui.errorFrame.visible and case.ui.lesionTable.rowCount == 3


def test_a_fault_of_our_own_is_said_too_and_the_panel_goes_on(case):
    case.add_chest()
    case.network.error = ZeroDivisionError("division by zero")
    case.run()
    assert "unexpected" in case.ui.errorLabel.text and "division by zero" in case.ui.errorLabel.text
    case.ui.dismissButton.click()
    assert not case.ui.errorFrame.visible and case.ui.segmentButton.enabled


def test_choosing_a_row_and_arrow_keys_jump_to_the_lesion(found, scene):
    slice_node = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    findings = found.panel.findings
    for row in (2, 0, 1):
        found.ui.lesionTable.setCurrentCell(row, NAME)
        wanted = found.logic.lesion_position(findings, findings.lesions[row].id)
        assert camera.GetFocalPoint() == pytest.approx(wanted)
        centre = [slice_node.GetSliceToRAS().GetElement(i, 3) for i in range(3)]
        assert centre[2] == pytest.approx(wanted[2])


def test_an_unticked_lesion_is_rejected_grey_and_left_out(found, standin_app):
    item = found.ui.lesionTable.item(1, ACCEPT)
    import qt

    item.setCheckState(qt.Qt.Unchecked)
    found.settle()
    findings = found.panel.findings
    assert findings.lesions[1].status == "rejected"
    assert found.ui.findingsSummary.text.startswith("3 lesions, 2 accepted")
    assert found.ui.lesionTable.item(1, NAME).foreground().color().red() == 128
    found.ui.copyTableButton.click()
    copied = standin_app.clipboard().text().splitlines()
    assert len(copied) == 3 and copied[0].split("\t")[:2] == ["Name", "Side"]
    found.ui.lesionTable.item(1, ACCEPT).setCheckState(qt.Qt.Checked)
    assert findings.lesions[1].status == "accepted"


def test_a_lesion_is_renamed_in_the_table_and_in_the_segmentation(found):
    found.ui.lesionTable.item(0, NAME).setText("Apex")
    found.settle()
    segmentation = found.logic.segmentation(found.panel.findings).GetSegmentation()
    assert "Apex" in [segmentation.GetNthSegment(i).GetName() for i in range(3)]
    assert found.column(NAME)[0] == "Apex"


def test_a_lesion_is_hidden_and_shown(found):
    import qt
    from LungTumorSegLib import terminology

    findings = found.panel.findings
    display = found.logic.segmentation(findings).GetDisplayNode()
    segment = terminology.segment_id(findings.lesions[0])
    found.ui.lesionTable.item(0, SHOW).setCheckState(qt.Qt.Unchecked)
    assert not display.GetSegmentVisibility(segment)
    found.settle()
    assert found.ui.lesionTable.item(0, SHOW).checkState() == qt.Qt.Unchecked
    found.ui.lesionTable.item(0, SHOW).setCheckState(qt.Qt.Checked)
    assert display.GetSegmentVisibility(segment)


def test_surfaces_and_diameters_come_and_go(found, scene):
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 6
    found.ui.diametersButton.click()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 0
    segmentation = found.logic.segmentation(found.panel.findings)
    found.ui.show3DButton.click()
    assert segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
    found.ui.show3DButton.click()
    assert not segmentation.GetSegmentation().ContainsRepresentation("Closed surface")


def test_results_are_saved_into_a_folder(found, tmp_path, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path / "out"))
    found.ui.saveButton.click()
    assert {"segmentation.seg.nrrd", "lesions.csv", "result.json"} <= {p.name for p in (tmp_path / "out").iterdir()}
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text


def test_an_earlier_result_in_the_folder_is_replaced_only_when_the_user_says_so(found, tmp_path, monkeypatch):
    import qt
    import slicer

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    found.ui.saveButton.click()
    found.ui.lesionTable.item(0, NAME).setText("Apex")
    before = (tmp_path / "segmentation.seg.nrrd").read_bytes()
    for answer in (False, True):
        monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, answer=answer: answer)
        adjust(found, "thresholdSlider", 0.7)
        found.ui.saveButton.click()
        assert ((tmp_path / "segmentation.seg.nrrd").read_bytes() != before) is answer
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text


def test_removing_a_result_leaves_nothing_of_it(case, scene):
    case.add_chest()
    before = node_ids(scene)
    case.run()
    case.ui.show3DButton.click()
    case.ui.probabilityCheckBox.click()
    case.ui.removeResultButton.click()
    assert node_ids(scene) == before
    assert case.ui.lesionTable.rowCount == 0 and not case.ui.saveButton.enabled


def test_segment_editor_opens_on_the_result(found, monkeypatch):
    import slicer

    opened = {}

    class Editor:
        def setSegmentationNode(self, node):
            opened["segmentation"] = node

        def setSourceVolumeNode(self, node):
            opened["volume"] = node

    class Representation:
        def widgetRepresentation(self):
            return self

        def self(self):
            return type("Widget", (), {"editor": Editor()})

    monkeypatch.setattr(slicer.util, "selectModule", lambda name: opened.update(module=name))
    monkeypatch.setattr(slicer.modules, "segmenteditor", Representation(), raising=False)
    found.ui.segmentEditorButton.click()
    assert opened["module"] == "SegmentEditor"
    assert opened["segmentation"] is found.logic.segmentation(found.panel.findings)
    assert opened["volume"] is found.panel.volume


# ---- adjust


def adjust(case, slider, value):
    getattr(case.ui, slider).value = value
    case.settle()


def test_the_threshold_changes_the_lesions_without_the_network(found):
    volume = sum(lesion.volume_mm3 for lesion in found.panel.findings.lesions)
    adjust(found, "thresholdSlider", 0.8)
    smaller = sum(lesion.volume_mm3 for lesion in found.panel.findings.lesions)
    assert smaller < volume
    assert sum(map(float, found.column(VOLUME))) == pytest.approx(smaller / 1000, abs=0.02)
    assert len(found.network.starts) == 1
    assert found.panel.parameters.threshold == 0.8


def test_the_smallest_diameter_leaves_lesions_out_and_brings_them_back(found):
    adjust(found, "minDiameterSlider", 11.0)
    assert found.ui.lesionTable.rowCount < 3
    adjust(found, "minDiameterSlider", 3.0)
    assert found.ui.lesionTable.rowCount == 3


def test_one_lesion_can_have_a_threshold_of_its_own(found):
    found.ui.lesionTable.setCurrentCell(0, NAME)
    found.settle()
    before = found.column(VOLUME)
    adjust(found, "lesionThresholdSlider", 0.85)
    after = found.column(VOLUME)
    lesion = found.panel.findings.lesion(found.panel.selected_lesion)
    assert lesion.threshold == pytest.approx(0.85)
    assert sum(a != b for a, b in zip(sorted(before), sorted(after), strict=True)) == 1
    found.ui.resetButton.click()
    found.settle()
    assert sorted(found.column(VOLUME)) == sorted(before)


def test_smoothing_and_the_lung_filter_reach_the_result(found):
    adjust(found, "smoothSlider", 2.0)
    assert found.panel.findings.smooth_mm == 2.0
    found.ui.lungCheckBox.click()
    found.settle()
    assert found.panel.findings.options.lung_restriction is False


# ---- segments changed by hand


def paint(case, segment_id, box, value=1):
    """What Segment Editor's brush does: it writes into the segment's labelmap."""
    import slicer

    segmentation, volume = case.logic.segmentation(case.panel.findings), case.panel.volume
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
    array = np.zeros(chest()[0].voxels_zyx.shape, np.uint8) if array is None else array.copy()
    array[box] = value
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segment_id, volume)
    case.settle()


def test_a_segment_changed_by_hand_is_measured_again_and_kept_from_the_threshold(found):
    findings = found.panel.findings
    lesion = findings.lesions[0]
    (z0, z1), (y0, y1), (x0, x1) = lesion.label_box
    paint(found, findings.segment_id(lesion), np.s_[z0:z1, y0:y1, x0 : x1 + 4])
    edited = findings.lesion(lesion.id)
    assert edited.status == "edited"
    assert edited.volume_mm3 == pytest.approx((z1 - z0) * (y1 - y0) * (x1 + 4 - x0) * 27)
    row = [x.id for x in findings.lesions].index(lesion.id)
    assert float(found.column(VOLUME)[row]) == pytest.approx(edited.volume_mm3 / 1000, abs=0.01)
    assert found.ui.lesionTable.item(row, NAME).font().italic()
    segment = found.logic.segmentation(findings).GetSegmentation().GetSegment(findings.segment_id(lesion))
    tag = vtk.mutable("")
    assert segment.GetTag("DICOM.SegmentAlgorithmType", tag) and tag == "SEMIAUTOMATIC"
    adjust(found, "thresholdSlider", 0.9)
    assert findings.lesion(lesion.id) == edited
    assert len({x.id for x in findings.lesions}) == len(findings.lesions) <= 3


def test_a_segment_drawn_by_hand_joins_the_table(found):
    findings = found.panel.findings
    segmentation = found.logic.segmentation(findings).GetSegmentation()
    own = segmentation.AddEmptySegment("", "By hand")
    found.settle()
    assert found.ui.lesionTable.rowCount == 3  # an empty one is no lesion
    paint(found, own, np.s_[20:24, 40:46, 90:98])
    assert found.ui.lesionTable.rowCount == 4 and "By hand" in found.column(NAME)
    lesion = next(x for x in findings.lesions if findings.names[x.id] == "By hand")
    assert (lesion.volume_mm3, lesion.status) == (pytest.approx(4 * 6 * 8 * 27), "edited")
    assert segmentation.GetNumberOfSegments() == 4
    adjust(found, "thresholdSlider", 0.7)
    assert "By hand" in found.column(NAME) and segmentation.GetNumberOfSegments() == 4


def test_an_erased_and_a_removed_segment_are_rejected(found):
    findings = found.panel.findings
    first, second, _ = findings.lesions
    paint(found, findings.segment_id(first), np.s_[:], 0)
    found.logic.segmentation(findings).GetSegmentation().RemoveSegment(findings.segment_id(second))
    found.settle()
    assert [findings.lesion(x.id).status for x in (first, second)] == ["rejected", "rejected"]
    assert found.ui.findingsSummary.text.startswith("3 lesions, 1 accepted")


def test_live_changes_of_our_own_are_not_taken_for_the_users(found):
    for value in (0.7, 0.3, 0.5):
        adjust(found, "thresholdSlider", value)
    found.settle()
    assert {x.status for x in found.panel.findings.lesions} == {"accepted"}


# ---- clicks


def click_at(case, ras):
    """What Slicer's place mode does when the user clicks in a slice view."""
    import slicer

    node_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
    slicer.mrmlScene.GetNodeByID(node_id).AddControlPoint(*ras)


NODULE_RAS = (86.0, -12.0, 21.0)


def test_clicks_work_before_any_run_and_leave_no_point_behind(case, scene):
    case.add_chest()
    before = node_ids(scene)
    case.ui.placeButton.click()
    click_at(case, NODULE_RAS)
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
        click_at(case, ras)
    case.wait()
    assert case.ui.lesionTable.rowCount == 2
    click_at(case, (60.0, 30.0, -21.0))  # also after diameters, which are markups too, were drawn
    case.wait()
    assert case.ui.lesionTable.rowCount == 3
    assert len(case.logic.results()) == 1


def test_a_click_where_nothing_is_says_so(case, scene):
    case.add_chest()
    case.ui.placeButton.click()
    before = node_ids(scene)
    click_at(case, (86.0, 40.0, -40.0))
    case.wait()
    assert "Nothing was found" in case.ui.clickStatus.text
    assert node_ids(scene) == before


def test_a_click_rejects_a_lesion_when_asked_to(found):
    found.ui.placeButton.click()
    found.ui.removeCheckBox.click()
    click_at(found, NODULE_RAS)
    assert found.ui.clickStatus.text.startswith("Rejected:")
    assert [x.status for x in found.panel.findings.lesions].count("rejected") == 1
    click_at(found, (0.0, 0.0, 60.0))
    assert "no lesion" in found.ui.clickStatus.text, found.ui.errorLabel.text


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


# ---- maps, compare


def test_the_probability_is_laid_over_the_slices(found, scene):
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    import slicer

    found.ui.probabilityCheckBox.click()
    node = scene.GetNodeByID(composite.GetForegroundVolumeID())
    values = slicer.util.arrayFromVolume(node)
    inside = slicer.util.arrayFromVolume(found.panel.volume)[values > 90]
    assert len(inside) > 20 and inside.mean() > -50  # soft tissue: the map lies where the lesions are
    assert composite.GetForegroundOpacity() == 0.5
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert legend.GetTitleText() == "Tumour (%)"
    found.ui.opacitySlider.value = 0.25
    assert composite.GetForegroundOpacity() == 0.25
    found.ui.probabilityCheckBox.click()
    assert composite.GetForegroundVolumeID() is None and node.GetScene() is None


def test_a_result_agrees_with_its_copy_and_less_with_a_part_of_it(found, scene):
    original = found.logic.segmentation(found.panel.findings)
    copy = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "reader")
    copy.GetSegmentation().DeepCopy(original.GetSegmentation())
    found.ui.compareSelector.setCurrentNode(copy)
    found.settle()
    found.ui.compareButton.click()
    assert found.ui.compareResult.text.startswith("Dice 1.000.")
    copy.GetSegmentation().RemoveSegment(copy.GetSegmentation().GetNthSegmentID(0))
    found.ui.compareButton.click()
    assert 0.1 < float(found.ui.compareResult.text.split()[1].rstrip(".")) < 1.0
    copy.GetSegmentation().RemoveAllSegments()
    found.ui.compareButton.click()
    assert "nothing in the place of this CT" in found.ui.errorLabel.text


def test_a_result_is_not_compared_with_itself(found):
    found.ui.compareSelector.setCurrentNode(found.logic.segmentation(found.panel.findings))
    found.settle()
    assert not found.ui.compareButton.enabled


# ---- advanced, environment


def test_the_advanced_settings_reach_the_run(case, monkeypatch, tmp_path):
    import qt

    case.add_chest()
    case.ui.engineCombo.currentIndex = case.ui.engineCombo.findText("TensorFlow")
    case.ui.deviceCombo.currentIndex = 1
    case.ui.keepProbabilityCheckBox.click()
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(RESOURCES / "Models" / "default"))
    case.ui.browseModelButton.click()
    case.settle()
    case.run()
    options = case.network.starts[0]
    assert (options.engine, options.device, options.keep_probability) == ("tensorflow", "cpu", True)
    assert options.model == RESOURCES / "Models" / "default"


def test_an_engine_that_is_not_installed_is_said_before_a_run(case):
    case.add_chest()
    case.ui.engineCombo.currentIndex = case.ui.engineCombo.findText("ONNX Runtime")
    case.settle()
    assert not case.ui.segmentButton.enabled and "not installed" in case.ui.segmentButton.toolTip


def test_a_second_run_stays_beside_the_first_and_can_replace_it(found):
    first = found.panel.findings
    found.run()
    assert len(found.logic.results()) == 2 and found.panel.findings is not first
    assert found.ui.resultSelector.count == 2 and found.ui.resultSelector.visible
    found.ui.resultSelector.currentIndex = 0
    found.ui.resultSelector.activated.emit(0)
    assert found.panel.findings is first
    found.ui.replaceCheckBox.click()
    found.run()
    assert len(found.logic.results()) == 2 and first not in found.logic.results()


def test_missing_packages_are_named_and_installed_on_a_click(standin_app, monkeypatch, tmp_path):
    import qt

    case = PanelCase(RESOURCES, installer=ReadyInstaller(["scikit-image>=0.25"]))
    try:
        case.add_chest()
        assert not case.ui.segmentButton.enabled and "scikit-image" in case.ui.segmentButton.toolTip
        assert case.installer.calls == []  # nothing without a click
        monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
        case.ui.browseWheelsButton.click()
        case.ui.installButton.click()
        assert case.installer.calls == [("install", tmp_path)]
        assert "pip says install" in case.ui.installLog.plainText
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
    assert case.network.closed


def test_choosing_another_engine_to_install_forgets_the_last_verdict(case):
    case.ui.checkButton.click()
    case.ui.installEngineCombo.currentIndex = 2
    assert case.ui.installLog.plainText == "" and case.ui.environmentStatus.text.startswith("Installed:")


# ---- the scene


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
    adjust(found, "thresholdSlider", 0.6)
    lesion = found.panel.findings.lesions[1]
    (z0, z1), (y0, y1), (x0, x1) = lesion.label_box
    paint(found, found.panel.findings.segment_id(lesion), np.s_[z0:z1, y0:y1, x0:x1])
    before = [found.column(c) for c in range(NAME, DIAMETERS + 1)], [x.status for x in found.panel.findings.lesions]
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
    assert ([found.column(c) for c in range(NAME, DIAMETERS + 1)], [x.status for x in findings.lesions]) == before
    assert set(before[1]) == {"accepted", "edited", "rejected"}
    assert found.ui.thresholdSlider.value == 0.6
    adjust(found, "thresholdSlider", 0.3)  # still live
    assert findings.lesions[0].volume_mm3 > float(before[0][2][0]) * 1000


def test_a_reloaded_module_still_knows_its_results(found):
    found.panel.close()
    again = PanelCase(RESOURCES)
    try:
        assert again.ui.lesionTable.rowCount == 3
        assert again.column(NAME) == found.column(NAME)
    finally:
        again.close()


def test_a_slow_network_is_not_asked_again_while_it_works(standin_app):
    case = PanelCase(RESOURCES, network=KnownNetwork(steps=30))
    try:
        case.add_chest()
        case.ui.segmentButton.click()
        spin(seconds=0.2)
        adjust(case, "thresholdSlider", 0.6)
        assert len(case.network.starts) == 1
    finally:
        case.close()
