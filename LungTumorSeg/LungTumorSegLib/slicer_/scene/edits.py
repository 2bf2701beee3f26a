"""Outlines that the user changed, drew or erased in Segment Editor, taken over into the findings."""

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ...geometry import Box


def segment_mask(node, segment_id: str, volume) -> tuple[Box, np.ndarray] | None:
    """The tight box of a segment in the volume's stored array, and its voxels (bool, z y x). None: it is empty there.

    Read from the segment's own labelmap where that lies on the volume's grid, else resampled to it.
    """
    segment = node.GetSegmentation().GetSegment(segment_id)
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    image = segment.GetRepresentation(name)
    if image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions():
        return None
    shape = volume.GetImageData().GetDimensions()[::-1]
    if _on_grid(image, volume):
        labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
        start = image.GetExtent()[::2][::-1]
        filled = labels == segment.GetLabelValue()
    else:
        filled = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume) > 0
        start = (0, 0, 0)
    painted = Box.whole(filled.shape).shift(start)
    seen = painted.intersect(Box.whole(shape))  # what is painted beyond the CT is no part of the lesion
    filled = filled[seen.inside(painted).slices]
    tight = Box.around(filled)
    return None if tight is None else (tight.shift(seen.start), np.ascontiguousarray(filled[tight.slices]))


def _on_grid(image, volume) -> bool:
    of_image, of_volume = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(of_image)
    volume.GetIJKToRASMatrix(of_volume)
    one, other = slicer.util.arrayFromVTKMatrix(of_image), slicer.util.arrayFromVTKMatrix(of_volume)
    return bool(np.allclose(one, other, atol=1e-4))


def take_over(node, volume, findings) -> list[int]:
    """Compare the segments with the findings; what the user did goes into the findings. Returns the lesions' ids.

    Changed: measured again, edited. A segment of the user's own: a new lesion. Erased or removed: rejected.
    """
    segmentation, changed = node.GetSegmentation(), []
    # as they are now: what is drawn over another lesion takes that one away
    shown = {findings.segment_id(x): (x, m) for x, m in zip(findings.lesions, findings.masks, strict=True)}
    there = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    for segment_id in there:
        lesion, before = shown.get(segment_id, (None, None))
        found = segment_mask(node, segment_id, volume)
        name = segmentation.GetSegment(segment_id).GetName()
        if lesion is None:
            if found is not None:
                changed.append(findings.draw(*found, name=name, segment_id=segment_id))
        elif found is None:
            changed += _reject(findings, lesion)
        else:
            box, mask = found
            if box != lesion.label_box or not np.array_equal(mask, before):
                changed.append(findings.draw(box, mask, lesion_id=lesion.id))
            if name != findings.names[lesion.id]:
                findings.names[lesion.id] = name
                changed.append(lesion.id)
    for segment_id in set(shown) - set(there):
        changed += _reject(findings, shown[segment_id][0])
    return changed


def _reject(findings, lesion) -> list[int]:
    if lesion.status == "rejected" or all(lesion.id != left.id for left in findings.lesions):
        return []
    findings.set_status(lesion.id, "rejected")
    return [lesion.id]
