"""Lung-RADS v2022 (American College of Radiology; CHEST 165:738, 2024) of one nodule of a screening CT.

Thresholds checked against the text of its table. What needs an earlier category (a 3 stable for 6 months, a 4A stable
for 3 months, slow growth over several CTs) is not judged.
"""

from itertools import product

from ...enums import LesionType, Screening
from .nodule import Growth, Nodule, Patient, Suggestion, needs, other_type, within_error

GUIDELINE = "Lung-RADS v2022"
GROWTH_MM, GROWTH_DAYS = 1.5, 366
NOT_JUDGED = (
    "airway nodules",
    "cysts",
    "smooth juxtapleural shape",
    "benign calcification and fat",
    "inflammation",
    "features for 4X",
    "stability of an earlier 3 or 4A",
    "slow growth over several CTs",
)
ORDER = ("2", "3", "4A", "4B")


def lung_rads(nodule: Nodule, patient: Patient) -> Suggestion:
    """The category, or those that the errors of the measurements allow.

    Args:
        nodule: Needed are type and mean diameter; of a part-solid nodule the solid part's diameter; at an annual CT the
            growth since an earlier one.
        patient: Needed is whether the screening is baseline or annual.

    Returns:
        The suggestion; without a category where it does not apply or something is missing.
    """
    asked: list[tuple[str, object]] = [
        ("screening (baseline or annual)", patient.screening),
        ("type of nodule", nodule.type),
        ("mean diameter", nodule.mean_diameter_mm),
    ]
    if nodule.type == LesionType.PART_SOLID:
        asked.append(("diameter of the solid part", nodule.solid_diameter_mm))
    if patient.screening == Screening.ANNUAL:
        asked.append(("an earlier CT", nodule.growth))
    if patient.screening == Screening.INCIDENTAL:
        return Suggestion(GUIDELINE, why="it is for lung cancer screening only")
    if refused := needs(GUIDELINE, asked) or other_type(GUIDELINE, nodule):
        return refused
    found = sorted(set(_categories(nodule)), key=ORDER.index)
    return Suggestion(GUIDELINE, tuple(found), _why(nodule, len(found) > 1), not_judged=NOT_JUDGED)


def _categories(nodule: Nodule) -> list[str]:
    total = nodule.mean_diameter_mm or 0.0
    new = nodule.growth is not None and nodule.growth.new
    found = []
    for grows in _growing(nodule.growth):
        if nodule.type == LesionType.SOLID:
            limits = (4, 6, 8, 15)

            def rule(d: float, grows: bool = grows) -> str:
                return _solid(round(d, 1), new, grows)

            found += within_error(rule, total, nodule.diameter_error_mm, limits)
        elif nodule.type == LesionType.GROUND_GLASS:
            earlier = nodule.growth is not None and not new

            def glass(d: float, earlier: bool = earlier) -> str:
                return _ground_glass(round(d, 1), earlier)

            found += within_error(glass, total, nodule.diameter_error_mm, (30,))
        else:
            totals = within_error(lambda d: round(d, 1) < 6, total, nodule.diameter_error_mm, (6,))
            solid, error = nodule.solid_diameter_mm or 0.0, nodule.solid_error_mm
            solids = within_error(lambda s: _step(round(s, 1), (4, 6, 8)), solid, error, (4, 6, 8))
            found += [_part_solid(small, step, new, grows) for small, step in product(totals, solids)]
    return found


def _growing(growth: Growth | None) -> list[bool]:
    """Whether it grows: both where the error allows both, or where the time is not known.

    The guideline speaks of 12 months. Over a longer time the mean of 12 months counts.
    """
    if growth is None or growth.new:
        return [False]
    share = 1.0 if growth.days is None else GROWTH_DAYS / max(growth.days, GROWTH_DAYS)
    change, error = share * growth.diameter_mm, share * growth.diameter_error_mm
    found = within_error(lambda mm: mm > GROWTH_MM, change, error, (GROWTH_MM,))
    return sorted({False, *found}) if growth.days is None else found


def _step(value: float, limits: tuple[float, ...]) -> int:
    return sum(value >= limit for limit in limits)


def _solid(d: float, new: bool, grows: bool) -> str:
    if new:
        return ORDER[_step(d, (4, 6, 8))]
    if grows:
        return "4B" if d >= 8 else "4A"
    return ORDER[_step(d, (6, 8, 15))]


def _ground_glass(d: float, earlier: bool) -> str:
    """Of 30 mm and more: 2 where it was there before, stable or slowly growing."""
    return "2" if d < 30 or earlier else "3"


def _part_solid(small: bool, step: int, new: bool, grows: bool) -> str:
    """small: under 6 mm in all. step: of the solid part over 4, 6 and 8 mm."""
    if small and not grows:
        return "3" if new else "2"
    if new or grows:
        return "4B" if step >= 1 else "4A"
    return ("3", "3", "4A", "4B")[step]


def _why(nodule: Nodule, several: bool) -> str:
    words = [f"{nodule.type}, mean diameter {nodule.mean_diameter_mm:.1f} mm"]
    if nodule.type == LesionType.PART_SOLID:
        words.append(f"solid part {nodule.solid_diameter_mm:.1f} mm")
    growth = nodule.growth
    undated = growth is not None and not growth.new and growth.days is None
    if growth is not None:
        time = "an unknown time" if undated else f"{growth.days} days"
        words.append("new" if growth.new else f"{growth.diameter_mm:+.1f} mm in {time}")
    if several:
        words.append("within the error of a threshold" + (", or by that time" if undated else ""))
    return ", ".join(words)
