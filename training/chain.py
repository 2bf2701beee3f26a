"""The whole chain, from the pack to a bundle. Every step is passed over when its result is there."""

import json
from pathlib import Path

from . import card, evaluate, export, fit, folds, mine, prepare
from .config import Config


def everything(config: Config, target: Path) -> Path:
    """Prepare, fit (mine before each stage with whole CTs), threshold on val, folds, evaluate on test, export."""
    run, weights = Path(config.fit.run), None
    prepare.prepare_patches(config)
    prepare.prepare_volumes(config)
    run.mkdir(parents=True, exist_ok=True)
    for number, stage in enumerate(config.fit.stages):
        if stage.ct_share and weights and not (run / f"stage{number + 1}").exists():
            mine.mine(config, export.export(config, weights, run / f"stage{number}" / "bundle", {"threshold": 0.5}))
        weights = fit.fit_stage(config, number, weights)
    threshold = choose_threshold(config, weights)
    folds.fine_tune(config, threshold)
    facts = card.facts(config) | {"threshold": threshold}
    made = export.export(config, weights, run / "bundle", facts)
    records = evaluate.evaluate(config, made, "test")
    facts |= json.loads((records / "facts-test.json").read_text())
    return export.export(config, weights, target, facts)


def choose_threshold(config: Config, weights: Path) -> float:
    """The threshold with the best Dice on the val patches without a click."""
    made = export.export(config, weights, Path(config.fit.run) / "bundle", {"threshold": 0.5})
    records = evaluate.evaluate(config, made, "val", whole_cts=False)
    return float(json.loads((records / "figures-val.json").read_text())["best_threshold_on_val"])
