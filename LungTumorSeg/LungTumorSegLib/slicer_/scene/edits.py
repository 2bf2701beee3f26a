"""Outlines that the user changed, drew or erased in Segment Editor, taken over into the findings."""

import numpy as np

from .segmentation import segment_mask


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
