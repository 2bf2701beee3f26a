"""Pictures of a follow-up: each lesion in all CTs side by side, at the same anatomical place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..enums import Fate
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.places import places
from ..findings.follow_up.points import TimePoint
from ..findings.follow_up.tracks import Track
from ..lesions import terminology
from . import pictures
from .pictures import AxialView

MOST_LESIONS = 10
_PANEL = 4.6  # inches


def write(folder: Path, follow_up: FollowUp) -> None:
    """Write ``lesion_<id>.png`` of the first ten tracks.

    Raises:
        OSError: A picture cannot be written.
    """
    views = [AxialView(point.result, point.ct) for point in follow_up.points]
    for track in follow_up.tracks[:MOST_LESIONS]:
        pictures.save_figure(picture(follow_up, track, views), folder / f"lesion_{track.id:02d}.png")


def picture(follow_up: FollowUp, track: Track, views: list[AxialView]) -> Figure:
    """One lesion in all CTs side by side.

    Args:
        views: One of each CT.
    """
    count = len(views)
    figure = Figure(figsize=(_PANEL * count, _PANEL + 1.2), facecolor=pictures.BACKGROUND)
    axes_mm = [p.outline(n)[0].long_axis_mm for p, n in zip(follow_up.points, track.lesions, strict=True) if n]
    half = max(pictures.SMALLEST_ZOOM_MM, 2.2 * max(axes_mm)) / 2
    for k, (view, place) in enumerate(zip(views, places(follow_up, track), strict=True)):
        axes = figure.add_axes(((k + 0.01) / count, 0.1, 0.98 / count, 0.72))
        _panel(axes, view, follow_up.points[k], track, k, place, half)
        axes.set_title(_heading(follow_up, track, k), color=pictures.TEXT, fontsize=9, parse_math=False)
    steps = ", then ".join(str(step.fate) for step in track.steps if step)
    pictures.title_on(figure, 0.94, f"Lesion {track.id}: {steps}", pictures.TEXT)
    pictures.footer_on(figure, "the same anatomical place, lung window")
    return figure


def _heading(follow_up: FollowUp, track: Track, k: int) -> str:
    point, number = follow_up.points[k], track.lesions[k]
    words = [str(point.date or f"CT {k + 1}")]
    if number is None:
        return f"{words[0]}: {_absence(track, k)}"
    lesion, _ = point.outline(number)
    words.append(f"{lesion.long_axis_mm:.1f} x {lesion.short_axis_mm:.1f} mm, {lesion.volume_mm3 / 1000:.2f} ml")
    if number in point.clicked:
        words.append("found by a click")
    if not lesion.listed:
        words.append("less likely")
    return ": ".join(words[:2]) + "".join(f", {word}" for word in words[2:])


def _absence(track: Track, k: int) -> str:
    """Why the lesion has no outline of its own in CT ``k``."""
    if not _compared(track, k):
        return "not compared"
    before = any(number is not None for number in track.lesions[:k])
    whole = track.merged_into if before else track.split_from
    return "not seen at its place" if whole is None else f"part of lesion {whole}"


def _compared(track: Track, k: int) -> bool:
    """Whether the lesion's place in CT ``k``, where it has no outline, is known from a CT beside it."""
    beside = [step for step in track.steps[max(k - 1, 0) : k + 1] if step]
    return all(step.fate != Fate.NOT_COMPARED for step in beside)


def _panel(
    axes: Axes, view: AxialView, point: TimePoint, track: Track, k: int, place_lps: np.ndarray, half: float
) -> None:
    """The slice through the place, none where the place is not known; ``half`` the width of what is shown, mm."""
    number = track.lesions[k]
    index = view.geometry.index(place_lps)
    _, dy, dx = view.geometry.spacing_zyx
    nz, ny, nx = view.geometry.shape_zyx
    y, x = index[1] * dy, index[2] * dx
    z = round(float(index[0]))
    axes.set_facecolor(pictures.BACKGROUND)
    axes.set_xticks([])
    axes.set_yticks([])
    if number is None and not _compared(track, k):
        return
    if 0 <= z < nz:
        low, high = pictures.WINDOW_HU
        extent = (-dx / 2, (nx - 0.5) * dx, (ny - 0.5) * dy, -dy / 2)
        axes.imshow(view.voxels[z], cmap="gray", vmin=low, vmax=high, extent=extent, interpolation="bicubic")
    if number is None:
        axes.plot(x, y, marker="o", markersize=28, fillstyle="none", color=pictures.FAINT, linestyle="none")
    else:
        lesion, mask = point.outline(number)
        box, mask = view.placed(lesion, mask)
        outline = np.zeros((ny, nx), np.float32)
        if box.start[0] <= z < box.stop[0]:
            outline[box.slices[1:]] = mask[z - box.start[0]]
            color = terminology.color(replace(lesion, id=track.id))  # one in all CTs, whatever its number there
            axes.contour(np.arange(nx) * dx, np.arange(ny) * dy, outline, levels=[0.5], colors=[color], linewidths=1.5)
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y + half, y - half)
    pictures.sides_on(axes)
    pictures.scale_bar(axes, x - half, y + half, half)
