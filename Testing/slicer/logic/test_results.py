"""A result after its run: changed, jumped to, kept in the scene, removed, saved."""

import base64
import io
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import vtk
from LungTumorSegLib.errors import (
    OutputError,
)
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.slicer_.scene import storage, table

from Testing.support import headless, results
from Testing.support.logic_case import (
    NODULE_RAS,
    SECOND_RAS,
    segment_of,
)
from Testing.support.scene_case import exported, tag


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
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 2  # of the largest
    logic.select(result, 2)
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
    logic.look_at(result, 1)
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
    again = storage.read(segmentation, ct)
    results.assert_same(again.result, replace(result.as_result(), probability=None))
    assert again.result.lungs.hull_distance_mm.max() > 10 and any(c.ratings for c in again.result.candidates)
    packed = storage.pack(again)
    assert "somebody" not in str(zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))).read("result.json"))
    storage.keep(segmentation, packed)
    assert segmentation.GetNumberOfNodeReferences(storage.RECORD_ROLE) == 1


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
