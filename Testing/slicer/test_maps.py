"""Maps of a lesion through the logic, on the real MRML libraries, with the real child process and the bundled model."""

import json

import numpy as np
import psutil
import pytest
import slicer
import slicer.util
import vtk
from LungTumorSegLib.errors import Cancelled, ModelMismatchError, UnreadableError
from LungTumorSegLib.model.bundle import CARD, KERAS_WEIGHTS, sha256
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from LungTumorSegLib.slicer_.scene import overlays

from Testing.support import headless, phantoms
from Testing.support.panel_case import model_with
from Testing.support.scene_case import shift_of_ten

NODULE = ((-70.0, 10.0, 20.0), 18.0, 40)
NODULE_RAS = (70.0, -10.0, 20.0)


@pytest.fixture(scope="module")
def warm():
    """One logic for the file: its child stays warm from test to test."""
    made = LungTumorSegLogicBase()
    yield made
    made.close()


@pytest.fixture
def logic(warm, scene):
    yield warm
    warm.cancel()


@pytest.fixture(scope="module")
def piece():
    """A piece of a chest around a nodule."""
    return phantoms.chest((2.0, 2.0, 3.0), size_mm=(150, 120, 90), lesions=(NODULE,), centre_lps=(-64.0, 14.0, 14.0))[0]


@pytest.fixture
def volume(scene, piece):
    return headless.add_volume(piece)


@pytest.fixture
def found(logic, volume):
    return logic.segment_at(volume, NODULE_RAS).findings


def at_work(logic, run):
    """Poll until the child is at work on it."""
    while run.progress is None:
        assert not run.finished, run.error
        logic.poll()
    return run


def ended(logic, run):
    while not run.finished:
        logic.poll()
    return run


def place_of_highest(node):
    """RAS mm in the volume's own coordinates."""
    values = slicer.util.arrayFromVolume(node)
    k, j, i = np.unravel_index(values.argmax(), values.shape)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array(matrix.MultiplyPoint([i, j, k, 1])[:3])


def composite(scene):
    return scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")


def volumes(scene):
    return scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")


# ---- what is shown, and where


def test_a_heat_map_lies_at_the_lesion_on_one_slice_to_which_the_views_jump(logic, scene, found):
    layers, view = composite(scene), scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetOrientationToAxial()
    run = logic.explain(found, 1, "heat", opacity=0.4)
    values = slicer.util.arrayFromVolume(run.map)
    assert values.shape[0] == 1 and values.max() > 0.01
    highest = place_of_highest(run.map)
    assert np.linalg.norm(highest - NODULE_RAS) < 15
    assert view.GetSliceOffset() == pytest.approx(highest[2])
    assert scene.GetNodeByID(layers.GetForegroundVolumeID()) is run.map and layers.GetForegroundOpacity() == 0.4
    about = logic.map_shown(found)
    assert (about["kind"], about["lesion_id"]) == ("heat", 1) and 0.3 < about["probability"] <= 1


@pytest.mark.parametrize("order", [5, 22, 47])
def test_maps_lie_at_the_same_place_in_any_axis_order(logic, piece, found, order):
    other = logic.segment_at(headless.add_volume(phantoms.reorient(piece, *phantoms.ORDERS[order])), NODULE_RAS)
    for kind in ("heat", "uncertainty"):
        places = [place_of_highest(logic.explain(f, 1, kind).map) for f in (found, other.findings)]
        np.testing.assert_allclose(*places, atol=2.5)


def test_a_map_is_under_the_transform_of_its_ct(logic, scene, found):
    transform = shift_of_ten(scene)
    logic.volume(found).SetAndObserveTransformNodeID(transform.GetID())
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetOrientationToAxial()
    run = logic.explain(found, 1, "heat")
    assert run.map.GetTransformNodeID() == transform.GetID()
    seen = [view.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
    to_ct = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformFromWorld(to_ct)
    assert to_ct.MultiplyPoint([*seen, 1])[2] == pytest.approx(place_of_highest(run.map)[2])


def test_colours_of_a_heat_map_diverge_evenly_from_0(logic, scene, found):
    run = logic.explain(found, 1, "heat", title="Fall der Wahrscheinlichkeit")
    display, values = run.map.GetDisplayNode(), slicer.util.arrayFromVolume(run.map)
    table = display.GetColorNode().GetLookupTable()
    low, middle, high = (table.GetTableValue(i) for i in (0, 127, 254))
    assert low[2] > low[0] and high[0] > high[2]  # blue and red
    assert (low[3], middle[3], high[3]) == (1, 0, 1)
    assert display.GetWindowLevelMin() == -display.GetWindowLevelMax()
    assert display.GetWindowLevelMax() == pytest.approx(max(0.05, np.abs(values).max()))
    assert display.GetLowerThreshold() <= values.min() and display.GetUpperThreshold() >= values.max()
    assert (
        slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(run.map).GetTitleText() == "Fall der\nWahrscheinlichkeit"
    )


def test_uncertainty_is_drawn_from_0_to_a_half_and_takes_the_place_of_another_map(logic, scene, found):
    heat = logic.explain(found, 1, "heat").map
    count = volumes(scene)
    node = logic.explain(found, 1, "uncertainty").map
    assert heat.GetScene() is None and volumes(scene) == count
    display, values = node.GetDisplayNode(), slicer.util.arrayFromVolume(node)
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 0.5)
    assert values.shape[0] > 10 and values.min() >= 0 and 0.01 < values.max() <= 0.5
    assert logic.map_shown(found) == {"kind": "uncertainty", "lesion_id": 1, "probability": None, "notes": []}
    percent = logic.show_probability(found)
    assert node.GetScene() is None and logic.map_shown(found)["kind"] == "probability"
    logic.hide_map(found)
    assert percent.GetScene() is None and logic.map_shown(found) is None


