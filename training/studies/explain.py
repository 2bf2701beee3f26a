"""Shows what the network looks at and where it is unsure, on the best, median and worst clicks of a role; and measures
whether its uncertainty tells its errors.
"""

import csv
import json
from pathlib import Path

import numpy as np
from LungTumorSegLib import explain
from LungTumorSegLib.data import Result
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.inference import Inference
from LungTumorSegLib.model.bundle import CARD, Bundle, load_bundle, sha256
from LungTumorSegLib.model.engines.base import Engine
from LungTumorSegLib.model.engines.choose import open_engine
from matplotlib.figure import Figure
from rich.progress import track
from scipy import ndimage, stats
from sklearn.metrics import roc_auc_score

from ..config import Config
from ..evaluate import click, metrics
from ..evaluate.click import Nodule, Nodules

# voxels so near to either outline are where an error can be: further away nearly all are right and surely so
BAND_MM = 3.0
# scores of a voxel's uncertainty; the last needs no mirrored views and is what the others must be better than
SCORES = ("deviation", "entropy", "entropy_without_views")
PIXELS_PER_INCH = 110


def run(config: Config, folder: Path, model: Path | None = None, role: str = "test", count: int = 2) -> Path:
    """Click every nodule of a role, write figures and pictures.

    Leaves in ``folder``: ``uncertainty-ROLE-CARD.csv`` (a row a nodule; a second call goes on where the first ended),
    ``explain-ROLE.json`` and the pictures.

    Args:
        config: Says where the prepared data are.
        folder: Made if it is missing.
        model: A bundle, else the bundled one.
        role: Whose nodules are clicked.
        count: Pictures each of the best, median and worst.

    Returns:
        The json's path.

    Raises:
        DataError: No nodule has the role.
    """
    bundle = load_bundle(model)
    engine = open_engine(bundle)
    nodules = Nodules(Path(config.data.prepared), role)
    folder.mkdir(parents=True, exist_ok=True)
    # of the card, not the weights alone: calibration and threshold are in it
    card = sha256(bundle.folder / CARD)[:12]
    rows = _rows(nodules, engine, bundle, folder / f"uncertainty-{role}-{card}.csv")
    figures = {
        "role": role,
        "model": {"name": bundle.name, "version": bundle.version, "checksum": bundle.checksum},
        "uncertainty": summarise(rows),
    }
    path = folder / f"explain-{role}.json"
    path.write_text(json.dumps(figures, indent=1))
    for name, row in track(_chosen(rows, count), "Pictures"):
        nodule = nodules.nodule(int(row["index"]))
        draw(nodule, click.clicked(nodule, engine, bundle), engine, bundle, folder / f"{name}.png")
    return path


def _rows(nodules: Nodules, engine: Engine, bundle: Bundle, table: Path) -> list[dict]:
    done = {}
    if table.exists():
        with table.open(newline="") as file:
            for row in csv.DictReader(file):
                done[int(row["index"])] = row | {k: float(v) for k, v in row.items() if k != "patient"}
    for index in track([i for i in nodules.patches.whole if i not in done], "Uncertainty"):
        done[index] = row = figures_of(nodules.nodule(index), engine, bundle)
        new = not table.exists()
        with table.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if new:
                writer.writeheader()
            writer.writerow(row)
    return [done[index] for index in nodules.patches.whole]


def spot(nodule: Nodule) -> explain.Spot:
    """The box of the click on a nodule."""
    point = tuple(nodule.ct.geometry.lps(nodule.click_zyx).tolist())
    return explain.Spot(point, point_lps=point)


def figures_of(nodule: Nodule, engine: Engine, bundle: Bundle) -> dict:
    """One row: Dice of the click, mean uncertainty of the lesion, and AUROC of each score for the voxels' errors.

    The AUROCs are over the voxels within 3 mm of the model's or the consensus's outline, for being wrong there; NaN
    where nothing was found, or none or all are wrong.

    Args:
        nodule: It is clicked.
        engine: That runs the network.
        bundle: The model.
    """
    result = click.clicked(nodule, engine, bundle)
    predicted = click.mask_of(result)
    row = {
        "index": nodule.index,
        "patient": nodule.patient,
        "diameter_mm": float(nodule.row["diameter_mm"]),
        "dice": metrics.overlap(predicted, nodule.reference)["dice"],
    }
    scores: dict[str, np.ndarray | None] = dict.fromkeys(SCORES)
    if result is not None and predicted.any():
        found = explain.uncertainty(nodule.ct, spot(nodule), Inference(engine, bundle))
        block = result.candidates[0]
        single = np.zeros(predicted.shape, np.float32)
        single[block.box.slices] = block.block / 255
        scores = {
            "deviation": _whole(found.box, found.deviation),
            "entropy": _whole(found.box, found.entropy),
            "entropy_without_views": explain.entropy(single),
        }
    for name, score in scores.items():
        row |= {f"mean_{name}": np.nan if score is None else float(score[predicted].mean())}
        row |= {f"auroc_{name}": np.nan if score is None else _tells_errors(score, predicted, nodule)}
    return row


def _whole(box: Box, block: np.ndarray, shape=(50, 50, 50)) -> np.ndarray:
    """A block in a patch of zeros."""
    whole = np.zeros(shape, np.float32)
    whole[box.slices] = block
    return whole


