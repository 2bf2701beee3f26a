"""Pictures of a result: each lesion on its axial slice, and where in the chest the lesions are."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..data import CT, Lesion, Result
from ..enums import Status
from ..geometry import Box
from ..lesions import terminology

MOST_LESIONS = 10
# the usual lung window: centre -600, width 1500 HU
WINDOW_HU = (-1350, 150)
SMALLEST_ZOOM_MM = 60.0
BACKGROUND, TEXT, FAINT = "#111111", "#f2f2f2", "#9a9a9a"
EDGE = [patheffects.withStroke(linewidth=3, foreground=BACKGROUND)]  # readable on bone as well as on air
_DPI = 120
_REMARK = "LungTumorSeg, for research, not a medical device"


def write(folder: Path, result: Result, ct: CT, names: Mapping[int, str] | None = None) -> None:
    """Write ``overview.png`` and, for the ten best lesions, ``lesion_<id>.png``; rejected ones are grey.

    Args:
        folder: An existing one.
        names: The user's, by lesion id.

    Raises:
        OSError: A picture cannot be written.
    """
    chest = AxialView(result, ct)
    save_figure(_overview(chest, ct.name), Path(folder) / "overview.png")
    for lesion, mask in list(zip(result.lesions, result.masks, strict=True))[:MOST_LESIONS]:
        title = f"{terminology.name(lesion, names)}   {_describe(lesion)}"
        save_figure(_slice_picture(chest, lesion, mask, title), Path(folder) / f"lesion_{lesion.id:02d}.png")


class AxialView:
    """The CT seen as axial slices (z to the head, y to the back, x to the left), and lesions placed in it."""

    def __init__(self, result: Result, ct: CT) -> None:
        self.lesions, self.masks = result.lesions, result.masks
        self.order = ct.geometry.axial_order()
        self.geometry = ct.geometry.axial()
        self.voxels = self.order.view(ct.voxels_zyx)

    def slice_number(self, lesion: Lesion) -> int:
        """The lesion's slice in this view."""
        n = self.geometry.shape_zyx[0]
        return n - 1 - lesion.slice_index if self.order.flips[0] else lesion.slice_index

    def placed(self, lesion: Lesion, mask: np.ndarray) -> tuple[Box, np.ndarray]:
        """The lesion's box and mask in this view.

        Args:
            mask: bool (z, y, x), fills the lesion's ``label_box``.

        Returns:
            The box in the view's array, and the mask (z, y, x) that fills it.
        """
        return self.order.view_box(lesion.label_box, self.geometry.shape_zyx), self.order.view(mask)


def _slice_picture(chest: AxialView, lesion: Lesion, mask: np.ndarray, title: str) -> Figure:
    """Left the whole slice, right the lesion with outline and diameters."""
    box, mask = chest.placed(lesion, mask)
    number = chest.slice_number(lesion)
    outline = np.zeros(chest.geometry.shape_zyx[1:], np.float32)
    outline[box.slices[1:]] = mask[number - box.start[0]]
    _, dy, dx = chest.geometry.spacing_zyx
    ny, nx = outline.shape
    color = terminology.color(lesion)
    extent = (-dx / 2, (nx - 0.5) * dx, (ny - 0.5) * dy, -dy / 2)  # mm, so that pixels need not be square

    figure = Figure(figsize=(11, 6), facecolor=BACKGROUND)
    whole, zoom = (figure.add_axes((x, 0.1, 0.48, 0.78)) for x in (0.015, 0.505))
    low, high = WINDOW_HU
    for axes, width in ((whole, 1.2), (zoom, 1.8)):
        axes.imshow(chest.voxels[number], cmap="gray", vmin=low, vmax=high, extent=extent, interpolation="bicubic")
        axes.contour(np.arange(nx) * dx, np.arange(ny) * dy, outline, levels=[0.5], colors=[color], linewidths=width)
        axes.set_axis_off()
    _, centre_y, centre_x = box.middle * chest.geometry.spacing_zyx
    half = max(SMALLEST_ZOOM_MM, 2.2 * lesion.long_axis_mm) / 2
    for axes in (whole, zoom):
        sides_on(axes)
    zoom.set_xlim(centre_x - half, centre_x + half)
    zoom.set_ylim(centre_y + half, centre_y - half)
    whole.plot(
        centre_x + half * np.array((-1, 1, 1, -1, -1)),
        centre_y + half * np.array((-1, -1, 1, 1, -1)),
        color=TEXT,
        linewidth=0.8,
    )
    diameters_on(zoom, chest, lesion, [f"{mm:.1f} mm" for mm in (lesion.long_axis_mm, lesion.short_axis_mm)])
    scale_bar(zoom, centre_x - half, centre_y + half, half)
    title_on(figure, 0.93, title, color)
    place = f"axial slice {lesion.slice_index} (from 0) of {chest.geometry.shape_zyx[0]}, lung window"
    footer_on(figure, place)
    return figure


