"""Connected components of masks. All use of cc3d, which is not part of Slicer and so is imported inside."""

from typing import Final, Literal, NamedTuple

import numpy as np
from scipy import ndimage

from .geometry import Box

# Diagonal neighbours belong together: with slices ten times as thick as pixels a spicule that runs obliquely, or a
# small nodule, has voxels that touch at edges and corners only.
CONNECTIVITY: Final = 26


class Component(NamedTuple):
    """One component of a labelled array.

    Attributes:
        label: in the labelled array.
        box: its tight box there.
        voxels: how many it has.
    """

    label: int
    box: Box
    voxels: int


def connected(mask: np.ndarray, connectivity: Literal[6, 26] = CONNECTIVITY) -> tuple[np.ndarray, int]:
    """Label the components of a mask.

    Args:
        mask: bool, 3D.
        connectivity: 26 neighbours, or 6, of voxels that touch with a face.

    Returns:
        Labels 1, 2, ... of the components, 0 outside, and how many there are.
    """
    import cc3d

    return cc3d.connected_components(mask, connectivity=connectivity, return_N=True)


def components(labels: np.ndarray) -> list[Component]:
    """What `connected` labelled, in the order of the labels."""
    import cc3d

    statistics = cc3d.statistics(labels, no_slice_conversion=False)
    counts, boxes = statistics["voxel_counts"], statistics["bounding_boxes"]
    return [Component(label, Box.of_slices(boxes[label]), int(counts[label])) for label in range(1, len(counts))]


def few_components(labels: np.ndarray) -> list[Component]:
    """The same, of a block of one candidate: there scipy takes a fifth of the time, 0.06 ms instead of 0.3."""
    counts = np.bincount(labels.ravel())
    found = enumerate(ndimage.find_objects(labels), 1)
    return [Component(label, Box.of_slices(sides), int(counts[label])) for label, sides in found]


def framed(mask: np.ndarray) -> np.ndarray:
    """The mask (bool, 3D) with a voxel of nothing around it; ``np.pad`` takes ten times as long for a lesion's."""
    wide = np.zeros([n + 2 for n in mask.shape], bool)
    wide[1:-1, 1:-1, 1:-1] = mask
    return wide


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """The mask with its enclosed holes."""
    outside, _ = connected(~framed(mask), connectivity=6)
    return (outside != outside[0, 0, 0])[1:-1, 1:-1, 1:-1]
