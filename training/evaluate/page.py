"""A page of the figures, the plots and the best, median and worst cases. It shows patients' slices: not for git."""

from importlib.resources import files
from pathlib import Path

import jinja2
from matplotlib.figure import Figure

from . import click, targets

EACH = 4


def write(path: Path, figures: dict, pictures: list[Path]) -> None:
    template = jinja2.Template(files(__package__).joinpath("report.html.j2").read_text("utf-8"), autoescape=True)
    shown = template.render(figures=figures, bars=targets.judged(figures), pictures=[p.name for p in pictures])
    path.write_text(shown, encoding="utf-8")


def draw_cases(path: Path, nodules: click.Nodules, rows: list[dict], engine, bundle) -> Path:
    """The best, the middle and the worst clicks: the reference's largest slice, outlines, and the click."""
    ordered = sorted(rows, key=lambda r: -r["dice"])
    middle = max(0, len(ordered) // 2 - EACH // 2)
    groups = {"best": ordered[:EACH], "median": ordered[middle : middle + EACH], "worst": ordered[-EACH:]}
    figure = Figure((2.4 * EACH, 2.7 * len(groups)), layout="constrained")
    axes = figure.subplots(len(groups), EACH, squeeze=False)
    for line, (name, group) in zip(axes, groups.items(), strict=True):
        for ax in line:
            ax.axis("off")
        for ax, row in zip(line, group, strict=False):
            nodule = nodules.nodule(row["index"])
            predicted = click.mask_of(click.clicked(nodule, engine, bundle))
            z = int(nodule.reference.sum((1, 2)).argmax())
            ax.imshow(nodule.ct.voxels_zyx[z], cmap="gray", vmin=-1100, vmax=300)
            for mask, colour in ((nodule.reference, "lime"), (predicted, "red")):
                if mask[z].any():
                    ax.contour(mask[z].astype(float), [0.5], colors=colour, linewidths=1)
            if abs(nodule.click_zyx[0] - z) <= 2:
                ax.plot(nodule.click_zyx[2], nodule.click_zyx[1], "y+")
            ax.set_title(f"{name}: Dice {row['dice']:.2f}, {row['diameter_mm']:.0f} mm", fontsize=8)
    figure.savefig(path, dpi=110)
    return path
