"""The components of a network's map, without labels of the whole map.

Labels of 600 slices are 350 MB, of what lies in small boxes. So the map is divided into islands first, groups of
components that cells of 4 pixels keep apart, and each is labelled alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..components import components, connected
from ..geometry import Box

LEAST_P = 13  # of 255: p >= 0.05
MOST = 200
CELL_PX = 4


@dataclass(frozen=True, eq=False)
class Region:
    """A component of a map.

    Attributes:
        box: Where it lies in the map, tight.
        mask: Its voxels in the box, bool.
        voxels: How many it has.
        highest: Its highest value of 255.
    """

    box: Box
    mask: np.ndarray
    voxels: int
    highest: int

    def owns(self, box: Box, values: np.ndarray) -> np.ndarray:
        """Where no other region is.

        Args:
            box: Of the map, holds the region's.
            values: The map in the box, as `best_regions` read it.

        Returns:
            bool, fills ``box``.
        """
        owned = values < LEAST_P
        owned[self.box.inside(box).slices] |= self.mask
        return owned


def best_regions(values: np.ndarray, read: Callable[[np.ndarray], np.ndarray] = np.asarray) -> list[Region]:
    """The 200 best components of p >= 0.05 of a map.

    Args:
        values: The map (z, y, x), uint8.
        read: Makes 255 p of a part of it, uint8; never less of a higher value.

    Returns:
        By highest p, then size, then place.
    """

    def rank(region: Region) -> tuple:
        first = np.unravel_index(region.mask.argmax(), region.mask.shape)
        return -region.highest, -region.voxels, *np.add(region.box.start, first).tolist()

    regions: list[Region] = []
    for box, island in _islands(values, read):
        regions += _components(box, island, read(values[box.slices]))
    return sorted(regions, key=rank)[:MOST]


def _islands(values: np.ndarray, read: Callable[[np.ndarray], np.ndarray]) -> Iterator[tuple[Box, np.ndarray]]:
    """Boxes of the map and masks that fill them; each component lies in one of the masks, with what is around it."""
    cells = values
    for axis, count in enumerate(values.shape):
        cells = np.maximum.reduceat(cells, range(0, count, CELL_PX), axis)
    labels, _ = connected(read(cells) >= LEAST_P)  # voxels that touch lie in one cell or in two that touch
    for label, cell_box, _ in components(labels):
        sides = zip(cell_box.pairs, values.shape, strict=True)
        box = Box.of_pairs((CELL_PX * a, min(CELL_PX * b, count)) for (a, b), count in sides)
        island = labels[cell_box.slices] == label
        for axis in range(3):
            island = island.repeat(CELL_PX, axis)
        yield box, island[Box.whole(box.shape).slices]


def _components(box: Box, island: np.ndarray, values: np.ndarray) -> Iterator[Region]:
    """Of an island that fills ``box`` of the map; ``values``: the map there."""
    labels, _ = connected(island & (values >= LEAST_P))
    for label, inner, voxels in components(labels):
        own = labels[inner.slices] == label
        yield Region(inner.shift(box.start), own, voxels, highest=int(values[inner.slices][own].max()))
