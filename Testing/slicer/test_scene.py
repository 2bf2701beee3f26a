"""Volume nodes to CTs and lesions to segments, on Slicer's real MRML libraries. No network: masks are given."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from LungTumorSegLib.errors import GeometryError, NotACTError, UnreadableError
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.geometry import AxialOrder
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.model.card import OperatingPoint
from LungTumorSegLib.slicer_.scene import table
from LungTumorSegLib.slicer_.scene.nodes import all_or_nothing
from LungTumorSegLib.slicer_.scene.segmentation import show_lesions
from LungTumorSegLib.slicer_.scene.surfaces import make_surfaces
from LungTumorSegLib.slicer_.scene.volumes import ct_from_volume, keeps_sizes, lps_to_world, world_to_lps

from Testing.support import headless, phantoms, results
from Testing.support.scene_case import (
    CARD,
    CENTRE_RAS,
    NODULE,
    SPACING,
    bent,
    centre_ras,
    exported,
    findings_of,
    shift_of_ten,
    show,
    show_chest,
    tag,
    to_world,
)

FIRST = "LungTumorSeg_1"


@pytest.fixture(scope="module")
def chest():
    """A piece of chest around the nodule, off its centre, and the nodule's mask."""
    return phantoms.chest(SPACING, size_mm=(120, 105, 96), lesions=(NODULE,), centre_lps=(-76.0, 20.0, 14.0))


def test_a_newer_model_does_not_move_the_outlines_of_a_kept_result(chest):
    findings = findings_of(*chest)
    again = Findings(findings.ct, findings.result, OperatingPoint(threshold=0.9))
    again.restore(findings.state())
    assert again.threshold == 0.5 and [x.threshold for x in again.lesions] == [0.5]
    again.change(threshold=None)  # Reset: the map is still the older model's
    assert [x.threshold for x in again.lesions] == [0.5]


# ---- place


@pytest.mark.parametrize(("permutation", "flips"), phantoms.ORDERS)
def test_the_segment_lies_on_the_lesion_in_every_axis_order(scene, chest, permutation, flips):
    ct, mask = phantoms.reorient(chest[0], permutation, flips), AxialOrder(permutation, flips).view(chest[1])
    volume, node = show_chest(ct, mask)
    centre = centre_ras(node, FIRST, volume)
    assert (np.abs(centre - CENTRE_RAS) <= np.array(SPACING) / 2 + 1e-6).all()
    assert np.array_equal(exported(node, FIRST, volume), mask)


@pytest.mark.parametrize("spacing", [(0.9, 0.9, 0.5), (0.7, 0.7, 8.0)])
def test_the_segment_lies_on_the_lesion_whatever_the_slice_thickness(scene, spacing):
    ct, mask = phantoms.chest(spacing, size_mm=(60, 60, 56), lesions=(NODULE,), centre_lps=(-80.0, 15.0, 18.0))
    volume, node = show_chest(ct, mask)
    centre = centre_ras(node, FIRST, volume)
    assert (np.abs(centre - CENTRE_RAS) <= np.array(spacing) / 2 + 1e-6).all()
    assert np.array_equal(exported(node, FIRST, volume), mask)


def test_the_segment_lies_on_the_lesion_in_an_oblique_volume(scene, chest):
    ct, mask = phantoms.oblique(chest[0], 30), chest[1]
    volume, node = show_chest(ct, mask)
    wanted = ct.geometry.lps(np.argwhere(mask).mean(0)) * (-1, -1, 1)
    np.testing.assert_allclose(centre_ras(node, FIRST, volume), wanted, atol=1e-3)
    assert np.array_equal(exported(node, FIRST, volume), mask)


def test_the_surface_lies_on_the_lesion_and_is_not_turned_inside_out(scene, chest):
    # of right-handed grids: in left-handed ones Slicer itself turns every segment's normals inwards
    for permutation, flips in (phantoms.ORDERS[0], phantoms.ORDERS[3]):
        ct, mask = phantoms.reorient(chest[0], permutation, flips), AxialOrder(permutation, flips).view(chest[1])
        _, node = show_chest(ct, mask)
        make_surfaces(node)
        surface = vtk.vtkPolyData()
        node.GetClosedSurfaceRepresentation(FIRST, surface)
        np.testing.assert_allclose(surface.GetCenter(), CENTRE_RAS, atol=2.0)
        sizes = vtk.vtkMassProperties()
        sizes.SetInputData(surface)
        assert sizes.GetVolume() == pytest.approx(np.count_nonzero(mask) * np.prod(SPACING), rel=0.15)
        normals = surface.GetPointData().GetNormals()
        outward = [
            np.dot(normals.GetTuple(i), np.array(surface.GetPoint(i)) - surface.GetCenter())
            for i in range(surface.GetNumberOfPoints())
        ]
        assert np.mean(np.array(outward) > 0) > 0.95


