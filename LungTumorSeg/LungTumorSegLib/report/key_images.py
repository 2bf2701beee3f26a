"""Pictures of one lesion in three planes, with its outline; on the axial one with its diameters."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ..data import Lesion
from ..findings.measures import Measures
from ..geometry import Box
from ..lesions import terminology
from ..writers.pictures import EDGE, TEXT, WINDOW_HU, AxialView, diameters_on
from . import embedded

PLANES = ("axial", "coronal", "sagittal")
_LEAST_HALF_MM = 25.0
_INCHES, _DPI = 3.0, 150
# on the picture's left, right, upper and lower edge
_SIDES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "S", "I"), "sagittal": ("A", "P", "S", "I")}


def key_images(view: AxialView, lesion: Lesion, mask: np.ndarray, measured: Measures) -> dict[str, str]:
    """Pictures of one lesion in three planes, square and of the same scale.

    The axial slice is that of the diameters; the coronal and sagittal ones hold most voxels of the lesion. The lines
    are the table's chords, their labels `Measures`' diameters (mm).

    Args:
        mask: bool (z, y, x), fills the lesion's ``label_box``.

    Returns:
        Data URIs by plane (`PLANES`).
    """
    box, placed = view.placed(lesion, mask)
    spacing = np.asarray(view.geometry.spacing_zyx)
    half = max(_LEAST_HALF_MM, 1.1 * lesion.long_axis_mm, 0.65 * float(np.multiply(box.shape, spacing).max()))
    most = [int(placed.sum(tuple({0, 1, 2} - {axis})).argmax()) + box.start[axis] for axis in range(3)]
    most[0] = view.slice_number(lesion)
    pictures = {}
    for axis, plane in enumerate(PLANES):
        figure, axes = embedded.empty(_INCHES, _INCHES)
        _slice(axes, view, axis, most[axis], box, placed, half, terminology.color(lesion))
        if axis == 0:
            lengths = measured.subvoxel_long_axis_mm, measured.subvoxel_short_axis_mm
            diameters_on(axes, view, lesion, [f"{mm:.1f}" for mm in lengths])
        _letters(axes, _SIDES[plane])
        _scale_bar(axes)
        pictures[plane] = embedded.data_uri(figure, _DPI)
    return pictures


def _slice(
    axes: Axes,
    view: AxialView,
    axis: int,
    number: int,
    box: Box,
    mask: np.ndarray,
    half: float,
    color: tuple[float, float, float],
) -> None:
    """A slice across ``axis`` around the lesion, in mm: rows downwards on axial slices, upwards on the others."""
    down, across = (a for a in range(3) if a != axis)
    spacing, shape = view.geometry.spacing_zyx, view.geometry.shape_zyx
    centre = box.middle * spacing
    # what the picture shows, and two voxels more
    part = [slice(number, number + 1)] * 3
    for a in (down, across):
        first, last = ((centre[a] + end * half) / spacing[a] + end * 2 for end in (-1, 1))
        part[a] = slice(max(0, int(first)), min(shape[a], int(last) + 2))
    seen = view.voxels[tuple(part)].squeeze(axis)
    outline = np.zeros(shape[:axis] + shape[axis + 1 :], np.float32)
    flat = tuple(s for a, s in enumerate(box.slices) if a != axis)
    outline[flat] = mask.take(number - box.start[axis], axis)
    ys, xs = ((np.arange(part[a].start, part[a].stop) * spacing[a]) for a in (down, across))
    left, right, top, bottom = _edges(xs, spacing[across]) + _edges(ys, spacing[down])
    low, high = WINDOW_HU
    axes.imshow(
        seen, cmap="gray", vmin=low, vmax=high, extent=(left, right, bottom, top), interpolation="bicubic", zorder=0
    )
    axes.contour(xs, ys, outline[part[down], part[across]], levels=[0.5], colors=[color], linewidths=1.6)
    axes.set_xlim(centre[across] - half, centre[across] + half)
    downwards = 1 if axis == 0 else -1
    axes.set_ylim(centre[down] + downwards * half, centre[down] - downwards * half)


def _edges(places: np.ndarray, step: float) -> tuple[float, float]:
    return places[0] - step / 2, places[-1] + step / 2


def _letters(axes: Axes, letters: Sequence[str]) -> None:
    """Where the patient's right (R), left (L), front (A), back (P), head (S) and feet (I) are."""
    places = ((0.04, 0.5), (0.96, 0.5), (0.5, 0.955), (0.5, 0.045))
    for (x, y), letter in zip(places, letters, strict=True):
        axes.text(
            x, y, letter, transform=axes.transAxes, color=TEXT, fontsize=9, ha="center", va="center", path_effects=EDGE
        )


def _scale_bar(axes: Axes) -> None:
    """10 mm, in the lower left corner."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    x, y = left + 0.05 * (right - left), bottom + 0.06 * (top - bottom)
    axes.plot((x, x + 10), (y, y), color=TEXT, linewidth=1.8, solid_capstyle="butt", path_effects=EDGE)
    axes.text(x, y + 0.02 * (top - bottom), "10 mm", color=TEXT, fontsize=8, va="bottom", path_effects=EDGE)
