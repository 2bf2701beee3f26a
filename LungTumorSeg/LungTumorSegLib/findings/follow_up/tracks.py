"""The lesions' tracks through several CTs, made step by step."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...enums import Fate
from ..matching import Outline
from . import fates
from .correspondence import Correspondence, Pair
from .fates import Step
from .points import TimePoint
from .registration import Registration


@dataclass(frozen=True)
class Track:
    """One lesion through all CTs.

    Attributes:
        id: Of the track.
        lesions: Its id in each CT, None where it is not seen.
        steps: From each CT to the next, None where it is in neither.
        merged_into: The id of another track.
        split_from: The id of another track.
    """

    id: int
    lesions: tuple[int | None, ...]
    steps: tuple[Step | None, ...]
    merged_into: int | None = None
    split_from: int | None = None


@dataclass(eq=False)
class _Open:
    lesions: list[int | None]
    steps: list[Step | None] = field(default_factory=list)
    merged_into: "_Open | None" = None
    split_from: "_Open | None" = None


class Tracks:
    """Begins with the lesions of the first CT; `extend` and `break_off` each add the next one."""

    def __init__(self, first: TimePoint) -> None:
        self._every = [_Open([lesion.id]) for lesion, _ in first.outlines]
        self._n = 1

    def extend(
        self, earlier: TimePoint, later: TimePoint, registration: Registration, found: Correspondence, *, clicked: bool
    ) -> None:
        """Add a CT that could be registered.

        Args:
            earlier: The last CT so far.
            later: The next one.
            registration: Of the earlier onto the later one.
            found: What corresponds in both.
            clicked: Whether clicks were tried for what has no partner.
        """
        here = {track.lesions[-1]: track for track in self._every if track.lesions[-1] is not None}
        merged, split = _by(found.merged, "later"), _by(found.split, "earlier")
        for pair in found.pairs:
            track = here.pop(pair.earlier)
            step = fates.paired(pair, earlier, later)
            if group := merged.get(pair.later):
                step = fates.merged([pair, *group], earlier, later)
                for other in group:
                    absorbed = here.pop(other.earlier)
                    absorbed.merged_into = track
                    _add(absorbed, None, step)
            elif group := split.get(pair.earlier):
                step = fates.split([pair, *group], earlier, later)
                for other in group:
                    self._begin(other.later, step).split_from = track
            _add(track, pair.later, step)
        for number, track in here.items():
            place = registration.later(_middle(earlier, earlier.outline(number)))
            rejected = later.rejected_at(place)
            _add(track, None, fates.alone(Fate.GONE, seen=later.holds(place), clicked=clicked, rejected=rejected))
        known = {track.lesions[self._n] for track in self._every if len(track.lesions) > self._n}
        for outline in later.outlines:
            if outline[0].id not in known:
                place = registration.earlier(_middle(later, outline))
                rejected = earlier.rejected_at(place)
                step = fates.alone(Fate.NEW, seen=earlier.holds(place), clicked=clicked, rejected=rejected)
                self._begin(outline[0].id, step)
        self._end_of_point()

    def break_off(self, later: TimePoint, reason: str) -> None:
        """Add a CT of which nothing can be compared: all tracks end, its own begin.

        Args:
            later: The next CT.
            reason: A sentence, the evidence of each step.
        """
        step = Step(Fate.NOT_COMPARED, reason)
        for track in [track for track in self._every if track.lesions[-1] is not None]:
            _add(track, None, step)
        for lesion, _ in later.outlines:
            self._begin(lesion.id, step)
        self._end_of_point()

    def finished(self, points: Sequence[TimePoint]) -> tuple[Track, ...]:
        """The tracks with a lesion that is listed in some CT.

        Args:
            points: All CTs, in order.

        Returns:
            Those first seen in an earlier CT first, of one CT the larger first; ids are 1, 2, ... in this order.
        """
        kept = [track for track in self._every if _is_listed(track, points)]
        kept.sort(key=lambda track: _rank(track, points))
        numbers = {track: number for number, track in enumerate(kept, 1)}
        return tuple(
            Track(
                number,
                tuple(track.lesions),
                tuple(track.steps),
                None if track.merged_into is None else numbers.get(track.merged_into),
                None if track.split_from is None else numbers.get(track.split_from),
            )
            for track, number in numbers.items()
        )

    def _begin(self, number: int, step: Step) -> _Open:
        track = _Open([*[None] * self._n, number], [*[None] * (self._n - 1), step])
        self._every.append(track)
        return track

    def _end_of_point(self) -> None:
        self._n += 1
        for track in self._every:
            track.lesions += [None] * (self._n - len(track.lesions))
            track.steps += [None] * (self._n - 1 - len(track.steps))


def _by(pairs: Sequence[Pair], name: str) -> dict[int, list[Pair]]:
    groups = defaultdict(list)
    for pair in pairs:
        groups[getattr(pair, name)].append(pair)
    return groups


def _add(track: _Open, number: int | None, step: Step) -> None:
    track.lesions.append(number)
    track.steps.append(step)


def _middle(point: TimePoint, outline: Outline) -> np.ndarray:
    lesion, mask = outline
    return point.geometry.middle_lps(mask, lesion.label_box)[None]


def _is_listed(track: _Open, points: Sequence[TimePoint]) -> bool:
    pairs = zip(track.lesions, points, strict=True)
    return any(number is not None and point.outline(number)[0].listed for number, point in pairs)


def _rank(track: _Open, points: Sequence[TimePoint]) -> tuple[int, float]:
    first = next(i for i, number in enumerate(track.lesions) if number is not None)
    lesion, _ = points[first].outline(track.lesions[first] or 0)
    return first, -lesion.long_axis_mm
