"""Whether heart and liver lie where the header says: they never overrule it, but a doubt is said."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..data import missing_side
from .air import CROSS

CHECK = (
    "Heart and liver seem to lie on the other side than the CT's header says. Left and right follow the header; "
    "orientation or situs inversus: check."
)
# Of the tissue between the lower halves of the lungs, 47 to 76 % lies left of the midline (22 real CTs); of the thick
# tissue below and between the lung bases, 55 to 85 % right of it (21 that show 100 ml of it). None is doubted, and
# each is when it is mirrored.
HEART_LEFT, LIVER_RIGHT = 0.42, 0.40
HEART_CLEARLY, LIVER_CLEARLY = 0.56, 0.60  # where it belongs
TISSUE_HU, LIVER_HU = (-50, 400), (0, 200)
LIVER_LEAST_ML = 100.0
LIVER_BELOW_MM, LIVER_ABOVE_MM, LIVER_DEPTH_MM = 60.0, 40.0, 12.0


def notes(
    hu: np.ndarray, label: np.ndarray, hull: np.ndarray, midline: float | None, spacing_zyx: Sequence[float]
) -> tuple[str, ...]:
    """A sentence where heart and liver contradict the header, nothing else.

    Told only where both lungs and the midline are seen: a collapsed lung draws the heart to its side.

    Args:
        hu: float32, on an axial grid, as what follows.
        label: see `Lungs`.
        hull: of the lungs (bool).
        midline: x index, None if it is not seen.
        spacing_zyx: mm.
    """
    if midline is None or missing_side(label):
        return ()
    areas = np.count_nonzero(label, axis=(1, 2))
    base = np.flatnonzero(areas > areas.max() / 2)
    heart_left = 1 - _share_right(_heart(hu, label, hull, base), midline)
    liver = _liver(hu, np.flatnonzero(areas)[0], base[0], spacing_zyx)
    enough = np.count_nonzero(liver) * np.prod(spacing_zyx) / 1000 >= LIVER_LEAST_ML
    liver_right = _share_right(liver, midline) if enough else 0.5
    heart_doubt = heart_left < HEART_LEFT and liver_right < LIVER_CLEARLY
    liver_doubt = liver_right < LIVER_RIGHT and heart_left < HEART_CLEARLY
    return (CHECK,) if heart_doubt or liver_doubt else ()


def _heart(hu: np.ndarray, label: np.ndarray, hull: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Tissue between the lower halves of the lungs, in front of their middle."""
    lower = base[: max(1, len(base) // 2)]
    front = np.searchsorted(np.cumsum(np.count_nonzero(label, axis=(0, 2))), np.count_nonzero(label) / 2)
    part = hu[lower][:, :front]
    between = hull[lower][:, :front] & (label[lower][:, :front] == 0)
    return between & (part > TISSUE_HU[0]) & (part < TISSUE_HU[1])


def _liver(hu: np.ndarray, lowest: int, base: int, spacing_zyx: Sequence[float]) -> np.ndarray:
    """Thick soft tissue below and between the bases of the lungs."""
    first = max(0, lowest - round(LIVER_BELOW_MM / spacing_zyx[0]))
    part = hu[first : base + round(LIVER_ABOVE_MM / spacing_zyx[0])]
    soft = ndimage.binary_opening((part > LIVER_HU[0]) & (part < LIVER_HU[1]), CROSS)
    return ndimage.binary_erosion(soft, CROSS, iterations=max(1, round(LIVER_DEPTH_MM / spacing_zyx[1])))


def _share_right(tissue: np.ndarray, midline: float) -> float:
    """0.5 where there is none."""
    columns = np.count_nonzero(tissue, axis=(0, 1))
    total = columns.sum()
    return float(columns[np.arange(len(columns)) < midline].sum() / total) if total else 0.5