def sides_on(axes: Axes) -> None:
    """The patient's right is on the left of the picture."""
    for x, side in ((0.02, "R"), (0.98, "L")):
        axes.text(x, 0.5, side, transform=axes.transAxes, color=TEXT, ha="center", va="center", path_effects=EDGE)


def diameters_on(axes: Axes, chest: AxialView, lesion: Lesion, labels: Sequence[str]) -> None:
    """Draw the long and the short axis of a lesion, if it has them.

    Args:
        axes: Of a picture in mm.
        labels: Of the long and of the short axis.
    """
    if not lesion.axis_points_lps:
        return
    ends = chest.geometry.index(lesion.axis_points_lps)[:, 1:] * chest.geometry.spacing_zyx[1:]
    for pair, label in zip((ends[:2], ends[2:]), labels, strict=True):
        if len(pair) < 2:
            continue
        y, x = pair.T
        axes.plot(x, y, color=TEXT, linewidth=1.2, marker="o", markersize=2.5, path_effects=EDGE)
        far = int(np.argmax(x))  # the label goes to the right end, where it covers nothing of the lesion
        axes.annotate(
            label,
            (x[far], y[far]),
            xytext=(7, 0),
            textcoords="offset points",
            color=TEXT,
            fontsize=10,
            va="center",
            path_effects=EDGE,
        )


def scale_bar(axes: Axes, left: float, bottom: float, half: float) -> None:
    """Draw a bar of 10 mm.

    Args:
        axes: In mm.
        left: The picture's left edge, mm.
        bottom: Its lower edge, mm.
        half: Half of its width, mm.
    """
    x, y = left + 0.08 * half, bottom - 0.1 * half
    axes.plot((x, x + 10), (y, y), color=TEXT, linewidth=1.5, solid_capstyle="butt", path_effects=EDGE)
    axes.text(x + 5, y - 0.03 * half, "10 mm", color=TEXT, fontsize=9, ha="center", va="bottom", path_effects=EDGE)


def _describe(lesion: Lesion) -> str:
    words = [
        f"{lesion.long_axis_mm:.1f} x {lesion.short_axis_mm:.1f} mm",
        f"{lesion.volume_mm3 / 1000:.2f} ml",
        f"{lesion.mean_hu:.0f} HU",
    ]
    if lesion.status == Status.REJECTED:
        words.insert(0, "rejected")
    if lesion.side:
        words.append(f"{lesion.side} lung")
    if lesion.confidence is not None:
        words.append(f"confidence {lesion.confidence:.2f}")
    return ", ".join(words)


