"""Where in the chest the lesions are: the CT seen like an X-ray, from the front and from the left."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ..data import Lesion
from ..lesions import terminology
from ..writers.pictures import EDGE, TEXT, AxialView, radiograph
from . import embedded

_HEIGHT_INCHES, _DPI = 4.2, 150
_MARGIN = 0.12  # of the width, on either side, where the numbers stand
_LEAST_GAP = 0.052  # of the height, between two numbers


def projections(view: AxialView, lesions: Sequence[Lesion], masks: Sequence[np.ndarray]) -> dict[str, str]:
    """Pictures of the chest like X-rays, the lesions outlined and named by their ids.

    Args:
        masks: As in `Result`.

    Returns:
        Data URIs of ``front`` and ``left``.
    """
    return {"front": _picture(view, lesions, masks, 1), "left": _picture(view, lesions, masks, 2)}


def _picture(view: AxialView, lesions: Sequence[Lesion], masks: Sequence[np.ndarray], axis: int) -> str:
    """axis: along which one looks, in the view's (z, y, x). From the left the chest's front is on the left."""
    across = 3 - axis
    steps, shape = view.geometry.spacing_zyx, view.geometry.shape_zyx
    height, width = shape[0] * steps[0], shape[across] * steps[across]
    wide = width * (1 + 2 * _MARGIN)
    figure, axes = embedded.empty(_HEIGHT_INCHES * wide / height, _HEIGHT_INCHES)
    axes.imshow(radiograph(view.voxels, axis), cmap="gray", origin="lower", extent=(0, width, 0, height))
    middles = []
    for lesion, mask in zip(lesions, masks, strict=True):
        box, placed = view.placed(lesion, mask)
        seen = np.pad(placed.any(axis).astype(np.float32), 1)
        ends = box.pairs[0], box.pairs[across]
        z, h = (
            (np.arange(a - 1, b + 1) + 0.5) * step for (a, b), step in zip(ends, (steps[0], steps[across]), strict=True)
        )
        color = terminology.color(lesion)
        axes.contourf(h, z, seen, levels=[0.5, 1.5], colors=[color], alpha=0.5)
        axes.contour(h, z, seen, levels=[0.5], colors=[color], linewidths=1.2)
        middles.append((float((h[0] + h[-1]) / 2), float((z[0] + z[-1]) / 2)))
    _number(axes, lesions, middles, width, height)
    axes.set_xlim(-width * _MARGIN, width * (1 + _MARGIN))
    axes.set_ylim(0, height)
    return embedded.data_uri(figure, _DPI)


def _number(
    axes: Axes, lesions: Sequence[Lesion], middles: Sequence[tuple[float, float]], width: float, height: float
) -> None:
    """Each id beside the chest at its lesion's height, on the nearer side, and a line to the lesion."""
    sides = [x >= width / 2 for x, _ in middles]
    for right in (False, True):
        found = sorted((i for i, side in enumerate(sides) if side == right), key=lambda i: middles[i][1])
        places = spread([middles[i][1] for i in found], _LEAST_GAP * height, height)
        for i, y in zip(found, places, strict=True):
            x = width * (1 + _MARGIN / 2) if right else -width * _MARGIN / 2
            near = width if right else 0.0
            color = terminology.color(lesions[i])
            axes.plot((near, middles[i][0]), (y, middles[i][1]), color=color, linewidth=0.8, alpha=0.9)
            number = str(lesions[i].id)
            axes.text(x, y, number, color=TEXT, fontsize=11, weight="bold", ha="center", va="center", path_effects=EDGE)


def spread(wanted: Sequence[float], gap: float, end: float) -> list[float]:
    """Places for labels near the wanted ones, from 0 to ``end``.

    Args:
        wanted: Ascending.
        gap: Between two places; they are closer where they are too many.

    Returns:
        Ascending places, one for each.
    """
    if not wanted:
        return []
    gap = min(gap, end / len(wanted))
    places: list[float] = []
    for i, place in enumerate(wanted):
        least = places[-1] + gap if places else gap / 2
        places.append(min(max(place, least), end - gap / 2 - gap * (len(wanted) - 1 - i)))
    return places
