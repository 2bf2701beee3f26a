"""What the guidelines ask of a nodule and its patient, and what they suggest."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from ...enums import LesionType, Screening

T = TypeVar("T")


@dataclass(frozen=True)
class Growth:
    """How a nodule grew since an earlier CT.

    Attributes:
        new: It was not there.
        diameter_mm: Change of the mean diameter.
        diameter_error_mm: Error of that.
        volume_percent: Change of the volume.
        volume_error_percent: Error of that.
        days: Between the CTs; None where not known.
        doubling_days: Doubling time of the volume; None where not reliable.
        doubling_low: Its lower limit; None where not reliable.
        doubling_high: Its upper limit; None where not reliable.
    """

    new: bool = False
    diameter_mm: float = 0.0
    diameter_error_mm: float = 0.0
    volume_percent: float = 0.0
    volume_error_percent: float = 0.0
    days: int | None = None
    doubling_days: float | None = None
    doubling_low: float | None = None
    doubling_high: float | None = None


@dataclass(frozen=True)
class Nodule:
    """What the guidelines ask of a nodule.

    Attributes:
        type: By density.
        mean_diameter_mm: Of long and short axis on the slice where it is largest.
        diameter_error_mm: Error of that.
        volume_mm3: Of the nodule.
        volume_error_mm3: Error of that.
        solid_diameter_mm: Of the solid part, of a part-solid one.
        solid_error_mm: Error of that.
        growth: None without an earlier CT.
    """

    type: LesionType | None = None
    mean_diameter_mm: float | None = None
    diameter_error_mm: float = 0.0
    volume_mm3: float | None = None
    volume_error_mm3: float = 0.0
    solid_diameter_mm: float | None = None
    solid_error_mm: float = 0.0
    growth: Growth | None = None


@dataclass(frozen=True)
class Patient:
    """What the guidelines ask of a patient. None: not known.

    Attributes:
        age: Years.
        screening: Why the CT was made.
        high_risk: Of lung cancer, as the guideline defines it.
        known_cancer: Whether there is one.
        immunosuppressed: Whether the patient is.
        several: More than one nodule.
    """

    age: int | None = None
    screening: Screening | None = None
    high_risk: bool | None = None
    known_cancer: bool | None = None
    immunosuppressed: bool | None = None
    several: bool | None = None


@dataclass(frozen=True)
class Suggestion:
    """What a guideline suggests.

    Attributes:
        guideline: Its name.
        categories: One, or all that the measurement's error allows, the lowest first; empty where it is not applicable.
        why: What it rests on; where it is not applicable, what is missing or why.
        confirmed: Every threshold behind it was checked against a text.
        not_judged: What the program can't see and the guideline asks for.
    """

    guideline: str
    categories: tuple[str, ...] = ()
    why: str = ""
    confirmed: bool = True
    not_judged: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One sentence or more, for the user."""
        if not self.categories:
            return f"{self.guideline}: not applicable: {self.why}."
        words = f"{self.guideline}: {' or '.join(self.categories)} ({self.why})."
        if not self.confirmed:
            words += " Not confirmed: a threshold was not checked against the guideline's own text."
        if self.not_judged:
            words += f" Not judged: {', '.join(self.not_judged)}."
        return f"{words} A suggestion for research, not a decision."


def needs(guideline: str, asked: Iterable[tuple[str, object]]) -> Suggestion | None:
    """What says which inputs are missing.

    Args:
        guideline: Its name.
        asked: Name and value of each input; None is missing.

    Returns:
        A suggestion without a category, or None where all are there.
    """
    missing = [name for name, value in asked if value is None]
    return Suggestion(guideline, why=f"needs {', '.join(missing)}") if missing else None


def other_type(guideline: str, nodule: Nodule) -> Suggestion | None:
    """What is said of a calcified or cavitated nodule, which these guidelines leave to the reader."""
    if nodule.type in (LesionType.CALCIFIED, LesionType.CAVITATED):
        return Suggestion(guideline, why=f"a {nodule.type} nodule is the reader's to judge")
    return None


def within_error(rule: Callable[[float], T], value: float, error: float, thresholds: Iterable[float]) -> list[T]:
    """What a rule gives between value - error and value + error.

    Args:
        rule: Of a value.
        value: As it was measured.
        error: To either side.
        thresholds: The values at which the rule's answer changes.

    Returns:
        Each answer once, that of the lowest value first.
    """
    ends = value - error, value + error
    inner = [threshold for threshold in sorted(thresholds) if ends[0] < threshold <= ends[1]]
    return list(dict.fromkeys(rule(x) for x in (ends[0], *inner, ends[1])))
