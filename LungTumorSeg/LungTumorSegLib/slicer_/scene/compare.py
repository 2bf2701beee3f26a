"""How well a result agrees with another segmentation in the scene."""

from dataclasses import dataclass

import numpy as np
import slicer.util

from ...components import components, connected
from ...errors import GeometryError
from ...lesions.measurement import measure


@dataclass(frozen=True)
class Comparison:
    """How well two segmentations agree.

    Attributes:
        dice: 2 |A and B| / (|A| + |B|), of all accepted lesions together.
        volume_ml: Of our accepted lesions.
        other_volume_ml: Of the other segmentation.
        diameter_mm: The longest of any of our lesions.
        other_diameter_mm: The longest of any of the other's.
    """

    dice: float
    volume_ml: float
    other_volume_ml: float
    diameter_mm: float
    other_diameter_mm: float


def compare(findings, volume, other) -> Comparison:
    """Compare the lesions that are not rejected with another segmentation, on the CT's grid.

    Args:
        volume: The CT's volume node.
        other: A segmentation node; all of its segments count.

    Raises:
        GeometryError: The other segmentation is empty there.
    """
    shape = findings.ct.geometry.shape_zyx
    ours = np.zeros(shape, bool)
    for lesion, mask in zip(findings.lesions, findings.masks, strict=True):
        if lesion.status != "rejected":
            ours[lesion.label_box.slices] |= mask
    theirs = np.zeros(shape, bool)
    segmentation = other.GetSegmentation()
    for i in range(segmentation.GetNumberOfSegments()):
        array = slicer.util.arrayFromSegmentBinaryLabelmap(other, segmentation.GetNthSegmentID(i), volume)
        if array is not None:
            theirs |= array > 0
    if not theirs.any():
        raise GeometryError(f'"{other.GetName()}" has nothing in the place of this CT; choose one drawn on it.')
    total = int(ours.sum()) + int(theirs.sum())
    ml = findings.ct.geometry.voxel_mm3 / 1000
    return Comparison(
        dice=2 * int((ours & theirs).sum()) / total,
        volume_ml=float(ours.sum() * ml),
        other_volume_ml=float(theirs.sum() * ml),
        diameter_mm=_longest_diameter(ours, findings.ct),
        other_diameter_mm=_longest_diameter(theirs, findings.ct),
    )


def _longest_diameter(mask: np.ndarray, ct) -> float:
    labels, _ = connected(mask)
    lengths = [measure(labels[box.slices] == label, box, ct).long_axis_mm for label, box, _ in components(labels)]
    return max(lengths, default=0.0)