@pytest.mark.parametrize("make", [shift_of_ten, bent])
def test_under_a_transform_the_segment_stays_on_the_anatomy(scene, chest, make):
    ct, mask = chest
    volume = headless.add_volume(ct)
    transform = make(scene)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    node = show(volume, findings_of(ct_from_volume(volume), mask))
    assert node.GetTransformNodeID() == transform.GetID()
    # by Slicer's own export, which undoes and applies transforms: a result that was moved twice would be elsewhere
    assert np.array_equal(exported(node, FIRST, volume), mask)
    node.SetAndObserveTransformNodeID(transform.GetID())
    node.HardenTransform()
    moved = np.array(node.GetSegmentCenterRAS(FIRST))  # of the voxel nearest to the middle
    np.testing.assert_allclose(moved, to_world(transform, CENTRE_RAS), atol=4.0)
    assert np.linalg.norm(moved - CENTRE_RAS) > 5  # else the transform did nothing


@pytest.mark.parametrize("make", [shift_of_ten, bent])
def test_points_go_from_the_world_to_the_volume_and_back(scene, chest, make):
    volume = headless.add_volume(chest[0])
    transform = make(scene)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    world = to_world(transform, CENTRE_RAS)
    np.testing.assert_allclose(world_to_lps(volume, world), NODULE[0], atol=0.01)
    np.testing.assert_allclose(lps_to_world(volume, NODULE[0]), world, atol=0.01)


def test_only_transforms_that_change_sizes_are_told_apart(scene, chest):
    volume = headless.add_volume(chest[0])
    assert keeps_sizes(volume)
    rigid, curved = shift_of_ten(scene), bent(scene)
    volume.SetAndObserveTransformNodeID(rigid.GetID())
    assert keeps_sizes(volume)
    volume.SetAndObserveTransformNodeID(curved.GetID())
    assert not keeps_sizes(volume)
    scaled = vtk.vtkMatrix4x4()
    scaled.SetElement(0, 0, 1.1)
    rigid.SetMatrixTransformToParent(scaled)
    volume.SetAndObserveTransformNodeID(rigid.GetID())
    assert not keeps_sizes(volume)


# ---- volumes


def test_the_voxels_are_not_copied(scene, chest):
    volume = headless.add_volume(chest[0])
    ct = ct_from_volume(volume)
    assert np.shares_memory(ct.voxels_zyx, slicer.util.arrayFromVolume(volume))
    assert ct.geometry.shape_zyx == chest[0].geometry.shape_zyx
    np.testing.assert_allclose(ct.geometry.affine, chest[0].geometry.affine, atol=1e-9)


@pytest.mark.parametrize("stored", ["int32", "uint16", "int8", "float32", "float64"])
def test_whole_numbers_are_16_bit_integers_as_from_a_file(scene, chest, stored):
    values = np.clip(chest[0].voxels_zyx, 0, 100).astype(stored)
    ct = ct_from_volume(headless.add_volume(replace(chest[0], voxels_zyx=values)))
    assert ct.voxels_zyx.dtype == np.int16
    assert np.array_equal(ct.voxels_zyx, values)


@pytest.mark.parametrize(("stored", "more"), [("int32", 100_000), ("float32", -40_000), ("float64", 0.25)])
def test_other_numbers_are_32_bit_ones_as_from_a_file(scene, chest, stored, more):
    values = chest[0].voxels_zyx.astype(stored) + np.array(more, stored)
    ct = ct_from_volume(headless.add_volume(replace(chest[0], voxels_zyx=values)))
    assert ct.voxels_zyx.dtype == np.float32
    assert np.array_equal(ct.voxels_zyx, values)


