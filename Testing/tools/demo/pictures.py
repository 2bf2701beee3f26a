"""Pictures of a result: the tumour with its reference outline, and the surfaces inside the lungs."""

from pathlib import Path

import numpy as np
from LungTumorSegLib import Result
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import RAS_FROM_LPS, Geometry
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.writers.pictures import AxialView
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from skimage.measure import marching_cubes

_LUNG_COLOR = (0.75, 0.8, 0.9)
_REFERENCE = "white"
_LEAST_MM = 60.0  # a picture's width


def draw(result: Result, ct: CT, reference: np.ndarray, folder: Path) -> list[Path]:
    """Write tumour.png and surface.png. reference: bool (z, y, x) on the CT's grid, with a voxel or more."""
    figures = {"tumour.png": _tumour(result, ct, reference), "surface.png": _surfaces(result)}
    for name, figure in figures.items():
        FigureCanvasAgg(figure)
        figure.savefig(folder / name, dpi=110)
    return [folder / name for name in figures]


def _tumour(result: Result, ct: CT, reference: np.ndarray) -> Figure:
    """The axial slice with most of the reference: its outline dashed, each lesion's in the lesion's colour."""
    chest = AxialView(result, ct)
    reference = chest.order.view(reference)
    number = int(reference.sum((1, 2)).argmax())
    _, dy, dx = chest.geometry.spacing_zyx
    ny, nx = reference.shape[1:]
    x, y = np.arange(nx) * dx, np.arange(ny) * dy  # mm, so that pixels need not be square

    figure = Figure(figsize=(8, 8.6), facecolor="black")
    axes = figure.add_axes((0, 0.07, 1, 0.93))
    extent = (-dx / 2, (nx - 0.5) * dx, (ny - 0.5) * dy, -dy / 2)
    axes.imshow(chest.voxels[number], cmap="gray", vmin=-1350, vmax=150, extent=extent, interpolation="bicubic")
    lines = []
    for lesion, mask in zip(result.lesions, result.masks, strict=True):
        box, mask = chest.placed(lesion, mask)
        if box.start[0] <= number < box.start[0] + len(mask):
            outline = np.zeros((ny, nx), np.float32)
            outline[box.slices[1:]] = mask[number - box.start[0]]
            color = terminology.color(lesion)
            axes.contour(x, y, outline, levels=[0.5], colors=[color], linewidths=1.8)
            lines.append(Line2D([], [], color=color, label=f"lesion {lesion.id}"))
    axes.contour(x, y, reference[number], levels=[0.5], colors=[_REFERENCE], linewidths=1.2, linestyles="dashed")
    lines.append(Line2D([], [], color=_REFERENCE, linestyle="dashed", label="reference"))
    rows, columns = np.nonzero(reference[number])
    size = max(np.ptp(rows) * dy, np.ptp(columns) * dx)
    half = max(_LEAST_MM, 2.2 * size) / 2
    axes.set_xlim(columns.mean() * dx - half, columns.mean() * dx + half)
    axes.set_ylim(rows.mean() * dy + half, rows.mean() * dy - half)
    axes.set_axis_off()
    for place, side in ((0.03, "R"), (0.97, "L")):  # the patient's right is on the left of the picture
        axes.text(place, 0.5, side, transform=axes.transAxes, color="white", fontsize=16, ha="center", va="center")
    figure.legend(handles=lines, loc="lower center", ncols=4, facecolor="black", labelcolor="white", edgecolor="gray")
    return figure


def _surface(mask_zyx: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Points in RAS mm and triangles of a mask's border."""
    points, triangles, _, _ = marching_cubes(np.pad(mask_zyx.astype(np.float32), 1), 0.5)
    return geometry.lps(points - 1) @ RAS_FROM_LPS[:3, :3], triangles


def _surfaces(result: Result) -> Figure:
    """Lesions and pale lungs from the front; without either an empty frame."""
    figure = Figure(figsize=(8, 8))
    axes = figure.add_subplot(projection="3d")
    parts = [
        (*_surface(mask, result.geometry.crop(lesion.label_box)), terminology.color(lesion), 1)
        for lesion, mask in zip(result.lesions, result.masks, strict=True)
    ]
    if result.lungs is not None:
        parts.append((*_surface(result.lungs.label_zyx > 0, result.lungs.geometry), _LUNG_COLOR, 0.05))
    for points, triangles, color, alpha in parts:
        axes.add_collection3d(Poly3DCollection(points[triangles], facecolors=color, alpha=alpha, shade=alpha == 1))
    if parts:
        everything = np.concatenate([points for points, *_ in parts])
        low, high = everything.min(0), everything.max(0)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]), box_aspect=high - low)
    axes.set(xlabel="R (mm)", ylabel="A (mm)", zlabel="S (mm)")
    axes.view_init(elev=10, azim=75)
    return figure
