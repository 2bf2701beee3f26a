"""From the scene to a `CT`, and from lesions to a segmentation and a table in the scene.

Inside a volume's own coordinates everything is exact: no voxel is resampled. A transform over the volume is never
baked in; the result goes under the same transform, so it stays on the anatomy when the transform changes.
"""

import math
import time
from contextlib import contextmanager

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from ...checks import as_hu
from ...data import CT, Lesion
from ...errors import GeometryError, NotACTError, UnreadableError
from ...geometry import RAS_FROM_LPS, Geometry, ras_from_lps
from ...lesions import terminology
from .edits import segment_mask

_ROLES = "LungTumorSeg."
TABLE_ROLE = f"{_ROLES}table"
MARKUPS_ROLE = f"{_ROLES}diameters"
# not 0.5: Slicer takes that for "no colour" and picks one


# ---- volumes and points


def ct_from_volume(volume) -> CT:
    """A scalar volume node as a `CT`, in the volume's own coordinates (LPS mm), whatever transform it is under.

    The voxels are the node's own memory where they have the type of `checks.as_hu` already, else a copy. Raises
    UnreadableError (no volume, no voxels), NotACTError (colour, vector or label map), GeometryError (no usable spacing
    or directions).
    """
    if volume is None or not volume.IsA("vtkMRMLScalarVolumeNode"):
        raise UnreadableError("No CT is chosen: load a chest CT and choose it.")
    name = volume.GetName()
    image = volume.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions():
        raise UnreadableError(f'The volume "{name}" holds no voxels: load it again.')
    if volume.IsA("vtkMRMLLabelMapVolumeNode"):
        raise NotACTError(f'"{name}" is a label map, not a CT: choose the CT that it was drawn on.')
    if image.GetNumberOfScalarComponents() != 1:
        raise NotACTError(
            f'"{name}" has {image.GetNumberOfScalarComponents()} values in each voxel (a colour picture or a vector '
            "field), a CT has one: choose the CT."
        )
    return CT(as_hu(slicer.util.arrayFromVolume(volume)), _geometry(volume), name, _source(volume))


def _geometry(volume) -> Geometry:
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    affine = RAS_FROM_LPS @ slicer.util.arrayFromVTKMatrix(ijk_to_ras)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise GeometryError(
            f'The voxels of "{volume.GetName()}" have no size or no direction: correct the spacing in the module '
            "Volumes, or load the CT again from DICOM."
        )
    return Geometry.from_affine(volume.GetImageData().GetDimensions()[::-1], affine)


def _source(volume) -> dict:
    source = {"format": "volume node", "node": volume.GetID()}
    storage = volume.GetStorageNode()
    if storage is not None and storage.GetFileName():
        source["path"] = storage.GetFileName()
    hierarchy = volume.GetScene() and slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy else 0
    if item:
        modality = hierarchy.GetItemAttribute(item, "DICOM.Modality")
        series = hierarchy.GetItemUID(item, "DICOM")
        source |= {k: v for k, v in (("modality", modality), ("series_uid", series)) if v}
    return source


def world_to_lps(volume, world_ras) -> tuple[float, float, float]:
    """A point as Slicer shows it (RAS mm, world) in the volume's own LPS mm; any transform over it is undone."""
    return ras_from_lps(_between(None, volume.GetParentTransformNode(), world_ras))


def lps_to_world(volume, point_lps) -> tuple[float, float, float]:
    """The inverse of `world_to_lps`."""
    return _between(volume.GetParentTransformNode(), None, ras_from_lps(point_lps))


def _between(source, target, point) -> tuple[float, float, float]:
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    return tuple(float(v) for v in transform.TransformPoint([float(v) for v in point]))


def keeps_sizes(volume) -> bool:
    """Whether the transform over the volume, if any, is rigid: then sizes in the volume are sizes in the world."""
    transform = volume.GetParentTransformNode()
    if transform is None:
        return True
    if not transform.IsTransformToWorldLinear():
        return False
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    turn = slicer.util.arrayFromVTKMatrix(matrix)[:3, :3]
    return bool(np.allclose(turn @ turn.T, np.eye(3), atol=1e-4))


# ---- all or nothing


