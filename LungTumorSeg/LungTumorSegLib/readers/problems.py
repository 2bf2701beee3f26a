"""What can be wrong with an image file of any kind, as sentences for the user."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import GeometryError, UnreadableError

MOST_UNPACKED = 1100  # bytes out of one: DEFLATE makes 1032 at most (zlib.net), bzip2 of a CT far less


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


def check_size(path: Path, voxels: int, item_bytes: int, held_bytes: int, packed: bool) -> None:
    """Refuse voxels that a file says and can't hold, or that the computer has no room for, before any is read.

    Args:
        path: of the header, for the error.
        voxels: as the header says.
        item_bytes: of a voxel in the file; 1 where it is written as text.
        held_bytes: of the files with the voxels, as they are on the disk.
        packed: whether they are compressed.

    Raises:
        UnreadableError: they hold less, or there is too little memory.
    """
    if voxels * item_bytes > held_bytes * (MOST_UNPACKED if packed else 1):
        raise damaged(path)
    check_memory(path.name, voxels * item_bytes)


def check_memory(name: str, wanted_bytes: int) -> None:
    """Refuse voxels that the computer has no room for.

    Args:
        name: of the image, for the error.
        wanted_bytes: of all voxels, as they are stored.

    Raises:
        UnreadableError: twice of it, which reading takes, is more than is free.
    """
    import psutil  # not part of Slicer, which reads files itself

    free = psutil.virtual_memory().available
    if 2 * wanted_bytes > free:
        raise UnreadableError(
            f"{name} says that its voxels take {wanted_bytes / 1e9:.1f} GB, too much for the {free / 1e9:.1f} GB of "
            "memory that are free. If that is right, crop the CT to the chest; else export it again."
        )


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