def test_what_is_no_ct_volume_is_refused(scene, chest):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    labels = headless.add_volume(chest[0], node_class="vtkMRMLLabelMapVolumeNode")
    colour = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Photo")
    slicer.util.updateVolumeFromArray(colour, np.zeros((4, 5, 6, 3), np.uint8))
    for node, error, word in (
        (None, UnreadableError, "choose"),
        (scene.AddNewNodeByClass("vtkMRMLModelNode"), UnreadableError, "choose"),
        (empty, UnreadableError, "Empty"),
        (labels, NotACTError, "label map"),
        (colour, NotACTError, "Photo"),
    ):
        with pytest.raises(error, match=word):
            ct_from_volume(node)


def test_a_volume_without_thickness_is_refused(scene, chest):
    volume = headless.add_volume(chest[0])
    squashed = vtk.vtkMatrix4x4()
    squashed.SetElement(2, 2, 0)
    volume.SetIJKToRASMatrix(squashed)
    with pytest.raises(GeometryError, match="spacing"):
        ct_from_volume(volume)


# ---- segments


def test_a_segment_says_what_it_is_and_who_made_it(scene, chest):
    _, node = show_chest(*chest)
    segment = node.GetSegmentation().GetSegment(FIRST)
    assert segment.GetName() == "Lesion 1"
    lesion = findings_of(*chest).lesions[0]
    np.testing.assert_allclose(segment.GetColor(), terminology.color(lesion))
    assert tag(segment, "DICOM.SegmentAlgorithmType") == "AUTOMATIC"
    assert tag(segment, "DICOM.SegmentAlgorithmName").startswith("LungTumorSeg ")
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    assert logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
    assert entry.GetCategoryObject().GetCodeMeaning() == "Morphologically Altered Structure"
    assert entry.GetTypeObject().GetCodeMeaning() == "Nodule"
    assert entry.GetRegionObject().GetCodeMeaning() == "Lung"


def test_the_reference_is_the_ct(scene, chest):
    volume, node = show_chest(*chest)
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is volume
    parameter = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    reference = slicer.vtkOrientedImageData()
    text = node.GetSegmentation().GetConversionParameter(parameter)
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, reference, False)
    assert reference.GetDimensions() == volume.GetImageData().GetDimensions()


def test_the_result_goes_into_the_volumes_study(scene, chest):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    volume = headless.add_volume(chest[0], study=study)
    node = show(volume, findings_of(*chest))
    rows = table.add_table(volume, "table")
    for added in (node, rows):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(added)) == study


def test_lesions_that_overlap_stay_whole(scene):
    ct = results.make_ct()
    result = results.make_result(ct)
    volume = headless.add_volume(ct)
    node = show(volume, Findings(ct, result, CARD))
    for lesion, mask in zip(result.lesions, result.masks, strict=True):
        wanted = np.zeros(ct.geometry.shape_zyx, bool)
        wanted[lesion.label_box.slices] = mask
        assert np.array_equal(exported(node, terminology.segment_id(lesion), volume), wanted)


def test_a_rejected_lesion_is_grey_and_not_in_3d(scene):
    ct = results.make_ct()
    volume = headless.add_volume(ct)
    node = show(volume, Findings(ct, results.make_result(ct), CARD))
    red, green, blue = node.GetSegmentation().GetSegment("LungTumorSeg_3").GetColor()
    assert red == green == blue
    assert not node.GetDisplayNode().GetSegmentVisibility3D("LungTumorSeg_3")
    assert node.GetDisplayNode().GetSegmentVisibility3D(FIRST)


def test_what_did_not_change_is_not_made_again(scene, chest):
    volume, node = show_chest(*chest)
    findings = findings_of(*chest)
    make_surfaces(node)
    segment = node.GetSegmentation().GetSegment(FIRST)
    before = {name: segment.GetRepresentation(name) for name in ("Binary labelmap", "Closed surface")}
    show_lesions(node, volume, findings)
    assert all(segment.GetRepresentation(name) is image for name, image in before.items())
    upper = chest[1] & (np.arange(chest[1].shape[0]) > 13)[:, None, None]
    smaller = findings_of(chest[0], upper)
    show_lesions(node, volume, smaller)
    assert np.array_equal(exported(node, FIRST, volume), upper)
    assert segment.GetRepresentation("Closed surface") is None
    assert make_surfaces(node)
    assert segment.GetRepresentation("Closed surface") is not None


def moved(findings, lesion_id):
    """The findings with a lesion's outline a voxel further along x; nothing else changes."""
    at = findings.lesions.index(findings.lesion(lesion_id))
    lesion = findings.lesions[at]
    lesion = replace(lesion, label_box=lesion.label_box.shift((0, 0, 1)))
    findings.lesions = (*findings.lesions[:at], lesion, *findings.lesions[at + 1 :])
    return lesion


