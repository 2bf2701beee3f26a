"""The network's probability around the reported lesions as a DICOM Segmentation: FRACTIONAL, one segment."""

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from scipy import ndimage

from ..data import CT, Candidate, Result
from ..enums import Status
from . import identity
from .segmentation_object import make_object, planes, to_code, to_volume

SERIES_NUMBER = 9002
_CATEGORY = ("SCT", "49755003", "Morphologically Altered Structure")
_NODULE = ("SCT", "27925004", "Nodule")
_LUNG = ("SCT", "39607008", "Lung")


def make(
    result: Result, ct: CT, images: Sequence[Dataset], remark: str = identity.REMARK
) -> hd.seg.Segmentation | None:
    """The object of the probability p, in 255 steps, as `Candidate` holds it.

    Of a candidate with other lesions beside the reported ones, voxels nearer to these others are left out.

    Args:
        images: Of `source_images.of`.
        remark: Of `identity`, whether a person reviewed the result.

    Returns:
        None where p is nowhere over 0 (all outlines drawn by hand).
    """
    parts = [(candidate, own_part(candidate, result)) for candidate in result.candidates]
    shown = [(candidate.box, values) for candidate, values in parts if values.any()]
    if not shown:
        return None
    box = planes([candidate_box for candidate_box, _ in shown], ct.geometry)
    whole = np.zeros(box.shape, np.uint8)
    for candidate_box, values in shown:
        place = whole[candidate_box.inside(box).slices]
        np.maximum(place, values, out=place)
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Tumour probability",
        segmented_property_category=to_code(*_CATEGORY),
        segmented_property_type=to_code(*_NODULE),
        algorithm_type="AUTOMATIC",
        algorithm_identification=identity.algorithm_sequence(result.model),
        anatomic_regions=[to_code(*_LUNG)],
    )
    volume = to_volume((whole / np.float32(255))[..., np.newaxis], box, ct.geometry, images)
    what = "probability"
    return make_object(result.model, images, volume, [segment], "FRACTIONAL", SERIES_NUMBER, what, remark)


def own_part(candidate: Candidate, result: Result) -> np.ndarray:
    """What of a candidate belongs to reported lesions.

    Returns:
        The candidate's block (uint8, 255 p, z y x) where it belongs to reported lesions, 0 elsewhere.
    """
    outlines = result.outlines
    reported = np.array([False, *(x.listed and x.status != Status.REJECTED for x, _ in outlines)])
    labels = np.zeros(candidate.block.shape, np.uint16)
    for number, (lesion, mask) in enumerate(outlines, 1):
        shared = lesion.label_box.intersect(candidate.box)
        place = shared.inside(candidate.box).slices
        seen = mask[shared.inside(lesion.label_box).slices] & (candidate.block[place] > 0)
        labels[place][seen] = number
    found = np.unique(labels[labels > 0])
    if not reported[found].any():
        return np.zeros_like(candidate.block)
    if reported[found].all():
        return candidate.block
    nearest = ndimage.distance_transform_edt(
        labels == 0, result.geometry.spacing_zyx, return_distances=False, return_indices=True
    )
    return np.where(reported[labels[tuple(nearest)]], candidate.block, 0)
