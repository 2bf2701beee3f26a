"""What became of each lesion from one CT to the next, with the evidence in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...enums import Fate
from .change import Change, DoublingTime, Size, change, doubling_time
from .correspondence import Pair
from .points import TimePoint


@dataclass(frozen=True)
class Step:
    """One lesion from a CT to the next.

    Attributes:
        fate: What became of it.
        evidence: A sentence.
        change: None where there are not both.
        doubling: None where there are not both.
    """

    fate: Fate
    evidence: str
    change: Change | None = None
    doubling: DoublingTime | None = None


def paired(pair: Pair, earlier: TimePoint, later: TimePoint) -> Step:
    """What became of a lesion that both CTs show: growing, stable or shrinking."""
    one, other = earlier.size(pair.earlier), later.size(pair.later)
    found = change(one, other)
    words = [f"{_place(pair)}; {_changed(found)}", *_doubts(pair, earlier, later)]
    doubling = doubling_time(one, other, found, (earlier.date, later.date))
    return Step(found.fate, ". ".join(words) + ".", found, doubling)


def merged(pairs: Sequence[Pair], earlier: TimePoint, later: TimePoint) -> Step:
    """Several earlier lesions that lie in one later: their volumes together are compared with its volume.

    Args:
        pairs: Of each earlier lesion with the later one.
        earlier: The earlier CT.
        later: The later CT.
    """
    sizes = [earlier.size(pair.earlier) for pair in pairs]
    found = change(_together(sizes), later.size(pairs[0].later))
    numbers = _listed([pair.earlier for pair in pairs])
    return Step(
        Fate.MERGED,
        f"Lesions {numbers} of the earlier CT lie in lesion {pairs[0].later} of the later one; together "
        f"{_changed(found)}.",
        found,
    )


def split(pairs: Sequence[Pair], earlier: TimePoint, later: TimePoint) -> Step:
    """One earlier lesion that covers several later ones: its volume is compared with theirs together.

    Args:
        pairs: Of the earlier lesion with each later one.
        earlier: The earlier CT.
        later: The later CT.
    """
    sizes = [later.size(pair.later) for pair in pairs]
    found = change(earlier.size(pairs[0].earlier), _together(sizes))
    numbers = _listed([pair.later for pair in pairs])
    return Step(
        Fate.SPLIT,
        f"Lesion {pairs[0].earlier} of the earlier CT covers lesions {numbers} of the later one; together "
        f"{_changed(found)}.",
        found,
    )


def alone(fate: Fate, *, seen: bool, clicked: bool, rejected: bool = False) -> Step:
    """What became of a lesion that one CT alone shows: not compared where the other does not show the place.

    Args:
        fate: new or gone.
        seen: Whether the other CT shows the place.
        clicked: Whether a click was tried there.
        rejected: Whether the user rejected what lies there in the other CT.
    """
    other = "earlier" if fate == Fate.NEW else "later"
    if not seen:
        return Step(Fate.NOT_COMPARED, f"Its place lies outside of the {other} CT.")
    if rejected:
        return Step(Fate.NOT_COMPARED, f"What lies at its registered place was rejected in the {other} CT.")
    looked = ", nor at a click there" if clicked else "; no click was tried there"
    return Step(fate, f"Nothing was found at its registered place{looked}.")


def _together(sizes: Sequence[Size]) -> Size:
    largest = max(sizes, key=lambda size: size.long_axis_mm)
    return Size(sum(size.volume_mm3 for size in sizes), largest.long_axis_mm, largest.step_mm, largest.pixel_mm)


def _place(pair: Pair) -> str:
    return f"Centres {pair.distance_mm:.1f} mm apart after registration, overlap {100 * pair.overlap:.0f} %"


def _changed(found: Change) -> str:
    return (
        f"volume {found.volume_percent:+.0f} % (error {found.volume_limit_percent:.0f} %), long axis "
        f"{found.long_axis_mm:+.1f} mm (error {found.long_axis_limit_mm:.1f} mm)"
    )


def _doubts(pair: Pair, earlier: TimePoint, later: TimePoint) -> list[str]:
    words = []
    for point, number, name in ((earlier, pair.earlier, "earlier"), (later, pair.later, "later")):
        if number in point.clicked:
            words.append(f"The {name} CT's run did not find it, a click at its registered place did")
        elif not point.outline(number)[0].listed:
            words.append(f"It is one of the less likely lesions of the {name} CT")
    return words


def _listed(numbers: Sequence[int]) -> str:
    *rest, last = map(str, numbers)
    return f"{', '.join(rest)} and {last}"
