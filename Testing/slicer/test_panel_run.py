"""Input, Segment and Advanced in the panel, on the real scene and logic; only the network is a known one."""

import logging

import numpy as np
import psutil
from LungTumorSegLib.errors import WorkerError
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import headless
from Testing.support.panel_case import NODULE_RAS, KnownNetwork, PanelCase, chest, model_with, node_ids, spin
from Testing.support.paths import RESOURCES


def test_without_a_ct_the_button_says_what_is_missing(case):
    assert not case.ui.segmentButton.enabled
    assert "CT" in case.ui.segmentButton.toolTip
    assert "Load a chest CT" in case.ui.inputSummary.text


def test_a_ct_is_described_and_can_be_segmented(case):
    case.add_chest()
    assert case.ui.inputSummary.text.startswith("128 x 96 x 60 voxels of 3.00 x 3.00 x 3.00 mm")
    assert case.ui.segmentButton.enabled


def test_a_ct_outside_what_the_model_was_trained_on_is_said_and_can_still_be_segmented(case, tmp_path):
    model = model_with(tmp_path / "model", limits={"slice_step_mm": [0.5, 2.0]})
    case.panel.parameters.modelFolder = str(model)
    case.add_chest()
    assert "Outside the model's training data" in case.ui.inputSummary.text
    assert case.ui.inputSummary.text.endswith("Slices lie 3 mm apart; the model was trained on 0.5 to 2 mm.")
    assert case.ui.segmentButton.enabled
    case.panel.parameters.modelFolder = str(tmp_path / "nowhere")  # what is wrong with it is for the run to say
    case.settle()
    assert case.ui.inputSummary.text.endswith(" mm") and not case.ui.errorFrame.visible


def test_the_network_is_loaded_ahead_once_for_each_ct_engine_and_visit(case):
    assert case.network.warmed == []  # no CT yet
    case.add_chest()
    assert len(case.network.warmed) == 1
    case.panel.refresh()
    case.settle()
    assert len(case.network.warmed) == 1  # a child that went away, idle, stays away
    case.ui.engineCombo.currentIndex = case.ui.engineCombo.findText("TensorFlow")
    case.settle()
    assert [options.engine for options in case.network.warmed] == ["auto", "tensorflow"]
    case.panel.exit()
    case.add_chest("another, while the module is not shown")
    assert len(case.network.warmed) == 2
    case.panel.enter()
    case.settle()
    assert len(case.network.warmed) == 3


def test_the_network_is_not_loaded_ahead_for_what_cannot_be_segmented(case):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "picture")
    slicer.util.updateVolumeFromArray(node, np.full((20, 20, 20), 100, np.int16))
    case.ui.inputSelector.setCurrentNode(node)
    case.settle()
    assert case.network.warmed == []


def test_the_real_child_is_started_ahead_and_answers_the_first_run(standin_app):
    case = PanelCase(RESOURCES, network=WorkerClient())
    try:
        assert case.logic.queue.client.pid is None
        case.add_chest()
        child = case.logic.queue.client.pid
        assert child is not None and not case.logic.running
        case.panel.segment_at(NODULE_RAS)
        assert spin(lambda: not case.logic.running, seconds=300) > 10  # the window stayed alive
        assert not case.ui.errorFrame.visible, case.ui.errorLabel.text
        assert case.panel.findings is not None and case.logic.queue.client.pid == child
    finally:
        case.close()


def test_a_run_that_waits_for_the_network_to_be_loaded_can_be_cancelled(standin_app):
    case = PanelCase(RESOURCES, network=WorkerClient())
    try:
        case.add_chest()
        child = psutil.Process(case.logic.queue.client.pid)
        case.ui.segmentButton.click()
        spin(lambda: case.ui.statusLabel.text != "Waiting", seconds=60)
        case.ui.segmentButton.click()
        assert not case.logic.running and case.logic.queue.client.pid is None
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    finally:
        case.close()


