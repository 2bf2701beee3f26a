"""Runs from the call to the segments: place, clicks, cancelling, errors."""

import numpy as np
import psutil
import pytest
import slicer
import slicer.util
from LungTumorSegLib.errors import (
    Cancelled,
    GeometryError,
    ModelError,
    NoLungsFoundError,
    NotACTError,
    UnreadableError,
    WorkerError,
)
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.slicer_.scene import table

from Testing.support import headless, phantoms
from Testing.support.logic_case import (
    NODULE,
    NODULE_RAS,
    SECOND,
    SECOND_RAS,
    found_centre,
    run_to_its_end,
    until_it_computes,
)
from Testing.support.scene_case import bent, exported, shift_of_ten, tag, to_world

# ---- place


@pytest.mark.parametrize("order", [0, 5, 22, 31, 47])
def test_a_click_finds_the_lesion_in_any_axis_order(logic, piece, order):
    volume = headless.add_volume(phantoms.reorient(piece[0], *phantoms.ORDERS[order]))
    run = logic.segment_at(volume, NODULE_RAS)
    np.testing.assert_allclose(found_centre(logic, run), NODULE_RAS, atol=1.5)


def test_a_click_finds_the_lesion_in_an_oblique_volume(logic, piece):
    ct = phantoms.oblique(piece[0], 20)
    place = ct.geometry.lps(piece[0].geometry.index(NODULE[0])) * (-1, -1, 1)
    run = logic.segment_at(headless.add_volume(ct), place)
    np.testing.assert_allclose(found_centre(logic, run), place, atol=1.5)


@pytest.mark.parametrize("make", [shift_of_ten, bent])
def test_a_click_finds_the_lesion_where_the_transform_shows_it(logic, scene, volume, make):
    transform = make(scene)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    run = logic.segment_at(volume, to_world(transform, NODULE_RAS))
    assert logic.segmentation(run.findings).GetTransformNodeID() == transform.GetID()
    np.testing.assert_allclose(found_centre(logic, run), NODULE_RAS, atol=1.5)
    shown = logic.lesion_position(run.findings, run.lesion_ids[0])
    np.testing.assert_allclose(shown, to_world(transform, NODULE_RAS), atol=5)
    assert any("transform" in note for note in run.notes) == (make is bent)


# ---- the automatic run


def test_a_run_makes_a_segment_and_a_row_for_each_lesion(logic, scene, chest):
    volume = headless.add_volume(chest[0])
    steps = []
    findings = logic.segment(volume, progress=steps.append).findings
    assert {"lungs", "network"} <= {step.stage for step in steps}
    segmentation = logic.segmentation(findings).GetSegmentation()
    ids = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    assert ids == [terminology.segment_id(lesion) for lesion in findings.lesions]
    assert logic.table(findings).GetNumberOfRows() == len(findings.lesions)
    whole = np.zeros(chest[1].shape, bool)
    for segment_id in ids:
        whole |= exported(logic.segmentation(findings), segment_id, volume)
    for place in (NODULE[0], SECOND[0]):
        assert whole[tuple(np.round(chest[0].geometry.index(place)).astype(int))], f"nothing at {place}"
    assert all(tag(segmentation.GetSegment(i), "DICOM.SegmentAlgorithmType") == "AUTOMATIC" for i in ids)
    assert logic.results(volume) == [findings]


def test_an_earlier_result_is_kept_unless_it_is_to_be_replaced(logic, volume):
    options = {"lung_restriction": False}
    first = logic.segment(volume, points_ras=[NODULE_RAS], **options).findings
    second = logic.segment(volume, points_ras=[NODULE_RAS], **options).findings
    assert logic.results(volume) == [first, second]
    assert logic.segmentation(first) is not logic.segmentation(second)
    third = logic.segment(volume, points_ras=[NODULE_RAS], replaces=first, **options).findings
    assert logic.results(volume) == [second, third]
    assert logic.segmentation(first) is None and logic.table(first) is None


def test_two_volumes_of_one_name_keep_their_own_results(logic, piece):
    one, other = headless.add_volume(piece[0], name="CT"), headless.add_volume(piece[0], name="CT")
    findings = logic.segment_at(other, NODULE_RAS).findings
    assert logic.volume(findings) is other
    assert logic.results(one) == []
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert logic.segmentation(findings).GetNodeReference(role) is other


# ---- clicks


def test_clicks_queue_and_join_one_result(logic, chest):
    volume = headless.add_volume(chest[0])
    runs = [logic.segment_at(volume, place, wait=False) for place in (NODULE_RAS, SECOND_RAS)]
    assert [run.state for run in runs] == ["waiting", "waiting"]
    for run in runs:
        run_to_its_end(logic, run)
    assert [run.state for run in runs] == ["done", "done"], [run.error for run in runs]
    assert runs[0].findings is runs[1].findings
    assert {lesion.id for lesion in runs[0].findings.lesions} == {1, 2}
    assert logic.lesion_at(runs[0].findings, NODULE_RAS) == runs[0].lesion_ids[0]
    assert logic.lesion_at(runs[0].findings, SECOND_RAS) == runs[1].lesion_ids[0]


def test_a_second_click_on_a_lesion_makes_no_second_lesion(logic, volume):
    logic.segment_at(volume, NODULE_RAS)
    run = logic.segment_at(volume, np.add(NODULE_RAS, 2))
    assert [lesion.id for lesion in run.findings.lesions] == [1]
    assert run.lesion_ids == (1,)


