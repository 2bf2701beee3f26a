"""Which lesions of two registered CTs are the same: by overlap and distance; what is left may be merged or split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ...geometry import Geometry
from ..matching import Outline
from .registration import Registration

# Two centres that far apart may be of one small lesion: registrations of chests bent by 15 mm, noisy and of thick
# slices, were off by up to 8 mm (95 %: 5 mm)
REACH_MM = 8.0
LEAST_OVERLAP = 0.1  # neighbours that touch by the registration's error are not one
MOST_POINTS = 600  # of an outline's voxels
# Apart, they are one only if neither has more than this times the other's volume: twice the diameter
ALIKE = 8.0
ALONE = 0.5  # what it costs to stay without a partner; a pair costs 1 (just in reach) down to -1 (the same place)
MOSTLY = 0.5  # of a lesion's voxels inside another one make it a part of it


@dataclass(frozen=True)
class Pair:
    """Two lesions at one place.

    Attributes:
        earlier: Id of the lesion in the earlier CT.
        later: Id of the lesion in the later CT.
        overlap: Share of the one that lies more in the other, after registration.
        distance_mm: Between their centres, after registration.
    """

    earlier: int
    later: int
    overlap: float
    distance_mm: float


@dataclass(frozen=True)
class Correspondence:
    """Which lesions of two CTs are the same.

    Attributes:
        pairs: One to one.
        merged: An earlier lesion without a pair of its own that lies in the later one of another pair.
        split: A later one that the earlier one of another pair covers.
    """

    pairs: tuple[Pair, ...]
    merged: tuple[Pair, ...]
    split: tuple[Pair, ...]


class Placed:
    """A lesion's voxels as points (n, 3), LPS mm, in its own CT and in the other one."""

    def __init__(self, outline: Outline, geometry: Geometry) -> None:
        self.lesion, self.mask = outline
        self.geometry = geometry
        inside = np.argwhere(self.mask)
        inside = inside[:: max(1, len(inside) // MOST_POINTS)]
        self.points = geometry.lps(inside + self.lesion.label_box.start)
        self.moved = self.points
        self.radius = float(np.linalg.norm(self.points - self.points.mean(0), axis=1).max())

    def share_of(self, points: np.ndarray) -> float:
        """The share of places that lie in this lesion.

        Args:
            points: (n, 3), LPS mm, in this lesion's CT.
        """
        index = np.rint(self.geometry.index(points)).astype(int) - self.lesion.label_box.start
        inside = ((index >= 0) & (index < self.mask.shape)).all(1)
        return float(np.count_nonzero(self.mask[tuple(index[inside].T)]) / len(points))


def placed(
    outlines: Sequence[Outline], geometry: Geometry, registration: Registration, *, earlier: bool
) -> list[Placed]:
    """The lesions of a CT in the other one too.

    Args:
        outlines: Lesions with their masks, bool (z, y, x).
        geometry: Of their CT.
        registration: Of the earlier CT onto the later one.
        earlier: Whether theirs is the earlier of both.
    """
    found = [Placed(outline, geometry) for outline in outlines]
    if found:
        every = np.concatenate([each.points for each in found])
        moved = registration.later(every) if earlier else registration.earlier(every)
        for each, part in zip(found, np.split(moved, np.cumsum([len(e.points) for e in found])[:-1]), strict=True):
            each.moved = part
    return found


def correspond(earlier: Sequence[Placed], later: Sequence[Placed]) -> Correspondence:
    """The pairs of the least cost together (scipy's assignment), then what merged and split.

    Two lesions can be a pair where they overlap, or their centres lie within 8 mm and they are alike in volume. A pair
    costs the distance of the centres, as a share of the radii and those 8 mm, minus the overlap.

    Args:
        earlier: Lesions of the earlier CT.
        later: Lesions of the later CT.
    """
    near = {(i, k): close for i, a in enumerate(earlier) for k, b in enumerate(later) if (close := _close(a, b))}
    n, m = len(earlier), len(later)
    cost = np.full((n + m, n + m), 1e3)
    for place, (_, _, price) in near.items():
        cost[place] = price
    cost[np.arange(n), m + np.arange(n)] = ALONE
    cost[n + np.arange(m), np.arange(m)] = ALONE
    cost[n:, m:] = 0
    rows, columns = linear_sum_assignment(cost)
    chosen = {(i, k) for i, k in zip(rows.tolist(), columns.tolist(), strict=True) if (i, k) in near}
    paired_a, paired_b = {i for i, _ in chosen}, {k for _, k in chosen}
    merged, split = [], []
    for i in (i for i in range(n) if i not in paired_a and earlier[i].lesion.listed):
        inside = [(near[i, k][1][0], k) for k in paired_b if (i, k) in near]
        if inside and max(inside)[0] >= MOSTLY:
            merged.append(near[i, max(inside)[1]][0])
    for k in (k for k in range(m) if k not in paired_b and later[k].lesion.listed):
        inside = [(near[i, k][1][1], i) for i in paired_a if (i, k) in near]
        if inside and max(inside)[0] >= MOSTLY:
            split.append(near[max(inside)[1], k][0])
    pairs = (near[place][0] for place in sorted(chosen))
    return Correspondence(tuple(pairs), tuple(merged), tuple(split))


def _close(a: Placed, b: Placed) -> tuple[Pair, tuple[float, float], float] | None:
    """The pair that two lesions could be, the shares of the one in the other and back, and the cost; None: too far."""
    distance = float(np.linalg.norm(a.moved.mean(0) - b.points.mean(0)))
    reach = a.radius + b.radius + REACH_MM
    if distance > reach:
        return None
    shares = b.share_of(a.moved), a.share_of(b.moved)
    overlap = max(shares)
    if overlap < LEAST_OVERLAP:
        larger, smaller = sorted((a.lesion.volume_mm3, b.lesion.volume_mm3), reverse=True)
        if distance > REACH_MM or larger > ALIKE * smaller:
            return None
    return Pair(a.lesion.id, b.lesion.id, overlap, distance), shares, distance / reach - overlap
