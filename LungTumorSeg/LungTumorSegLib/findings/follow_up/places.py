"""Where a followed lesion lies in each CT, also where it is not seen."""

import numpy as np

from .follow import FollowUp
from .points import TimePoint
from .tracks import Track


def places(follow_up: FollowUp, track: Track) -> list[np.ndarray]:
    """Where the lesion lies in each CT.

    Returns:
        A point (3,) for each CT, LPS mm. It is the lesion's own middle, else its registered place.
    """
    own: list[np.ndarray | None] = []
    for point, number in zip(follow_up.points, track.lesions, strict=True):
        own.append(None if number is None else _middle(point, number))
    for k in range(1, len(own)):
        if own[k] is None and (before := own[k - 1]) is not None:
            own[k] = follow_up.registrations[k - 1].later(before[None])[0]
    for k in reversed(range(len(own) - 1)):
        if own[k] is None and (after := own[k + 1]) is not None:
            own[k] = follow_up.registrations[k].earlier(after[None])[0]
    return [place for place in own if place is not None]


def _middle(point: TimePoint, number: int) -> np.ndarray:
    """On the slice of the long axis."""
    lesion, mask = point.outline(number)
    if lesion.axis_points_lps:
        return np.mean(lesion.axis_points_lps[:2], axis=0)
    return point.geometry.middle_lps(mask, lesion.label_box)
