"""Lesions through several CTs of a patient: which is which, what became of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...data import Result
from ...geometry import Point, triple
from .correspondence import Correspondence, correspond, placed
from .points import TimePoint
from .registration import Registration
from .tracks import Track, Tracks
from .verdict import verdict

# the index of a time point and a place in its CT (LPS mm) -> what a click there finds
Look = Callable[[int, Point], Result]

NOT_REGISTERED = "The lungs of both CTs could not be registered."


@dataclass(frozen=True)
class FollowUp:
    """What `compare` returns.

    Attributes:
        points: The CTs by date.
        registrations: Of each onto the next.
        tracks: Of the lesions, the largest of the first CT first, then those that came later.
        notes: Sentences for the user.
    """

    points: tuple[TimePoint, ...]
    registrations: tuple[Registration, ...]
    tracks: tuple[Track, ...]
    notes: tuple[str, ...] = ()

    def track(self, track_id: int) -> Track:
        """The track of this id.

        Raises:
            KeyError: There is none.
        """
        for track in self.tracks:
            if track.id == track_id:
                return track
        raise KeyError(f"no lesion {track_id}")


def follow(
    points: Sequence[TimePoint],
    registrations: Sequence[Registration],
    look: Look | None = None,
    notes: Sequence[str] = (),
) -> FollowUp:
    """Follow the lesions of CTs in the order of their dates.

    Listed lesions are followed; a less likely one of another CT can be their partner, and a click finds what the run
    missed, so that a missed detection is neither new nor gone.

    Args:
        points: The CTs and what was found in them.
        registrations: Of each onto the next.
        look: Clicks at a place; without it what is not found counts as not there.
        notes: Sentences for the user, which the result takes over.
    """
    completed = _completed(list(points), registrations, look)
    made = Tracks(completed[0])
    for k, registration in enumerate(registrations):
        earlier, later = completed[k], completed[k + 1]
        if verdict(registration.agreement).compares:
            found = correspondence(earlier, later, registration)
            made.extend(earlier, later, registration, found, clicked=look is not None)
        else:
            made.break_off(later, NOT_REGISTERED)
    return FollowUp(tuple(completed), tuple(registrations), made.finished(completed), tuple(notes))


def correspondence(earlier: TimePoint, later: TimePoint, registration: Registration) -> Correspondence:
    """`correspond` of two CTs."""
    return correspond(
        placed(earlier.outlines, earlier.geometry, registration, earlier=True),
        placed(later.outlines, later.geometry, registration, earlier=False),
    )


def _completed(points: list[TimePoint], registrations: Sequence[Registration], look: Look | None) -> list[TimePoint]:
    """With what clicks find of the listed lesions that lack a partner: first onwards, then backwards."""
    if look is None:
        return points
    last = len(points) - 1
    for k in range(last):
        _look_for(points, k, k + 1, registrations[k], look)
    for k in reversed(range(last)):
        _look_for(points, k + 1, k, registrations[k], look)
    return points


def _look_for(points: list[TimePoint], here: int, there: int, registration: Registration, look: Look) -> None:
    """Look in the CT ``there`` for the listed lesions of ``here`` that have no partner in it."""
    if not verdict(registration.agreement).compares:
        return
    forward = here < there
    earlier, later = (points[here], points[there]) if forward else (points[there], points[here])
    found = correspondence(earlier, later, registration)
    every = (*found.pairs, *found.merged, *found.split)
    known = {pair.earlier if forward else pair.later for pair in every}
    for lesion, mask in points[here].outlines:
        if not lesion.listed or lesion.id in known:
            continue
        middle = points[here].geometry.inner_lps(mask, lesion.label_box)[None]
        place = (registration.later(middle) if forward else registration.earlier(middle))[0]
        if points[there].holds(place):
            points[there] = points[there].with_click(look(there, triple(place.tolist())))
