"""Measures lesions further than the live table needs: when they are saved, exported or reported."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ..data import CT, Candidate, Lesion, Result
from ..enums import LungThird
from ..model.card import SizeRange
from .density import density_of
from .field import field_of
from .measurability import measurability
from .measurement_error import diameter_error, volume_error
from .measures import Measures
from .place import Places
from .shape import Shape, counted, shape_of
from .smoothing import smoothed


def measures(
    lesion: Lesion,
    mask: np.ndarray,
    ct: CT,
    places: Places | None = None,
    candidate: Candidate | None = None,
    ranges: Sequence[SizeRange] = (),
) -> Measures:
    """Measure a lesion.

    Args:
        mask: bool, stored axis order, fills the lesion's ``label_box`` in the CT.
        places: Of the run's lungs, if they were looked for.
        candidate: What the lesion was made from at its threshold; None for an outline that the user drew, which has no
            probability: volume and surface are then those of its voxels.
        ranges: Of the model's card.

    Raises:
        ValueError: The mask is empty or does not fill the box.
    """
    box, geometry = lesion.label_box, ct.geometry
    if mask.shape != box.shape or not mask.any():
        raise ValueError(f"The mask {mask.shape} is empty or does not fill the box {box}.")
    shape = shape_of(field_of(mask, box, geometry, candidate, lesion.threshold))
    grid = geometry.crop(box)
    if candidate is None:
        shape = counted(shape, mask, grid)
    density = density_of(mask, box, ct)
    step, *pixel = geometry.axial().spacing_zyx
    error_mm = diameter_error(shape.long_axis_mm, step, max(pixel), candidate is not None)
    measurable, reason = measurability(shape.long_axis_mm, step, error_mm)
    return Measures(
        subvoxel_volume_mm3=shape.volume_mm3,
        subvoxel_long_axis_mm=shape.long_axis_mm,
        subvoxel_short_axis_mm=shape.short_axis_mm,
        volume_error_percent=volume_error(shape.long_axis_mm, step, candidate is not None),
        diameter_error_mm=error_mm,
        mean_diameter_mm=lung_rads_diameter(shape.long_axis_mm, shape.short_axis_mm),
        fleischner_diameter_mm=fleischner_diameter(shape.long_axis_mm, shape.short_axis_mm),
        longest_coronal_mm=shape.coronal_mm,
        longest_sagittal_mm=shape.sagittal_mm,
        longest_3d_mm=shape.longest_mm,
        surface_mm2=shape.surface_mm2,
        sphericity=shape.sphericity,
        sd_hu=density.sd_hu,
        p5_hu=density.p5_hu,
        median_hu=density.median_hu,
        p95_hu=density.p95_hu,
        mass_mg=shape.volume_mm3 * (1 + density.mean_hu / 1000),
        solid_volume_mm3=density.solid_volume_mm3,
        solid_diameter_mm=density.solid_diameter_mm,
        ground_glass_share=density.ground_glass_share,
        type=density.type,
        lung_third=LungThird.UNKNOWN if places is None else places.third(mask, grid, lesion.side),
        pleura_distance_mm=None if places is None else places.pleura_distance(mask, grid),
        recist_measurable=measurable,
        recist_reason=reason,
        **(_within(shape, ranges) if candidate is not None else {}),
    )


def _within(shape: Shape, ranges: Sequence[SizeRange]) -> dict[str, float]:
    """The last fields of `Measures`; none for a lesion that is smaller than every range."""
    held = [each for each in ranges if each.from_mm <= shape.long_axis_mm]
    if not held:
        return {}
    (v_low, v_high), (d_low, d_high) = held[-1].volume, held[-1].diameter
    return {
        "volume_low_mm3": shape.volume_mm3 * v_low,
        "volume_high_mm3": shape.volume_mm3 * v_high,
        "long_axis_low_mm": shape.long_axis_mm * d_low,
        "long_axis_high_mm": shape.long_axis_mm * d_high,
        "short_axis_low_mm": shape.short_axis_mm * d_low,
        "short_axis_high_mm": shape.short_axis_mm * d_high,
    }


def measures_of(result: Result, ct: CT, smooth_mm: float = 0.0, drawn: Collection[int] = ()) -> list[Measures]:
    """`Measures` of every lesion of a result, in the order of ``result.outlines``; see `measured_in_turn`."""
    return list(measured_in_turn(result, ct, smooth_mm, drawn))


def measured_in_turn(result: Result, ct: CT, smooth_mm: float = 0.0, drawn: Collection[int] = ()) -> Iterator[Measures]:
    """`Measures` of one lesion after the other; one takes 17 ms.

    Args:
        result: What was found in the CT.
        ct: Voxels in HU and their grid.
        smooth_mm: Sigma with which the probability was smoothed before the threshold.
        drawn: Ids of the lesions whose outline the user drew.

    Yields:
        Those of the next lesion of ``result.outlines``.
    """
    places = None if result.lungs is None else Places(result.lungs)
    as_fitted = result.options.threshold is None and not smooth_mm  # the card speaks of the model's own outlines
    ranges = [SizeRange(**each) for each in result.model.get("size_ranges", ())] if as_fitted else []
    for lesion, mask in result.outlines:
        candidate = None if lesion.id in drawn else candidate_of(lesion, mask, result.candidates)
        if candidate is not None:
            candidate = smoothed(candidate, ct.geometry, smooth_mm)
        yield measures(lesion, mask, ct, places, candidate, ranges)


def candidate_of(lesion: Lesion, mask: np.ndarray, candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate that a lesion was made from: of those around it the one with the highest mean p in it.

    Args:
        lesion: Its ``label_box`` counts.
        mask: bool, fills that box.
        candidates: Of the lesion's result.

    Returns:
        The candidate; None where the lesion lies in none.
    """
    box, best, highest = lesion.label_box, None, -1.0
    for candidate in candidates:
        if box.intersect(candidate.box) == box:
            mean = float(candidate.block[box.inside(candidate.box).slices][mask].mean())
            if mean > highest:
                best, highest = candidate, mean
    return best


def lung_rads_diameter(long_axis_mm: float, short_axis_mm: float) -> float:
    """Both axes to one decimal, and their mean to one decimal (Lung-RADS v2022, read where it is quoted)."""
    return _half_up((_half_up(10 * long_axis_mm) + _half_up(10 * short_axis_mm)) / 2) / 10


def fleischner_diameter(long_axis_mm: float, short_axis_mm: float) -> int:
    """Their mean in whole mm (Fleischner 2017; the rounding is from memory, not confirmed)."""
    return _half_up((long_axis_mm + short_axis_mm) / 2)


def _half_up(value: float) -> int:
    """To the nearest whole number, halves up as people round."""
    return int(np.floor(value + 0.5))
