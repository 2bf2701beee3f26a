"""Findings and Adjust in the panel."""

import numpy as np
import pytest
from LungTumorSegLib.lesions.confidence import FEATURES

from Testing.support.panel_case import (
    ACCEPT,
    CONFIDENCE,
    NAME,
    SIDE,
    VISIBLE,
    VOLUME,
    model_with,
    node_ids,
)


def test_the_findings_are_in_the_table_largest_first(found):
    findings = found.panel.findings
    assert found.ui.lesionTable.isColumnHidden(CONFIDENCE)  # this model's card has no coefficients
    assert found.ui.lesionTable.rowCount == 3 == len(findings.lesions)
    assert found.column(NAME) == [findings.names[lesion.id] for lesion in findings.lesions]
    assert set(found.column(SIDE)) == {"L", "R"}
    volumes = [float(text) for text in found.column(VOLUME)]
    assert volumes == sorted(volumes, reverse=True)
    assert max(volumes) == pytest.approx(np.pi / 6 * 18**3 / 1000, rel=0.25)
    assert found.ui.findingsSummary.text.startswith("3 lesions, 3 accepted")


def test_with_a_model_that_rates_them_the_findings_are_ordered_by_confidence(case, tmp_path):
    # the smaller the surer, in three steps of a tenth: the order by volume, turned round
    weights = {name: 0.0 for name in FEATURES} | {"intercept": 10.4, "log_volume": -1.5}
    case.panel.parameters.modelFolder = str(model_with(tmp_path / "model", confidence_coefficients=weights))
    case.add_chest()
    case.run()

    def check():
        lesions = case.panel.findings.lesions
        steps = [int(10 * x.confidence) for x in lesions]
        assert steps == sorted(set(steps), reverse=True) and len(steps) == 3
        assert [x.volume_mm3 for x in lesions] == sorted(x.volume_mm3 for x in lesions)
        assert case.column(NAME) == [case.panel.findings.names[x.id] for x in lesions]
        assert case.column(CONFIDENCE) == [f"{100 * x.confidence:.0f} %" for x in lesions]

    check()
    assert not case.ui.lesionTable.isColumnHidden(CONFIDENCE)
    case.adjust("thresholdSlider", 0.7)
    check()
    surest = case.panel.findings.lesions[0].confidence
    case.adjust("minConfidenceSlider", 0.99 * surest)
    assert case.column(CONFIDENCE) == [f"{100 * surest:.0f} %"]
    case.ui.resetButton.click()
    case.settle()
    assert len(case.panel.findings.lesions) == 3


def test_the_least_confidence_starts_where_the_models_card_puts_it(case, tmp_path):
    weights = {name: 0.0 for name in FEATURES} | {"intercept": 30.0, "log_volume": -5.0}
    model = model_with(tmp_path / "model", confidence_coefficients=weights, min_confidence=0.4)
    case.panel.parameters.modelFolder = str(model)
    case.settle()
    case.add_chest()
    case.run()
    assert case.ui.minConfidenceSlider.value == 0.4
    assert 0 < len(case.panel.findings.lesions) < 3
    assert all(x.confidence >= 0.4 for x in case.panel.findings.lesions)


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
    from LungTumorSegLib.lesions import terminology

    findings = found.panel.findings
    display = found.logic.segmentation(findings).GetDisplayNode()
    segment = terminology.segment_id(findings.lesions[0])
    found.ui.lesionTable.item(0, VISIBLE).setCheckState(qt.Qt.Unchecked)
    assert not display.GetSegmentVisibility(segment)
    found.settle()
    assert found.ui.lesionTable.item(0, VISIBLE).checkState() == qt.Qt.Unchecked
    found.ui.lesionTable.item(0, VISIBLE).setCheckState(qt.Qt.Checked)
    assert display.GetSegmentVisibility(segment)


def test_the_buttons_show_whether_the_chosen_result_has_surfaces_and_diameters(found):
    first = found.panel.findings
    found.run()
    second = found.panel.findings
    found.ui.show3DButton.click()
    found.ui.diametersButton.click()
    assert (second.surfaces_shown, second.diameters_shown) == (False, False)
    found.panel.show(first)
    assert found.ui.show3DButton.checked and found.ui.diametersButton.checked
    found.panel.show(second)
    assert not found.ui.show3DButton.checked and not found.ui.diametersButton.checked
    assert (first.surfaces_shown, second.surfaces_shown) == (True, False)