def _tells_errors(score: np.ndarray, predicted: np.ndarray, nodule: Nodule) -> float:
    band = np.zeros(predicted.shape, bool)
    for mask in (predicted, nodule.reference):
        inside, outside = ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)
        band |= np.maximum(inside, outside) <= BAND_MM
    band &= nodule.weight
    wrong = (predicted != nodule.reference)[band]
    return float(roc_auc_score(wrong, score[band])) if 0 < wrong.sum() < len(wrong) else np.nan


def summarise(rows: list[dict]) -> dict:
    """Whether the uncertainty tells the errors.

    Args:
        rows: As `figures_of` makes them.

    Returns:
        For each score: mean AUROC, and Spearman's correlation of a lesion's mean uncertainty with 1 - Dice. Both with n
            and a 95 % interval by patient. Lesions that were not found have no uncertainty and are counted.
    """
    found = [r for r in rows if np.isfinite(r[f"mean_{SCORES[0]}"])]
    patients = np.array([r["patient"] for r in found])
    error = np.array([1 - r["dice"] for r in found])
    made: dict[str, object] = {"lesions": len(rows), "not_found": len(rows) - len(found)}
    for name in SCORES:
        unsure = np.array([r[f"mean_{name}"] for r in found])
        made[name] = {
            "auroc_of_errors_near_the_outline": metrics.summary([r[f"auroc_{name}"] for r in found], patients),
            "spearman_with_1_minus_dice": {
                "value": _spearman(unsure, error),
                "n": len(found),
                "interval95": _spearman_interval(unsure, error, patients),
            },
        }
    return made


def _spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(stats.spearmanr(a, b).statistic)


def _spearman_interval(a, b, patients, times: int = 1000, seed: int = 0) -> list[float] | None:
    """By drawing patients with replacement."""
    groups = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(times if len(groups) > 2 else 0):
        taken = np.concatenate([groups[k] for k in rng.integers(len(groups), size=len(groups))])
        if (value := _spearman(a[taken], b[taken])) is not None:
            drawn.append(value)
    return [float(v) for v in np.percentile(drawn, (2.5, 97.5))] if drawn else None


def _chosen(rows: list[dict], count: int) -> list[tuple[str, dict]]:
    """(name of the picture, row) of the clicks with the best, the middle and the worst Dice."""
    ordered = sorted(rows, key=lambda r: -r["dice"])
    middle = max(0, (len(ordered) - count) // 2)
    groups = {"best": ordered[:count], "median": ordered[middle : middle + count], "worst": ordered[::-1][:count]}
    return [(f"{name}-{k}", row) for name, group in groups.items() for k, row in enumerate(group, 1)]


def draw(nodule: Nodule, result: Result | None, engine: Engine, bundle: Bundle, path: Path) -> None:
    """One PNG: the slice with both outlines and the click, the probability, the uncertainty, and the heat map.

    The slice is the one that the heat map explains, the lesion's largest; the consensus's where nothing was found (then
    there is no heat map).

    Args:
        nodule: It was clicked.
        result: The product's answer, None where it refused the patch.
        engine: That runs the network.
        bundle: The model.
        path: Of the PNG.
    """
    predicted = click.mask_of(result)
    shown = predicted if predicted.any() else nodule.reference
    z = int(shown.sum((1, 2)).argmax())
    unsure = explain.uncertainty(nodule.ct, spot(nodule), Inference(engine, bundle))
    figure = Figure((15, 4.2), layout="constrained")
    axes = figure.subplots(1, 4)
    for ax in axes:
        ax.imshow(nodule.ct.voxels_zyx[z], cmap="gray", vmin=-1100, vmax=300)
        for mask, colour in ((nodule.reference, "lime"), (predicted, "red")):
            if mask[z].any():
                ax.contour(mask[z].astype(float), [0.5], colors=colour, linewidths=1)
        ax.set(xlabel="mm to the left", ylabel="mm to the back")
    if abs(nodule.click_zyx[0] - z) <= 2:
        axes[0].plot(nodule.click_zyx[2], nodule.click_zyx[1], "y+", ms=12)
    dice = metrics.overlap(predicted, nodule.reference)["dice"]
    diameter = float(nodule.row["diameter_mm"])
    axes[0].set_title(f"{diameter:.0f} mm, Dice {dice:.2f}: readers green, model red", fontsize=9)
    _colours(figure, axes[1], _whole(unsure.box, unsure.probability)[z], "probability", "inferno", 0, 1)
    _colours(figure, axes[2], _whole(unsure.box, unsure.deviation)[z], "deviation of four mirrored views", "viridis", 0)
    if result is not None and predicted.any():
        heat = explain.heat(nodule.ct, spot(nodule), result.lesions[0], result.masks[0], Inference(engine, bundle))
        fall = _whole(heat.box, heat.fall)[z]
        most = float(np.abs(fall).max())
        what = f"fall of the lesion's probability ({heat.probability:.2f})\nwhere tissue is replaced by lung"
        _colours(figure, axes[3], fall, what, "RdBu_r", -most, most)
    else:
        axes[3].set_title("nothing was found: no heat map", fontsize=9)
    figure.savefig(path, dpi=PIXELS_PER_INCH)


def _colours(figure: Figure, ax, values: np.ndarray, title: str, colours: str, low: float, high=None) -> None:
    shown = ax.imshow(values, cmap=colours, vmin=low, vmax=high, alpha=0.6)
    figure.colorbar(shown, ax=ax, shrink=0.85)
    ax.set_title(title, fontsize=9)
