"""The sliders of Adjust: they show what holds for the shown result, and what the next run is asked for."""

import numpy as np
import pytest
from LungTumorSegLib.model.bundle import load_bundle

from Testing.support.panel_case import NAME, NODULE_RAS, VOLUME, KnownNetwork, PanelCase, model_with, spin
from Testing.support.paths import RESOURCES


def use(case, model):
    """What typing or pasting a folder into the field does."""
    case.ui.modelEdit.text = str(model)
    case.settle()


def test_the_sliders_show_what_holds_for_the_result_that_is_chosen_and_move_nothing_else(case):
    first = case.add_chest("first")
    case.run()
    of_first = case.panel.findings
    case.add_chest("second")
    case.run()
    case.adjust("thresholdSlider", 0.8)
    case.adjust("minDiameterSlider", 10.0)
    case.ui.inputSelector.setCurrentNode(first)
    case.settle()
    assert (case.ui.thresholdSlider.value, case.ui.minDiameterSlider.value) == (0.5, 3.0)
    case.adjust("smoothSlider", 0.1)
    assert case.panel.findings is of_first and of_first.smooth_mm == 0.1
    assert (of_first.threshold, of_first.options.min_diameter_mm) == (0.5, 3.0)


def test_a_move_fills_each_changed_row_of_the_table_once(found, monkeypatch):
    from LungTumorSegLib.slicer_.panel.findings_table import FindingsTable

    put = []
    fill_row = FindingsTable._put
    monkeypatch.setattr(FindingsTable, "_put", lambda table, index, row: put.append(row) or fill_row(table, index, row))
    before = found.column(VOLUME)
    found.adjust("thresholdSlider", 0.6)
    changed = [new for old, new in zip(before, found.column(VOLUME), strict=True) if old != new]
    assert [row.texts[VOLUME] for row in put] == changed and changed
    put.clear()
    found.logic.rename(found.panel.findings, 2, "Upper lobe")
    found.settle()
    assert [row.texts[NAME] for row in put] == ["Upper lobe"]


def test_a_result_of_the_console_is_shown_with_its_own_values_and_followed(case):
    volume = case.add_chest()
    findings = case.logic.segment(volume, threshold=0.8, min_diameter_mm=40.0).findings
    case.panel.refresh()
    assert (case.ui.thresholdSlider.value, case.ui.minDiameterSlider.value) == (0.8, 30.0)  # as far as it goes
    case.adjust("smoothSlider", 0.1)
    assert (findings.threshold, findings.options.min_diameter_mm) == (0.8, 40.0)
    case.logic.update(findings, threshold=0.7)
    case.panel.refresh()
    assert case.ui.thresholdSlider.value == 0.7


@pytest.fixture
def without_lungs(case, tmp_path):
    """A result that was made without looking for the lungs: the model's threshold for it is 0.4, not 0.2."""
    use(case, model_with(tmp_path / "model", threshold=0.4, run_threshold=0.2))
    case.add_chest()
    case.ui.lungCheckBox.click()
    case.run()
    assert case.panel.findings.result.lungs is None
    return case


def test_a_result_without_lungs_keeps_its_threshold_when_something_else_is_moved(without_lungs):
    assert without_lungs.ui.thresholdSlider.value == 0.4
    without_lungs.adjust("minDiameterSlider", 4.0)
    assert without_lungs.panel.findings.threshold == 0.4


def test_reset_gives_a_result_without_lungs_its_own_threshold(without_lungs):
    without_lungs.adjust("thresholdSlider", 0.7)
    without_lungs.ui.resetButton.click()
    without_lungs.settle()
    assert without_lungs.panel.findings.threshold == without_lungs.ui.thresholdSlider.value == 0.4
    without_lungs.run()
    assert without_lungs.network.starts[-1].threshold is None


def test_the_sliders_rest_during_a_run_and_show_its_result_afterwards(case):
    case.network.steps = 30
    case.add_chest()
    case.ui.segmentButton.click()
    spin(seconds=0.1)
    assert not case.ui.thresholdSlider.enabled
    case.adjust("thresholdSlider", 0.8)
    case.wait()
    assert case.ui.thresholdSlider.enabled
    assert case.ui.thresholdSlider.value == case.panel.findings.threshold == 0.5


def test_a_move_just_before_a_run_still_reaches_the_shown_result(found):
    first = found.panel.findings
    found.network.steps = 10_000
    found.ui.thresholdSlider.value = 0.8
    found.ui.segmentButton.click()
    found.settle()
    found.ui.segmentButton.click()
    found.settle()
    assert found.panel.findings is first
    assert first.threshold == found.ui.thresholdSlider.value == 0.8


