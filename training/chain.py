"""The whole chain, from the pack to a bundle. Every step is passed over when its result is there."""

import json
from pathlib import Path

from .bundle import card, export
from .config import Config
from .data import prepare
from .evaluate import evaluation
from .examples import hard_negatives
from .fitting import classifier, folds, operating_point, unet


def everything(config: Config, target: Path) -> Path:
    """Prepare, fit (mine before each stage that wants it), classifier, calibrate, folds, evaluate, export."""
    run, weights = Path(config.fit.run), None
    prepare.prepare_patches(config)
    prepare.prepare_volumes(config)
    for number, stage in enumerate(config.fit.stages):
        begun = any((run / f"stage{number + 1}" / name).exists() for name in ("last.weights.h5", "done.json"))
        if weights and (stage.ct_share or stage.mined) and not begun:
            model = export.export(config, weights, run / f"stage{number}" / "bundle", {"threshold": 0.5})
            hard_negatives.for_stage(config, stage, model)
        weights = unet.fit_stage(config, number, weights)
    second = classifier.fit(config)
    operating_point.calibrate(config, weights)
    folds.fine_tune(config)
    facts = card.facts(config)
    made = export.export(config, weights, run / "bundle", facts, second)
    records = evaluation.evaluate(config, made, "test")
    facts |= json.loads((records / "facts-test.json").read_text())
    return export.export(config, weights, target, facts, second)