def test_a_child_that_cannot_be_started_ahead_is_for_the_log_and_for_the_run_to_say(standin_app, caplog):
    caplog.set_level(logging.INFO)
    case = PanelCase(RESOURCES, network=WorkerClient(python="/no/such/python"))
    try:
        case.add_chest()
        assert not case.ui.errorFrame.visible and case.ui.segmentButton.enabled
        assert "cannot be started" in caplog.text
        case.run()
        assert "cannot be started" in case.ui.errorLabel.text
    finally:
        case.close()


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
    assert case.ui.statusLabel.text.startswith("known, CPU, 0 s") and case.ui.statusLabel.toolTip.endswith(
        " a phantom."
    )


def test_one_bar_and_one_estimate_go_through_the_whole_run_and_the_next_run_knows_of_it(case, standin_app):
    from LungTumorSegLib.slicer_.panel import past_runs

    standin_app.userSettings().clear()
    case.network.steps = 60
    case.add_chest()
    first, second = bar_of_a_run(case), bar_of_a_run(case)
    for values in (first, second):
        assert values == sorted(values) and values[0] < values[-1] <= 1000
    assert second[-1] > 900  # the known network ends with its slices; the first run expected more to come
    taken = past_runs.read("segment")
    assert taken["network"].steps == 60 and taken["network"].seconds > 0
    case.network.steps = 10_000
    case.ui.segmentButton.click()
    spin(lambda: case.ui.statusLabel.text not in ("Waiting", ""), seconds=10)
    assert "s left" in case.ui.statusLabel.text  # from the first moment
    case.ui.segmentButton.click()
    standin_app.userSettings().setValue("LungTumorSeg/SecondsOfRuns", "damaged")
    assert past_runs.read("segment") == {}
    case.network.steps = 3
    case.run()
    assert past_runs.read("segment")["network"].steps == 3


def bar_of_a_run(case):
    """The bar's values of 1000 at each turn of the event loop, from the start of a run to its end."""
    shown = []
    case.ui.segmentButton.click()

    def ended():
        if case.logic.running and case.ui.progressBar.maximum:  # none while it waits
            assert case.ui.progressBar.maximum == 1000
            shown.append(case.ui.progressBar.value)
        return not case.logic.running

    spin(ended, seconds=60)
    case.settle()
    return shown


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


def test_a_slow_network_is_not_asked_again_while_it_works(standin_app):
    case = PanelCase(RESOURCES, network=KnownNetwork(steps=30))
    try:
        case.add_chest()
        case.ui.segmentButton.click()
        spin(seconds=0.2)
        case.adjust("thresholdSlider", 0.6)
        assert len(case.network.starts) == 1
    finally:
        case.close()


def test_the_models_own_thresholds_are_left_to_it_and_another_is_passed_on(case, tmp_path):
    case.panel.parameters.modelFolder = str(model_with(tmp_path / "model", threshold=0.4, run_threshold=0.2))
    case.settle()
    case.add_chest()
    assert case.ui.thresholdSlider.value == 0.2
    case.run()
    assert case.panel.findings.threshold == 0.2
    case.panel.segment_at(NODULE_RAS)
    spin(lambda: len(case.network.starts) == 2 and not case.panel.logic.running, seconds=10)
    assert [options.threshold for options in case.network.starts] == [None, None]
    case.adjust("thresholdSlider", 0.6)
    case.run()
    assert case.network.starts[-1].threshold == 0.6


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


def test_the_advanced_settings_reach_the_run(case, monkeypatch, tmp_path):
    import qt

    case.add_chest()
    case.ui.engineCombo.currentIndex = case.ui.engineCombo.findText("TensorFlow")
    case.ui.deviceCombo.currentIndex = 1
    case.ui.precisionCombo.currentIndex = case.ui.precisionCombo.findText("int8")
    case.ui.threadsSpinBox.value = 3
    case.ui.keepProbabilityCheckBox.click()
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(RESOURCES / "Models" / "default"))
    case.ui.browseModelButton.click()
    case.settle()
    case.run()
    options = case.network.starts[0]
    assert (options.engine, options.device, options.keep_probability) == ("tensorflow", "cpu", True)
    assert (options.precision, options.threads) == ("int8", 3)
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
