"""Does p = 0.7 mean seven voxels in ten? Expected calibration error and temperature."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

BINS = 15
LEAST_P = 0.05


@dataclass
class Histogram:
    """Counts by the 256 values that a map can take: voxels, and the sum of their target (0 to 1)."""

    voxels: np.ndarray
    target: np.ndarray

    @classmethod
    def empty(cls) -> "Histogram":
        return cls(np.zeros(256), np.zeros(256))

    def add(self, probability: np.ndarray, target: np.ndarray, weight: np.ndarray) -> None:
        """probability: uint8 (255 p); target: float or bool; weight: bool, False where nobody knows. One shape."""
        values = probability[weight]
        self.voxels += np.bincount(values, minlength=256)
        self.target += np.bincount(values, weights=target[weight].astype(np.float64), minlength=256)

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(self.voxels + other.voxels, self.target + other.target)


def scaled(p: np.ndarray, temperature: float) -> np.ndarray:
    """p with its logit divided by the temperature (Guo et al., ICML 2017)."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return 1 / (1 + np.exp(-np.log(p / (1 - p)) / temperature))


def reliability(counts: Histogram, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean p, observed share and voxels of 15 equal bins of [0, 1], over the voxels whose raw p is above 0.05.

    The observed share is the mean target: for soft labels the share of readers who marked the voxel.
    """
    raw = np.arange(256) / 255
    p = scaled(raw, temperature) if temperature != 1 else raw
    kept = raw > LEAST_P
    which = np.minimum((p * BINS).astype(int), BINS - 1)[kept]
    voxels = np.bincount(which, counts.voxels[kept], BINS)
    share = np.bincount(which, counts.target[kept], BINS)
    mean = np.bincount(which, (counts.voxels * p)[kept], BINS)
    with np.errstate(invalid="ignore"):
        return mean / voxels, share / voxels, voxels


def expected_error(counts: Histogram, temperature: float = 1.0) -> float:
    """Expected calibration error: mean |p - observed share| over the bins, weighted by their voxels."""
    mean, share, voxels = reliability(counts, temperature)
    filled = voxels > 0
    return float(np.sum(np.abs(mean - share)[filled] * voxels[filled]) / max(voxels.sum(), 1))


def fit_temperature(counts: Histogram) -> float:
    """The temperature with the least cross-entropy over the voxels of p > 0.05."""
    raw = np.arange(256) / 255
    kept = (raw > LEAST_P) & (counts.voxels > 0)
    p, voxels, target = raw[kept], counts.voxels[kept], counts.target[kept]

    def cross_entropy(log_temperature: float) -> float:
        q = np.clip(scaled(p, np.exp(log_temperature)), 1e-9, 1 - 1e-9)
        return -float(np.sum(target * np.log(q) + (voxels - target) * np.log(1 - q)))

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-1.6, 1.6), method="bounded").x))
