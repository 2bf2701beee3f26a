"""The operating point: calibration and threshold, both fitted on the val patches."""

import json
from pathlib import Path

from . import evaluate, export
from .config import Config
from .evaluate.calibration import scaled


def calibrate(config: Config, weights: Path) -> Path:
    """Run the val patches through the product and write ``operating.json`` beside the fit.

    Its content goes into every card made afterwards: ``calibration`` (temperature and offset of the logit, Platt 1999,
    by least cross-entropy; `export` folds them into the last layer), and ``threshold``, the one with the best Dice
    without a click, on the calibrated scale.
    """
    run = Path(config.fit.run)
    raw = export.export(config, weights, run / "uncalibrated", {"threshold": 0.5})
    records = evaluate.evaluate(config, raw, "val", whole_cts=False)
    figures = json.loads((records / "figures-val.json").read_text())
    line = figures["calibration"]["with_offset"]
    threshold = float(scaled(figures["best_threshold_on_val"], line["temperature"], line["offset"]))
    found = {"threshold": round(threshold, 3), "calibration": line, "temperature": line["temperature"]}
    target = _file(config)
    target.write_text(json.dumps(found))
    return target


def operating_point(config: Config) -> dict:
    """What `calibrate` found; the middle, 0.5, and no calibration where it has not been run."""
    found = _file(config)
    return json.loads(found.read_text()) if found.exists() else {"threshold": 0.5}


def _file(config: Config) -> Path:
    return Path(config.fit.run) / "operating.json"
