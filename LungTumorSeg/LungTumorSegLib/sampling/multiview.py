"""The same network from two more sides: coronal and sagittal slices of what the axial ones have shown.

A vessel that is round on an axial slice is long on a coronal one, and a nodule's ends along z are edges there. Means
over three orthogonal views of a 2.5D network: Roth et al., MICCAI 2014; Prasoon et al., MICCAI 2013. Thick slices are
interpolated along z: on `val` clicks at 1, 2.5, 5 and 8 mm the mean gains 0.026, 0.015, 0.017 and 0.027 of Dice.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ..geometry import Box, Point, triple
from .cubes import cube
from .slices import AIR_HU, BOX_MULTIPLE, Plan, network_input, resampling_matrix

# array axes of the axial view that become slices, rows and columns: rows along z in both
CORONAL, SAGITTAL = (1, 0, 2), (2, 0, 1)

SMALL_PX = 128**2  # of slices with fewer pixels several count as one: 16 of 64 x 64 at a time take 7 % less than 4


class Looks:
    """The coronal and the sagittal slices of regions of a plan's map, and the means that come of the network's answers.

    Every slice is asked for, unless `glance` says otherwise. Batches go across regions: slices of one shape come one
    after the other, whosever they are.

    Args:
        plan: of the axial slices.
        view: (z, y, x) HU, the CT's axial view.
        regions: boxes of the plan's map.
        context_px: pixels around a region that the network sees as well.
        point_lps: the click, LPS mm.
    """

    def __init__(
        self,
        plan: Plan,
        view: np.ndarray,
        regions: Sequence[Box],
        context_px: int = 0,
        point_lps: Point | None = None,
    ):
        self._view, self._point_lps = view, point_lps
        self._spots = [_Spot(plan, region, context_px) for region in regions]
        self._sides = [[_Side(spot, axes) for axes in (CORONAL, SAGITTAL)] for spot in self._spots]
        self._ask([True] * len(regions))

    def glance(self, places_yx: Sequence[tuple[int, int]]) -> None:
        """Ask only for two slices of each region.

        Args:
            places_yx: for each region the row and the column, in its box, that the two go through.
        """
        for sides, place in zip(self._sides, places_yx, strict=True):
            for side, index in zip(sides, place, strict=True):
                side.asked = np.array([index])
        self._queue([side for sides in self._sides for side in sides])

    def go_on(self, wanted: Sequence[bool]) -> None:
        """Ask for all slices of the wanted regions that were not seen yet.

        Args:
            wanted: for each region.
        """
        self._ask(wanted)

    def _ask(self, wanted: Sequence[bool]) -> None:
        chosen = [side for sides, want in zip(self._sides, wanted, strict=True) if want for side in sides]
        for side in chosen:
            side.asked = np.flatnonzero(~side.known)
        self._queue(chosen)

    def _queue(self, sides: list["_Side"]) -> None:
        self._queued = sorted(sides, key=lambda side: side.shape_yx)
        self._firsts = np.cumsum([0, *(len(side.asked) for side in self._queued)])

    def __len__(self) -> int:
        """Slices that are asked for."""
        return int(self._firsts[-1])

    def batches(self, first: int, size: int) -> Iterator[tuple[slice, np.ndarray]]:
        """The network's input from slice ``first`` on: of one shape at a time.

        Args:
            first: of all slices that are asked for.
            size: so many large slices, or more small ones, at a time.

        Yields:
            Which slices, and their network input.
        """
        shapes = [side.shape_yx for side in self._queued]
        ends = {shape: int(self._firsts[number + 1]) for number, shape in enumerate(shapes)}
        made: dict[_Spot, np.ndarray] = {}
        while first < len(self):
            shape = self._parts(slice(first, first + 1))[0][0].shape_yx
            # fewer than four at a time: the memory was short
            several = max(1, SMALL_PX // (shape[0] * shape[1])) if size >= 4 else 1
            which = slice(first, min(first + size * several, ends[shape]))
            inputs = []
            for side, asked in self._parts(which):
                if side.spot not in made:
                    made = {side.spot: side.spot.hu(self._view)}  # one at a time: up to 7 MB each
                inputs.append(side.inputs(made[side.spot], asked, self._point_lps))
            yield which, np.concatenate(inputs)
            first = which.stop

    def keep(self, which: slice, p: np.ndarray) -> None:
        """Take what the network answered.

        Args:
            which: of the slices, as `batches` gave it.
            p: (n, y, x) probability of these.
        """
        done = 0
        for side, asked in self._parts(which):
            side.keep(asked, p[done : done + len(asked)])
            done += len(asked)

    def means(self) -> list[np.ndarray]:
        """The mean probability of the two views.

        Where one slice of a view was seen alone, it stands for all.

        Returns:
            Of each region uint8, round(255 p), the region's shape.
        """
        both = [[side.every().transpose(np.argsort(side.axes)) for side in sides] for sides in self._sides]
        return [spot.to_map((a + b) / 2) for spot, (a, b) in zip(self._spots, both, strict=True)]

    def _parts(self, which: slice) -> list[tuple["_Side", np.ndarray]]:
        """(side, its slices) that ``which`` of all slices are."""
        low = int(np.searchsorted(self._firsts, which.start, "right")) - 1
        high = int(np.searchsorted(self._firsts, which.stop, "left"))
        begins = zip(self._queued[low:high], self._firsts[low:high].tolist(), strict=True)
        parts = [(side, side.asked[max(0, which.start - begin) : which.stop - begin]) for side, begin in begins]
        return [(side, asked) for side, asked in parts if len(asked)]


class _Spot:
    """A region of the map in network pixels along all three axes. inner: the region in what the network sees of it."""

    def __init__(self, plan: Plan, region: Box, context_px: int):
        self.plan, self.pixel, part = plan, plan.card.spacing_mm, plan.part(region)
        self._places_mm = part.runs * plan.axial.spacing_zyx[0]
        ends_z = int(self._places_mm[0] / self.pixel), int(np.ceil(self._places_mm[-1] / self.pixel)) + 1
        wanted = Box.of_pairs((ends_z, *part.box_yx.pairs))
        self.start = np.subtract(wanted.start, context_px)
        self.box = Box(self.start, self.start - (np.add(wanted.shape, 2 * context_px) // -BOX_MULTIPLE) * BOX_MULTIPLE)
        self.inner = wanted.inside(self.box)
        self._first_mm = self._places_mm[0] - wanted.start[0] * self.pixel

    def hu(self, view: np.ndarray) -> np.ndarray:
        """The CT on the box, (z, y, x) int16."""
        shown = cube(view, self.plan.axial.spacing_zyx, self.box, self.pixel)
        return (np.rint(shown - AIR_HU) + AIR_HU).astype(np.int16)

    def point_mm(self, point_lps: Point) -> np.ndarray:
        """A point in mm from the box's first pixel."""
        return self.plan.axial.index(point_lps) * self.plan.axial.spacing_zyx - self.start * self.pixel

    def to_map(self, values: np.ndarray) -> np.ndarray:
        """255 p on the network's pixels along z -> uint8 on the map's runs."""
        places = self._places_mm
        step_mm = places[1] - places[0] if len(places) > 1 else self.pixel
        back = resampling_matrix(len(values), self.pixel, len(places), step_mm, self._first_mm)
        return np.rint((back @ values.reshape(len(values), -1)).reshape(-1, *values.shape[1:])).astype(np.uint8)


