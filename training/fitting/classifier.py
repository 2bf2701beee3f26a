"""Fits the classifier (`LungTumorSegLib.model.classifier`): on patches, without each fold's whole CTs, with all."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.card import CUBE_SIDE
from LungTumorSegLib.model.engines.tensorflow_engine import notes_off

from ..config import FOLDS, Config
from ..examples import classifier_cubes

Pool = dict[str, np.ndarray]  # as `cubes` makes them
EPOCH_STEPS = 100
BUNDLED = "bundled"


def fitted(config: Config, name: str = BUNDLED) -> Path | None:
    """The weights of a name that `fit` knows.

    Args:
        config: Says where the run is.
        name: ``bundled``, or a fold.

    Returns:
        The file; None while `fit` has not been run.
    """
    weights = _folder(config) / f"{name}.weights.h5"
    return weights if weights.exists() else None


def _folder(config: Config) -> Path:
    return Path(config.fit.run) / "classifier"


def fit(config: Config) -> Path:
    """Fit the classifiers ``fold-a`` and ``fold-b``, each without that fold's CTs, and ``bundled``, with both.

    Without the pack there are no folds: ``bundled`` alone, with the CTs of ``train``. Draws from the hard negatives
    that `mine` has left. What is there is kept: a killed fit goes on with the network it was at.

    Returns:
        The weights of ``bundled``.
    """
    folder, pools = _folder(config), {}
    folder.mkdir(parents=True, exist_ok=True)

    def pool(name: str) -> Pool:
        if name not in pools:
            pools[name] = (
                classifier_cubes.of_patches(config) if name == "patches" else classifier_cubes.of_cts(config, name)
            )
        return pools[name]

    own = config.classifier
    patches = _fit_one(config, folder / "patches", None, lambda: [pool("patches")], own.patch_steps, own.learning_rate)
    folds = FOLDS if config.data.pack else ()
    for name in (*folds, BUNDLED):
        used = partial(_with_cts, pool, [fold for fold in folds or ("train",) if fold != name])
        made = _fit_one(config, folder / name, patches, used, own.ct_steps, own.learning_rate / 2)
    return made


def _fit_one(config: Config, target: Path, start: Path | None, pools, steps: int, learning_rate: float) -> Path:
    """pools: called only where there are no weights yet."""
    weights = target.with_suffix(".weights.h5")
    if weights.exists():
        return weights
    with notes_off():
        import keras
    from LungTumorSegLib.model import classifier

    keras.utils.set_random_seed(config.fit.seed)
    keras.mixed_precision.set_global_policy(config.fit.precision)
    model = classifier.build(config.classifier.card)
    if start:
        model.load_weights(start)
    warm_up = min(50, steps // 2)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20, steps - warm_up, 0.02, warmup_target=learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=0.02, use_ema=True, ema_momentum=0.99, ema_overwrite_frequency=None
    )
    loss = keras.losses.BinaryCrossentropy(label_smoothing=0.05)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=keras.backend.backend() == "jax")
    epochs = max(1, steps // EPOCH_STEPS)
    model.fit(
        batches(pools(), config.classifier.batch, config.fit.seed),
        steps_per_epoch=steps // epochs,
        epochs=epochs,
        verbose=2,
        callbacks=[keras.callbacks.CSVLogger(target.with_suffix(".csv"))],
    )  # ends with the moving average of the weights
    partial = target.with_suffix(".part.weights.h5")
    model.save_weights(partial)
    return partial.replace(weights)


def _with_cts(pool: Callable[[str], Pool], folds: list[str]) -> list[Pool]:
    """The patches', and what the CTs of these folds have together."""
    parts = [pool(fold) for fold in folds]
    return [pool("patches"), {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}]


def batches(pools: list[Pool], size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches: of each pool alike, half of them nodules.

    Args:
        pools: As `classifier_cubes` makes them.
        size: Cubes in a batch.
        seed: Decides all batches.

    Yields:
        Cubes (size, 32, 32, 32, 1) float32 and kinds (size, 1) float32, 1 for a nodule.
    """
    rng, off = np.random.default_rng(seed), classifier_cubes.POOLED - CUBE_SIDE + 1
    # by pool and kind; a pool without false positives gives nodules alone
    kinds = [[rows for kind in (1, 0) if len(rows := np.flatnonzero(pool["y"] == kind))] for pool in pools]
    while True:
        x, y = [], []
        for k in range(size):
            pool, own = pools[k % len(pools)], kinds[k % len(pools)]
            row = rng.choice(own[k // len(pools) % len(own)])
            cube = pool["x"][row]
            z0, y0, x0 = rng.integers(0, off, 3)
            cube = cube[z0 : z0 + CUBE_SIDE, y0 : y0 + CUBE_SIDE, x0 : x0 + CUBE_SIDE].astype(np.float32) / 255
            cube = np.flip(cube, tuple(np.flatnonzero(rng.random(3) < 0.5).tolist())).transpose(rng.permutation(3))
            x.append(cube * rng.uniform(0.95, 1.05) + rng.normal(0, 0.015, cube.shape))
            y.append([pool["y"][row]])
        yield np.stack(x)[..., None].astype(np.float32), np.array(y, np.float32)
