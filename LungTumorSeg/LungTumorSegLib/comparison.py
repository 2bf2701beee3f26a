"""Several CTs of one patient -> their lesions, each followed through all of them."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np

from .data import CT, Options, Progress, Result
from .enums import Stage
from .errors import InputError
from .findings.follow_up.follow import FollowUp, follow
from .findings.follow_up.points import TimePoint
from .findings.follow_up.registration import Chest, Registration, register
from .findings.follow_up.verdict import Verdict, verdict
from .geometry import Point
from .inference import Job
from .model.bundle import load_bundle
from .model.engines.choose import open_engine
from .readers.acquisition import Acquisition, acquisition
from .segmentation import segment


def compare(
    cts: Sequence[CT],
    dates: Sequence[datetime.date] | None = None,
    options: Options | None = None,
    *,
    same_patient: bool = False,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> FollowUp:
    """Find the lesions of two or more CTs of one patient and follow each through all of them.

    The CTs are put into the order of their dates; without dates the given order counts, and no doubling time is told.
    Each CT is registered on the next by its lungs. A listed lesion without a partner is looked for by a click at its
    registered place, so that one which the run missed is neither new nor gone.

    Args:
        dates: of the CTs, in their order; those of their DICOM files if not given.
        same_patient: the user knows that they are of one patient, though the files name two.
        progress: as of `segment`.
        cancelled: as of `segment`.

    Raises:
        InputError: fewer than two CTs, the same CT twice, another number of dates than CTs, dates of some CTs only, two
            patients by their DICOM files or by their lungs.
        LungTumorSegError: what `segment` raises.
    """
    options = replace(options or Options(), points_lps=(), lung_restriction=True)
    _check_different(cts)
    about = [acquisition(ct.source) for ct in cts]
    ordered, days, notes = _by_date(cts, _dates(cts, dates, about))
    notes += _contradicted(cts, dates, about)
    known = _same_patient(about, same_patient)
    bundle = load_bundle(options.model)
    engine = open_engine(bundle, options.engine, options.device, options.precision, options.threads)

    def run(k: int, asked: Options, told: Callable[[Progress], None] | None = None) -> Result:
        try:
            return segment(ordered[k], asked, told, cancelled, engine, bundle)
        except InputError as error:
            raise type(error)(f"{_label(ordered, k)}: {error}") from error

    results = [run(k, options, progress) for k in range(len(ordered))]
    with Job(progress, cancelled).stage(Stage.REGISTRATION):
        registrations = _registered(ordered, results)
    notes += _doubts(ordered, registrations, known)
    if not any(result.lesions for result in results):
        notes.append("No lesion was found in any of the CTs: there is nothing to follow.")

    least = bundle.card.operating_min_confidence(options)

    def look(k: int, point: Point) -> Result:
        return _likely(run(k, replace(options, points_lps=(point,))), least)

    points = [TimePoint(*each) for each in zip(ordered, results, days, strict=True)]
    rated = bundle.card.confidence_coefficients is not None
    return follow(points, registrations, look if rated else None, notes)


def _likely(clicked: Result, min_confidence: float) -> Result:
    """A click's lesion counts if a run would list it.

    At 26 of 28 random places in the lungs of two CTs without a nodule a click outlined something, each with a
    confidence of 0.00; at three known tumours it was 0.43 to 1.
    """
    if all((lesion.confidence or 0.0) >= min_confidence for lesion in clicked.lesions):
        return clicked
    return replace(clicked, lesions=(), masks=(), candidates=())


def _check_different(cts: Sequence[CT]) -> None:
    if len(cts) < 2:
        raise InputError("A comparison needs at least two CTs of one patient.")
    for i, k in combinations(range(len(cts)), 2):
        # whatever their headers say: as DICOM and as a converted file places differ by roundings, order by direction
        if np.array_equal(cts[i].axial_view, cts[k].axial_view):
            raise InputError(
                f"{_label(cts, i)} and {_label(cts, k)} hold the same voxels: one CT was given twice. Give CTs of two "
                "dates."
            )


def _label(cts: Sequence[CT], k: int) -> str:
    """Names of series can be the same for all CTs."""
    return f"CT {k + 1} ({cts[k].name})"


def _dates(
    cts: Sequence[CT], given: Sequence[datetime.date] | None, about: Sequence[Acquisition]
) -> list[datetime.date | None]:
    if given is not None:
        if len(given) != len(cts):
            raise InputError(f"{len(given)} date(s) were given for {len(cts)} CTs. Give one for each, in their order.")
        return list(given)
    found = [each.date for each in about]
    if any(found) and not all(found):
        nameless = ", ".join(_label(cts, k) for k, date in enumerate(found) if date is None)
        raise InputError(f"The date of {nameless} is not known. Give the dates of all CTs, in their order.")
    return found


def _contradicted(cts: Sequence[CT], given: Sequence[datetime.date] | None, about: Sequence[Acquisition]) -> list[str]:
    """A sentence for each given date that is not the one of the CT's DICOM files."""
    return [
        f"{_label(cts, k)}: the given date {date} was taken; its DICOM files say {about[k].date}."
        for k, date in enumerate(given or ())
        if about[k].date not in (None, date)
    ]


