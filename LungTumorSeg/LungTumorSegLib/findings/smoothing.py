"""A smoother outline: the probability is blurred before the threshold."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..data import Candidate
from ..geometry import Geometry


def smoothed(candidate: Candidate, geometry: Geometry, sigma_mm: float) -> Candidate:
    """The candidate with its probability blurred.

    Args:
        candidate: What is blurred.
        geometry: The CT's.
        sigma_mm: Of the Gaussian.

    Returns:
        A new candidate; the same one where sigma is 0.
    """
    if not sigma_mm:
        return candidate
    sigma = sigma_mm / np.asarray(geometry.spacing_zyx)
    block = ndimage.gaussian_filter(candidate.block.astype(np.float32), sigma, mode="nearest")
    return replace(candidate, block=np.round(block).astype(np.uint8))
