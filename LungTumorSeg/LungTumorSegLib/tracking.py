"""CTs of one patient in their order -> their lesions, each followed through all of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np

from .chronology import InOrder, label
from .data import CT, Lungs, Options, Progress, Result
from .enums import Stage
from .errors import InputError
from .findings.follow_up.follow import FollowUp, follow
from .findings.follow_up.points import TimePoint
from .findings.follow_up.registration import Chest, Registration, register
from .findings.follow_up.verdict import Verdict, verdict
from .geometry import Point
from .inference import Job
from .lungs import find
from .model.bundle import Bundle, load_bundle
from .model.engines.base import Engine
from .model.engines.choose import open_engine
from .segmentation import segment


def track(
    cts: Sequence[CT],
    known: InOrder,
    options: Options,
    results: Sequence[Result | None] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    opened: tuple[Bundle, Engine] | None = None,
) -> FollowUp:
    """Find the lesions of CTs and follow each through all of them.

    Each CT is registered on the next by its lungs. A listed lesion without a partner is looked for by a click at its
    registered place, so that one which the run missed is neither new nor gone.

    Args:
        cts: the earliest first.
        known: their dates, whether they are of one patient, and what is to be said of it.
        results: what was found in them before, as a user has reviewed it; where it is None, and without any, a run
            looks for lesions.
        progress: as of `segment`.
        cancelled: as of `segment`.
        opened: the model and its engine, where they are loaded already.

    Raises:
        InputError: the same CT twice, two patients by their lungs.
        LungTumorSegError: what `segment` raises.
    """
    check_different(cts)
    options = replace(options, points_lps=(), lung_restriction=True)
    bundle = opened[0] if opened else load_bundle(options.model)
    how = (options.engine, options.device, options.precision, options.threads)
    engine = opened[1] if opened else open_engine(bundle, *how)

    def run(k: int, asked: Options, told: Callable[[Progress], None] | None = None) -> Result:
        try:
            return segment(cts[k], asked, told, cancelled, engine, bundle)
        except InputError as error:
            raise type(error)(f"{label(cts, k)}: {error}") from error

    before = results or [None] * len(cts)
    found = [before[k] or run(k, options, progress) for k in range(len(cts))]
    with Job(progress, cancelled).stage(Stage.REGISTRATION):
        registrations = _registered(cts, found)
    notes = [*known.notes, *_doubts(cts, registrations, known.same_patient)]
    if not any(result.lesions for result in found):
        notes.append("No lesion was found in any of the CTs: there is nothing to follow.")

    least = bundle.card.operating_min_confidence(options)

    def look(k: int, point: Point) -> Result:
        return _likely(run(k, replace(options, points_lps=(point,))), least)

    points = [TimePoint(*each) for each in zip(cts, found, known.dates, strict=True)]
    rated = bundle.card.confidence_coefficients is not None
    return follow(points, registrations, look if rated else None, notes)


def check_different(cts: Sequence[CT]) -> None:
    """Look whether all CTs are different ones.

    Raises:
        InputError: the same CT is there twice, or there are fewer than two.
    """
    if len(cts) < 2:
        raise InputError("A comparison needs at least two CTs of one patient.")
    for i, k in combinations(range(len(cts)), 2):
        # whatever their headers say: as DICOM and as a converted file places differ by roundings, order by direction
        if np.array_equal(cts[i].axial_view, cts[k].axial_view):
            raise InputError(
                f"{label(cts, i)} and {label(cts, k)} hold the same voxels: one CT was given twice. Give CTs of two "
                "dates."
            )


def _likely(clicked: Result, min_confidence: float) -> Result:
    """A click's lesion counts if a run would list it.

    At 26 of 28 random places in the lungs of two CTs without a nodule a click outlined something, each with a
    confidence of 0.00; at three known tumours it was 0.43 to 1.
    """
    if all((lesion.confidence or 0.0) >= min_confidence for lesion in clicked.lesions):
        return clicked
    return replace(clicked, lesions=(), masks=(), candidates=())


def _registered(cts: Sequence[CT], results: Sequence[Result]) -> list[Registration]:
    chests = [Chest.of(ct, _lungs(cts, k, results[k])) for k, ct in enumerate(cts)]
    return [register(one, other) for one, other in pairwise(chests)]


def _lungs(cts: Sequence[CT], k: int, result: Result) -> Lungs:
    """Those of its run; of a result without a run they are looked for."""
    try:
        return result.lungs or find.find(cts[k])
    except InputError as error:
        raise type(error)(f"{label(cts, k)}: {error}") from error


def _doubts(cts: Sequence[CT], registrations: Sequence[Registration], known: bool) -> list[str]:
    """A sentence for each registration that is not good. Raises InputError where it may be another patient."""
    notes = []
    for k, registration in enumerate(registrations):
        found, names = registration.agreement, f"{label(cts, k)} and {label(cts, k + 1)}"
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