def test_lesions_that_were_changed_edited_or_drawn_are_explained_as_they_are_now(logic, scene, volume, found):
    def mean_probability(lesion_id):
        logic.explain(found, lesion_id, "heat")
        return logic.map_shown(found)["probability"]

    before = mean_probability(1)
    assert found.click_of(1) == pytest.approx((-70.0, 10.0, 20.0))
    logic.update(found, thresholds={1: 0.9})
    assert mean_probability(1) > before  # the outline's surer core
    segmentation, shape = logic.segmentation(found), volume.GetImageData().GetDimensions()[::-1]
    drawn = np.zeros(shape, np.uint8)
    drawn[5:8, 20:26, 10:16] = 1
    added = segmentation.GetSegmentation().AddEmptySegment("", "by hand")
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, segmentation, added, volume)
    (new,) = logic.take_over_edits(found)
    assert found.lesion(new).status == "edited" and found.click_of(new) is None
    assert 0 <= mean_probability(new) < before
    assert slicer.util.arrayFromVolume(logic.explain(found, new, "uncertainty").map).shape[0] > 10


# ---- what goes wrong


def test_what_cannot_be_explained_is_refused_at_once_and_the_scene_left(logic, scene, found, tmp_path):
    before = headless.scene_xml(scene, tmp_path)
    with pytest.raises(KeyError):
        logic.explain(found, 99, "heat")
    with pytest.raises(ValueError, match="dreams"):
        logic.explain(found, 1, "dreams")
    with pytest.raises(TypeError):
        logic.explain(found, 1, "heat", treshold=0.5)
    assert not logic.running and headless.scene_xml(scene, tmp_path) == before


def test_a_result_of_another_model_is_not_explained(logic, volume, tmp_path):
    folder = model_with(tmp_path / "model")
    found = logic.segment_at(volume, NODULE_RAS, model=folder).findings
    assert logic.explain(found, 1, "heat").map is not None
    weights, card = folder / KERAS_WEIGHTS, json.loads((folder / CARD).read_text("utf-8"))
    weights.write_bytes(weights.read_bytes() + b"other")
    card["files"][KERAS_WEIGHTS] = sha256(weights)
    (folder / CARD).write_text(json.dumps(card), "utf-8")
    with pytest.raises(ModelMismatchError, match="segment the CT again"):
        logic.explain(found, 1, "heat")


def test_cancel_leaves_no_child_and_the_map_that_was_there(logic, scene, found, tmp_path):
    logic.explain(found, 1, "uncertainty")
    before = headless.scene_xml(scene, tmp_path)
    run = at_work(logic, logic.explain(found, 1, "heat", wait=False))
    child = psutil.Process(logic.queue.client.pid)
    logic.cancel()
    assert run.state == "cancelled" and run.map is None
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert headless.scene_xml(scene, tmp_path) == before
    assert logic.explain(found, 1, "heat").map is not None


@pytest.mark.parametrize("vanish", [lambda scene, node: scene.RemoveNode(node), lambda scene, node: scene.Clear(False)])
def test_a_ct_that_goes_away_in_mid_run_ends_the_run(logic, scene, volume, found, vanish):
    run = at_work(logic, logic.explain(found, 1, "heat", wait=False))
    vanish(scene, volume)
    ended(logic, run)
    assert isinstance(run.error, UnreadableError) and "removed" in str(run.error)
    assert volumes(scene) == 0
    with pytest.raises(UnreadableError, match="no longer in the scene"):
        logic.explain(found, 1, "heat")


def test_a_result_that_is_removed_in_mid_run_gets_no_map(logic, scene, found):
    run = at_work(logic, logic.explain(found, 1, "heat", wait=False))
    logic.remove(found)
    ended(logic, run)
    assert isinstance(run.error, Cancelled) and "removed" in str(run.error)
    assert volumes(scene) == 1  # the CT


def test_a_failure_while_the_map_is_shown_keeps_the_one_before(logic, scene, found, tmp_path, monkeypatch):
    logic.explain(found, 1, "uncertainty")
    before = headless.scene_xml(scene, tmp_path)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(overlays, "_color", fail)
    with pytest.raises(MemoryError):
        logic.explain(found, 1, "heat")
    assert headless.scene_xml(scene, tmp_path) == before


def test_remove_takes_the_map_along(logic, scene, volume, tmp_path):
    before = headless.scene_xml(scene, tmp_path)
    found = logic.segment_at(volume, NODULE_RAS).findings
    logic.explain(found, 1, "heat")
    logic.remove(found)
    assert headless.scene_xml(scene, tmp_path) == before