def _by_date(
    cts: Sequence[CT], dates: Sequence[datetime.date | None]
) -> tuple[list[CT], list[datetime.date | None], list[str]]:
    """The CTs and their dates in order, and what is said of it."""
    if not all(dates):
        return list(cts), list(dates), ["No dates are known: the CTs are in the order given, without doubling times."]
    order = sorted(range(len(cts)), key=lambda k: (dates[k] or datetime.date.min, k))
    notes = []
    if order != list(range(len(cts))):
        names = ", ".join(f"{_label(cts, k)} of {dates[k]}" for k in order)
        notes.append(f"The CTs were put into the order of their dates: {names}.")
    if len(set(dates)) < len(dates):
        notes.append("Two CTs are of one day: no doubling time is told between them.")
    return [cts[k] for k in order], [dates[k] for k in order], notes


def _same_patient(about: Sequence[Acquisition], same_patient: bool) -> bool:
    """Whether it is known that the CTs are of one patient. Raises InputError where the files name two."""
    told = [one.is_of(other) for one, other in combinations(about, 2)]
    if False in told and not same_patient:
        raise InputError(
            "The DICOM files name different patients (PatientID or birth date). If the CTs are of one patient, say so "
            "(--same-patient); nothing was compared."
        )
    return same_patient or all(told)


def _registered(cts: Sequence[CT], results: Sequence[Result]) -> list[Registration]:
    chests = [Chest.of(ct, r.lungs) for ct, r in zip(cts, results, strict=True) if r.lungs is not None]
    return [register(one, other) for one, other in pairwise(chests)]


def _doubts(cts: Sequence[CT], registrations: Sequence[Registration], known: bool) -> list[str]:
    """A sentence for each registration that is not good. Raises InputError where it may be another patient."""
    notes = []
    for k, registration in enumerate(registrations):
        found, names = registration.agreement, f"{_label(cts, k)} and {_label(cts, k + 1)}"
        measured = f"vessels {found.vessels:.2f}, lungs' surfaces within {found.surface_95_mm:.0f} mm (95 %)"
        if verdict(found) == Verdict.FAILED:
            if not known:
                raise InputError(
                    f"The lungs of {names} do not agree ({measured}): another patient, not the same part of the lungs, "
                    "or a registration that failed. Nothing was compared."
                )
            notes.append(f"The registration of {names} failed ({measured}): their lesions were not compared.")
        elif verdict(found) == Verdict.DOUBTFUL:
            notes.append(f"The registration of {names} is doubtful ({measured}): check each pair of lesions.")
    return notes
