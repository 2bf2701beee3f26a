"""Small CTs and maps of probability, made voxel by voxel, and the lesions that come of them."""

from dataclasses import replace

import numpy as np
from LungTumorSegLib.data import CT, Candidate, Lungs, Options
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.model.card import ConfidenceCoefficients, OperatingPoint

CARD = OperatingPoint(threshold=0.5)
WEIGHTS = {
    "intercept": -2.0,
    "mean_p": 3.0,
    "max_p": 1.0,
    "log_volume": 0.2,
    "elongation": -0.5,
    "lung_contact": 1.0,
    "extent_z": 0.01,
    "rating": 0.0,
}


def rating(point=CARD, **weights) -> OperatingPoint:
    """A card of these weights; those that are not named are 0."""
    coefficients = ConfidenceCoefficients(**{**dict.fromkeys(WEIGHTS, 0.0), **weights})
    return replace(point, confidence_coefficients=coefficients)


def blank(spacing_xyz=(1.0, 1.0, 1.0), shape_zyx=(40, 60, 60), hu=-850) -> CT:
    return CT(np.full(shape_zyx, hu, np.int16), Geometry(shape_zyx, spacing_xyz, (-30.0, -30.0, -20.0)))


def candidate(ct: CT, probability: np.ndarray, box=None, **rest) -> Candidate:
    """The candidate of ``box`` (the whole CT) from a map of p on the CT's grid."""
    box = box or Box.whole(ct.voxels_zyx.shape)
    return Candidate(box, np.rint(255 * probability[box.slices]).astype(np.uint8), **rest)


def ball(ct: CT, centre_zyx, radius: float, p: float = 0.9) -> np.ndarray:
    """p inside a ball around a voxel, radius in mm."""
    away = (np.stack(np.indices(ct.voxels_zyx.shape), -1) - centre_zyx) * ct.geometry.spacing_zyx
    return np.where((away**2).sum(-1) <= radius**2, p, 0.0)


def cone(ct: CT, centre_zyx, radius: float, highest: float = 1.0) -> np.ndarray:
    """p falls in a line from ``highest`` to 0 at the radius."""
    away = (np.stack(np.indices(ct.voxels_zyx.shape), -1) - centre_zyx) * ct.geometry.spacing_zyx
    return np.clip(highest * (1 - np.linalg.norm(away, axis=-1) / radius), 0, 1)


def extracted(ct: CT, *maps, options=None, card=CARD, lungs=None, **rest):
    """What comes of maps (whole CT) or candidates."""
    given = [m if isinstance(m, Candidate) else candidate(ct, m) for m in maps]
    return extract(given, ct, lungs, options or Options(), card, **rest)


def lungs_whose_hull_ends_at(x_mm: float) -> Lungs:
    """A hull that fills all with x <= x_mm."""
    grid = Geometry((20, 24, 40), (3.0, 3.0, 3.0), (-60.0, -36.0, -30.0))
    x = grid.lps(np.stack(np.indices(grid.shape_zyx), -1))[..., 0]
    return Lungs((x <= x_mm).astype(np.uint8), np.maximum(x - x_mm, 0).astype(np.float32), grid)