def places(node, volume, findings):
    """Where each lesion's segment has voxels, and where the lesion has."""
    shown, wanted = [], []
    for lesion, mask in zip(findings.lesions, findings.masks, strict=True):
        shown.append(np.argwhere(exported(node, findings.segment_id(lesion), volume)).tolist())
        wanted.append((np.argwhere(mask) + lesion.label_box.start).tolist())
    return shown, wanted


def test_a_changed_outline_goes_into_the_labelmap_that_is_there_and_no_other_is_touched(scene):
    ct = results.make_ct()
    volume = headless.add_volume(ct)
    findings = Findings(ct, results.make_result(ct), CARD)
    node = show(volume, findings)
    make_surfaces(node)
    segments = [node.GetSegmentation().GetNthSegment(i) for i in range(3)]
    images = [segment.GetRepresentation("Binary labelmap") for segment in segments]
    times = [image.GetMTime() for image in images]
    moved(findings, 2)
    show_lesions(node, volume, findings)
    assert [segment.GetRepresentation("Binary labelmap") for segment in segments] == images
    assert [image.GetMTime() != time for image, time in zip(images, times, strict=True)] == [False, True, False]
    # the first one's is withdrawn, so that no view makes the others: see `withdraw_surfaces`
    assert [segment.GetRepresentation("Closed surface") is None for segment in segments] == [True, True, False]
    shown, wanted = places(node, volume, findings)
    assert shown == wanted


def test_of_lesions_in_one_labelmap_only_the_changed_one_changes(scene):
    ct = results.make_ct()
    volume = headless.add_volume(ct)
    result = results.make_result(ct)
    kept = result.lesions[::2], result.masks[::2]  # two that share no voxel
    findings = Findings(ct, replace(result, lesions=kept[0], masks=kept[1]), CARD)
    node = show(volume, findings)
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    moved(findings, 3)
    show_lesions(node, volume, findings)
    shown, wanted = places(node, volume, findings)
    assert shown == wanted


def test_surfaces_are_made_as_slicer_makes_them(scene):
    ct = results.make_ct()
    volume = headless.add_volume(ct)
    ours, slicers = (show(volume, Findings(ct, results.make_result(ct), CARD)) for _ in range(2))
    assert not make_surfaces(ours, 0.0)  # time for one only
    assert make_surfaces(ours)
    slicers.CreateClosedSurfaceRepresentation()
    for i in range(3):
        one, other = (n.GetSegmentation().GetNthSegment(i).GetRepresentation("Closed surface") for n in (ours, slicers))
        assert one.GetNumberOfPoints() == other.GetNumberOfPoints() > 10
        np.testing.assert_allclose(one.GetBounds(), other.GetBounds())


def test_a_segment_that_the_user_drew_stays(scene, chest):
    volume, node = show_chest(*chest)
    node.GetSegmentation().AddEmptySegment("mine", "Mine")
    nothing = findings_of(chest[0], np.zeros_like(chest[1]))
    show_lesions(node, volume, nothing)
    assert [node.GetSegmentation().GetNthSegmentID(i) for i in range(node.GetSegmentation().GetNumberOfSegments())] == [
        "mine"
    ]


def test_a_segmentation_comes_back_from_slicers_own_file(scene, chest, tmp_path):
    volume, node = show_chest(*chest)
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "lesions.seg.nrrd"))
    assert storage.WriteData(node)
    again = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "again")
    assert storage.ReadData(again)
    segment = again.GetSegmentation().GetSegment(FIRST)
    assert segment.GetName() == "Lesion 1"
    assert tag(segment, "DICOM.SegmentAlgorithmType") == "AUTOMATIC"
    assert np.array_equal(exported(again, FIRST, volume), chest[1])


# ---- all or nothing


def test_a_failure_half_way_leaves_the_scene_as_it_was(scene, chest, tmp_path):
    volume = headless.add_volume(chest[0])
    before = headless.scene_xml(scene, tmp_path)
    with pytest.raises(ZeroDivisionError), all_or_nothing(scene):
        node = show(volume, findings_of(*chest))
        make_surfaces(node)
        table.add_table(volume, "table")
        raise ZeroDivisionError
    assert headless.scene_xml(scene, tmp_path) == before
