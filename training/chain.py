"""The whole chain, from data to a bundle. Every step is passed over when its result is there."""

import json
from pathlib import Path

from .bundle import card, export
from .config import Config
from .data import prepare, ready
from .evaluate import evaluation
from .examples import hard_negatives, prepared_masses
from .fitting import classifier, coarse, folds, operating_point, start, unet


def everything(config: Config, target: Path) -> Path:
    """Prepare, fit (mine before each stage that wants it), classifier, coarser scales, calibrate, evaluate, export.

    With the pack also folds, and `evaluate` asks about test; without it about val and test.

    Args:
        config: Of the whole training.
        target: The bundle's folder. An older bundle there is replaced.

    Returns:
        The bundle's folder.

    Raises:
        DataError: Before anything is fitted, where a side has no tumour, or the model that it goes on from has seen a
            CT of val or test.
    """
    prepare.prepare_patches(config)
    prepare.prepare_volumes(config)
    prepared_masses.prepare(config)
    ready.check(config)
    weights = _fit(config)
    second, masses = classifier.fit(config), coarse.fit(config)
    operating_point.calibrate(config, weights)
    if config.data.pack:
        folds.fine_tune(config)
    else:
        operating_point.calibrate_on_added(config, weights, second)
    facts, roles = card.facts(config), ("test",) if config.data.pack else ("val", "test")
    made = export.export(config, weights, Path(config.fit.run) / "bundle", facts, second, masses)
    for role in roles:
        records = evaluation.evaluate(config, made, role)
        print(f"The page of {role}: {records / f'report-{role}.html'}", flush=True)
    facts |= json.loads((records / "facts-test.json").read_text())
    return export.export(config, weights, target, facts, second, masses)


def _fit(config: Config) -> Path:
    """All stages; each that wants it after the false positives of the weights before were mined."""
    run, weights = Path(config.fit.run), start.weights(config)
    for number, stage in enumerate(config.fit.stages):
        begun = any((run / f"stage{number + 1}" / name).exists() for name in ("last.weights.h5", "done.json"))
        if weights and (stage.ct_share or stage.mined) and not begun:
            model = export.export(config, weights, run / f"stage{number}" / "bundle", {"threshold": 0.5})
            hard_negatives.for_stage(config, stage, model)
        weights = unet.fit_stage(config, number, weights)
    return unet.something_fitted(weights)
