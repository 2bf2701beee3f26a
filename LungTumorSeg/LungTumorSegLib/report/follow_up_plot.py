"""A follow-up as plots over the dates: long axis and volume of each lesion, the RECIST sum. They hold no words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..findings.follow_up.change import size_errors
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.recist import Recist, limits
from ..findings.follow_up.tracks import Track
from ..lesions import terminology
from .projection import spread

MOST_LINES = 10
_INCHES = (5.0, 3.1)
_INK, _GRID, _MARKS = "#1c2326", "#e3e7e8", "osD^vPXh<>"


@dataclass(frozen=True)
class Line:
    """One lesion over the CTs that show it.

    Attributes:
        lesion: Id of its track.
        color: RGB, 0 to 1.
        at: Indices of the CTs.
        long_axis_mm: In each of them.
        long_axis_error_mm: To either side, see `size_errors`.
        volume_mm3: In each of them.
        volume_error_percent: See `size_errors`.
    """

    lesion: int
    color: tuple[float, float, float]
    at: tuple[int, ...]
    long_axis_mm: tuple[float, ...]
    long_axis_error_mm: tuple[float, ...]
    volume_mm3: tuple[float, ...]
    volume_error_percent: tuple[float, ...]


def lines(follow_up: FollowUp) -> list[Line]:
    """The first ten lesions that two CTs or more show."""
    seen = [track for track in follow_up.tracks if sum(number is not None for number in track.lesions) > 1]
    return [_line(follow_up, track) for track in seen[:MOST_LINES]]


def plots(follow_up: FollowUp, response: Recist) -> dict[str, Figure]:
    """The plots by name: ``long_axis``, ``volume``, ``sum``; none without a lesion that two CTs show.

    Args:
        response: Of `recist`; without targets there is no ``sum``.
    """
    found, places = lines(follow_up), _places(follow_up)
    made = {}
    if found:
        made["long_axis"] = _plot(follow_up, "mm", lambda axes: _long_axes(axes, found, places))
        made["volume"] = _plot(follow_up, "mm³", lambda axes: _volumes(axes, found, places))
    if response.targets:
        made["sum"] = _plot(follow_up, "mm", lambda axes: _sum(axes, response, places))
    return made


def _line(follow_up: FollowUp, track: Track) -> Line:
    at = [k for k, number in enumerate(track.lesions) if number is not None]
    sizes = [follow_up.points[k].size(track.lesions[k] or 0) for k in at]
    errors = [size_errors(size) for size in sizes]
    lesion, _ = follow_up.points[at[0]].outline(track.lesions[at[0]] or 0)
    return Line(
        track.id,
        terminology.color(replace(lesion, id=track.id)),  # that of the pictures
        tuple(at),
        tuple(size.long_axis_mm for size in sizes),
        tuple(mm for _, mm in errors),
        tuple(size.volume_mm3 for size in sizes),
        tuple(percent for percent, _ in errors),
    )


def _places(follow_up: FollowUp) -> list[float]:
    """Where the CTs stand on the axis: by their dates, else one after the other."""
    dates = [point.date for point in follow_up.points]
    return [float(k) if date is None else float(date2num(date)) for k, date in enumerate(dates)]


def _plot(follow_up: FollowUp, unit: str, draw: Callable[[Axes], None]) -> Figure:
    figure = Figure(figsize=_INCHES, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    draw(axes)
    places = _places(follow_up)
    room = 0.12 * ((max(places) - min(places)) or 1.0)
    axes.set_xlim(min(places) - room, max(places) + room)
    labels = [str(point.date or f"CT {k + 1}") for k, point in enumerate(follow_up.points)]
    turned = min(np.diff(places)) < 0.25 * (max(places) - min(places))  # else neighbours would cover each other
    axes.set_xticks(places, labels, rotation=30 if turned else 0, ha="right" if turned else "center")
    axes.set_ylabel(unit, rotation=0, ha="right", va="top", y=1.0)
    axes.grid(axis="y", color=_GRID)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, colors=_INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _bars(axes: Axes, line: Line, mark: str, xs: Sequence[float], ys: Sequence[float], errors: np.ndarray) -> None:
    """errors: (2, n), down and up."""
    axes.errorbar(
        xs, ys, yerr=errors, color=line.color, marker=mark, markersize=5, linewidth=1.6, elinewidth=1.0, capsize=3,
        markeredgecolor=_INK, markeredgewidth=0.5, label=str(line.lesion),
    )  # fmt: skip


def _long_axes(axes: Axes, found: Sequence[Line], places: Sequence[float]) -> None:
    for line, shift, mark in zip(found, _apart(len(found), places), _MARKS, strict=False):
        errors = np.tile(line.long_axis_error_mm, (2, 1))
        _bars(axes, line, mark, [places[k] + shift for k in line.at], line.long_axis_mm, errors)
    top = max(mm + off for line in found for mm, off in zip(line.long_axis_mm, line.long_axis_error_mm, strict=True))
    axes.set_ylim(0, 1.05 * top)
    _number(axes, found, places, [line.long_axis_mm[-1] / (1.05 * top) for line in found])


def _volumes(axes: Axes, found: Sequence[Line], places: Sequence[float]) -> None:
    """On a logarithmic axis: a doubling is as long everywhere, steady growth a straight line."""
    ends = []
    for line, shift, mark in zip(found, _apart(len(found), places), _MARKS, strict=False):
        volume, share = np.array(line.volume_mm3), 1 + np.array(line.volume_error_percent) / 100
        errors = np.array((volume - volume / share, volume * share - volume))  # as the change's: by the same factor
        _bars(axes, line, mark, [places[k] + shift for k in line.at], line.volume_mm3, errors)
        ends += [*(volume / share), *(volume * share)]
    axes.set_yscale("log")
    ticks = _ticks(min(ends), max(ends))
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(ticks[0], ticks[-1])
    span = np.log(ticks[-1] / ticks[0])
    _number(axes, found, places, [float(np.log(line.volume_mm3[-1] / ticks[0]) / span) for line in found])


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... from the last one under ``low`` to the first one over ``high``."""
    every = [step * 10.0**power for power in range(-3, 10) for step in (1, 2, 5)]
    return [
        tick
        for tick, before, after in zip(every[1:-1], every, every[2:], strict=False)
        if after > low and before < high
    ]


