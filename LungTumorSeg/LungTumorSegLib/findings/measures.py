"""What is measured of a lesion beside the fields of `Lesion`: plain data, see `measuring`."""

from dataclasses import dataclass

from ..enums import LesionType, LungThird


@dataclass(frozen=True)
class Measures:
    """What is measured of a lesion. Field names and order are those of the columns in csv and json.

    Attributes:
        subvoxel_volume_mm3: Inside the surface between voxels, where the probability reaches the lesion's threshold.
        subvoxel_long_axis_mm: Of the same surface; axes as those of `Lesion`, on any axial slice.
        subvoxel_short_axis_mm: As the long axis.
        volume_error_percent: The largest error at this size and slice distance, given the outline; the outline's own
            error is not in it.
        diameter_error_mm: The same of the axes.
        mean_diameter_mm: Mean of long and short axis as Lung-RADS v2022 takes it, one decimal.
        fleischner_diameter_mm: Whole mm, as Fleischner 2017.
        longest_coronal_mm: Longest diameter on any coronal plane.
        longest_sagittal_mm: Longest diameter on any sagittal plane.
        longest_3d_mm: Longest diameter in space.
        surface_mm2: Area of the surface between voxels.
        sphericity: Of that surface.
        sd_hu: Standard deviation of HU over the voxels of the outline, as are the next three.
        p5_hu: 5th percentile.
        median_hu: Median.
        p95_hu: 95th percentile.
        mass_mg: Volume times (1 + mean HU / 1000).
        solid_volume_mm3: See `density`.
        solid_diameter_mm: See `density`.
        ground_glass_share: See `density`.
        type: See `density`.
        lung_third: See `place`; empty without lungs.
        pleura_distance_mm: See `place`; None without lungs.
        recist_measurable: See `measurability`.
        recist_reason: See `measurability`.
        volume_low_mm3: Where the readers' volume would lie at least, by the model's card (`SizeRange`), as are the next
            ones; None where the card does not say it, and of an outline that the user drew.
        volume_high_mm3: At most.
        long_axis_low_mm: Of the long axis.
        long_axis_high_mm: At most.
        short_axis_low_mm: Of the short axis.
        short_axis_high_mm: At most.
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
    volume_low_mm3: float | None = None
    volume_high_mm3: float | None = None
    long_axis_low_mm: float | None = None
    long_axis_high_mm: float | None = None
    short_axis_low_mm: float | None = None
    short_axis_high_mm: float | None = None
