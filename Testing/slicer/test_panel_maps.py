"""Maps in the panel: those of a lesion with the real child process and the bundled model."""

import numpy as np
import pytest
import slicer
import slicer.util
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import headless, phantoms
from Testing.support.panel_case import NAME, NODULE_RAS, PanelCase, node_ids, spin
from Testing.support.paths import RESOURCES

PROBABILITY, UNCERTAINTY, HEAT = range(3)


def foreground(scene):
    return scene.GetNodeByID(scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode").GetForegroundVolumeID() or "")


def choose(case, index):
    case.ui.mapCombo.currentIndex = index
    case.settle()


# ---- the probability


def test_the_probability_is_laid_over_the_slices(found, scene):
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    assert not found.ui.hideMapButton.enabled and not found.ui.mapStatus.visible
    found.ui.showMapButton.click()
    node = foreground(scene)
    values = slicer.util.arrayFromVolume(node)
    inside = slicer.util.arrayFromVolume(found.panel.volume)[values > 90]
    assert len(inside) > 20 and inside.mean() > -50  # soft tissue: the map lies where the lesions are
    assert composite.GetForegroundOpacity() == 0.5
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert legend.GetTitleText() == "Tumour\n(%)"  # one line would reach over the lung
    assert "percent" in found.ui.mapStatus.text
    found.ui.opacitySlider.value = 0.25
    assert composite.GetForegroundOpacity() == 0.25
    found.ui.hideMapButton.click()
    assert composite.GetForegroundVolumeID() is None and node.GetScene() is None
    assert not found.ui.hideMapButton.enabled


def test_what_is_missing_for_a_map_is_said(case):
    case.add_chest()
    assert not case.ui.showMapButton.enabled and "no result" in case.ui.mapStatus.text
    case.run()
    assert case.ui.showMapButton.enabled
    choose(case, HEAT)
    assert case.ui.showMapButton.enabled  # of the best lesion, which a run selects
    case.panel.selected_lesion = None
    case.panel.refresh()
    assert not case.ui.showMapButton.enabled and "Select a lesion" in case.ui.mapStatus.text
    case.ui.lesionTable.setCurrentCell(1, NAME)
    case.settle()
    assert case.ui.showMapButton.enabled
    case.ui.showMapButton.click()  # the made-up network is not the model that is there
    assert "replaced by another one" in case.ui.errorLabel.text and not case.logic.running


# ---- maps of a lesion


@pytest.fixture(scope="module")
def client():
    """One child for the file: a panel that closes leaves it running."""
    made = WorkerClient()
    close, made.close = made.close, lambda: None
    yield made
    close()


@pytest.fixture
def real(standin_app, scene, client):
    """A panel with one lesion, found by a click."""
    made = PanelCase(RESOURCES, network=client)
    ct, _ = phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])
    made.ui.inputSelector.setCurrentNode(headless.add_volume(ct))
    made.settle()
    scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    made.panel.segment_at(NODULE_RAS)
    spin(lambda: not made.logic.running, seconds=300)
    made.settle()
    assert made.ui.lesionTable.rowCount == 1, made.ui.errorLabel.text
    yield made
    made.close()


def wait(case):
    spin(lambda: not case.logic.running, seconds=300)
    case.settle()
    assert not case.ui.errorFrame.visible, case.ui.errorLabel.text


def test_uncertainty_and_heat_are_computed_while_the_window_lives_and_then_shown(real, scene):
    from LungTumorSegLib.slicer_.panel.segment import stage_text

    for index, kind, words in ((UNCERTAINTY, "uncertainty", "is mirrored"), (HEAT, "heat", "speaks for a tumour")):
        choose(real, index)
        real.ui.showMapButton.click()
        assert not real.ui.showMapButton.enabled and real.ui.segmentButton.text == "Cancel"
        run = real.logic.queue.current
        turns = spin(lambda: not real.logic.running, seconds=300)
        wait(real)
        assert turns > 5
        last = run.progress
        assert stage_text(last).startswith(f"Explaining the lesion: {last.total} of {last.total}")
        node = foreground(scene)
        assert kind in node.GetName() and slicer.util.arrayFromVolume(node).max() > 0.01
        assert words in real.ui.mapStatus.text and real.column(NAME)[0] in real.ui.mapStatus.text
        assert real.logic.map_shown(real.panel.findings)["lesion_id"] == 1
    real.ui.opacitySlider.value = 0.8
    assert scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode").GetForegroundOpacity() == 0.8
    real.ui.hideMapButton.click()
    assert foreground(scene) is None and node.GetScene() is None and not real.ui.mapStatus.visible


