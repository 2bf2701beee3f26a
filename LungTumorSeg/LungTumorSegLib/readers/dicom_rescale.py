"""The rescale of each slice to Hounsfield units: some lost theirs, some say another one than their values fit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..checks import soft_share
from ..errors import UnreadableError
from .dicom_headers import Slice

# of the difference between two neighbours: a slice that is so much more like its neighbour with that one's rescale
FITS = 0.25
PADDING_HU = -1024  # what the scanner padded becomes air
PIXELS = 48  # along the shorter side; every k-th is looked at


def for_all(slices: list[Slice], name: str) -> tuple[list[Slice], list[str]]:
    """A rescale for every slice: one that lost its own takes that of the others, if these have one.

    Args:
        name: of the series, for note and error.

    Returns:
        The slices, and a note where one lost its own.

    Raises:
        UnreadableError: the others have several.
    """
    known = {(s.slope, s.intercept) for s in slices if s.rescaled}
    lost = sum(not s.rescaled for s in slices)
    if not lost:
        return slices, []
    if not known:
        return slices, ["The DICOM files have no rescale; their values are taken as Hounsfield units."]
    if len(known) > 1:
        raise UnreadableError(
            f"{lost} slice(s) of {name} have no rescale and the others have several, so their Hounsfield units can't "
            "be known. Export the series again from the original."
        )
    slope, intercept = known.pop()
    note = f"{lost} slice(s) of {name} have no rescale; that of the others was used (slope {slope:g}, {intercept:g})."
    return [replace(s, slope=slope, intercept=intercept, rescaled=True) for s in slices], [note]


def check(slices: Sequence[Slice], voxels_zyx: np.ndarray, name: str) -> None:
    """Refuse slices whose values fit the rescale of their neighbour and not their own.

    Args:
        slices: in order.
        voxels_zyx: in HU, with the slices' rescale.
        name: of the series, for the error.

    Raises:
        UnreadableError: there is such a slice.
    """
    for (one, a), (other, b) in zip(
        zip(slices, voxels_zyx, strict=True), zip(slices[1:], voxels_zyx[1:], strict=True), strict=False
    ):
        if (one.slope, one.intercept) == (other.slope, other.intercept):
            continue
        as_one = (b.astype(np.float32) - other.intercept) / other.slope * one.slope + one.intercept
        own, with_one = (float(np.median(np.abs(values - a.astype(np.float32)))) for values in (b, as_one))
        if with_one < FITS * own:
            raise UnreadableError(
                f"Slices of {name} have different rescales ({_words(one)} and {_words(other)}) and values that fit "
                "one and the same, so their Hounsfield units can't be known. Export the series again from the original."
            )


def check_sign(slices: Sequence[Slice], voxels_zyx: np.ndarray, name: str) -> list[str]:
    """A note on negative slopes.

    Lungs and air that are turned into values above 0 take the share of soft tissue away.

    Args:
        slices: in order.
        voxels_zyx: in HU, with the slices' rescale.
        name: of the series, for note and error.

    Raises:
        UnreadableError: the values show more soft tissue with the positive ones.
    """
    turned = [k for k, s in enumerate(slices) if s.slope < 0]
    if not turned:
        return []
    step = max(1, min(voxels_zyx.shape[1:]) // PIXELS)
    hu = voxels_zyx[turned, ::step, ::step].astype(np.float32)
    intercepts = np.array([slices[k].intercept for k in turned], np.float32)[:, None, None]
    seen = hu != PADDING_HU
    slope = slices[turned[0]].slope
    if soft_share((2 * intercepts - hu)[seen]) > soft_share(hu[seen]):
        raise UnreadableError(
            f"The rescale slope of {name} is {slope:g}, but its values fit {-slope:g}: dark and bright are reversed. "
            "Export the series again from the original."
        )
    return [f"The rescale slope of {name} is {slope:g}, as of pictures that are stored inverted; it was applied."]


def _words(s: Slice) -> str:
    return f"{s.path.name}: slope {s.slope:g}, intercept {s.intercept:g}"
