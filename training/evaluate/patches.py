"""Probability maps of nodule patches as the automatic run makes them: calibration, temperature and threshold."""

from dataclasses import dataclass, replace

from LungTumorSegLib import segmentation
from LungTumorSegLib.data import Options
from LungTumorSegLib.errors import NotACTError
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.model.bundle import Bundle
from LungTumorSegLib.model.engines.base import Engine
from rich.progress import track

from . import metrics
from .calibration import Histogram
from .click import Nodules

THRESHOLDS = tuple(round(0.2 + 0.05 * k, 2) for k in range(11))


@dataclass
class Maps:
    """What is kept of a role's maps.

    Attributes:
        counts: Of voxels.
        dice: For each threshold the mean Dice of what lies on the nodule.
        n: How many maps there are.
    """

    counts: Histogram
    dice: dict[float, float]
    n: int

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
    counts, dice, n = Histogram.empty(), dict.fromkeys(THRESHOLDS, 0.0), 0
    options = Options(lung_restriction=False, keep_probability=True, min_diameter_mm=0, min_confidence=0)
    for nodule in track(nodules, what, total=len(nodules)):
        try:
            result = segmentation.segment(nodule.ct, options, engine=engine, bundle=bundle)
        except NotACTError:
            continue
        n += 1
        assert result.probability is not None  # since it was asked for
        counts.add(result.probability, nodule.soft / 255, nodule.weight)
        for threshold in THRESHOLDS:
            at = replace(options, threshold=threshold)
            found = extract(result.candidates, nodule.ct, None, at, bundle.card)
            predicted, _ = metrics.touching(*found, nodule.reference)
            dice[threshold] += metrics.overlap(predicted, nodule.reference)["dice"]
    return Maps(counts, {t: d / max(n, 1) for t, d in dice.items()}, n)
