"""How sure a lesion is: what is measured of it and of its surroundings, for `ConfidenceCoefficients`."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from scipy import ndimage

from ..data import CT, Candidate, Rating
from ..geometry import Box
from ..model.calibration import as_p
from ..model.card import ConfidenceCoefficients
from .terminology import MASS_FROM_MM

SHELL_MM = 3.0
AERATED_HU = -500
RATING_REACH_MM = 16.0
FEATURES = tuple(weight.name for weight in fields(ConfidenceCoefficients) if weight.name != "intercept")


def features(
    mask: np.ndarray, probability: np.ndarray, box: Box, ct: CT, ratings: Sequence[Rating] = ()
) -> dict[str, float]:
    """What the confidence is computed from. Training calls it too.

    log_volume: natural, of mm3. elongation: longest over shortest axis of the ellipsoid with the mask's second moments.
    lung_contact: share of the voxels up to about 3 mm outside the mask that are under -500 HU. extent_z: mm along the
    axial axis. rating: the logit of that of ``ratings`` which is nearest to the mask's middle; 0, undecided, where none
    is within half a cube of the classifier, 16 mm.

    Args:
        mask: bool, fills ``box``.
        probability: uint8 255 p, or float p, fills ``box``. The network's own, not calibrated: the coefficients hold
            for models whose calibration is another (on `val` 0.71 instead of 0.61 are found at two false positives a
            scan).
        box: Where both lie in the CT's stored array.
        ct: Of the lesion.
        ratings: The classifier's, of the places around.

    Returns:
        Values by the names in `FEATURES`.
    """
    p = as_p(probability[mask])
    spacing = np.array(ct.geometry.spacing_zyx)
    across = ct.geometry.axial_order().permutation[0]
    slices = np.flatnonzero(mask.any(tuple(a for a in range(3) if a != across)))
    middle = ct.geometry.middle_lps(mask, box)
    near = [(float(np.linalg.norm(middle - rating.point_lps)), rating.logit) for rating in ratings]
    nearest_mm, logit = min(near, default=(np.inf, 0.0))
    return {
        "mean_p": float(p.mean(dtype=np.float64)),
        "max_p": float(p.max()),
        "log_volume": float(np.log(p.size * ct.geometry.voxel_mm3)),
        "elongation": _elongation(mask, spacing),
        "lung_contact": _lung_contact(mask, box, ct),
        "extent_z": float((slices[-1] - slices[0] + 1) * spacing[across]),
        "rating": logit if nearest_mm <= RATING_REACH_MM else 0.0,
    }


def ratings_of(candidate: Candidate, long_axis_mm: float) -> tuple[Rating, ...]:
    """A candidate's ratings that count for a lesion of this length.

    Two of the eleven known tumours, of above 50 ml, have a logit of -4; with it both had a confidence under 0.3.

    Args:
        candidate: What the lesion was made from.
        long_axis_mm: Of the lesion.

    Returns:
        The ratings; none for a mass, over 30 mm, which fills the classifier's cube.
    """
    return () if long_axis_mm > MASS_FROM_MM else candidate.ratings


def _elongation(mask: np.ndarray, spacing: np.ndarray) -> float:
    inside = np.argwhere(mask) * spacing
    covariance = np.cov(inside, rowvar=False, bias=True) if len(inside) > 1 else np.zeros((3, 3))
    # a voxel is no point: its own second moments keep a lesion on one slice from being infinitely flat
    moments = np.linalg.eigvalsh(covariance + np.diag(spacing**2 / 12))
    return float(np.sqrt(moments[-1] / moments[0]))


def _lung_contact(mask: np.ndarray, box: Box, ct: CT) -> float:
    reach = [max(1, round(SHELL_MM / s)) for s in ct.geometry.spacing_zyx]
    wide = box.expand(reach, ct.voxels_zyx.shape)
    padded = np.zeros(wide.shape, bool)
    padded[box.inside(wide).slices] = mask
    grown = padded.view(np.uint8)
    for axis, r in enumerate(reach):
        grown = ndimage.maximum_filter1d(grown, 2 * r + 1, axis, mode="constant")
    shell = grown.view(bool) & ~padded
    around = ct.voxels_zyx[wide.slices][shell]
    return float(np.mean(around < AERATED_HU)) if around.size else 0.0
