"""RECIST 1.1 (Eisenhauer et al., Eur J Cancer 45:228-247, 2009) over target lesions, as a suggestion.

Thresholds checked against PMC2755245, table 3 and the EORTC's questions and answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...enums import Fate
from ...errors import InputError
from ..measurability import measurability
from .follow import FollowUp
from .tracks import Track

MOST_TARGETS, MOST_IN_THE_LUNG = 5, 2
# more sure than not: a hilar vessel of 38 mm and a confidence of 0.05 was among the targets of a real CT
LEAST_CONFIDENCE = 0.5
PARTIAL, PROGRESS, PROGRESS_MM = -0.30, 0.20, 5.0
RULES = {
    "CR": "complete response: all target lesions have disappeared",
    "PR": "partial response: the sum of diameters is at least 30 % smaller than at baseline",
    "PD": "progressive disease: the sum of diameters is at least 20 % and 5 mm larger than the smallest sum so far",
    "SD": "stable disease: neither enough shrinkage for PR nor enough growth for PD",
    "NE": "not evaluable: a target lesion was not compared",
}
NEW_RULE = "a new lesion, if it is confirmed, is progressive disease (PD)"


@dataclass(frozen=True)
class Response:
    """The response at one CT.

    Attributes:
        sum_mm: Of the long axes of the targets, None where one was not compared.
        response: CR, PR, SD, PD, NE by the sum; empty at baseline.
        rule: Which gave it.
        new: Tracks that are new there: with one confirmed it is PD.
    """

    sum_mm: float | None
    response: str
    rule: str
    new: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recist:
    """RECIST 1.1 over target lesions, as a suggestion.

    Attributes:
        targets: Ids of tracks.
        responses: One for each CT, the first is the baseline.
        notes: Sentences for the user.
    """

    targets: tuple[int, ...]
    responses: tuple[Response, ...]
    notes: tuple[str, ...] = ()


def preselected(follow_up: FollowUp) -> tuple[int, ...]:
    """The two largest measurable lesions that are listed at baseline, with a confidence of 0.5 or more or none."""
    baseline = follow_up.points[0]
    found = []
    for track in follow_up.tracks:
        if track.lesions[0] is not None:
            lesion, _ = baseline.outline(track.lesions[0])
            step = baseline.geometry.axial().spacing_zyx[0]
            sure = lesion.confidence is None or lesion.confidence >= LEAST_CONFIDENCE
            if sure and lesion.listed and measurability(lesion.long_axis_mm, step, 0.0)[0]:
                found.append((lesion.long_axis_mm, track.id))
    return tuple(number for _, number in sorted(found, reverse=True)[:MOST_IN_THE_LUNG])


def recist(follow_up: FollowUp, targets: Sequence[int] | None = None) -> Recist:
    """Sum and response at each CT.

    Args:
        follow_up: The CTs and their lesions' tracks.
        targets: Ids of tracks, `preselected` if not given.

    Returns:
        The targets and the responses; both empty where no lesion is given or `preselected`.

    Raises:
        InputError: There are more than five targets, or one is not in the first CT.
    """
    chosen = preselected(follow_up) if targets is None else tuple(dict.fromkeys(targets))
    _check(follow_up, chosen)
    if not chosen:
        note = (
            "No lesion of the first CT is measurable by RECIST 1.1 and has a confidence of 0.5 or more: there is no "
            "sum. Choose the targets."
        )
        return Recist((), (), (note,))
    sums = [_sum_mm(follow_up, chosen, k) for k in range(len(follow_up.points))]
    responses = [Response(sums[0], "", "baseline")]
    for k in range(1, len(sums)):
        name = _response(sums[: k + 1])
        new = tuple(t.id for t in follow_up.tracks if (step := t.steps[k - 1]) and step.fate == Fate.NEW)
        rule = RULES[name] + (f"; {NEW_RULE}" if new and name != "PD" else "")
        responses.append(Response(sums[k], name, rule, new))
    notes = []
    if len(chosen) > MOST_IN_THE_LUNG:
        notes.append("RECIST 1.1 takes at most two targets of an organ; these are all of the lung.")
    return Recist(chosen, tuple(responses), tuple(notes))


def limits(sums: Sequence[float]) -> tuple[float, float]:
    """Between which sums the disease is stable.

    Args:
        sums: Of the CTs so far, mm, the baseline's first.

    Returns:
        The largest sum that is a partial response, the smallest that is progression, mm.
    """
    smallest = min(sums)
    return (1 + PARTIAL) * sums[0], smallest + max(PROGRESS_MM, PROGRESS * smallest)


def _check(follow_up: FollowUp, targets: Sequence[int]) -> None:
    if len(targets) > MOST_TARGETS:
        raise InputError(f"RECIST 1.1 takes at most five targets; these are {len(targets)}. Choose fewer.")
    there = {track.id for track in follow_up.tracks if track.lesions[0] is not None}
    for target in targets:
        if target not in there:
            raise InputError(f"Lesion {target} is not in the first CT, so it is no target. Choose among {_ids(there)}.")


def _ids(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _sum_mm(follow_up: FollowUp, targets: Sequence[int], k: int) -> float | None:
    """What merged counts once, what split counts with its parts (RECIST 1.1, section 4.4)."""
    counted: set[int] = set()
    for target in targets:
        track = follow_up.track(target)
        if any(step and step.fate == Fate.NOT_COMPARED for step in track.steps[:k]):
            return None
        while track.lesions[k] is None and track.merged_into is not None:
            track = follow_up.track(track.merged_into)
        counted |= {track.id} | {part.id for part in _parts(follow_up, track)}
    point = follow_up.points[k]
    numbers = [follow_up.track(i).lesions[k] for i in counted]
    return sum(point.outline(number)[0].long_axis_mm for number in numbers if number is not None)


def _parts(follow_up: FollowUp, whole: Track) -> list[Track]:
    return [track for track in follow_up.tracks if track.split_from == whole.id]


def _response(sums: Sequence[float | None]) -> str:
    known = [value for value in sums if value is not None]
    now = sums[-1]
    if now is None or len(known) < len(sums):
        return "NE"
    if now == 0:
        return "CR"
    partial, progress = limits(known[:-1])
    if now >= progress:
        return "PD"
    return "PR" if now <= partial else "SD"
