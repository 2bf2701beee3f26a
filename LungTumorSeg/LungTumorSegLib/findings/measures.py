"""What is measured of a lesion beside the fields of `Lesion`: plain data, see `measuring`."""

from dataclasses import dataclass

from ..enums import LesionType, LungThird


@dataclass(frozen=True)
class Measures:
    """Field names and order are those of the columns in csv and json.

    subvoxel_*: of the surface between voxels, where the probability reaches the lesion's threshold; axes as those of
    `Lesion`, on any axial slice. volume_error_percent, diameter_error_mm: the largest error at this size and slice
    distance, given the outline; the outline's own error is not in it. mean_diameter_mm: mean of long and short axis
    as Lung-RADS v2022 takes it, one decimal; fleischner_diameter_mm: whole mm, as Fleischner 2017.
    longest_*: longest diameter on any coronal or sagittal plane, and in space. surface_mm2, sphericity: of the same
    surface. HU over the voxels of the outline; mass_mg: volume times (1 + mean HU / 1000). solid_*,
    ground_glass_share, type: see `density`. lung_third, pleura_distance_mm: see `place`; empty and None without lungs.
    recist_measurable, recist_reason: see `measurability`.
    """

    subvoxel_volume_mm3: float
    subvoxel_long_axis_mm: float
    subvoxel_short_axis_mm: float
    volume_error_percent: float
    diameter_error_mm: float
    mean_diameter_mm: float
    fleischner_diameter_mm: int
    longest_coronal_mm: float
    longest_sagittal_mm: float
    longest_3d_mm: float
    surface_mm2: float
    sphericity: float
    sd_hu: float
    p5_hu: float
    median_hu: float
    p95_hu: float
    mass_mg: float
    solid_volume_mm3: float
    solid_diameter_mm: float
    ground_glass_share: float
    type: LesionType
    lung_third: LungThird
    pleura_distance_mm: float | None
    recist_measurable: bool
    recist_reason: str
