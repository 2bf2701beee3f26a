"""Two models for the automatic figures: each fine-tuned on the whole CTs of one fold and asked about the other's."""

import json
from itertools import takewhile
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.bundle import CARD, load_bundle
from msgspec.structs import replace

from ..bundle import export
from ..config import FOLDS, Config, Stage
from ..errors import OrderError, SettingsError
from ..evaluate import automatic
from ..evaluate.calibration import Histogram
from ..examples import hard_negatives
from . import classifier, operating_point, unet

STEPS = 500


def shared_weights(config: Config) -> Path:
    """What the stages before the first with whole CTs ended with.

    Raises:
        OrderError: They have not ended.
        SettingsError: There is no such stage.
    """
    patch_stages = len(list(takewhile(lambda stage: not stage.whole_cts, config.fit.stages)))
    if not patch_stages:
        raise SettingsError("The first stage has whole CTs already: no weights are left that have not seen both folds.")
    shared = Path(config.fit.run) / f"stage{patch_stages}" / "best.weights.h5"
    if not shared.exists():
        raise OrderError(f"{shared} is missing: run `python -m training fit` first.")
    return shared


def first_with_cts(config: Config) -> Stage:
    """The first stage that sees whole CTs; the last where none does."""
    return next((stage for stage in config.fit.stages if stage.whole_cts), config.fit.stages[-1])


def fine_tune(config: Config) -> list[Path]:
    """Fit on from the shared patch-stage weights, 500 steps without each fold's CTs.

    The hard negatives are the shared weights' own false positives; each bundle has an operating point of its own. What
    calibrates a fold's whole runs are the other fold's CTs, by the model that has not seen those; both together
    calibrate the bundled model's. Resumes like any fit; a bundle that is newer than its weights is kept.

    Returns:
        The two bundles.

    Raises:
        OrderError: The patch stage has left no weights.
        SettingsError: There is no pack, or no patch stage.
    """
    if not config.data.pack:
        raise SettingsError(
            "There are no folds without the training pack (pack is empty): val and test are never seen."
        )
    shared = shared_weights(config)
    whole, root = first_with_cts(config), Path(config.fit.run) / "folds"
    made = {fold: root / fold / "bundle" for fold in FOLDS}
    own = {fold: _without(config, fold) for fold in FOLDS}
    left = [fold for fold in FOLDS if not _up_to_date(made[fold], _weights(own[fold]), classifier.fitted(config, fold))]
    if any(not (root / fold / "stage1" / "done.json").exists() for fold in left):
        hard_negatives.for_stage(config, whole, export.export(config, shared, root / "shared", {"threshold": 0.5}))
    for fold in left:
        weights = unet.fit_stage(own[fold], 0, shared)
        operating_point.calibrate(own[fold], weights)
    counts = {fold: _whole_cts(config, own[fold], fold) for fold in FOLDS}
    for fold in left:
        others = [counts[other] for other in FOLDS if other != fold]
        operating_point.calibrate_runs(own[fold], sum(others, Histogram.empty()))
        _export(config, own[fold], fold, made[fold], operating_point.operating_point(own[fold]))
    operating_point.calibrate_runs(config, sum(counts.values(), Histogram.empty()))
    return list(made.values())


def _without(config: Config, fold: str) -> Config:
    """The fine-tuning's configuration."""
    whole = first_with_cts(config)
    others = tuple(f for f in FOLDS if f != fold)
    stage: Stage = replace(whole, steps=STEPS, warmup_steps=min(whole.warmup_steps, STEPS // 5), ct_roles=others)
    steps_an_epoch, run = min(config.fit.epoch_steps, STEPS // 5), Path(config.fit.run) / "folds" / fold
    fit = replace(config.fit, run=str(run), stages=(stage,), epoch_steps=steps_an_epoch)
    # the network of the coarser scales, which sees both folds, is no part of it
    return replace(config, fit=fit, coarse=replace(config.coarse, stages=()))


def _weights(own: Config) -> Path:
    return Path(own.fit.run) / "stage1" / "best.weights.h5"


def _up_to_date(folder: Path, *sources: Path | None) -> bool:
    """There is a bundle, and none of what it is made of is gone or newer."""
    card = folder / CARD
    if not card.exists() or not all(source.exists() for source in sources if source):
        return False
    return all(source.stat().st_mtime <= card.stat().st_mtime for source in sources if source)


def _export(config: Config, own: Config, fold: str, folder: Path, point: dict) -> Path:
    facts = point | {"data": {"whole_cts_left_out": fold}}
    return export.export(own, _weights(own), folder, facts, classifier.fitted(config, fold))


def _whole_cts(config: Config, own: Config, fold: str) -> Histogram:
    """What the model finds in its fold's CTs, on the patches' scale; kept with the records of these weights."""
    of_patches = {k: v for k, v in operating_point.operating_point(own).items() if not k.startswith("run_")}
    model = load_bundle(_export(config, own, fold, Path(own.fit.run) / "patches", of_patches))
    record = automatic.records(config, model) / "whole_cts.json"
    if not record.exists():
        counts = automatic.whole_cts(config, model, fold)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps([counts.voxels.tolist(), counts.target.tolist()]))
    return Histogram(*(np.array(part) for part in json.loads(record.read_text())))
