"""Which slices of one series make a volume together. A series can hold several: breath-holds, phases, patients."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from .dicom_headers import Slice

FEWEST = 3  # slices of a volume
# of a step: a slice nearer than that to one of another acquisition shows the same place again
SAME_PLACE = 0.75
EVEN = 0.1  # of a step that a slice may be off its place in an even stack
# directions as scanners write them differ in the fifth decimal; 0.1 degrees is another direction
SAME_DIRECTION, SAME_PIXELS = 2e-3, 1e-3


def split(slices: list[Slice]) -> list[list[Slice]]:
    """The volumes of a series, and what is left of it in groups of one or two slices.

    Slices of another patient, study, frame of reference or kernel, of another size, direction or pixel size never make
    one volume. Those that differ in acquisition, time or phase are apart only where they show one region twice: the
    parts of a step-and-shoot scan make one chest together.
    """
    alike = [group for members in grouped(slices, lambda s: s.belongs_to) for group in _alike(members)]
    return [volume for group in alike for volume in _phases(group)]


def positions(slices: list[Slice], like: Slice | None = None) -> np.ndarray:
    """Places of slices along the normal.

    Args:
        like: the slice whose normal it is, the first one if not given.

    Returns:
        mm, in the order of the slices.
    """
    row, column = np.reshape((like or slices[0]).orientation, (2, 3))
    return np.array([s.position_lps for s in slices]) @ np.cross(row, column)


def grouped(slices: list[Slice], key: Callable) -> list[list[Slice]]:
    """The slices by their key, the least key first."""
    groups = defaultdict(list)
    for s in slices:
        groups[key(s)].append(s)
    return [groups[k] for k in sorted(groups)]


def _alike(slices: list[Slice]) -> list[list[Slice]]:
    """Groups of the same size, orientation and pixel size, the largest first."""
    groups: list[list[Slice]] = []
    for s in slices:
        for group in groups:
            g = group[0]
            if (
                (g.rows, g.columns) == (s.rows, s.columns)
                and np.allclose(g.orientation, s.orientation, rtol=0, atol=SAME_DIRECTION)
                and np.allclose(g.pixel_spacing, s.pixel_spacing, rtol=SAME_PIXELS, atol=0)
            ):
                group.append(s)
                break
        else:
            groups.append([s])
    return sorted(groups, key=len, reverse=True)


def _phases(slices: list[Slice]) -> list[list[Slice]]:
    """Split by whatever tells apart slices of one region, else by the order in which they were taken."""
    volumes = [slices]
    for which in range(len(slices[0].phase)):
        volumes = [v for old in volumes for v in _apart(old, grouped(old, lambda s, which=which: s.phase[which]))]
    volumes = [v for old in volumes for v in _apart(old, _passes(old, [s.taken for s in old]))]
    return [v for old in volumes for v in _apart(old, _numbered(old))]


def _apart(slices: list[Slice], groups: list[list[Slice]]) -> list[list[Slice]]:
    """The groups as volumes of their own, those together that do not show one place twice.

    All slices as they are where the split is no good: an even stack does not hold uneven ones.
    """
    if len(groups) < 2:
        return [slices]
    step = _step(slices)
    volumes: list[list[Slice]] = []
    for group in groups:
        free = next((v for v in volumes if not _in_the_way(group, v, step)), None)
        if free is None:
            volumes.append(list(group))
        else:
            free += group
    large = [v for v in volumes if len(v) >= FEWEST]
    if not large or (_is_even(slices) and not all(map(_is_even, large))):
        return [slices]
    return volumes


def _numbered(slices: list[Slice]) -> list[list[Slice]]:
    numbers = [s.number for s in slices]
    return _passes(slices, numbers) if len(set(numbers)) == len(numbers) else [slices]


def _passes(slices: list[Slice], numbers: list[float | None]) -> list[list[Slice]]:
    """Runs along the normal, in the order of the numbers, if all have one: the scanner went over the region again."""
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or len(slices) < 2 * FEWEST:
        return [slices]
    along = positions(slices)
    order = np.lexsort((along, np.array(known)))
    moves = np.diff(along[order])
    usual = float(np.median(np.abs(moves)))
    runs, forward = [[slices[order[0]]]], None
    for i, move in zip(order[1:], moves, strict=True):
        turned = forward is not None and (move > 0) != forward
        if turned or not SAME_PLACE * usual <= abs(move) <= 2 * usual / SAME_PLACE:
            runs.append([])
            forward = None
        elif forward is None:
            forward = bool(move > 0)
        runs[-1].append(slices[i])
    return runs if min(map(len, runs)) >= FEWEST else [slices]


def _in_the_way(group: list[Slice], volume: list[Slice], step: float) -> bool:
    """Whether a slice of the group shows what one of the volume shows already."""
    apart = np.abs(np.subtract.outer(positions(group), positions(volume))).min()
    return bool(apart < SAME_PLACE * min(_step(part, step) for part in (group, volume)))


def _step(slices: list[Slice], default: float = 0.0) -> float:
    """The usual distance of neighbours that do not lie at one place; the default for a group of one or two."""
    steps = np.diff(np.sort(positions(slices)))
    steps = steps[steps > 0.01]
    return float(np.median(steps)) if len(steps) >= FEWEST - 1 else default


def _is_even(slices: list[Slice]) -> bool:
    steps = np.diff(np.sort(positions(slices)))
    return bool(len(steps) and np.ptp(steps) <= 2 * EVEN * np.median(steps))
