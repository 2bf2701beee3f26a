"""A result against a reference mask."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from LungTumorSegLib import Result


@dataclass(frozen=True)
class Verdict:
    """lesion_ids: the lesions that share a voxel with the reference. dice: of these together and the reference.

    reference: bool (z, y, x) on the CT's stored grid.
    """

    lesion_ids: tuple[int, ...]
    dice: float
    reference_ml: float
    reference: np.ndarray


def with_reference(result: Result, label: Path) -> Verdict:
    """Compare with a label file on the CT's grid (not 0: tumour)."""
    reference = sitk.GetArrayFromImage(sitk.ReadImage(str(label))) != 0
    found, ids = np.zeros_like(reference), []
    for lesion, mask in zip(result.lesions, result.masks, strict=True):
        place = lesion.label_box.slices
        if (mask & reference[place]).any():
            found[place] |= mask
            ids.append(lesion.id)
    dice = 2 * np.count_nonzero(found & reference) / (np.count_nonzero(found) + np.count_nonzero(reference))
    ml = float(np.count_nonzero(reference) * result.geometry.voxel_mm3 / 1000)
    return Verdict(tuple(ids), float(dice), ml, reference)
