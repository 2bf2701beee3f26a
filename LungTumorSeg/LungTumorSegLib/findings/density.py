"""What the CT's values inside a lesion tell: spread, solid part, type.

The rules were chosen on the readers' outlines of 846 nodules (`train` and `val`) against the readers' ratings of
texture and calcification; `python -m training measures` prints how often they agree.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..components import components, connected
from ..data import CT
from ..enums import LesionType
from ..geometry import Box
from ..lesions.measurement import measure

# The border's voxels are part lung, so the type is that of the core: what lies 2 mm from the nearest voxel outside, of
# small nodules what lies deeper than 0.6 of the deepest
CORE_MM, CORE_SHARE = 2.0, 0.6
# Ground glass by the 90th percentile: less than a tenth is denser. Solid by the core's median. Mean of the three types'
# sensitivities 0.78, the highest of 600 pairs of features
GROUND_GLASS_HU, SOLID_HU = -430, -200
CALCIFIED_HU = 380  # of the 95th percentile: 92 of 97 that readers call calcified, 8 of 749 others
GAS_HU, CAVITY_MM3 = -900, 20.0  # lung that was taken in seldom has so much gas in one piece; no reader rated cavities


@dataclass(frozen=True)
class Density:
    """What the CT's values inside a lesion tell.

    Attributes:
        mean_hu: Mean over all voxels, as are the next four.
        sd_hu: Standard deviation.
        p5_hu: 5th percentile.
        median_hu: Median.
        p95_hu: 95th percentile.
        solid_volume_mm3: Of what has -200 HU or more.
        solid_diameter_mm: Of the largest piece of that, the mean of long and short axis, 0 where there is none.
        ground_glass_share: Of the core, the share that has less than -200 HU.
        type: By the rules of this module.
    """

    mean_hu: float
    sd_hu: float
    p5_hu: float
    median_hu: float
    p95_hu: float
    solid_volume_mm3: float
    solid_diameter_mm: float
    ground_glass_share: float
    type: LesionType


def density_of(mask: np.ndarray, box: Box, ct: CT) -> Density:
    """The density of a lesion.

    Args:
        mask: bool, stored axis order, fills ``box``; not empty.
        box: Where the lesion lies in the CT's array.
        ct: Voxels in HU and their grid.
    """
    hu = ct.voxels_zyx[box.slices].astype(np.float32)
    inside = hu[mask]
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), ct.geometry.spacing_zyx)[1:-1, 1:-1, 1:-1]
    core = hu[depth >= min(CORE_MM, CORE_SHARE * depth.max())]
    solid = mask & (hu >= SOLID_HU)
    p5, median, p90, p95 = np.percentile(inside, (5, 50, 90, 95)).tolist()
    gas = _largest(mask & (hu < GAS_HU) & (depth >= CORE_MM))
    gas_mm3 = 0.0 if gas is None else np.count_nonzero(gas[1]) * ct.geometry.voxel_mm3
    return Density(
        mean_hu=float(inside.mean(dtype=np.float64)),
        sd_hu=float(inside.std(dtype=np.float64)),
        p5_hu=p5,
        median_hu=median,
        p95_hu=p95,
        solid_volume_mm3=float(np.count_nonzero(solid) * ct.geometry.voxel_mm3),
        solid_diameter_mm=_diameter(solid, box, ct),
        ground_glass_share=float(np.mean(core < SOLID_HU)),
        type=_type(float(np.median(core)), p90, p95, gas_mm3),
    )


def _type(core_hu: float, p90_hu: float, p95_hu: float, gas_mm3: float) -> LesionType:
    if gas_mm3 >= CAVITY_MM3:
        return LesionType.CAVITATED
    if p95_hu >= CALCIFIED_HU:
        return LesionType.CALCIFIED
    if p90_hu < GROUND_GLASS_HU:
        return LesionType.GROUND_GLASS
    return LesionType.PART_SOLID if core_hu < SOLID_HU else LesionType.SOLID


def _diameter(solid: np.ndarray, box: Box, ct: CT) -> float:
    largest = _largest(solid)
    if largest is None:
        return 0.0
    part, mask = largest
    measured = measure(mask, part.shift(box.start), ct)
    return (measured.long_axis_mm + measured.short_axis_mm) / 2


def _largest(mask: np.ndarray) -> tuple[Box, np.ndarray] | None:
    """Box and mask of the largest piece; None where there is none."""
    labels, count = connected(mask)
    if not count:
        return None
    label, box, _ = max(components(labels), key=lambda piece: piece.voxels)
    return box, labels[box.slices] == label
