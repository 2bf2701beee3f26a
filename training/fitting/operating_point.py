"""The operating point: calibration and threshold, both fitted on the val patches."""

import json
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.bundle import Bundle, load_bundle
from LungTumorSegLib.model.calibration import scaled
from LungTumorSegLib.model.engines.base import Engine, Predictor
from LungTumorSegLib.model.engines.choose import open_engine
from rich.progress import track

from ..bundle import export
from ..config import Config
from ..evaluate import automatic, calibration, click, metrics, patches
from ..evaluate.evaluation import BATCH


class Remembering:
    """An engine that runs no picture twice: what changes from threshold to threshold is not the network."""

    def __init__(self, engine: Engine):
        self.name, self.device, self.reason, self.batch = engine.name, engine.device, engine.reason, BATCH
        self.precision = engine.precision
        self.engine = engine
        self.answers: dict[bytes, np.ndarray] = {}
        self.classifier: Predictor | None = None  # it moves no voxel
        self.coarse = engine.coarse

    def predict(self, batch: np.ndarray) -> np.ndarray:
        key = batch.tobytes()
        if key not in self.answers:
            self.answers[key] = self.engine.predict(batch)
        return self.answers[key]


def calibrate(config: Config, weights: Path) -> Path:
    """Run the val patches through the product and write ``operating.json`` beside the fit.

    What is there and newer than the weights is kept. Its content goes into every card made afterwards:
    ``map_calibration`` (temperature and offset of the logit, Platt 1999, by least cross-entropy), and on the calibrated
    scale ``threshold``, with the best mean of the Dice of the clicks and that without a click.

    Returns:
        The file.

    Raises:
        DataError: There is no nodule on val.
    """
    target = _file(config)
    if target.exists() and target.stat().st_mtime >= weights.stat().st_mtime:
        return target
    raw_folder = Path(config.fit.run) / "uncalibrated"
    raw = load_bundle(export.export(config, weights, raw_folder, {"threshold": 0.5}))
    engine, nodules = open_engine(raw), click.Nodules(Path(config.data.prepared), "val")
    engine.batch = BATCH
    maps = patches.run(nodules, engine, raw, "Maps, val")
    temperature, offset = calibration.fit_temperature_and_offset(maps.counts)
    clicked = _click_dice(nodules, engine, raw, list(maps.dice))
    best = max(clicked, key=lambda t: clicked[t] + maps.dice[t])
    found = {
        "threshold": round(float(scaled(np.array(best), temperature, offset)), 3),
        "map_calibration": {"temperature": temperature, "offset": offset},
    }
    target.write_text(json.dumps(found))
    return target


def _click_dice(nodules: click.Nodules, engine, bundle: Bundle, thresholds: list[float]) -> dict[float, float]:
    """Mean Dice of the val clicks at each threshold."""
    dice: dict[float, list[float]] = {t: [] for t in thresholds}
    for nodule in track(nodules, "Clicks at each threshold", total=len(nodules)):
        remembering = Remembering(engine)
        for t in thresholds:
            found = click.mask_of(click.clicked(nodule, remembering, bundle, t))
            dice[t].append(metrics.overlap(found, nodule.reference)["dice"])
    return {t: float(np.mean(values)) for t, values in dice.items()}


def calibrate_runs(config: Config, counts: calibration.Histogram) -> None:
    """Add the whole runs' calibration to what `calibrate` has found: ``run_calibration``, and ``run_threshold``.

    ``run_threshold`` is ``threshold`` on the other scale: the same voxels. Nothing is done where `calibrate` has not
    been run, or where there are no such CTs.

    Args:
        config: Says where the run is.
        counts: Of whole CTs that the network has not seen, on the scale of the patches.
    """
    found = operating_point(config)
    first = found.get("map_calibration")
    if first is None or not counts.voxels.any():
        return
    temperature, offset = calibration.fit_temperature_and_offset(counts)
    found["run_threshold"] = round(float(scaled(found["threshold"], temperature, offset)), 3)
    # one line after the other
    found["run_calibration"] = {
        "temperature": first["temperature"] * temperature,
        "offset": first["offset"] / temperature + offset,
    }
    _file(config).write_text(json.dumps(found))


def calibrate_on_added(config: Config, weights: Path, second: Path) -> None:
    """`calibrate_runs` on the added CTs of val, whole: there is no pack, and no folds. What is there is kept.

    Args:
        config: Of the fit.
        weights: Of the network.
        second: The classifier's weights.
    """
    found = operating_point(config)
    if "run_calibration" in found:
        return
    bundle = load_bundle(export.export(config, weights, Path(config.fit.run) / "patches", found, second))
    calibrate_runs(config, automatic.whole_cts(config, bundle, "val"))


def operating_point(config: Config) -> dict:
    """What `calibrate` found; the middle, 0.5, and no calibration where it has not been run."""
    found = _file(config)
    return json.loads(found.read_text()) if found.exists() else {"threshold": 0.5}


def _file(config: Config) -> Path:
    return Path(config.fit.run) / "operating.json"
