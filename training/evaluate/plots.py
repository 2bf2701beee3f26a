"""The plots of an evaluation, as PNG files."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..config import Config
from . import calibration, froc
from .calibration import Histogram


def draw(folder: Path, role: str, config: Config, rows: list[dict], counts: Histogram, judged, line) -> list[Path]:
    """Draw all plots for which there is data, named by the role.

    Args:
        folder: Where the PNG files go.
        role: Whose figures they are.
        config: Says where the run's logs are.
        rows: Of the click table.
        counts: Of the patches' maps.
        judged: The exam on whole CTs, None where it was not run.
        line: Temperature and offset that calibrate the maps.

    Returns:
        The files in the order of the page.
    """
    drawn = [
        _save(folder / f"dice_by_diameter-{role}.png", _dice, rows),
        _save(folder / f"bland_altman-{role}.png", _bland_altman, rows),
    ]
    sets = [("patches", counts)]
    if judged:
        sets.append(("whole CTs", judged.histogram))
    drawn.append(_save(folder / f"reliability-{role}.png", _reliability, sets, line))
    if judged and judged.scans:
        drawn.append(_save(folder / f"froc-{role}.png", _froc, judged))
        drawn.append(_save(folder / f"precision_recall-{role}.png", _precision_recall, judged))
    logs = sorted(Path(config.fit.run).glob("stage*/log.csv"))
    if logs:
        drawn.append(_save(folder / "learning.png", learning, logs))
    return drawn


def _save(path: Path, plot, *given) -> Path:
    figure = Figure((5, 4), layout="constrained")
    plot(figure.subplots(), *given)
    figure.savefig(path, dpi=110)
    return path


def _dice(axes, rows: list[dict]) -> None:
    size = [r["diameter_mm"] for r in rows]
    axes.scatter(size, [r["dice"] for r in rows], s=10, label="model, one click")
    axes.scatter(size, [r["reader_vs_others"] for r in rows], s=10, marker="x", label="a reader against the others")
    axes.set(xscale="log", xlabel="diameter (mm)", ylabel="Dice", ylim=(0, 1))
    axes.legend(loc="lower right")


def _bland_altman(axes, rows: list[dict]) -> None:
    """Difference against mean of the longest diameters, with the limits of agreement (mean +- 1.96 sd)."""
    a, b = (np.array([r[k] for r in rows], float) for k in ("long_axis_mm", "reference_long_axis_mm"))
    kept = np.isfinite(a)
    axes.set(xlabel="mean of both diameters (mm)", ylabel="model minus consensus (mm)")
    if not kept.any():  # a first model of a few steps
        axes.text(0.5, 0.5, "nothing was found at any click", transform=axes.transAxes, ha="center")
        return
    difference = (a - b)[kept]
    axes.scatter((a + b)[kept] / 2, difference, s=10)
    for level in (-1.96, 0, 1.96):
        at = difference.mean() + level * difference.std()
        axes.axhline(at, lw=1, ls="--" if level else "-", color="k")
        axes.text(1, at, f" {at:.1f}", transform=axes.get_yaxis_transform(), va="center")
    axes.set(xscale="log")


def _reliability(axes, sets: list[tuple[str, Histogram]], line: tuple[float, float]) -> None:
    axes.plot([0, 1], [0, 1], color="k", lw=1)
    for name, counts in sets:
        corrected = f"temperature {line[0]:.2f}, offset {line[1]:.2f}"
        for (t, offset), style, how in (((1.0, 0.0), "o-", "as it is"), (line, "x--", corrected)):
            mean, share, _ = calibration.reliability(counts, t, offset)
            axes.plot(mean, share, style, ms=4, label=f"{name}, {how}")
    axes.set(xlabel="probability", ylabel="share of readers", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right", fontsize=8)


def _froc(axes, judged) -> None:
    scans = judged.scans
    false, found, _ = froc.curve(scans)
    axes.step(np.maximum(false, 0.05), found, where="post")
    axes.set(xscale="log", xlim=(0.05, 50), ylim=(0, 1), xlabel="false positives a scan", ylabel="sensitivity")
    axes.set_title(f"{judged.of}, {len(scans)} scans", fontsize=9)


def _precision_recall(axes, judged) -> None:
    scans = judged.scans
    false, found, _ = froc.curve(scans)
    hits, misses = found * sum(s.references for s in scans), false * len(scans)
    axes.step(found[1:], (hits / np.maximum(hits + misses, 1e-9))[1:], where="post")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="recall", ylabel="precision")
    axes.set_title(f"{judged.of}, lesion by lesion", fontsize=9)


def learning(axes, logs: list[Path]) -> None:
    """Loss and validation Dice over the steps of all stages."""
    first, other = 0, axes.twinx()
    for k, log in enumerate(logs):
        with log.open(newline="") as file:
            rows = list(csv.DictReader(file))
        steps = [first + int(r["step"]) for r in rows]
        axes.plot(steps, [float(r["loss"]) for r in rows], color="tab:red", label="" if k else "loss")
        other.plot(steps, [float(r["val_dice_click"]) for r in rows], color="tab:blue", label="" if k else "val, click")
        other.plot(
            steps, [float(r["val_dice_auto"]) for r in rows], color="tab:green", label="" if k else "val, no click"
        )
        first = steps[-1] if steps else first
    axes.set(xlabel="step", ylabel="loss")
    other.set(ylabel="Dice", ylim=(0, 1))
    axes.legend(loc="upper left")
    other.legend(loc="lower right")
