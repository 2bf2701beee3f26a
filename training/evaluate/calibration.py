"""Does p = 0.7 mean seven voxels in ten? Expected calibration error and temperature."""

from dataclasses import dataclass

import numpy as np
from LungTumorSegLib.model.calibration import scaled
from scipy.optimize import minimize, minimize_scalar

BINS = 15
LEAST_P = 0.05


@dataclass
class Histogram:
    """Counts by the 256 values that a map can take.

    Attributes:
        voxels: (256,), how many have the value.
        target: (256,), the sum of their target (0 to 1).
    """

    voxels: np.ndarray
    target: np.ndarray

    @classmethod
    def empty(cls) -> "Histogram":
        return cls(np.zeros(256), np.zeros(256))

    def add(self, probability: np.ndarray, target: np.ndarray, weight: np.ndarray) -> None:
        """Add a map.

        Args:
            probability: uint8, 255 p.
            target: float or bool, of the same shape.
            weight: bool, of the same shape; False where nobody knows.
        """
        values = probability[weight]
        self.voxels += np.bincount(values, minlength=256)
        self.target += np.bincount(values, weights=target[weight].astype(np.float64), minlength=256)

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(self.voxels + other.voxels, self.target + other.target)


def reliability(
    counts: Histogram, temperature: float = 1.0, offset: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean p and observed share of 15 equal bins of [0, 1], over the voxels whose raw p is above 0.05.

    The observed share is the mean target: for soft labels the share of readers who marked the voxel.

    Args:
        counts: Of raw p.
        temperature: Of the calibration; 1 leaves p as it is.
        offset: Of the logit; 0 leaves p as it is.

    Returns:
        Mean p, observed share and voxels, (15,) each; NaN where a bin has no voxels.
    """
    raw = np.arange(256) / 255
    p = raw if (temperature, offset) == (1, 0) else scaled(raw, temperature, offset)
    kept = raw > LEAST_P
    which = np.minimum((p * BINS).astype(int), BINS - 1)[kept]
    voxels = np.bincount(which, counts.voxels[kept], BINS)
    share = np.bincount(which, counts.target[kept], BINS)
    mean = np.bincount(which, (counts.voxels * p)[kept], BINS)
    with np.errstate(invalid="ignore"):
        return mean / voxels, share / voxels, voxels


def expected_error(counts: Histogram, temperature: float = 1.0, offset: float = 0.0) -> float:
    """Expected calibration error: mean |p - observed share| over the bins, weighted by their voxels.

    Args:
        counts: Of raw p.
        temperature: As for `reliability`.
        offset: As for `reliability`.
    """
    mean, share, voxels = reliability(counts, temperature, offset)
    filled = voxels > 0
    return float(np.sum(np.abs(mean - share)[filled] * voxels[filled]) / max(voxels.sum(), 1))


def fit_temperature(counts: Histogram) -> float:
    """The temperature with the least cross-entropy over the voxels of p > 0.05."""
    return float(np.exp(minimize_scalar(lambda t: _cross_entropy(counts, np.exp(t), 0.0), bounds=(-1.6, 1.6)).x))


def fit_temperature_and_offset(counts: Histogram) -> tuple[float, float]:
    """Temperature and offset of the logit together, by least cross-entropy over the voxels of p > 0.05.

    A temperature alone leaves 0.5 at 0.5: it cannot repair a map that marks too much everywhere.

    Args:
        counts: Of raw p.
    """
    # a first model of a few steps has its least far beyond what a card may hold
    within = (np.log(0.1), np.log(10)), (-20, 20)
    found = minimize(
        lambda v: _cross_entropy(counts, np.exp(v[0]), v[1]), (0.0, 0.0), method="Nelder-Mead", bounds=within
    )
    return float(np.exp(found.x[0])), float(found.x[1])


def _cross_entropy(counts: Histogram, temperature: float, offset: float) -> float:
    """A voxel, over those of p > 0.05."""
    raw = np.arange(256) / 255
    kept = (raw > LEAST_P) & (counts.voxels > 0)
    q = np.clip(scaled(raw[kept], temperature, offset), 1e-9, 1 - 1e-9)
    voxels, target = counts.voxels[kept], counts.target[kept]
    return -float(np.sum(target * np.log(q) + (voxels - target) * np.log(1 - q)) / max(voxels.sum(), 1))
