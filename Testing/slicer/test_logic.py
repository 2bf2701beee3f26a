"""The module's logic on the real MRML libraries, with the real child process and the bundled model."""

import base64
import io
import os
import zipfile
from dataclasses import replace

import numpy as np
import psutil
import pytest
import slicer
import slicer.util
import vtk
from LungTumorSegLib.errors import (
    Cancelled,
    GeometryError,
    ModelError,
    NoLungsFoundError,
    NotACTError,
    OutputError,
    UnreadableError,
    WorkerError,
)
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from LungTumorSegLib.slicer_.scene import storage, table

from Testing.slicer.test_scene import bent, centre_ras, exported, shift_of_ten, tag, to_world
from Testing.support import headless, phantoms, results

NODULE = ((-70.0, 10.0, 20.0), 18.0, 40)
SECOND = ((80.0, 20.0, 5.0), 16.0, 40)
NODULE_RAS, SECOND_RAS = (70.0, -10.0, 20.0), (-80.0, -20.0, 5.0)


@pytest.fixture(scope="module")
def warm():
    """One logic for the file: its child stays warm from test to test."""
    logic = LungTumorSegLogicBase()
    yield logic
    logic.close()


@pytest.fixture
def logic(warm, scene):
    yield warm
    warm.cancel()


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest(lesions=(NODULE, SECOND))


@pytest.fixture(scope="module")
def piece():
    """Around the first nodule only: for clicks."""
    return phantoms.chest((2.0, 2.0, 3.0), size_mm=(150, 120, 90), lesions=(NODULE,), centre_lps=(-64.0, 14.0, 14.0))


@pytest.fixture
def volume(scene, piece):
    return headless.add_volume(piece[0])


def run_to_its_end(logic, run):
    while not run.finished:
        logic.poll()
    return run


def until_it_computes(logic, run):
    """Poll until the child says that it is at work."""
    while run.progress is None:
        assert not run.finished, run.error
        logic.poll()


def segment_of(logic, findings, lesion_id):
    lesion = findings.lesion(lesion_id)
    return logic.segmentation(findings).GetSegmentation().GetSegment(terminology.segment_id(lesion))


def found_centre(logic, run):
    findings = run.findings
    segment_id = terminology.segment_id(findings.lesion(run.lesion_ids[0]))
    return centre_ras(logic.segmentation(findings), segment_id, logic.volume(findings))


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


# ---- changes of a result, without the network


@pytest.fixture
def result(logic, chest):
    """Both nodules, by clicks; then the child is gone, so nothing after it can use the network."""
    volume = headless.add_volume(chest[0])
    logic.segment_at(volume, NODULE_RAS)
    findings = logic.segment_at(volume, SECOND_RAS).findings
    logic.queue.client.close()
    yield findings
    assert logic.queue.client.pid is None


def voxels_of(logic, findings, lesion_id):
    segment_id = terminology.segment_id(findings.lesion(lesion_id))
    return int(exported(logic.segmentation(findings), segment_id, logic.volume(findings)).sum())


def test_a_threshold_for_one_lesion_changes_only_that_one(logic, result):
    before = {i: voxels_of(logic, result, i) for i in (1, 2)}
    logic.update(result, thresholds={1: 0.9})
    assert voxels_of(logic, result, 1) < before[1]
    assert voxels_of(logic, result, 2) == before[2]
    assert result.lesion(1).threshold == 0.9
    row = {logic.table(result).GetTable().GetValueByName(i, "id").ToInt(): i for i in (0, 1)}[1]
    assert logic.table(result).GetTable().GetValueByName(row, "threshold").ToDouble() == 0.9
    logic.update(result, thresholds={1: None})
    assert {i: voxels_of(logic, result, i) for i in (1, 2)} == before


def test_a_lesion_keeps_name_and_status_when_it_vanishes_and_comes_back(logic, result):
    logic.rename(result, 2, "Lingula")
    logic.set_status(result, 2, "rejected")
    size = result.lesion(2).long_axis_mm
    largest = max(lesion.long_axis_mm for lesion in result.lesions)
    logic.update(result, min_diameter_mm=largest + 1)
    assert result.lesions == ()
    assert logic.segmentation(result).GetSegmentation().GetNumberOfSegments() == 0
    assert logic.table(result).GetNumberOfRows() == 0
    logic.update(result, min_diameter_mm=3.0)
    assert result.lesion(2).long_axis_mm == size
    assert result.lesion(2).status == "rejected"
    assert segment_of(logic, result, 2).GetName() == "Lingula"


def test_smoothing_changes_the_outline_and_goes_back(logic, result):
    before = voxels_of(logic, result, 1)
    logic.update(result, smooth_mm=3.0)
    assert voxels_of(logic, result, 1) != before
    logic.update(result, smooth_mm=0.0)
    assert voxels_of(logic, result, 1) == before


def test_a_wrong_change_changes_nothing(logic, result):
    lesions = result.lesions
    with pytest.raises(TypeError):
        logic.update(result, tresholds={1: 0.9})
    with pytest.raises(KeyError):
        logic.update(result, thresholds={99: 0.9})
    assert result.lesions == lesions and result.options.threshold is None


