"""What can be wrong with an image file of any kind, as sentences for the user."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import GeometryError, UnreadableError


def damaged(path: Path) -> UnreadableError:
    """For the caller to raise."""
    return UnreadableError(f"{path.name} can't be read: it is damaged or cut off. Copy or export it again.")


def without_size(path: Path) -> GeometryError:
    """For the caller to raise."""
    return GeometryError(f"{path.name} doesn't say how large its voxels are. Export it again from the original.")


def without_sides(path: Path) -> str:
    """A warning."""
    return f"{path.name} doesn't say where the patient's left and right are; LPS is assumed. Check the sides."


def beyond(path: Path, more: int, shape_zyx: tuple[int, ...]) -> list[str]:
    """A warning where a file holds more voxels than its header says, at least a slice of them.

    Args:
        more: how many more voxels.
        shape_zyx: as the header says.
    """
    slices = more // (shape_zyx[1] * shape_zyx[2])
    if slices < 1:
        return []
    return [
        f"{path.name} says {shape_zyx[0]} slices and holds {slices} more, which were not looked at: its header and its "
        "voxels do not fit each other. Check it, or export it again."
    ]


def check_grey_3d(path: Path, components: int, dimensions: int) -> None:
    """Refuse what has not one value in each voxel and three axes.

    Args:
        components: values per voxel.
        dimensions: axes.

    Raises:
        GeometryError: it has others.
    """
    if components != 1:
        raise GeometryError(
            f"{path.name} holds {components} values per voxel: a colour picture, a vector image or a sequence. "
            "Give one grey CT volume."
        )
    if dimensions != 3:
        raise GeometryError(f"{path.name} has {dimensions} dimensions. Give one 3D CT volume.")


def check_spacings(path: Path, spacings: Sequence[float] | np.ndarray) -> None:
    """Refuse a spacing that can't be.

    A mirrored axis is written as a negative direction, never as a negative spacing.

    Args:
        spacings: mm.

    Raises:
        GeometryError: one is zero, negative or not a number.
    """
    if not all(math.isfinite(s) and s > 0 for s in spacings):
        shown = " x ".join(f"{s:g}" for s in spacings)
        raise GeometryError(
            f"The voxel size in {path.name} is {shown} mm, which can't be. Export it again from the original."
        )
