"""A small picture of a result, to look through many: the first lesion's slice, and the first three lesions near."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..data import CT, Lesion, Result
from ..lesions import terminology
from .pictures import SMALLEST_ZOOM_MM, WINDOW_HU, AxialView

SIDE_PX, NEAR = 160, 3
_GAP_PX = 4


def write(path: Path, result: Result, ct: CT) -> None:
    """Write a PNG of 4 squares in a row; black where there is no lesion. The patient's right is on the left.

    Without a lesion the first square is the slice in the middle.

    Raises:
        OSError: The file cannot be written.
    """
    chest = AxialView(result, ct)
    lesions = list(zip(chest.lesions, chest.masks, strict=True))[:NEAR]
    squares = [_whole(chest, *lesions[0])] if lesions else [_whole(chest)]
    squares += [_near(chest, lesion, mask) for lesion, mask in lesions]
    strip = np.zeros((SIDE_PX, (NEAR + 1) * (SIDE_PX + _GAP_PX) - _GAP_PX, 3), np.uint8)
    for i, square in enumerate(squares):
        start = i * (SIDE_PX + _GAP_PX)
        strip[:, start : start + SIDE_PX] = square
    try:
        sitk.WriteImage(sitk.GetImageFromArray(strip, isVector=True), str(path), useCompression=True)
    except RuntimeError as error:
        raise OSError(f"{path.name} could not be written") from error


def _whole(chest: AxialView, lesion: Lesion | None = None, mask: np.ndarray | None = None) -> np.ndarray:
    _, ny, nx = chest.geometry.shape_zyx
    _, dy, dx = chest.geometry.spacing_zyx
    return _square(chest, (ny * dy / 2, nx * dx / 2), max(ny * dy, nx * dx) / 2, lesion, mask)


def _near(chest: AxialView, lesion: Lesion, mask: np.ndarray) -> np.ndarray:
    box, _ = chest.placed(lesion, mask)
    _, y, x = box.middle * chest.geometry.spacing_zyx
    return _square(chest, (y, x), max(SMALLEST_ZOOM_MM, 2.2 * lesion.long_axis_mm) / 2, lesion, mask)


def _square(
    chest: AxialView, middle_mm: tuple[float, float], half_mm: float, lesion: Lesion | None, mask: np.ndarray | None
) -> np.ndarray:
    """(y, x, 3) of `SIDE_PX`: the slice of the lesion with its outline, around a place in it."""
    number = chest.geometry.shape_zyx[0] // 2 if lesion is None else chest.slice_number(lesion)
    step_mm = 2 * half_mm / SIDE_PX
    spacing = np.asarray(chest.geometry.spacing_zyx[1:])
    places = (np.arange(SIDE_PX) + 0.5) * step_mm - half_mm
    at = np.meshgrid(*((places + m) / s for m, s in zip(middle_mm, spacing, strict=True)), indexing="ij")
    low, high = WINDOW_HU
    plane = np.clip((chest.voxels[number].astype(np.float32) - low) / (high - low), 0, 1)
    # shrinking without it shows a pattern of single pixels
    plane = ndimage.gaussian_filter(plane, np.maximum(0, step_mm / spacing - 1) / 2)
    grey = ndimage.map_coordinates(plane, at, order=1, cval=0.0)
    square = np.repeat(np.rint(255 * grey).astype(np.uint8)[..., None], 3, axis=2)
    if lesion is not None and mask is not None:
        box, placed = chest.placed(lesion, mask)
        inside = np.zeros(plane.shape, np.float32)
        inside[box.slices[1:]] = placed[number - box.start[0]]
        seen = ndimage.map_coordinates(inside, at, order=1) > 0.5
        square[ndimage.binary_dilation(seen) & ~seen] = np.rint(255 * np.asarray(terminology.color(lesion)))
    return square
