"""Two models for the automatic figures: each fine-tuned on the whole CTs of one fold and asked about the other's."""

from dataclasses import replace
from pathlib import Path

from . import calibrate, export, fit
from .config import Config, Stage
from .evaluate.automatic import FOLDS

STEPS = 500


def shared_weights(config: Config) -> Path:
    """What the stages on patches alone ended with. Raises FileNotFoundError while they have not."""
    patch_stages = sum(not stage.ct_share for stage in config.fit.stages)
    shared = Path(config.fit.run) / f"stage{patch_stages}" / "best.weights.h5"
    if not shared.exists():
        raise FileNotFoundError(f"{shared} is missing: run `python -m training fit` first.")
    return shared


def fine_tune(config: Config) -> list[Path]:
    """From the shared patch-stage weights, 500 steps without each fold's CTs; returns the two bundles.

    Resumes like any fit. Raises FileNotFoundError while the patch stage has left no weights.
    """
    shared = shared_weights(config)
    whole = config.fit.stages[-1]
    made = []
    for fold in FOLDS:
        others = tuple(f for f in FOLDS if f != fold)
        stage: Stage = replace(whole, steps=STEPS, warmup_steps=min(whole.warmup_steps, STEPS // 5), ct_roles=others)
        folder = Path(config.fit.run) / "folds" / fold
        steps_an_epoch = min(config.fit.epoch_steps, STEPS // 5)
        fitting = replace(config.fit, run=str(folder), stages=(stage,), epoch_steps=steps_an_epoch)
        own = replace(config, fit=fitting)
        weights = fit.fit_stage(own, 0, shared)
        facts = calibrate.operating_point(config) | {"data": {"whole_cts_left_out": fold}}
        made.append(export.export(config, weights, folder / "bundle", facts))
    return made
