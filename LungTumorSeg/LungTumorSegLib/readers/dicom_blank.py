"""Slices that hold one value only from some row on: what a copy that broke off leaves of a file of full length."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..errors import UnreadableError
from .dicom_headers import Slice

# of the rows: so many more are blank than in the slices around. Air below a body grows by far less from slice to slice
MORE_ROWS = 0.25
SHORTEST = 5  # slices


def find(voxels_zyx: np.ndarray) -> list[int]:
    """The slices whose end is blank where that of the slices around is not.

    Args:
        voxels_zyx: HU, slices in order.

    Returns:
        Their indices.
    """
    if len(voxels_zyx) < SHORTEST:
        return []
    blank = np.array([_blank_rows(plane) for plane in voxels_zyx])
    usual = ndimage.grey_opening(blank, size=max(SHORTEST, len(blank) // 2))
    most = MORE_ROWS * voxels_zyx.shape[1]
    runs, _ = ndimage.label(blank - usual > most)
    found: list[int] = []
    for (run,) in ndimage.find_objects(runs):
        before, after = blank[: run.start][-1:], blank[run.stop :][:1]
        # sudden on both sides: slices of a tilted or resampled volume leave their picture little by little
        if (blank[run.start] - before > most).all() and (blank[run.stop - 1] - after > most).all():
            found += range(run.start, run.stop)
    return found


def error(slices: Sequence[Slice]) -> UnreadableError:
    """For the caller to raise."""
    return UnreadableError(
        f"{len(slices)} slice(s) are blank, or end in blank rows, where their neighbours are not "
        f"({slices[0].path.name}): a copy broke off. Copy the series again."
    )


def _blank_rows(plane: np.ndarray) -> int:
    """How many rows at the end have the value of the last pixel throughout."""
    differs = np.flatnonzero((plane != plane[-1, -1]).any(axis=1))
    return len(plane) - 1 - int(differs[-1]) if len(differs) else len(plane)