class NodeReference:
    """A node that may be removed from the scene meanwhile. Not by its id: a closed scene's ids are given out again."""

    def __init__(self, node):
        self._reference = vtk.vtkWeakReference()
        self._reference.Set(node)

    def node(self):
        """The node, None when it is no longer in the scene."""
        node = self._reference.Get()
        return node if node is not None and node.GetScene() is not None else None


@contextmanager
def all_or_nothing(scene):
    """Whatever is added to the scene inside is taken out again when the block ends with an error."""
    before = _node_ids(scene)
    try:
        yield
    except BaseException:
        for node_id in _node_ids(scene) - before:
            node = scene.GetNodeByID(node_id)
            if node is not None:
                remove_node(scene, node)
        raise


def _node_ids(scene) -> set[str]:
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


def remove_node(scene, node):
    """Take a node out of the scene, with its display and storage nodes and its place in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False)
    if node.IsA("vtkMRMLDisplayableNode"):
        for i in reversed(range(node.GetNumberOfDisplayNodes())):
            scene.RemoveNode(node.GetNthDisplayNode(i))
    if node.IsA("vtkMRMLStorableNode") and node.GetStorageNode() is not None:
        scene.RemoveNode(node.GetStorageNode())
    if node.GetScene() is not None:
        scene.RemoveNode(node)


def remove_with_companions(node):
    """Take a node out of the scene, and the nodes that it refers to in our roles: table, lines, map."""
    scene = node.GetScene()
    roles = [node.GetNthNodeReferenceRole(i) for i in range(node.GetNumberOfNodeReferenceRoles())]
    for role in roles:
        if role.startswith(_ROLES):
            for i in reversed(range(node.GetNumberOfNodeReferences(role))):
                companion = node.GetNthNodeReference(role, i)
                if companion is not None:
                    remove_node(scene, companion)
    remove_node(scene, node)


def place_beside(volume, node):
    """Put a node under the volume's study in the subject hierarchy and under the volume's transform."""
    if node.IsA("vtkMRMLTransformableNode"):
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume)
    parent = hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID()
    # Slicer makes an item for every new node by itself, the bare libraries do not
    if hierarchy.GetItemByDataNode(node):
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), parent)
    else:
        hierarchy.CreateItem(parent, node)


# ---- the segmentation


def add_segmentation(volume, name: str):
    """An empty segmentation node for lesions on this volume: same grid, transform and study, with a display."""
    scene = volume.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    # the transform first: labelmaps that Slicer imports later would be moved twice otherwise
    place_beside(volume, node)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().SetSourceRepresentationName(_labelmap_name())
    # Slicer's 0.5 shrinks small lesions. Volume left, measured: 52 % of an 18 mm ball in 3 x 3.5 x 4 mm voxels (0.3:
    # 90 %), 88 % of a 6 mm ball in 0.7 x 0.7 x 1 mm (0.3: 95 %)
    smoothing = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetSmoothingFactorParameterName()
    node.GetSegmentation().SetConversionParameter(smoothing, "0.3")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetOpacity2DFill(0.15)
    display.SetOpacity2DOutline(1.0)
    display.SetSliceIntersectionThickness(2)
    return node


def _labelmap_name() -> str:
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def _surface_name() -> str:
    return slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


def show_lesions(node, volume, findings):
    """Bring a segmentation node up to date with `Findings`: one segment a lesion, in their order.

    A lesion's segment keeps its id; what did not change is not touched, so that surfaces are made only for the rest,
    by `make_surfaces`. Segments that are no lesion of ours (drawn by the user) stay.
    """
    segmentation = node.GetSegmentation()
    was = node.StartModify()
    try:
        wanted = {findings.segment_id(lesion): lesion for lesion in findings.lesions}
        ours = {segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())}
        for segment_id in ours - set(wanted):
            if segmentation.GetSegment(segment_id).HasTag(terminology.STATUS_TAG):
                segmentation.RemoveSegment(segment_id)
        for (segment_id, lesion), mask in zip(wanted.items(), findings.masks, strict=True):
            _set_segment(node, volume, segment_id, lesion, mask, findings)
    finally:
        node.EndModify(was)


def _set_segment(node, volume, segment_id, lesion: Lesion, mask_zyx: np.ndarray, findings):
    segmentation = node.GetSegmentation()
    segment = segmentation.GetSegment(segment_id)
    is_new = segment is None
    if is_new:
        segment = slicer.vtkSegment()
    if is_new or not _holds(node, segment_id, volume, lesion, mask_zyx):
        segment.AddRepresentation(_labelmap_name(), _labelmap(volume, lesion, mask_zyx))
        segment.SetLabelValue(1)  # Segment Editor may have put it on a layer with others
        segment.RemoveRepresentation(_surface_name())
    _dress(segment, lesion, findings.names[lesion.id], findings.result.model, findings.is_drawn(lesion.id))
    if is_new:
        segmentation.AddSegment(segment, segment_id)
    rejected = lesion.status == "rejected"
    node.GetDisplayNode().SetSegmentVisibility3D(segment_id, not rejected)
    node.GetDisplayNode().SetSegmentOpacity2DFill(segment_id, 0.0 if rejected else 1.0)


def _holds(node, segment_id, volume, lesion: Lesion, mask_zyx: np.ndarray) -> bool:
    found = segment_mask(node, segment_id, volume)
    if found is None:
        return False
    box, mask = found
    return box == lesion.label_box and np.array_equal(mask, mask_zyx)


def _dress(segment, lesion: Lesion, name: str, model: dict, drawn: bool):
    """Name, colour, terminology and algorithm tags of a lesion's segment."""
    segment.SetName(name)
    segment.SetColor(*terminology.color(lesion))
    for tag, value in terminology.tags(lesion, model, drawn).items():
        segment.SetTag(tag, value)


