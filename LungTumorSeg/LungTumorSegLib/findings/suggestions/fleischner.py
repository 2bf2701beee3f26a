"""Fleischner Society 2017 (MacMahon et al., Radiology 284:228) for nodules found by chance.

Checked against the guideline's table as Radiopaedia and PMC6784443 (table 4) quote it; the rounding to whole mm against
a reader's guide (radiogyan.com), not the guideline itself.
"""

import math

from ...enums import LesionType, Screening
from .nodule import Nodule, Patient, Suggestion, needs, other_type, within_error

GUIDELINE = "Fleischner 2017"
LEAST_AGE = 35
LIMITS_MM = (5.5, 8.5)  # of the diameter before it is rounded: under 6, 6 to 8, over 8
SOLID_PART_MM = 6
NOT_JUDGED = ("morphology", "upper lobe", "emphysema and fibrosis", "perifissural nodules", "calcification")

NONE = "no routine follow-up"
OPTIONAL = "optional CT at 12 months"
_SINGLE_SOLID = {
    False: (NONE, "CT at 6 to 12 months, then consider 18 to 24 months", "consider CT at 3 months, PET-CT or biopsy"),
    True: (OPTIONAL, "CT at 6 to 12 months, then at 18 to 24 months", "consider CT at 3 months, PET-CT or biopsy"),
}
_SEVERAL_SOLID = {
    False: (NONE, *2 * ("CT at 3 to 6 months, then consider 18 to 24 months",)),
    True: (OPTIONAL, *2 * ("CT at 3 to 6 months, then at 18 to 24 months",)),
}
_GROUND_GLASS = (NONE, *2 * ("CT at 6 to 12 months, then every 2 years until 5 years",))
_SEVERAL_SUBSOLID = (
    "CT at 3 to 6 months; if stable consider CT at 2 and 4 years",
    *2 * ("CT at 3 to 6 months, then by the most suspicious nodule",),
)
_PART_SOLID = "CT at 3 to 6 months, then every year for 5 years"
_SUSPICIOUS = "CT at 3 to 6 months; a solid part of 6 mm or more that persists is highly suspicious"


def fleischner(nodule: Nodule, patient: Patient) -> Suggestion:
    """The recommendation, or those that the error of the diameter allows.

    Args:
        nodule: Needed are type and mean diameter, for part-solid ones the solid part's diameter.
        patient: Needed are age, whether screening, known cancer, immunosuppression, one nodule or several, for solid
            ones the risk.

    Returns:
        The suggestion; without a category where it does not apply or something is missing.
    """
    asked: list[tuple[str, object]] = [
        ("age", patient.age),
        ("screening or incidental", patient.screening),
        ("known cancer", patient.known_cancer),
        ("immunosuppression", patient.immunosuppressed),
        ("one nodule or several", patient.several),
        ("type of nodule", nodule.type),
        ("mean diameter", nodule.mean_diameter_mm),
    ]
    if nodule.type == LesionType.SOLID:
        asked.append(("risk (high or low)", patient.high_risk))
    if nodule.type == LesionType.PART_SOLID and not patient.several:
        asked.append(("diameter of the solid part", nodule.solid_diameter_mm))
    if excluded := _excluded(patient):
        return Suggestion(GUIDELINE, why=excluded)
    if refused := needs(GUIDELINE, asked) or other_type(GUIDELINE, nodule):
        return refused
    found = _recommendations(nodule, patient)
    why = f"{nodule.type}, mean diameter {_whole(nodule.mean_diameter_mm or 0.0)} mm"
    if len(found) > 1:
        why += ", within the error of a threshold"
    return Suggestion(GUIDELINE, tuple(found), why, confirmed=False, not_judged=NOT_JUDGED)


def _excluded(patient: Patient) -> str:
    if patient.age is not None and patient.age < LEAST_AGE:
        return "it is not for patients under 35"
    if patient.screening in (Screening.BASELINE, Screening.ANNUAL):
        return "it is not for screening"
    if patient.known_cancer:
        return "it is not for patients with known cancer"
    return "it is not for immunosuppressed patients" if patient.immunosuppressed else ""


def _whole(mm: float) -> int:
    return math.floor(mm + 0.5)


def _recommendations(nodule: Nodule, patient: Patient) -> list[str]:
    sizes = within_error(
        lambda d: sum(d >= limit for limit in LIMITS_MM),
        nodule.mean_diameter_mm or 0.0,
        nodule.diameter_error_mm,
        LIMITS_MM,
    )
    if nodule.type == LesionType.SOLID:
        table = (_SEVERAL_SOLID if patient.several else _SINGLE_SOLID)[bool(patient.high_risk)]
    elif patient.several:
        table = _SEVERAL_SUBSOLID
    elif nodule.type == LesionType.GROUND_GLASS:
        table = _GROUND_GLASS
    else:
        large = within_error(
            lambda s: s >= SOLID_PART_MM, nodule.solid_diameter_mm or 0.0, nodule.solid_error_mm, (SOLID_PART_MM,)
        )
        parts = [_SUSPICIOUS if is_large else _PART_SOLID for is_large in large]
        return list(dict.fromkeys(text for size in sizes for text in ([NONE] if size == 0 else parts)))
    return list(dict.fromkeys(table[size] for size in sizes))
