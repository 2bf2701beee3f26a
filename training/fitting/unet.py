"""Fits the network, stage after stage, with Keras on any of its backends; resumes exactly after a kill."""

import csv
import json
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.engines.tensorflow_engine import notes_off

from ..config import Config, Stage
from ..data.prepare import HARD_PATCHES
from ..errors import OrderError, SettingsError
from ..examples import prepared_masses
from . import distribute, losses, start
from .batches import batches, make_batch

VALIDATION_SEED = 10_000
VALIDATION_EXAMPLES = 384


def fit(config: Config, until: int | None = None) -> Path:
    """Run all stages, or those up to one.

    Args:
        config: Of the fit.
        until: The last stage (1 is the first); None for all.

    Returns:
        The file of the last stage's best weights.

    Raises:
        OrderError: The false positives that a stage wants have not been mined, or masses are missing.
        SettingsError: There is no stage, or the start cannot be gone on from (`start.weights`).
        DataError: There is nothing to draw from.
    """
    prepared_masses.check(config)
    best = start.weights(config)
    for number in range(len(config.fit.stages))[:until]:
        best = fit_stage(config, number, best)
    return something_fitted(best)


def something_fitted(weights: Path | None) -> Path:
    """The weights, if there are any.

    Raises:
        SettingsError: There are none, since the configuration has no stage.
    """
    if weights is None:
        raise SettingsError(start.NO_STAGE)
    return weights


def fit_stage(config: Config, number: int, before: Path | None) -> Path:
    """Fit one stage.

    Args:
        number: The stage's; 0 is the first.
        before: The weights to go on from; None from scratch.

    Returns:
        Its best weights (moving average, by val Dice); with whole CTs its last.

    Raises:
        OrderError: The stage wants false positives that have not been mined.
        DataError: Before Keras is loaded, where there is nothing to draw from.
        SettingsError: The fit cannot be spread over the processes or devices, as `distribute.start` and `part`.
    """
    stage = config.fit.stages[number]
    folder = Path(config.fit.run) / f"stage{number + 1}"
    best, last, done = folder / "best.weights.h5", folder / "last.weights.h5", folder / "done.json"
    if done.exists():
        return best
    if stage.mined and not (Path(config.data.prepared) / HARD_PATCHES).exists():
        raise OrderError(
            f"Stage {number + 1} wants the false positives of stage {number}: `fit --until {number}`, `export` and "
            "`mine --bundle` first. `python -m training all` does it by itself."
        )
    validation = _validation(config, stage)
    make_batch(config, stage, config.fit.seed, 0)
    with notes_off():
        import keras
    from LungTumorSegLib.model.unet import build

    folder.mkdir(parents=True, exist_ok=True)
    distribute.start()
    own = distribute.folder_of_my_own(folder)
    keras.utils.set_random_seed(config.fit.seed)
    keras.mixed_precision.set_global_policy(config.fit.precision)
    model = build(config.network.card.architecture)
    if before is not None and not last.exists():
        model.load_weights(before)
    optimizer = _optimizer(config, stage)
    # XLA is slower than the plain graph on CPUs: 2.2 s against 1.06 s a step of 32 crops of 96 x 96
    model.compile(optimizer, losses.weighted_bce_and_dice, jit_compile=keras.backend.backend() == "jax")
    if last.exists():
        optimizer.build(model.trainable_variables)
        model.load_weights(last)
    first = int(model.optimizer.iterations)
    watch = _watch(config, stage, number, folder, own, validation)
    model.fit(
        batches(config, stage, config.fit.seed + 1000 * number, first, distribute.part(stage)),
        initial_epoch=first // config.fit.epoch_steps,
        epochs=stage.steps // config.fit.epoch_steps,
        steps_per_epoch=config.fit.epoch_steps,
        callbacks=[watch, *_tensorboard(own)],
        verbose=0,
    )
    (own / done.name).write_text(
        json.dumps({"steps": int(model.optimizer.iterations), "best": watch.best, "seconds": watch.elapsed()})
    )
    distribute.stop()
    return best