def line_names():
    import slicer

    return sorted(line.GetName() for line in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode"))


def test_surfaces_and_diameters_come_and_go(found, scene):
    assert line_names() == ["Lesion 1 long axis", "Lesion 1 short axis"]  # the largest, which is also selected
    found.ui.lesionTable.setCurrentCell(2, NAME)
    found.settle()
    third = found.column(NAME)[2]
    assert line_names() == ["Lesion 1 long axis", "Lesion 1 short axis", f"{third} long axis", f"{third} short axis"]
    found.ui.diametersButton.click()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 0
    segmentation = found.logic.segmentation(found.panel.findings)
    assert segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
    found.ui.show3DButton.click()
    found.settle()
    assert not segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
    found.ui.show3DButton.click()
    found.settle()
    assert segmentation.GetSegmentation().ContainsRepresentation("Closed surface")


def test_surfaces_are_made_in_pieces_with_the_event_loop_between_them(found, monkeypatch):
    import qt
    from LungTumorSegLib.slicer_.panel import panel

    monkeypatch.setattr(panel, "SURFACE_SECONDS", 0.0)  # the shortest piece: one surface
    segmentation = found.logic.segmentation(found.panel.findings).GetSegmentation()
    found.ui.show3DButton.click()
    found.settle()
    made, timer = [], qt.QTimer()
    timer.setInterval(0)
    timer.connect("timeout()", lambda: made.append(surfaces_of(segmentation)))
    timer.start()
    found.ui.show3DButton.click()
    found.settle()
    assert {1, 2, 3} <= set(made)  # what the event loop saw
    found.adjust("thresholdSlider", 0.7)
    timer.stop()
    assert surfaces_of(segmentation) == segmentation.GetNumberOfSegments()


def surfaces_of(segmentation):
    segments = [segmentation.GetNthSegment(i) for i in range(segmentation.GetNumberOfSegments())]
    return sum(segment.GetRepresentation("Closed surface") is not None for segment in segments)


def test_results_are_saved_into_a_folder(found, tmp_path, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path / "out"))
    found.save()
    assert {"segmentation.seg.nrrd", "lesions.csv", "result.json"} <= {p.name for p in (tmp_path / "out").iterdir()}
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text


def test_an_earlier_result_in_the_folder_is_replaced_only_when_the_user_says_so(found, tmp_path, monkeypatch):
    import qt
    import slicer

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    found.save()
    found.ui.lesionTable.item(0, NAME).setText("Apex")
    before = (tmp_path / "segmentation.seg.nrrd").read_bytes()
    for answer in (False, True):
        monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, answer=answer: answer)
        found.adjust("thresholdSlider", 0.7)
        found.save()
        assert ((tmp_path / "segmentation.seg.nrrd").read_bytes() != before) is answer
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text


def test_a_file_that_no_run_has_recorded_is_never_replaced(found, tmp_path, monkeypatch):
    import qt
    import slicer

    asked = []
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text: asked.append(text) or True)
    (tmp_path / "segmentation.seg.nrrd").write_text("another's")
    found.save()
    assert asked == []
    assert "segmentation.seg.nrrd" in found.ui.errorLabel.text
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("segmentation.seg.nrrd", "another's")]


def test_removing_a_result_leaves_nothing_of_it(case, scene):
    case.add_chest()
    before = node_ids(scene)
    case.run()
    case.ui.showMapButton.click()
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


def test_the_threshold_changes_the_lesions_without_the_network(found):
    volume = sum(lesion.volume_mm3 for lesion in found.panel.findings.lesions)
    found.adjust("thresholdSlider", 0.8)
    smaller = sum(lesion.volume_mm3 for lesion in found.panel.findings.lesions)
    assert smaller < volume
    assert sum(map(float, found.column(VOLUME))) == pytest.approx(smaller / 1000, abs=0.02)
    assert len(found.network.starts) == 1
    assert found.panel.parameters.threshold == 0.8


def test_nothing_is_computed_while_a_slider_is_still_moving(found, monkeypatch):
    updates = []
    update = found.logic.update
    monkeypatch.setattr(found.logic, "update", lambda *a, **changes: (updates.append(changes), update(*a, **changes)))
    slider = found.ui.thresholdSlider._slider
    slider.setSliderDown(True)
    for position in (300, 500, 700):
        slider.setSliderPosition(position)
        found.settle()
    assert updates == [] and found.ui.thresholdSlider._spin.value > 0.6  # the figure follows all the same
    slider.setSliderDown(False)
    found.settle()
    (changes,) = updates
    assert found.panel.findings.threshold == changes["threshold"] == pytest.approx(0.68, abs=0.01)


def test_the_smallest_diameter_leaves_lesions_out_and_brings_them_back(found):
    found.adjust("minDiameterSlider", 11.0)
    assert found.ui.lesionTable.rowCount < 3
    found.adjust("minDiameterSlider", 3.0)
    assert found.ui.lesionTable.rowCount == 3


def test_one_lesion_can_have_a_threshold_of_its_own(found):
    found.ui.lesionTable.setCurrentCell(0, NAME)
    found.settle()
    before = found.column(VOLUME)
    found.adjust("lesionThresholdSlider", 0.85)
    after = found.column(VOLUME)
    lesion = found.panel.findings.lesion(found.panel.selected_lesion)
    assert lesion.threshold == pytest.approx(0.85)
    assert sum(a != b for a, b in zip(sorted(before), sorted(after), strict=True)) == 1
    found.ui.resetButton.click()
    found.settle()
    assert sorted(found.column(VOLUME)) == sorted(before)


def test_smoothing_and_the_lung_filter_reach_the_result(found):
    found.adjust("smoothSlider", 2.0)
    assert found.panel.findings.smooth_mm == 2.0
    found.ui.lungCheckBox.click()
    found.settle()
    assert found.panel.findings.options.lung_restriction is False
