"""The two demonstration CTs, as `make demo` judges them: a known tumour each, in CTs that no model is trained on."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from LungTumorSegLib import segmentation
from LungTumorSegLib.model.bundle import Bundle
from LungTumorSegLib.model.engines.base import Engine
from LungTumorSegLib.readers.ct import read_ct

from . import metrics

NAMES = ("lung1", "lung2")


def run(folder: Path, engine: Engine, bundle: Bundle) -> dict[str, dict]:
    """The automatic run against the known tumour of each demonstration CT.

    Args:
        folder: Has ``NAME_image.nrrd`` and ``NAME_label.nrrd`` of both.
        engine: That runs the network.
        bundle: The model.

    Returns:
        For each CT found; dice, of all lesions that touch the tumour together, 0 where none does; others, the number of
            lesions that do not; and ml, the tumour's.

    Raises:
        UnreadableError: A CT is missing.
    """
    made = {}
    for name in NAMES:
        ct = read_ct(folder / f"{name}_image.nrrd")
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}_label.nrrd"))) != 0
        result = segmentation.segment(ct, engine=engine, bundle=bundle)
        predicted, others = metrics.touching(result.lesions, result.masks, truth)
        agreement = metrics.overlap(predicted, truth)
        ml = float(np.count_nonzero(truth)) * ct.geometry.voxel_mm3 / 1000
        made[name] = {"found": bool(predicted.any()), "dice": agreement["dice"], "others": others, "ml": ml}
    return made
