"""Air in a CT's axial slices: what lies in the body, what outside of it, and padding."""

import numpy as np
from scipy import ndimage

AIR_HU = -400  # halfway between lung and soft tissue, where lung masks are usually cut
EMPTY_HU = -1015  # no tissue is that low: what a scanner writes outside its circle (-1024, -2000, -3024)
# Air regions of a slice, without their rim, in 16 real CTs: 0.69 or more of a lung lies above -930 HU and hardly any of
# gas. Of regions at the picture's edge, no foam or blanket passed all of: share over 0.85, mean over -890, 20 cm2.
GAS_HU = -930
GAS_TISSUE = 0.1
CUT_LUNG_TISSUE, CUT_LUNG_HU, CUT_LUNG_MM2 = 0.85, -890, 2000
# A mattress did: under the back it is open for 0.47 to 0.57 of its outline, a lung that the picture's edge cuts for at
# most 0.43, once 0.52 (20 real CTs, five crops each), and it is less even: sd 83 to 154 HU, of lungs 30 to 104, once
# 133. Both must say so: a field of view inside a lung is open too.
MATTRESS_OPEN, MATTRESS_SD_HU = 0.45, 80

CROSS = ndimage.generate_binary_structure(3, 1)
CROSS[[0, 2]] = False


def inside_air(hu: np.ndarray, pixel_mm2: float) -> np.ndarray:
    """Air with lung tissue in it that is closed in by the body on its axial slice, or cut off by the picture's edge.

    Slice by slice, because through nose and trachea outside and lungs are one in 3D.

    Args:
        hu: (z, y, x) HU, axial slices.
        pixel_mm2: area of a pixel of these.

    Returns:
        bool (z, y, x).
    """
    edge = np.ones(hu.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    empty = touching(hu < EMPTY_HU, edge)
    air = (hu < AIR_HU) & ~empty
    regions, n = ndimage.label(air, CROSS)
    is_open = np.zeros(n + 1, bool)
    is_open[regions[:, edge]] = True
    is_open[regions[ndimage.binary_dilation(empty, CROSS)]] = True
    core = ndimage.binary_erosion(air, CROSS, border_value=1)
    in_core = np.bincount(regions[core], minlength=n + 1)
    tissue = np.bincount(regions[core & (hu > GAS_HU)], minlength=n + 1) / np.maximum(in_core, 1)
    mean = np.bincount(regions[core], hu[core], minlength=n + 1) / np.maximum(in_core, 1)
    closed = ~is_open & ((in_core == 0) | (tissue > GAS_TISSUE))
    # a narrow field of view cuts into a lung; foam, blankets and folds of skin at the edge are small or thinner
    cut_off = is_open & (tissue > CUT_LUNG_TISSUE) & (mean > CUT_LUNG_HU) & (in_core * pixel_mm2 > CUT_LUNG_MM2)
    closed[0] = cut_off[0] = False
    inside = closed[regions]
    if cut_off.any():
        squares = np.bincount(regions[core], hu[core].astype(float) ** 2, minlength=n + 1) / np.maximum(in_core, 1)
        uneven = np.sqrt(np.maximum(squares - mean**2, 0)) > MATTRESS_SD_HU
        cut_off &= ~(uneven & (_open_share(regions, empty, n) > MATTRESS_OPEN))
        inside |= ndimage.binary_opening(cut_off[regions], CROSS, iterations=2)
    return inside


def _open_share(regions: np.ndarray, empty: np.ndarray, n: int) -> np.ndarray:
    """For regions 0 to n of the slices: which share of the outline lies at the picture's edge or at what is empty."""
    sides, is_open = np.zeros(n + 1), np.zeros(n + 1)
    framed = np.pad(regions, ((0, 0), (1, 1), (1, 1)), constant_values=-1)
    beyond = np.pad(empty, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    for axis in (1, 2):
        for step in (-1, 1):
            moved, outside = (np.roll(a, step, axis)[:, 1:-1, 1:-1] for a in (framed, beyond))
            rim = moved != regions
            sides += np.bincount(regions[rim], minlength=n + 1)
            is_open += np.bincount(regions[rim & outside], minlength=n + 1)
    return is_open / np.maximum(sides, 1)


def touching(mask: np.ndarray, edge_yx: np.ndarray) -> np.ndarray:
    """The regions of each slice of ``mask`` that reach the edge of the picture.

    Args:
        mask: bool (z, y, x).
        edge_yx: bool (y, x), true at the edge.

    Returns:
        bool (z, y, x).
    """
    regions, n = ndimage.label(mask, CROSS)
    touches = np.zeros(n + 1, bool)
    touches[regions[:, edge_yx]] = True
    touches[0] = False
    return touches[regions]
