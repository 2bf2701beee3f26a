"""What the guidelines ask of a nodule and its patient, and what they suggest."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from ...enums import LesionType, Screening

T = TypeVar("T")


@dataclass(frozen=True)
class Growth:
    """Since an earlier CT. new: it was not there. diameter_mm: of the mean diameter; volume_percent: of the volume;
    each with its error. days: between the CTs. doubling_days, doubling_low, doubling_high: None where not reliable.
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
    """mean_diameter_mm: of long and short axis on the slice where it is largest. solid_diameter_mm: of the solid part,
    of a part-solid one. growth: None without an earlier CT.
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
    """None: not known. high_risk: of lung cancer, as the guideline defines it. several: more than one nodule."""

    age: int | None = None
    screening: Screening | None = None
    high_risk: bool | None = None
    known_cancer: bool | None = None
    immunosuppressed: bool | None = None
    several: bool | None = None


@dataclass(frozen=True)
class Suggestion:
    """categories: one, or all that the measurement's error allows, the lowest first; empty where it is not applicable:
    ``why`` says what is missing. confirmed: every threshold behind it was checked against a text. not_judged: what the
    program can't see and the guideline asks for.
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
    """What says which inputs are missing (None), or None where all are there."""
    missing = [name for name, value in asked if value is None]
    return Suggestion(guideline, why=f"needs {', '.join(missing)}") if missing else None


def other_type(guideline: str, nodule: Nodule) -> Suggestion | None:
    """What is said of a calcified or cavitated nodule, which these guidelines leave to the reader."""
    if nodule.type in (LesionType.CALCIFIED, LesionType.CAVITATED):
        return Suggestion(guideline, why=f"a {nodule.type} nodule is the reader's to judge")
    return None


def within_error(rule: Callable[[float], T], value: float, error: float, thresholds: Iterable[float]) -> list[T]:
    """What a rule gives between value - error and value + error, the lowest value first; each once."""
    ends = value - error, value + error
    inner = [threshold for threshold in sorted(thresholds) if ends[0] < threshold <= ends[1]]
    return list(dict.fromkeys(rule(x) for x in (ends[0], *inner, ends[1])))
