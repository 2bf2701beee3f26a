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
from .evaluate import calibration, click, metrics, patches


class Remembering:
    """An engine that runs no picture twice: what changes from threshold to threshold is not the network."""

    def __init__(self, engine: engines.Engine):
        self.name, self.device, self.reason, self.batch = engine.name, engine.device, engine.reason, evaluate.BATCH
        self.engine, self.answers = engine, {}

    def predict(self, batch: np.ndarray) -> np.ndarray:
        key = batch.tobytes()
        if key not in self.answers:
            self.answers[key] = self.engine.predict(batch)
        return self.answers[key]


def calibrate(config: Config, weights: Path) -> Path:
    """Run the val patches through the product and write ``operating.json`` beside the fit.

    Its content goes into every card made afterwards: ``map_calibration`` (temperature and offset of the logit, Platt
    1999, by least cross-entropy), and ``threshold``, the one with the best Dice, that without and that with a click
    counting alike, on the calibrated scale.
    """
    raw = bundles.load(export.export(config, weights, Path(config.fit.run) / "uncalibrated", {"threshold": 0.5}))
    engine, nodules = engines.open_engine(raw), click.Nodules(Path(config.data.prepared), "val")
    engine.batch = evaluate.BATCH
    maps = patches.run(nodules, engine, raw, "Maps, val")
    temperature, offset = calibration.fit_temperature_and_offset(maps.counts)
    clicked = _click_dice(nodules, engine, raw, list(maps.dice))
    best = max(clicked, key=lambda t: clicked[t] + maps.dice[t])
    found = {
        "threshold": round(float(scaled(best, temperature, offset)), 3),
        "map_calibration": {"temperature": temperature, "offset": offset},
        "temperature": temperature,
    }
    target = _file(config)
    target.write_text(json.dumps(found))
    return target


def _click_dice(nodules: click.Nodules, engine, bundle: bundles.Bundle, thresholds: list[float]) -> dict[float, float]:
    """Mean Dice of the val clicks at each threshold."""
    dice = {t: [] for t in thresholds}
    for nodule in track(nodules, "Clicks at each threshold", total=len(nodules)):
        remembering = Remembering(engine)
        for t in thresholds:
            found = click.mask_of(click.clicked(nodule, remembering, bundle, t))
            dice[t].append(metrics.overlap(found, nodule.reference)["dice"])
    return {t: float(np.mean(values)) for t, values in dice.items()}


def operating_point(config: Config) -> dict:
    """What `calibrate` found; the middle, 0.5, and no calibration where it has not been run."""
    found = _file(config)
    return json.loads(found.read_text()) if found.exists() else {"threshold": 0.5}


def _file(config: Config) -> Path:
    return Path(config.fit.run) / "operating.json"
