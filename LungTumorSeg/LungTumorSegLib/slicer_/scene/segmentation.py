"""Lesions as segments of a segmentation node: writing them, and reading a segment's voxels.

The segmentation goes under the volume's transform, so it stays on the anatomy when the transform changes.
"""

from math import isclose

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from ...data import Lesion
from ...geometry import Box
from ...lesions import terminology
from .nodes import place_beside
from .surfaces import labelmap_name, surface_name, withdraw_surfaces


def add_segmentation(volume, name: str):
    """An empty segmentation node for lesions on this volume: same grid, transform and study, with a display."""
    scene = volume.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    # the transform first: labelmaps that Slicer imports later would be moved twice otherwise
    place_beside(volume, node)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().SetSourceRepresentationName(labelmap_name())
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


def show_lesions(node, volume, findings):
    """Bring a segmentation node up to date with `Findings`: one segment a lesion, in their order.

    A lesion's segment keeps its id; what did not change is not touched, so that surfaces are made only for the rest, by
    `make_surfaces`. Segments that are no lesion of ours (drawn by the user) stay.

    Args:
        node: The segmentation node.
        volume: The CT's volume node.
    """
    segmentation = node.GetSegmentation()
    was = node.StartModify()
    try:
        wanted = {findings.segment_id(lesion): lesion for lesion in findings.lesions}
        ours = {segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())}
        for segment_id in ours - set(wanted):
            if segmentation.GetSegment(segment_id).HasTag(terminology.STATUS_TAG):
                segmentation.RemoveSegment(segment_id)
        masks = dict(zip(wanted, findings.masks, strict=True))
        changed = {i for i, lesion in wanted.items() if not holds(node, i, volume, lesion.label_box, masks[i])}
        if changed:
            withdraw_surfaces(segmentation)
        # Segment Editor puts several segments into one labelmap where it can
        each_its_own = segmentation.GetNumberOfLayers() == segmentation.GetNumberOfSegments()
        for segment_id, lesion in wanted.items():
            if segment_id in changed:
                image = _labelmap(volume, lesion, masks[segment_id])
                _set_labelmap(segmentation, segment_id, image, in_place=each_its_own)
            _dress(node, segment_id, lesion, findings)
    finally:
        node.EndModify(was)


def holds(node, segment_id, volume, box: Box, mask_zyx: np.ndarray) -> bool:
    """Whether there is such a segment, with these voxels.

    Args:
        node: The segmentation node.
        volume: The CT's volume node.
        box: The segment's tight box in the volume's stored array.
        mask_zyx: bool, fills ``box``.
    """
    segment = node.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        return False
    image = segment.GetRepresentation(labelmap_name())
    # as `_labelmap` made it: the voxels alone decide, 30 us instead of 400
    whole = image is not None and image.GetExtent() == _extent(box) and image.GetPointData().GetScalars() is not None
    if whole and _on_grid(image, volume):
        return np.array_equal(_labels(image) == segment.GetLabelValue(), mask_zyx)
    found = segment_mask(node, segment_id, volume)
    return found is not None and found[0] == box and np.array_equal(found[1], mask_zyx)


def _set_labelmap(segmentation, segment_id, image, in_place: bool):
    """Of a lesion's segment, which is made where there is none. in_place: into the labelmap that it has.

    A slice view draws each labelmap in a pipeline of its own, and makes another one for a new labelmap: of 20 that took
    23 ms in three views, in place 1 ms.
    """
    segment = segmentation.GetSegment(segment_id)
    is_new = segment is None
    if is_new:
        segment = slicer.vtkSegment()
    elif in_place:
        new, image = image, segment.GetRepresentation(labelmap_name())
        segment.RemoveRepresentation(labelmap_name())  # while it changes: else Slicer takes all segments' surfaces away
        image.ShallowCopy(new)
    segment.AddRepresentation(labelmap_name(), image)
    segment.SetLabelValue(1)  # it may have been one of several in its labelmap
    segment.RemoveRepresentation(surface_name())
    if is_new:
        segmentation.AddSegment(segment, segment_id)


def _dress(node, segment_id, lesion: Lesion, findings):
    """Name, colour, terminology and algorithm tags of a lesion's segment, and how it is displayed."""
    segment = node.GetSegmentation().GetSegment(segment_id)
    segment.SetName(findings.names[lesion.id])
    segment.SetColor(*terminology.color(lesion))
    for tag, value in terminology.tags(lesion, findings.result.model, findings.is_drawn(lesion.id)).items():
        segment.SetTag(tag, value)
    rejected = lesion.status == "rejected"
    node.GetDisplayNode().SetSegmentVisibility3D(segment_id, not rejected)
    node.GetDisplayNode().SetSegmentOpacity2DFill(segment_id, 0.0 if rejected else 1.0)


def _labelmap(volume, lesion: Lesion, mask_zyx: np.ndarray):
    image = slicer.vtkOrientedImageData()
    image.SetExtent(_extent(lesion.label_box))
    image.AllocateScalars(get_vtk_array_type(np.uint8), 1)
    _labels(image)[:] = mask_zyx
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    image.SetImageToWorldMatrix(ijk_to_ras)
    return image


def segment_mask(node, segment_id: str, volume) -> tuple[Box, np.ndarray] | None:
    """A segment's voxels in the volume's stored array.

    They are read from the segment's own labelmap where that lies on the volume's grid, else resampled to it.

    Args:
        node: The segmentation node.
        volume: The CT's volume node.

    Returns:
        The tight box, and the voxels in it (bool, z y x). None where the segment is empty there.
    """
    segment = node.GetSegmentation().GetSegment(segment_id)
    image = segment.GetRepresentation(labelmap_name())
    if image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions():
        return None
    shape = volume.GetImageData().GetDimensions()[::-1]
    if _on_grid(image, volume):
        start = image.GetExtent()[::2][::-1]
        filled = _labels(image) == segment.GetLabelValue()
    else:
        filled = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume) > 0
        start = (0, 0, 0)
    painted = Box.whole(filled.shape).shift(start)
    seen = painted.intersect(Box.whole(shape))  # what is painted beyond the CT is no part of the lesion
    filled = filled[seen.inside(painted).slices]
    tight = Box.around(filled)
    return None if tight is None else (tight.shift(seen.start), np.ascontiguousarray(filled[tight.slices]))


def _extent(box: Box) -> tuple[int, ...]:
    """As VTK says it: first and last index along x, y, z."""
    (z0, z1), (y0, y1), (x0, x1) = box.pairs
    return x0, x1 - 1, y0, y1 - 1, z0, z1 - 1


def _labels(image) -> np.ndarray:
    """The image's voxels, (z, y, x), not a copy."""
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def _on_grid(image, volume) -> bool:
    of_image, of_volume = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(of_image)
    volume.GetIJKToRASMatrix(of_volume)
    pairs = zip(of_image.GetData(), of_volume.GetData(), strict=True)
    return all(isclose(one, other, rel_tol=1e-5, abs_tol=1e-4) for one, other in pairs)