def test_diameters_and_surfaces_follow_a_change(logic, scene, result):
    logic.show_diameters(result)
    logic.show_3d(result)
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 4
    logic.set_status(result, 1, "rejected")
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 2
    logic.update(result, thresholds={2: 0.9})
    surface = vtk.vtkPolyData()
    segment_id = terminology.segment_id(result.lesion(2))
    assert logic.segmentation(result).GetClosedSurfaceRepresentation(segment_id, surface)
    assert surface.GetNumberOfPoints() > 0
    logic.show_3d(result, False)
    assert not logic.segmentation(result).GetSegmentation().ContainsRepresentation("Closed surface")


def test_a_jump_brings_all_slice_views_to_the_lesion(logic, scene, result):
    nodes = [scene.AddNewNodeByClass("vtkMRMLSliceNode", name) for name in ("Red", "Green")]
    nodes[0].SetOrientationToAxial()
    nodes[1].SetOrientationToCoronal()
    logic.jump(result, 1)
    assert nodes[0].GetSliceOffset() == pytest.approx(NODULE_RAS[2], abs=3)
    assert nodes[1].GetSliceOffset() == pytest.approx(NODULE_RAS[1], abs=3)


def test_a_saved_scene_comes_back_with_segments_table_and_their_link(logic, scene, application_logic, volume, tmp_path):
    findings = logic.segment_at(volume, NODULE_RAS).findings
    wanted = exported(logic.segmentation(findings), "LungTumorSeg_1", volume)
    for node, kind, suffix in (
        (volume, "VolumeArchetype", "nrrd"),
        (logic.segmentation(findings), "Segmentation", "seg.nrrd"),
        (logic.table(findings), "Table", "tsv"),
    ):
        storage = scene.AddNewNodeByClass(f"vtkMRML{kind}StorageNode")
        storage.SetFileName(str(tmp_path / f"{kind}.{suffix}"))
        node.SetAndObserveStorageNodeID(storage.GetID())
        assert storage.WriteData(node)
    scene.SetRootDirectory(str(tmp_path))
    headless.scene_xml(scene, tmp_path)
    headless.clear(scene, application_logic)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert scene.Connect()
    segmentation = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    again = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    assert np.array_equal(exported(segmentation, "LungTumorSeg_1", again), wanted)
    assert tag(segmentation.GetSegmentation().GetSegment("LungTumorSeg_1"), "LungTumorSeg.status") == "accepted"
    rows = segmentation.GetNodeReference(table.TABLE_ROLE)
    assert rows.GetNumberOfRows() == 1
    assert [rows.GetColumnName(i) for i in range(rows.GetNumberOfColumns())] == list(table.COLUMNS)
    (restored,) = logic.restore()
    assert restored.lesions == findings.lesions and np.array_equal(restored.masks[0], findings.masks[0])


def test_what_is_kept_in_the_scene_comes_back_bit_for_bit_and_without_the_cts_path(logic, scene, chest):
    result = logic.segment(headless.add_volume(chest[0]), min_confidence=0).findings
    segmentation = logic.segmentation(result)
    ct = replace(result.ct, source={"path": "/home/somebody/ct.nrrd"})
    again = storage.read(segmentation, ct, lambda options: result.card)
    results.assert_same(again.result, replace(result.as_result(), probability=None))
    assert again.result.lungs.hull_distance_mm.max() > 10 and any(c.ratings for c in again.result.candidates)
    packed = storage.pack(again)
    assert "somebody" not in str(zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))).read("result.json"))
    storage.keep(segmentation, packed)
    assert segmentation.GetNumberOfNodeReferences(storage.RECORD_ROLE) == 1


def test_a_run_cancelled_while_its_result_is_taken_over_leaves_the_scene_as_it_was(logic, scene, chest, tmp_path):
    volume = headless.add_volume(chest[0])
    before = headless.scene_xml(scene, tmp_path)
    run = logic.segment(volume, wait=False)
    while run.steps is None:
        logic.poll()
    assert not run.finished and run.handle.result is not None
    logic.cancel()
    assert run.state == "cancelled" and headless.scene_xml(scene, tmp_path) == before


def test_remove_takes_everything_of_a_result_and_nothing_else(logic, scene, volume, tmp_path):
    before = headless.scene_xml(scene, tmp_path)
    findings = logic.segment_at(volume, NODULE_RAS).findings
    logic.show_diameters(findings)
    logic.show_3d(findings)
    logic.remove(findings)
    assert headless.scene_xml(scene, tmp_path) == before
    assert logic.results() == []


def test_a_result_is_saved_as_the_command_saves_it(logic, scene, result, tmp_path):
    folder = tmp_path / "Größe 肺"
    logic.save(result, folder)
    assert {path.name for path in folder.iterdir()} == {"segmentation.seg.nrrd", "lesions.csv", "result.json"}
    again = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "again")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(folder / "segmentation.seg.nrrd"))
    assert storage.ReadData(again)
    for lesion in result.lesions:
        segment_id = terminology.segment_id(lesion)
        images = [exported(node, segment_id, logic.volume(result)) for node in (again, logic.segmentation(result))]
        assert np.array_equal(*images)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(logic, result, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError):
        logic.save(result, tmp_path / "here")