def _overview(chest: AxialView, name: str) -> Figure:
    """The chest from the front and from the side, as an X-ray would show it, with the lesions in it."""
    dz, dy, dx = chest.geometry.spacing_zyx
    nz, ny, nx = chest.geometry.shape_zyx
    figure = Figure(figsize=(11, 6.5), facecolor=BACKGROUND)
    views = (
        (1, nx * dx, (0.02, 0.1, 0.52, 0.76), "from the front"),
        (2, ny * dy, (0.55, 0.1, 0.43, 0.76), "from the left"),
    )
    for axis, width, place, title in views:
        axes = figure.add_axes(place)
        # a side view from the left has the front of the chest on its left, as y grows to the back
        axes.imshow(radiograph(chest.voxels, axis), cmap="gray", origin="lower", extent=(0, width, 0, nz * dz))
        for lesion, mask in zip(chest.lesions[:MOST_LESIONS], chest.masks, strict=False):
            box, placed = chest.placed(lesion, mask)
            ends = box.pairs[0], box.pairs[3 - axis]
            _silhouette(axes, lesion, np.asarray(placed.any(axis=axis)), ends, (dz, dx if axis == 1 else dy))
        axes.set_xlim(0, width)
        axes.set_ylim(0, nz * dz)
        axes.set_axis_off()
        axes.set_title(title, color=FAINT, fontsize=10)
        if axis == 1:
            sides_on(axes)
    title_on(figure, 0.94, f"{name}: {_count(chest.lesions)}", TEXT)
    footer_on(figure, "mean density along the line of sight")
    return figure


def _count(lesions: Sequence[Lesion]) -> str:
    rejected = sum(lesion.status == Status.REJECTED for lesion in lesions)
    count = len(lesions) - rejected
    words = f"{count} lesion{'s' if count > 1 else ''} found" if count else "No lesion found"
    if rejected:
        words += f", {rejected} rejected (grey)"
    return words + (f", the {MOST_LESIONS} best shown" if len(lesions) > MOST_LESIONS else "")


def radiograph(voxels: np.ndarray, axis: int) -> np.ndarray:
    """Mean density along an axis, air 0 and water 1, brightened like a chest X-ray.

    Args:
        voxels: HU, (z, y, x).
        axis: Along which one looks, 1 (y) or 2 (x).

    Returns:
        A picture (z, x) or (z, y), from 0 to 1 between the 2nd and the 99.5th percentile of the means.
    """
    mean = np.empty([n for i, n in enumerate(voxels.shape) if i != axis], np.float32)
    for z, plane in enumerate(voxels):
        mean[z] = np.clip(plane, -1000, 600).mean(axis=axis - 1)
    low, high = np.percentile(mean, (2, 99.5))
    return np.clip((mean - low) / max(high - low, 1), 0, 1) ** 0.8


def _silhouette(
    axes: Axes, lesion: Lesion, seen: np.ndarray, ends: Sequence[tuple[int, int]], steps: Sequence[float]
) -> None:
    """The lesion's shadow with its number."""
    padded = np.pad(seen.astype(np.float32), 1)
    z, h = ((np.arange(a - 1, b + 1) + 0.5) * step for (a, b), step in zip(ends, steps, strict=True))
    color = terminology.color(lesion)
    axes.contourf(h, z, padded, levels=[0.5, 1.5], colors=[color], alpha=0.45)
    axes.contour(h, z, padded, levels=[0.5], colors=[color], linewidths=1.2)
    rows, columns = np.nonzero(padded)
    middle = h[int(columns.mean())], z[int(rows.mean())]
    axes.text(
        *middle, str(lesion.id), color=TEXT, fontsize=11, weight="bold", ha="center", va="center", path_effects=EDGE
    )


def title_on(figure: Figure, y: float, title: str, color: str | tuple[float, float, float]) -> None:
    """Write a picture's title.

    Args:
        figure: The picture.
        y: How high, as a share of the picture.
        title: Its words; nothing in them is a formula.
        color: Of the words.
    """
    # a dollar sign in a name begins no formula
    figure.text(0.02, y, title, color=color, fontsize=13, weight="bold", parse_math=False)


def footer_on(figure: Figure, left: str) -> None:
    """Write the words below a picture, on the left; on the right that it is for research."""
    figure.text(0.02, 0.03, left, color=FAINT, fontsize=9)
    figure.text(0.98, 0.03, _REMARK, color=FAINT, fontsize=9, ha="right")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture as PNG.

    Raises:
        OSError: The file cannot be written.
    """
    FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # a volume's name may be in a script that matplotlib's own font lacks: it shows boxes then
        warnings.filterwarnings("ignore", "Glyph")
        figure.savefig(path, dpi=_DPI, facecolor=BACKGROUND)
