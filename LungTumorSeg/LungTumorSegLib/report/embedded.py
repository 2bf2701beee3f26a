"""Pictures as text inside of a page."""

import base64
import io

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BACKGROUND = "#000000"
_QUALITY = 90  # of a JPEG: 25 kB for a picture that takes 130 kB as PNG


def empty(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure that its axes fill, without ticks.

    Args:
        width: Inches.
        height: Inches.
    """
    figure = Figure(figsize=(width, height), facecolor=BACKGROUND)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return figure, axes


def data_uri(figure: Figure, dpi: int) -> str:
    """The figure as a JPEG in a ``data:`` address."""
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="jpg", dpi=dpi, facecolor=figure.get_facecolor(), pil_kwargs={"quality": _QUALITY})
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def vector_uri(figure: Figure) -> str:
    """The figure as SVG in a ``data:`` address; its letters are outlines, so that it needs no font."""
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "LungTumorSeg"}):  # the same file each time
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()