def test_a_map_is_cancelled_by_the_button_that_cancels_a_run(real, scene):
    choose(real, HEAT)
    before = node_ids(scene)
    real.ui.showMapButton.click()
    spin(lambda: real.logic.queue.current.progress is not None, seconds=300)
    real.ui.segmentButton.click()
    assert not real.logic.running and node_ids(scene) == before
    assert "Cancelled" in real.ui.statusLabel.text and real.ui.showMapButton.enabled
    real.ui.showMapButton.click()
    wait(real)
    assert "heat" in foreground(scene).GetName()


def test_closing_the_scene_in_mid_run_ends_it(real, scene, _application):
    choose(real, HEAT)
    real.ui.showMapButton.click()
    spin(lambda: real.logic.queue.current.progress is not None, seconds=300)
    headless.clear(*_application)
    assert not real.logic.running
    real.settle()
    assert not real.ui.showMapButton.enabled and not real.ui.errorFrame.visible, real.ui.errorLabel.text
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_a_map_survives_saving_and_opening_the_scene_and_goes_with_its_result(real, scene, tmp_path, _application):
    tables = scene.GetNodesByClass("vtkMRMLColorTableNode")
    tables = [tables.GetItemAsObject(i).GetID() for i in range(tables.GetNumberOfItems())]
    choose(real, HEAT)
    real.ui.showMapButton.click()
    wait(real)
    said = real.ui.mapStatus.text
    own_colors = foreground(scene).GetDisplayNode().GetColorNode()
    own_colors.AddDefaultStorageNode()
    for kind in ("ScalarVolume", "Segmentation", "Table", "Text"):
        for i in range(scene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node")):
            scene.GetNthNodeByClass(i, f"vtkMRML{kind}Node").AddDefaultStorageNode()
    (tmp_path / "saved").mkdir()
    scene.SaveSceneToSlicerDataBundleDirectory(str(tmp_path / "saved"), None)
    headless.clear(*_application)
    real.settle()
    assert not real.ui.hideMapButton.enabled

    scene.SetURL(str(next((tmp_path / "saved").glob("*.mrml"))))
    scene.Import()
    real.settle()
    assert real.ui.mapCombo.currentIndex == HEAT and real.ui.mapStatus.text.startswith(said)
    node = foreground(scene)
    assert slicer.util.arrayFromVolume(node).shape[0] == 1
    assert node.GetDisplayNode().GetWindowLevelMin() == -node.GetDisplayNode().GetWindowLevelMax() < 0
    assert opacities(node.GetDisplayNode().GetColorNode()) == (1, 0, 1)
    real.ui.lesionTable.setCurrentCell(0, NAME)
    real.settle()
    real.ui.showMapButton.click()  # again, in the reopened scene
    wait(real)
    assert node.GetScene() is None and "heat" in foreground(scene).GetName()
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode") == len(tables) + 1
    real.ui.removeResultButton.click()
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1  # the CT
    assert foreground(scene) is None and not real.ui.hideMapButton.enabled
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode") == len(tables)


def opacities(table):
    """Of the lowest, the middle and the highest color."""
    color, read = [0.0] * 4, []
    for i in (0, table.GetNumberOfColors() // 2, table.GetNumberOfColors() - 1):
        table.GetColor(i, color)
        read.append(color[3])
    return tuple(read)


def test_what_a_map_has_to_say_stands_beside_it_as_long_as_it_is_shown(found, scene):
    from LungTumorSegLib.data import LesionMap
    from LungTumorSegLib.slicer_.scene import overlays

    findings, note = found.panel.findings, "The GPU ran out of memory with 16 slices at a time; went on with 8."
    box = findings.lesions[0].label_box
    made = LesionMap("uncertainty", box, np.full(box.shape, 0.3, np.float32), notes=(note,))
    nodes = found.panel.volume, found.logic.segmentation(findings)
    overlays.show_lesion_map(made, findings.lesions[0].id, "Lesion 1", *nodes, 0.5, "Uncertainty")
    found.panel.refresh()
    assert "is mirrored" in found.ui.mapStatus.text and note in found.ui.mapStatus.text
    found.ui.hideMapButton.click()
    assert note not in found.ui.mapStatus.text