def test_an_outline_drawn_by_hand_and_rejected_is_in_the_way_of_nothing(found):
    findings = found.panel.findings
    own = found.logic.segmentation(findings).GetSegmentation().AddEmptySegment("", "By hand")
    found.paint(own, np.s_[20:24, 40:46, 90:98])
    found.adjust("thresholdSlider", 0.7)
    row = found.column(NAME).index("By hand")
    found.logic.set_status(findings, findings.lesions[row].id, "rejected")
    found.ui.lesionTable.setCurrentCell(row, NAME)
    found.settle()
    assert not found.ui.lesionThresholdSlider.enabled
    found.ui.resetButton.click()
    found.settle()
    assert not found.ui.errorFrame.visible, found.ui.errorLabel.text
    assert findings.threshold == 0.5


def test_a_model_that_is_typed_or_cleared_runs_with_its_own_numbers_and_leaves_the_shown_result(case, tmp_path):
    case.add_chest()
    case.run()
    first = case.panel.findings
    use(case, model_with(tmp_path / "model", threshold=0.4, run_threshold=0.2, min_confidence=0.1))
    assert (case.ui.thresholdSlider.value, case.ui.minConfidenceSlider.value) == (0.2, 0.1)
    case.adjust("smoothSlider", 0.1)
    assert first.threshold == 0.5
    case.run()
    assert case.panel.findings.threshold == 0.2
    use(case, "")
    case.run()
    assert case.panel.findings.threshold == 0.5
    assert {options.threshold for options in case.network.starts} == {None}


def test_a_slider_that_an_older_models_result_has_set_leaves_the_next_run_to_the_chosen_model(case, tmp_path):
    use(case, model_with(tmp_path / "older", threshold=0.4, run_threshold=0.2, min_confidence=0.1))
    first = case.add_chest("first")
    case.run()
    case.add_chest("second")
    use(case, "")
    case.ui.inputSelector.setCurrentNode(first)
    case.settle()
    assert case.ui.thresholdSlider.value == 0.2
    case.ui.removeResultButton.click()  # the slider stays
    case.run()
    assert case.panel.findings.threshold == 0.5


def test_the_models_own_least_confidence_is_left_to_it_unrounded_and_another_is_passed_on(case, tmp_path):
    use(case, model_with(tmp_path / "model", min_confidence=0.027247230526620373))
    case.add_chest()
    case.run()
    case.panel.segment_at(NODULE_RAS)
    case.wait()
    assert [options.min_confidence for options in case.network.starts] == [None, None]
    case.adjust("minDiameterSlider", 4.0)
    assert case.panel.findings.min_confidence == 0.027247230526620373
    case.adjust("minConfidenceSlider", 0.3)
    case.run()
    assert case.network.starts[-1].min_confidence == 0.3


def test_the_panel_opens_with_the_bundled_models_own_numbers_and_leaves_them_to_it(standin_app, scene):
    card = load_bundle().card
    case = PanelCase(RESOURCES)
    try:
        p = case.panel.parameters
        assert p.threshold == card.run_threshold != 0.5
        assert p.minConfidence == card.min_confidence != 0.0
        assert case.ui.thresholdSlider.value == round(p.threshold, 2)
        assert case.ui.minConfidenceSlider.value == round(p.minConfidence, 2)
        assert not p.thresholdSet and not p.minConfidenceSet
        case.add_chest()
        case.run()
        assert (case.network.starts[-1].threshold, case.network.starts[-1].min_confidence) == (None, None)
    finally:
        case.close()


def test_a_slider_that_is_moved_is_passed_on_and_leaves_the_other_to_the_model(case):
    case.add_chest()
    case.adjust("thresholdSlider", 0.35)
    p = case.panel.parameters
    assert (p.threshold, p.thresholdSet, p.minConfidenceSet) == (0.35, True, False)
    case.run()
    assert (case.network.starts[-1].threshold, case.network.starts[-1].min_confidence) == (0.35, None)


@pytest.mark.parametrize(("threshold", "is_set"), [("0.5", False), ("0.35", True)])
def test_a_scene_from_before_the_flags_counts_as_set_what_is_not_its_old_default(standin_app, scene, threshold, is_set):
    from LungTumorSeg import LungTumorSegLogic

    node = LungTumorSegLogic(KnownNetwork()).getParameterNode()
    node.SetParameter("threshold", threshold)
    node.SetParameter("minConfidence", "0.0")
    case = PanelCase(RESOURCES)
    try:
        p = case.panel.parameters
        assert (p.thresholdSet, p.minConfidenceSet) == (is_set, False)
        assert p.minConfidence == load_bundle().card.min_confidence
        assert case.panel.options()["threshold"] == (0.35 if is_set else None)
    finally:
        case.close()
