"""CTs of one patient in the order of their dates, and whether they are known to be of one patient."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from .data import CT
from .errors import InputError

if TYPE_CHECKING:
    from .readers.acquisition import Acquisition


@dataclass(frozen=True)
class InOrder:
    """CTs, the earliest first.

    Attributes:
        order: the places that they had before.
        dates: theirs; None where no dates are known.
        same_patient: known by their files or by the user.
        notes: sentences for the user.
    """

    order: tuple[int, ...]
    dates: tuple[datetime.date | None, ...]
    same_patient: bool
    notes: tuple[str, ...] = ()


def label(cts: Sequence[CT], k: int) -> str:
    """What a CT is called: names of series can be the same for all CTs."""
    return f"CT {k + 1} ({cts[k].name})"


def in_order(
    cts: Sequence[CT],
    about: "Sequence[Acquisition]",
    dates: Sequence[datetime.date | None] | None = None,
    same_patient: bool = False,
) -> InOrder:
    """Put CTs into the order of their dates; without dates the given order counts.

    Args:
        about: what the files of each say.
        dates: of the CTs, in their order; where one is None, and without any, those of the files.
        same_patient: the user knows that they are of one patient, though the files name two.

    Raises:
        InputError: another number of dates than CTs, dates of some CTs only, two patients by their files.
    """
    known = _dates(cts, dates, about)
    order, notes = _by_date(cts, known)
    notes += _contradicted(cts, dates, about)
    one_patient = _same_patient(about, same_patient)
    return InOrder(tuple(order), tuple(known[k] for k in order), one_patient, tuple(notes))


def _dates(
    cts: Sequence[CT], given: Sequence[datetime.date | None] | None, about: "Sequence[Acquisition]"
) -> list[datetime.date | None]:
    if given is not None and len(given) != len(cts):
        raise InputError(f"{len(given)} date(s) were given for {len(cts)} CTs. Give one for each, in their order.")
    own = [None] * len(cts) if given is None else given
    found = [date or each.date for date, each in zip(own, about, strict=True)]
    if any(found) and not all(found):
        nameless = ", ".join(label(cts, k) for k, date in enumerate(found) if date is None)
        raise InputError(f"The date of {nameless} is not known. Give the dates of all CTs, in their order.")
    return found


def _contradicted(
    cts: Sequence[CT], given: Sequence[datetime.date | None] | None, about: "Sequence[Acquisition]"
) -> list[str]:
    """A sentence for each given date that is not the one of the CT's DICOM files."""
    return [
        f"{label(cts, k)}: the given date {date} was taken; its DICOM files say {about[k].date}."
        for k, date in enumerate(given or ())
        if date is not None and about[k].date not in (None, date)
    ]


def _by_date(cts: Sequence[CT], dates: Sequence[datetime.date | None]) -> tuple[list[int], list[str]]:
    """The places of the CTs in the order of their dates, and what is said of it."""
    if not all(dates):
        return list(range(len(cts))), ["No dates are known: the CTs are in the order given, without doubling times."]
    order = sorted(range(len(cts)), key=lambda k: (dates[k] or datetime.date.min, k))
    notes = []
    if order != list(range(len(cts))):
        names = ", ".join(f"{label(cts, k)} of {dates[k]}" for k in order)
        notes.append(f"The CTs were put into the order of their dates: {names}.")
    if len(set(dates)) < len(dates):
        notes.append("Two CTs are of one day: no doubling time is told between them.")
    return order, notes


def _same_patient(about: "Sequence[Acquisition]", same_patient: bool) -> bool:
    """Whether it is known that the CTs are of one patient. Raises InputError where the files name two."""
    told = [one.is_of(other) for one, other in combinations(about, 2)]
    if False in told and not same_patient:
        raise InputError(
            "The DICOM files name different patients (PatientID or birth date). If the CTs are of one patient, say so "
            "(--same-patient, or Same patient in the panel); nothing was compared."
        )
    return same_patient or all(told)
