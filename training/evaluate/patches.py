"""Probability maps of nodule patches as the automatic run makes them: calibration, temperature and threshold."""

from dataclasses import dataclass

import cc3d
import numpy as np
from LungTumorSegLib import segment
from LungTumorSegLib.bundle import Bundle
from LungTumorSegLib.contracts import Options
from LungTumorSegLib.engines import Engine
from LungTumorSegLib.errors import NotACTError
from rich.progress import track

from . import metrics
from .calibration import Histogram
from .click import Nodules

THRESHOLDS = tuple(round(0.2 + 0.05 * k, 2) for k in range(11))


@dataclass
class Maps:
    """What is kept of a role's maps: voxel counts, and for each threshold the mean Dice of what lies on the nodule."""

    counts: Histogram
    dice: dict[float, float]
    n: int

    @property
    def best_threshold(self) -> float:
        return max(self.dice, key=self.dice.get)


def run(nodules: Nodules, engine: Engine, bundle: Bundle, what: str) -> Maps:
    """Every patch without a click, as one box. Dice at a threshold: of the components that touch the consensus."""
    counts, dice, n = Histogram.empty(), dict.fromkeys(THRESHOLDS, 0.0), 0
    options = Options(lung_restriction=False, keep_probability=True)
    for nodule in track(nodules, what, total=len(nodules)):
        try:
            result = segment.segment(nodule.ct, options, engine=engine, bundle=bundle)
        except NotACTError:
            continue
        n += 1
        p = result.probability
        counts.add(p, nodule.soft / 255, nodule.weight)
        for threshold in THRESHOLDS:
            labels = cc3d.connected_components(p >= threshold * 255, connectivity=26)
            touching = np.setdiff1d(np.unique(labels[nodule.reference]), [0])
            dice[threshold] += metrics.overlap(np.isin(labels, touching), nodule.reference)["dice"]
    return Maps(counts, {t: d / max(n, 1) for t, d in dice.items()}, n)