def _optimizer(config: Config, stage: Stage):
    """AdamW with a warm-up, a cosine and a moving average of the weights."""
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        stage.steps - stage.warmup_steps,
        0.01,
        warmup_target=stage.learning_rate,
        warmup_steps=stage.warmup_steps,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=config.fit.weight_decay,
        clipnorm=1.0,
        use_ema=True,
        ema_momentum=config.fit.ema_momentum,
        ema_overwrite_frequency=None,
    )
    # a saved optimizer forgets this: weights alone are saved, its own among them
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def _tensorboard(folder: Path) -> list:
    """TensorBoard's record of every epoch, where TensorFlow runs the fit and TensorBoard is installed."""
    import keras

    if keras.backend.backend() != "tensorflow" or not find_spec("tensorboard"):
        return []
    return [keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False)]


def _validation(config: Config, stage: Stage) -> list[np.ndarray]:
    """Inputs and targets of the validation: the same examples at every call."""
    validation = [
        make_batch(config, stage, VALIDATION_SEED, k, "val", augment=False)
        for k in range(VALIDATION_EXAMPLES // stage.batch)
    ]
    return [np.concatenate(part) for part in zip(*validation, strict=True)]


def _scores(p: np.ndarray, y: np.ndarray, clicked: np.ndarray) -> dict[str, str]:
    """What is logged of a validation: p (n, y, x); y with target and weight last; clicked (n,) bool."""
    target, weight = y[..., 0], y[..., 1]
    dice = {k: losses.hard_dice(target[m], weight[m], p[m]) for k, m in (("click", clicked), ("auto", ~clicked))}
    empty = (target.max((1, 2)) == 0) & ~clicked
    return {
        "val_dice_click": f"{np.mean(dice['click']):.4f}",
        "val_dice_auto": f"{np.mean(dice['auto']):.4f}",
        "val_empty_marked": f"{np.mean(((p >= 0.5) & (weight > 0))[empty].sum((1, 2)) >= 10):.4f}",
        "val_score": f"{np.mean([np.mean(d) for d in dice.values() if d]):.5f}",  # without a prompt, of one
    }


def _append(table: Path, row: dict) -> None:
    """A row of a CSV file, which gets its header with the first."""
    new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if new:
            writer.writeheader()
        writer.writerow(row)


def _watch(config: Config, stage: Stage, number: int, folder: Path, own: Path, validation: list[np.ndarray]):
    """The callback that validates the averaged weights, keeps the best, writes log and checkpoint, stops early.

    It reads from the stage's ``folder`` and writes into this process's ``own``, which is the same but in others than
    the first.
    """
    import keras

    x, y = validation
    clicked = x[..., -1].max((1, 2)) > 0
    log = folder / "log.csv"

    class Watch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.best, self.best_epoch, self.seconds, self.began = -1.0, 0, 0.0, time.time()
            if log.exists():
                with log.open(newline="") as file:
                    for row in csv.DictReader(file):
                        self.seconds = float(row["seconds"])
                        if float(row["val_score"]) > self.best:
                            self.best, self.best_epoch = float(row["val_score"]), int(row["epoch"])

        def elapsed(self) -> int:
            """Seconds of this stage, earlier calls included."""
            return round(self.seconds + time.time() - self.began)

        def on_epoch_end(self, epoch, logs=None):
            model = self.model
            raw = [np.array(v) for v in model.trainable_variables]
            model.optimizer.finalize_variable_values(model.trainable_variables)  # to the moving average
            p = distribute.predict(model, x)[..., 0]
            row = {
                "epoch": epoch,
                "step": int(model.optimizer.iterations),
                "loss": f"{logs['loss']:.5f}",
                **_scores(p, y, clicked),
                "seconds": self.elapsed(),
            }
            better = float(row["val_score"]) > self.best
            if better:
                self.best, self.best_epoch = float(row["val_score"]), epoch
            # the validation patches do not show the false positives that whole CTs are there to mend: with those the
            # last weights are kept, at the end of the cosine
            if better or stage.whole_cts:
                model.save_weights(own / "best.weights.h5")
            for variable, value in zip(model.trainable_variables, raw, strict=True):
                variable.assign(value)
            partial = own / "saving.weights.h5"
            model.save_weights(partial)
            partial.replace(own / "last.weights.h5")  # a kill in mid-save leaves the old checkpoint
            logs.update({k: float(v) for k, v in row.items() if k.startswith("val_")})  # for TensorBoard
            _append(own / log.name, row)
            print(f"stage {number + 1}:", " ".join(f"{k} {v}" for k, v in row.items()), flush=True)
            if epoch - self.best_epoch >= config.fit.patience_epochs and not stage.whole_cts:
                model.stop_training = True

    return Watch()
