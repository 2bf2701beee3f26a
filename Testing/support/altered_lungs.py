"""The phantom's lungs painted over, and what was found at a point of them."""

from dataclasses import replace

import numpy as np
from LungTumorSegLib.data import CT

from Testing.support import phantoms

# points of lung well away from vessels: lateral, in front
ASIDE = np.array([(-100.0, -30.0, 20.0), (100.0, -30.0, 20.0)])


def in_ellipsoid(ct: CT, centre, semi_axes) -> np.ndarray:
    points = ct.geometry.lps(np.stack(np.indices(ct.geometry.shape_zyx), -1))
    return (((points - centre) / semi_axes) ** 2).sum(-1) <= 1


def painted(ct: CT, mask: np.ndarray, hu: float) -> CT:
    voxels = ct.voxels_zyx.copy()
    voxels[mask] = hu + np.random.default_rng(5).normal(0, 15, np.count_nonzero(mask))
    return replace(ct, voxels_zyx=voxels)


def white_left_lung(ct: CT) -> CT:
    centre, radii = phantoms.LEFT_LUNG
    return painted(ct, in_ellipsoid(ct, centre, np.array(radii) + 3), phantoms.SOFT)


def label_at(found, points_lps) -> list[int]:
    index = np.rint(found.geometry.index(points_lps)).astype(int)
    return found.label_zyx[tuple(index.T)].tolist()
