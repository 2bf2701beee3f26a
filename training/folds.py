"""Two models for the automatic figures: each fine-tuned on the whole CTs of one fold and asked about the other's."""

from dataclasses import replace
from pathlib import Path

from LungTumorSegLib import bundle

from . import calibrate, export, fit, mine
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

    The hard negatives are the shared weights' own false positives; each bundle has an operating point of its own.
    Resumes like any fit; a bundle that is there is kept. Raises FileNotFoundError while the patch stage has left no
    weights.
    """
    shared = shared_weights(config)
    whole, root = config.fit.stages[-1], Path(config.fit.run) / "folds"
    made = {fold: root / fold / "bundle" for fold in FOLDS}
    left = [fold for fold, folder in made.items() if not (folder / bundle.CARD).exists()]
    if any(not (root / fold / "stage1" / "done.json").exists() for fold in left):
        mine.for_stage(config, whole, export.export(config, shared, root / "shared", {"threshold": 0.5}))
    for fold in left:
        others = tuple(f for f in FOLDS if f != fold)
        stage: Stage = replace(whole, steps=STEPS, warmup_steps=min(whole.warmup_steps, STEPS // 5), ct_roles=others)
        steps_an_epoch = min(config.fit.epoch_steps, STEPS // 5)
        fitting = replace(config.fit, run=str(root / fold), stages=(stage,), epoch_steps=steps_an_epoch)
        own = replace(config, fit=fitting)
        weights = fit.fit_stage(own, 0, shared)
        calibrate.calibrate(own, weights)
        facts = calibrate.operating_point(own) | {"data": {"whole_cts_left_out": fold}}
        export.export(config, weights, made[fold], facts)
    return list(made.values())