def _labelmap(volume, lesion: Lesion, mask_zyx: np.ndarray):
    (z0, z1), (y0, y1), (x0, x1) = lesion.label_box.pairs
    image = slicer.vtkOrientedImageData()
    image.SetExtent(x0, x1 - 1, y0, y1 - 1, z0, z1 - 1)
    image.AllocateScalars(get_vtk_array_type(np.uint8), 1)
    vtk_to_numpy(image.GetPointData().GetScalars()).reshape(mask_zyx.shape)[:] = mask_zyx
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    image.SetImageToWorldMatrix(ijk_to_ras)
    return image


def show_surfaces(node, visible: bool):
    """Let 3D views show the lesions' closed surfaces, which `make_surfaces` makes, or take them away."""
    node.GetDisplayNode().SetVisibility3D(visible)
    if visible:
        node.GetDisplayNode().SetPreferredDisplayRepresentationName3D(_surface_name())
    else:
        node.RemoveClosedSurfaceRepresentation()


def make_surfaces(node, seconds: float = math.inf) -> bool:
    """Make the closed surfaces that segments lack, one after the other; stop after some seconds, but not before one.

    Returns whether all are there. One takes about 8 ms, and Slicer's own call makes all of them at once.
    """
    segmentation, end = node.GetSegmentation(), time.monotonic() + seconds
    segments = [segmentation.GetNthSegment(i) for i in range(segmentation.GetNumberOfSegments())]
    lacking = [segment for segment in segments if segment.GetRepresentation(_surface_name()) is None]
    while lacking:
        segment = lacking.pop(0)
        segment.AddRepresentation(_surface_name(), _surface(segmentation, segment))
        if time.monotonic() >= end:
            break
    node.GetDisplayNode().Modified()  # the views look again at what there is
    return not lacking


def _surface(segmentation, segment):
    """The closed surface of one segment, by Slicer's own conversion and the segmentation's parameters for it."""
    alone, copy = slicer.vtkSegmentation(), slicer.vtkSegment()
    alone.SetSourceRepresentationName(_labelmap_name())
    alone.CopyConversionParameters(segmentation)
    copy.AddRepresentation(_labelmap_name(), segment.GetRepresentation(_labelmap_name()))
    copy.SetLabelValue(segment.GetLabelValue())
    alone.AddSegment(copy, "alone")
    alone.CreateRepresentation(_surface_name())
    return copy.GetRepresentation(_surface_name()) or vtk.vtkPolyData()


def set_segment_visible(node, segment_id: str, visible: bool):
    node.GetDisplayNode().SetSegmentVisibility(segment_id, visible)


def jump(scene, world_ras):
    """Centre all slice views and 3D cameras on a point, RAS mm."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *world_ras, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLCameraNode")):
        camera = scene.GetNthNodeByClass(i, "vtkMRMLCameraNode")
        move = np.asarray(world_ras) - camera.GetFocalPoint()
        camera.SetPosition(*(np.asarray(camera.GetPosition()) + move))
        camera.SetFocalPoint(*world_ras)
        camera.ResetClippingRange()