def _apart(count: int, places: Sequence[float]) -> np.ndarray:
    """Small shifts along the axis, so that bars do not cover each other."""
    step = 0.008 * ((max(places) - min(places)) or 1.0)
    return (np.arange(count) - (count - 1) / 2) * step


def _number(axes: Axes, found: Sequence[Line], places: Sequence[float], heights: Sequence[float]) -> None:
    """The lesions' numbers: on the right, of one that the last CT does not show beside its last point.

    Args:
        heights: Of the last values, 0 to 1.
    """
    last = len(places) - 1
    style: dict[str, Any] = {"color": _INK, "fontsize": 9, "weight": "bold", "va": "center", "ha": "left"}
    shown = sorted((i for i in range(len(found)) if found[i].at[-1] == last), key=lambda i: heights[i])
    for i, height in zip(shown, spread([heights[i] for i in shown], 0.065, 1.0), strict=True):
        ends: dict[str, Any] = {"xy": (1.0, heights[i]), "xytext": (1.02, height), "xycoords": "axes fraction"}
        axes.annotate(str(found[i].lesion), **ends, textcoords="axes fraction", annotation_clip=False, **style)
        axes.plot(
            (0.965, 1.015), (heights[i], height), color=found[i].color, linewidth=0.8, transform=axes.transAxes,
            clip_on=False,
        )  # fmt: skip
    for line, height in zip(found, heights, strict=True):
        if line.at[-1] != last:
            place = (places[line.at[-1]], height)
            axes.annotate(
                str(line.lesion), place, (7, 0), xycoords=("data", "axes fraction"), textcoords="offset points", **style
            )


def _sum(axes: Axes, response: Recist, places: Sequence[float]) -> None:
    """The sum at each CT with its response; short lines: from where it is PR or PD."""
    sums = [at.sum_mm for at in response.responses]
    values = [np.nan if value is None else value for value in sums]
    axes.plot(places, values, color=_INK, marker="o", markersize=6, linewidth=1.8)
    top = max([value for value in sums if value is not None], default=1.0)
    for k, (x, value) in enumerate(zip(places, sums, strict=True)):
        if value is None:
            continue
        words = f"{value:.1f} {response.responses[k].response}".strip()
        axes.annotate(words, (x, value), (0, 8), textcoords="offset points", ha="center", fontsize=9, weight="bold")
        before = [each for each in sums[:k] if each is not None]
        if k and len(before) == k:
            for name, limit, color in zip(("PR", "PD"), limits(before), ("#2e7d32", "#b3261e"), strict=True):
                axes.plot([x], [limit], marker="_", markersize=22, markeredgewidth=2, color=color)
                axes.annotate(
                    name, (x, limit), (14, 0), textcoords="offset points", va="center", fontsize=8, color=color
                )
                top = max(top, limit)
    axes.set_ylim(0, 1.2 * top)