def test_a_click_that_finds_nothing_says_so_and_leaves_the_scene(logic, scene, volume, tmp_path):
    before = headless.scene_xml(scene, tmp_path)
    run = logic.segment_at(volume, NODULE_RAS, min_diameter_mm=100.0)
    assert run.lesion_ids == () and run.findings is None
    assert run.notes
    assert headless.scene_xml(scene, tmp_path) == before


# ---- cancel, errors, vanishing volumes


def test_cancel_leaves_no_child_and_the_scene_as_it_was(logic, scene, chest, tmp_path):
    volume = headless.add_volume(chest[0])
    before = headless.scene_xml(scene, tmp_path)
    run = logic.segment(volume, wait=False)
    waiting = logic.segment(volume, wait=False)
    until_it_computes(logic, run)
    child = psutil.Process(logic.queue.client.pid)
    logic.cancel()
    assert run.state == waiting.state == "cancelled"
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert headless.scene_xml(scene, tmp_path) == before
    assert not logic.running and logic.results() == []
    with pytest.raises(Cancelled):
        raise run.error


def test_a_child_that_is_killed_is_said_and_the_next_run_works(logic, scene, volume, chest, tmp_path):
    big = headless.add_volume(chest[0])
    before = headless.scene_xml(scene, tmp_path)
    run = logic.segment(big, wait=False)
    until_it_computes(logic, run)
    psutil.Process(logic.queue.client.pid).kill()
    run_to_its_end(logic, run)
    assert isinstance(run.error, WorkerError)
    assert headless.scene_xml(scene, tmp_path) == before
    assert logic.segment_at(volume, NODULE_RAS).lesion_ids == (1,)


@pytest.mark.parametrize("vanish", [lambda scene, node: scene.RemoveNode(node), lambda scene, node: scene.Clear(False)])
def test_a_volume_that_goes_away_in_mid_run_ends_the_run(logic, scene, chest, vanish):
    volume = headless.add_volume(chest[0])
    run = logic.segment(volume, wait=False)
    until_it_computes(logic, run)
    vanish(scene, volume)
    run_to_its_end(logic, run)
    assert isinstance(run.error, UnreadableError) and "removed" in str(run.error)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert logic.results() == []


def test_a_closed_scenes_results_do_not_come_back_with_its_node_ids(logic, scene, piece, application_logic):
    first = logic.segment_at(headless.add_volume(piece[0]), NODULE_RAS).findings
    node_id = logic.segmentation(first).GetID()
    headless.clear(scene, application_logic)
    volume = headless.add_volume(piece[0])
    second = logic.segment_at(volume, NODULE_RAS).findings
    assert logic.segmentation(second).GetID() == node_id
    assert logic.results() == logic.results(volume) == [second]
    assert logic.segmentation(first) is None


def test_a_result_is_forgotten_with_its_segmentation(logic, scene, volume):
    findings = logic.segment_at(volume, NODULE_RAS).findings
    scene.RemoveNode(logic.segmentation(findings))
    assert logic.results(volume) == []


def picture(piece):
    return np.full(piece.geometry.shape_zyx, 100, np.uint8)


def solid(piece):
    return np.full(piece.geometry.shape_zyx, 40, np.int16) + np.random.default_rng(0).integers(
        -90, 200, piece.geometry.shape_zyx, dtype=np.int16
    )


@pytest.mark.parametrize(
    ("voxels", "error"),
    [
        (picture, NotACTError),
        (lambda ct: ct.voxels_zyx[:2], GeometryError),
        (solid, (NoLungsFoundError, NotACTError)),
    ],
)
def test_bad_input_is_refused_and_the_scene_left(logic, scene, piece, tmp_path, voxels, error):
    node = headless.add_volume(piece[0])
    slicer.util.updateVolumeFromArray(node, voxels(piece[0]))
    before = headless.scene_xml(scene, tmp_path)
    with pytest.raises(error):
        logic.segment(node)
    assert headless.scene_xml(scene, tmp_path) == before


def test_a_missing_model_is_refused(logic, volume, tmp_path):
    with pytest.raises(ModelError):
        logic.segment_at(volume, NODULE_RAS, model=tmp_path)


def test_an_unknown_option_is_an_error_at_once(logic, volume):
    with pytest.raises(TypeError):
        logic.segment(volume, treshold=0.5)
    assert not logic.running


def test_a_failure_while_the_result_is_shown_takes_it_all_back(logic, scene, volume, tmp_path, monkeypatch):
    before = headless.scene_xml(scene, tmp_path)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(table, "fill_table", fail)
    with pytest.raises(MemoryError):
        logic.segment_at(volume, NODULE_RAS)
    assert headless.scene_xml(scene, tmp_path) == before
    assert logic.results() == []


def test_a_run_cancelled_while_its_result_is_taken_over_leaves_the_scene_as_it_was(logic, scene, chest, tmp_path):
    volume = headless.add_volume(chest[0])
    before = headless.scene_xml(scene, tmp_path)
    run = logic.segment(volume, wait=False)
    while run.steps is None:
        logic.poll()
    assert not run.finished and run.handle.result is not None
    logic.cancel()
    assert run.state == "cancelled" and headless.scene_xml(scene, tmp_path) == before
