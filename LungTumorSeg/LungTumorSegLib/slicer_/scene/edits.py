"""Outlines that the user changed, drew or erased in Segment Editor, taken over into the findings."""

import numpy as np
from vtk import mutable

from ...enums import Status
from ...lesions.terminology import STATUS_TAG
from .segmentation import holds, segment_mask


def take_over(node, volume, findings) -> list[int]:
    """Compare the segments with the findings; what the user did goes into the findings.

    Changed: measured again, edited. A segment of the user's own: a new lesion. Erased or removed: rejected. Undone in
    Segment Editor: as before the edit; its undo brings back a segment's voxels and tags.

    Args:
        node: The result's segmentation node.
        volume: The CT's volume node.

    Returns:
        The ids of the lesions that changed.
    """
    segmentation, changed = node.GetSegmentation(), []
    # as they are now: what is drawn over another lesion takes that one away
    shown = {findings.segment_id(x): (x, m) for x, m in zip(findings.lesions, findings.masks, strict=True)}
    there = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    for segment_id in there:
        segment = segmentation.GetSegment(segment_id)
        lesion, mask = shown.get(segment_id, (None, None))
        if lesion is None:
            found = segment_mask(node, segment_id, volume)
            if found is not None:
                changed.append(findings.draw(*found, name=segment.GetName(), segment_id=segment_id))
            continue
        if not holds(node, segment_id, volume, lesion.label_box, mask):
            found = segment_mask(node, segment_id, volume)
            if found is None:
                changed += _reject(findings, lesion)
                continue
            replaced = findings.replaced(lesion.id)
            if replaced is None or _differ(found, replaced):
                findings.draw(*found, lesion_id=lesion.id)
            else:
                findings.undraw(lesion.id)
            changed.append(lesion.id)
        elif (status := status_of(segment)) is not None and status != lesion.status:
            findings.set_status(lesion.id, status)
            changed.append(lesion.id)
        if segment.GetName() != findings.names[lesion.id]:
            findings.names[lesion.id] = segment.GetName()
            changed.append(lesion.id)
    for segment_id in set(shown) - set(there):
        changed += _reject(findings, shown[segment_id][0])
    return changed


def status_of(segment) -> Status | None:
    """The lesion's status that a segment is tagged with.

    Returns:
        None where it has none, or another program's.
    """
    tag = mutable("")
    return Status(str(tag)) if segment.GetTag(STATUS_TAG, tag) and str(tag) in tuple(Status) else None


def _differ(one, other) -> bool:
    """Whether two outlines, each a box and the mask in it, do not hold the same voxels."""
    return one[0] != other[0] or not np.array_equal(one[1], other[1])


def _reject(findings, lesion) -> list[int]:
    if lesion.status == "rejected" or all(lesion.id != left.id for left in findings.lesions):
        return []
    findings.set_status(lesion.id, "rejected")
    return [lesion.id]
