"""The operating point: calibration and threshold, both fitted on the val patches."""

import json
from pathlib import Path

import numpy as np
from LungTumorSegLib import bundle as bundles
from LungTumorSegLib import engines
from LungTumorSegLib.probability import scaled
from rich.progress import track

from . import evaluate, export
from .config import Config
from .evaluate import click, metrics


def calibrate(config: Config, weights: Path) -> Path:
    """Run the val patches through the product and write ``operating.json`` beside the fit.

    Its content goes into every card made afterwards: ``map_calibration`` (temperature and offset of the logit, Platt
    1999, by least cross-entropy), and ``threshold``, the one with the best Dice, that without and that with a click
    counting alike, on the calibrated scale.
    """
    run = Path(config.fit.run)
    raw = export.export(config, weights, run / "uncalibrated", {"threshold": 0.5})
    records = evaluate.evaluate(config, raw, "val", whole_cts=False)
    figures = json.loads((records / "figures-val.json").read_text())
    line = figures["calibration"]["with_offset"]
    maps = json.loads((records / "maps-val.json").read_text())
    clicked = _click_dice(config, raw, [float(t) for t in maps["dice"]])
    best = max(clicked, key=lambda t: clicked[t] + maps["dice"][str(t)])
    threshold = float(scaled(best, line["temperature"], line["offset"]))
    found = {"threshold": round(threshold, 3), "map_calibration": line, "temperature": line["temperature"]}
    target = _file(config)
    target.write_text(json.dumps(found))
    return target


def _click_dice(config: Config, model: Path, thresholds: list[float]) -> dict[float, float]:
    """Mean Dice of the val clicks at each threshold."""
    bundle = bundles.load(model)
    engine = engines.open_engine(bundle)
    engine.batch = evaluate.BATCH
    nodules = click.Nodules(Path(config.data.prepared), "val")
    dice = {t: [] for t in thresholds}
    for nodule in track(nodules, "Clicks at each threshold", total=len(nodules)):
        for t in thresholds:
            found = click.mask_of(click.clicked(nodule, engine, bundle, t))
            dice[t].append(metrics.overlap(found, nodule.reference)["dice"])
    return {t: float(np.mean(values)) for t, values in dice.items()}


def operating_point(config: Config) -> dict:
    """What `calibrate` found; the middle, 0.5, and no calibration where it has not been run."""
    found = _file(config)
    return json.loads(found.read_text()) if found.exists() else {"threshold": 0.5}


def _file(config: Config) -> Path:
    return Path(config.fit.run) / "operating.json"
