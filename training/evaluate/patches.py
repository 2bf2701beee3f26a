"""Nodule patches as the automatic run sees them: calibration, temperature and threshold; what the table lists."""

from dataclasses import dataclass, replace

import numpy as np
from LungTumorSegLib import segmentation
from LungTumorSegLib.data import Options, Result
from LungTumorSegLib.errors import NotACTError
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.model.bundle import Bundle
from LungTumorSegLib.model.engines.base import Engine
from rich.progress import track

from . import metrics
from .calibration import Histogram
from .click import TEXTURES, Nodule, Nodules
from .froc import HIT_IOU

THRESHOLDS = tuple(round(0.2 + 0.05 * k, 2) for k in range(11))


@dataclass
class Maps:
    """What is kept of a role's maps.

    Attributes:
        counts: Of voxels.
        dice: For each threshold the mean Dice of what lies on the nodule.
        n: How many maps there are.
        listed: For each patch's number whether the table lists its nodule without a click.
    """

    counts: Histogram
    dice: dict[float, float]
    n: int
    listed: dict[int, bool]

    @property
    def best_threshold(self) -> float:
        return max(self.dice, key=lambda threshold: self.dice[threshold])


def run(nodules: Nodules, engine: Engine, bundle: Bundle, what: str) -> Maps:
    """Run every patch without a click, as one box.

    Dice at a threshold: of the lesions that touch the consensus. A patch that is refused as no CT is left out.

    Args:
        nodules: Of one role.
        engine: That runs the network.
        bundle: The model.
        what: Shown beside the progress.
    """
    counts, dice, listed = Histogram.empty(), dict.fromkeys(THRESHOLDS, 0.0), {}
    options = Options(lung_restriction=False, keep_probability=True, min_diameter_mm=0, min_confidence=0)
    for nodule in track(nodules, what, total=len(nodules)):
        try:
            result = segmentation.segment(nodule.ct, options, engine=engine, bundle=bundle)
        except NotACTError:
            continue
        listed[nodule.index] = _is_listed(result, nodule, bundle.card.min_confidence)
        assert result.probability is not None  # since it was asked for
        counts.add(result.probability, nodule.soft / 255, nodule.weight)
        for threshold in THRESHOLDS:
            at = replace(options, threshold=threshold)
            found = extract(result.candidates, nodule.ct, None, at, bundle.card)
            predicted, _ = metrics.touching(*found, nodule.reference)
            dice[threshold] += metrics.overlap(predicted, nodule.reference)["dice"]
    n = len(listed)
    return Maps(counts, {t: d / max(n, 1) for t, d in dice.items()}, n, listed)


def _is_listed(result: Result, nodule: Nodule, least: float) -> bool:
    """A lesion on the nodule has 4 mm and the model's minimum confidence."""
    return any(
        lesion.listed
        and (lesion.confidence is None or lesion.confidence >= least)
        and metrics.overlap(_whole(mask, lesion.label_box, nodule), nodule.reference)["iou"] >= HIT_IOU
        for lesion, mask in result.outlines
    )


def _whole(mask: np.ndarray, box: Box, nodule: Nodule) -> np.ndarray:
    made = np.zeros(nodule.reference.shape, bool)
    made[box.slices] = mask
    return made


def share_listed(listed: dict[int, bool], nodules: Nodules) -> dict[str, dict]:
    """The share of nodules that the table lists without a click, all and by texture.

    Args:
        listed: As of `Maps`.
        nodules: Of the same role.
    """
    rows = [(found, nodules.patches.rows[index]) for index, found in listed.items()]
    groups = {"all": (0.0, 9.0), **TEXTURES}
    return {
        name: metrics.summary([found for found, _ in group], [row["patient"] for _, row in group])
        for name, (low, high) in groups.items()
        if (group := [(found, row) for found, row in rows if low <= float(row["texture"]) < high])
    }
