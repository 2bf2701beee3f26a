"""How well the lungs of two CTs lie on each other, and whether that is the same patient."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...data import Lungs
from ...geometry import Geometry

FINE_MM = 6.0  # sigma: what is wider than a vessel, the shading of the lung, does not count
TISSUE_HU = (-1000.0, 0.0)
INSIDE_MM = 6.0  # from the lungs' border: their outline agrees in any two patients once it is bent into place

FEWEST_VOXELS = 1000  # of both lungs, for their vessels
FAR_MM = 999.0  # the lungs do not meet at all


@dataclass(frozen=True)
class Agreement:
    """How well the lungs of two CTs lie on each other.

    Attributes:
        overlap: Share of the smaller lungs that lies in the other.
        surface_mm: Median of the distance of the earlier lungs' surface from the later lungs' one.
        surface_95_mm: 95th percentile of that distance.
        vessels: Correlation of the vessels in both lungs after the smooth part of the registration, -1 to 1.
    """

    overlap: float
    surface_mm: float
    surface_95_mm: float
    vessels: float


def agreement(
    earlier_hu: np.ndarray,
    earlier: Lungs,
    later_hu: np.ndarray,
    later: Lungs,
    places_lps: np.ndarray,
    stiff_lps: np.ndarray,
) -> Agreement:
    """How well the lungs of two registered CTs lie on each other.

    Args:
        earlier_hu: float32 (z, y, x), HU, on the grid of the earlier lungs.
        earlier: Lungs of the earlier CT.
        later_hu: float32 (z, y, x), HU, on the grid of the later lungs.
        later: Lungs of the later CT.
        places_lps: (z, y, x, 3), LPS mm, where the earlier grid's voxels lie in the later CT by the registration.
        stiff_lps: The same by its smooth part.

    Returns:
        The agreement; overlap and vessels 0, distances 999 mm where the lungs do not meet or share fewer than 1000
            voxels that lie more than 6 mm inside.
    """
    one, other = earlier.label_zyx > 0, later.label_zyx > 0
    index = np.moveaxis(later.geometry.index(places_lps), -1, 0)
    moved = ndimage.map_coordinates(other.view(np.uint8), index, order=0) > 0
    both = one & moved
    surface = one & ~ndimage.binary_erosion(one)
    # at the scan's edge a lung is cut off: there it has no surface
    surface &= ~_at_edge(one.shape) & _inside(index, later.geometry)
    # a voxel on the surface lies within it by about its own width: what differs from that is apart
    own = -ndimage.distance_transform_edt(one, earlier.geometry.spacing_zyx)[surface]
    apart = np.abs(ndimage.map_coordinates(_signed_mm(other, later.geometry), index[:, surface], order=1) - own)
    spacing = np.array(earlier.geometry.spacing_zyx)
    inner = ndimage.distance_transform_edt(both, spacing) > INSIDE_MM
    if not apart.size or np.count_nonzero(inner) < FEWEST_VOXELS:
        return Agreement(0.0, FAR_MM, FAR_MM, 0.0)
    stiff = np.moveaxis(later.geometry.index(stiff_lps), -1, 0)
    moved_hu = ndimage.map_coordinates(later_hu, stiff, order=1, mode="nearest")
    one_fine, other_fine = (_fine(hu, spacing)[inner] for hu in (earlier_hu, moved_hu))
    middle, far = np.percentile(apart, (50, 95))
    overlap = np.count_nonzero(both) / min(np.count_nonzero(one), np.count_nonzero(moved))
    vessels = np.nan_to_num(np.corrcoef(one_fine, other_fine)[0, 1])  # not a number where one CT is of one value
    return Agreement(float(overlap), float(middle), float(far), float(vessels))


def _fine(hu: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    clipped = np.clip(hu, *TISSUE_HU)
    return clipped - ndimage.gaussian_filter(clipped, FINE_MM / spacing)


def _signed_mm(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Distance from the mask's surface, negative inside."""
    outside, inside = (ndimage.distance_transform_edt(m, geometry.spacing_zyx) for m in (~mask, mask))
    return (outside - inside).astype(np.float32)


def _at_edge(shape: tuple[int, ...]) -> np.ndarray:
    edge = np.ones(shape, bool)
    edge[1:-1] = False
    return edge


def _inside(index: np.ndarray, geometry: Geometry) -> np.ndarray:
    last = np.array(geometry.shape_zyx).reshape(3, 1, 1, 1) - 1
    return np.all((index >= 1) & (index <= last - 1), axis=0)
