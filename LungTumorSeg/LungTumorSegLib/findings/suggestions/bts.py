"""British Thoracic Society 2015 (Callister et al., Thorax 70 Suppl 2) for a solid nodule, by volume first.

Sizes, growth and the doubling time of 400 days checked against PMC6784443, table 4; 600 days is not confirmed.
"""

from ...enums import LesionType
from .nodule import Growth, Nodule, Patient, Suggestion, needs, other_type, within_error

GUIDELINE = "BTS 2015"
GROWTH_PERCENT = 25.0
FAST_DAYS, SLOW_DAYS = 400.0, 600.0
NOT_JUDGED = ("benign calcification and fat", "perifissural shape", "risk by the Brock model")

DISCHARGE = "discharge"
MONTHS = "CT at 3 months"
RISK = "assess the risk (Brock model), PET-CT where it is high"
STABLE = "stable: under 25 % growth"
SLOW = "growth, doubling time over 600 days: consider discharge or further CT"
MIDDLE = "growth, doubling time 400 to 600 days: consider further CT or biopsy"
FAST = "growth, doubling time under 400 days: further work-up"
UNKNOWN = "growth of 25 % or more, doubling time not reliable"


def bts(nodule: Nodule, patient: Patient) -> Suggestion:
    """First CT: by size. With an earlier one: by growth and doubling time.

    Not for subsolid nodules: those ask for a risk model.

    Args:
        nodule: Needed are type, mean diameter and volume.
        patient: Needed is whether a cancer is known.

    Returns:
        The suggestion; without a category where it does not apply or something is missing.
    """
    asked = (
        ("type of nodule", nodule.type),
        ("known cancer", patient.known_cancer),
        ("mean diameter", nodule.mean_diameter_mm),
        ("volume", nodule.volume_mm3),
    )
    if refused := needs(GUIDELINE, asked) or other_type(GUIDELINE, nodule):
        return refused
    if nodule.type != LesionType.SOLID:
        return Suggestion(GUIDELINE, why="for subsolid nodules it asks for a risk model that the program does not have")
    if patient.known_cancer:
        return Suggestion(GUIDELINE, why="it is not for patients with known cancer")
    changed = nodule.growth is not None and not nodule.growth.new
    found = _by_growth(nodule) if changed else _by_size(nodule)
    why = f"mean diameter {nodule.mean_diameter_mm:.1f} mm, volume {nodule.volume_mm3:.0f} mm3"
    if len(found) > 1:
        why += ", within the error of a threshold"
    confirmed = not {SLOW, MIDDLE} & set(found)
    return Suggestion(GUIDELINE, tuple(found), why, confirmed, NOT_JUDGED)


def _by_size(nodule: Nodule) -> list[str]:
    """By volume; between 80 mm3 and 300 mm3 the diameter tells 5 to 6 mm from more."""
    diameter, volume = nodule.mean_diameter_mm or 0.0, nodule.volume_mm3 or 0.0

    def rule(mm3: float) -> str:
        if mm3 < 80 or diameter < 5:
            return DISCHARGE
        return RISK if mm3 >= 300 or diameter >= 8 else MONTHS

    return within_error(rule, volume, nodule.volume_error_mm3, (80, 300))


def _by_growth(nodule: Nodule) -> list[str]:
    growth = nodule.growth or Growth()
    found = within_error(
        lambda percent: percent >= GROWTH_PERCENT, growth.volume_percent, growth.volume_error_percent, (GROWTH_PERCENT,)
    )
    names = [STABLE] if False in found else []
    if True not in found:
        return names
    if growth.doubling_days is None or growth.doubling_low is None:
        return [*names, UNKNOWN]
    high = growth.doubling_high if growth.doubling_high is not None else float("inf")
    classes = ((SLOW, SLOW_DAYS, float("inf")), (MIDDLE, FAST_DAYS, SLOW_DAYS), (FAST, 0.0, FAST_DAYS))
    return [*names, *(name for name, low, top in classes if growth.doubling_low < top and high >= low)]