class _Side:
    """One of the views of a spot. axes: of the axial view, that become slices, rows and columns.

    asked: the slices that the network is to see, of those that the region has. seen: 255 p of the region, rounded, on
    the view's axes; known: of which slices.
    """

    def __init__(self, spot: _Spot, axes: tuple[int, int, int]):
        self.spot, self.axes = spot, axes
        self.shape_yx = tuple(spot.box.shape[a] for a in axes[1:])
        self.seen = np.zeros([spot.inner.shape[a] for a in axes], np.uint8)
        self.known = np.zeros(len(self.seen), bool)
        self.asked = np.arange(len(self.seen))

    def inputs(self, hu: np.ndarray, which: np.ndarray, point_lps: Point | None) -> np.ndarray:
        """What the network sees of some slices."""
        pixel = self.spot.pixel
        point = None if point_lps is None else triple(self.spot.point_mm(point_lps)[a] for a in self.axes)
        places_mm = (self.spot.inner.start[self.axes[0]] + which) * pixel
        return network_input(hu.transpose(self.axes), places_mm, pixel, self.spot.plan.card, point)

    def keep(self, which: np.ndarray, p: np.ndarray) -> None:
        rows, columns = (self.spot.inner.slices[a] for a in self.axes[1:])
        self.seen[which] = np.rint(p[:, rows, columns] * 255)
        self.known[which] = True

    def every(self) -> np.ndarray:
        """float32, on the view's axes."""
        seen = self.seen if self.known.all() else np.broadcast_to(self.seen[self.known], self.seen.shape)
        return seen.astype(np.float32)


def mean(axial: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """The three views' mean.

    Args:
        axial: the axial map, 255 p.
        sides: `Looks`' mean of the other two, 255 p.

    Returns:
        uint8.
    """
    return np.rint((axial.astype(np.float32) + 2 * sides.astype(np.float32)) / 3).astype(np.uint8)
