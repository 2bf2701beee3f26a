"""The weights of a model bundle, as a fit goes on from them."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.bundle import KERAS_WEIGHTS, load_bundle
from LungTumorSegLib.model.card import NetworkCard
from LungTumorSegLib.model.engines.tensorflow_engine import notes_off

from ..config import START, Config
from ..data import seen
from ..errors import SettingsError
from .batches import make_batch

NO_STAGE = "The configuration has no stage to fit ([[fit.stages]]). Add one."
EXAMPLES = 256  # that the normalisation is measured on
LEAST_VARIANCE = 1e-6  # of a channel that is always the same


def weights(config: Config) -> Path | None:
    """The weights that a fit begins with, from the bundle of ``[fit] start``.

    Returns:
        ``start.weights.h5`` in the run's folder; None from scratch.

    Raises:
        SettingsError: There is no stage to fit, the bundle's network, or that of the coarser scales where it is taken
            over, is another than the configuration's, its card does not say what it has seen, or the run was begun
            from another bundle.
        ModelError: As `load_bundle`.
    """
    target = Path(config.fit.run) / "start.weights.h5"
    _check_begun(config, target)
    if not config.fit.start:
        return None
    if not config.fit.stages:
        raise SettingsError(NO_STAGE)
    if target.exists():
        return target
    bundle = load_bundle(config.fit.start)
    seen.ancestors(config)
    own = config.network.card
    differ = [key.name for key in fields(NetworkCard) if getattr(own, key.name) != getattr(bundle.card, key.name)]
    if differ:
        raise SettingsError(
            f"The network of {bundle.folder} is not that of [network]: {', '.join(differ)} differ. Write its numbers "
            "into the configuration."
        )
    taken = None if config.coarse.stages else bundle.card.coarse
    if taken and taken != config.coarse_network.card.architecture:
        raise SettingsError(
            f"The network of the coarser scales of {bundle.folder} has the filters {list(taken.filters)}, not those of "
            "[coarse]. Write them into the configuration."
        )
    examples = _examples(config)
    with notes_off():
        import keras
    from LungTumorSegLib.model import unet

    keras.mixed_precision.set_global_policy("float32")
    model = unet.build(own.architecture)
    model.load_weights(bundle.folder / KERAS_WEIGHTS)
    unfold(model, examples)
    target.parent.mkdir(parents=True, exist_ok=True)
    begun = {"checksum": bundle.checksum, "name": bundle.name, "version": bundle.version}
    (target.parent / START).write_text(json.dumps(begun | {"folder": str(bundle.folder.resolve())}))
    model.save_weights(target)
    return target


def _check_begun(config: Config, target: Path) -> None:
    """A run goes on from what it was begun with: its card names what that has seen."""
    record = target.with_name(START)
    begun = json.loads(record.read_text()) if record.exists() else None
    scratch = begun is None and (target.parent / "stage1").exists()
    given = load_bundle(config.fit.start).checksum if config.fit.start else None
    if given == (begun and begun["checksum"]) or (begun is None and not scratch):
        return
    was = f"{begun['name']} {begun['version']}" if begun else "scratch"
    raise SettingsError(f"The run in {target.parent} was begun from {was}. Give the same again, or another run folder.")


def _examples(config: Config) -> np.ndarray:
    """Inputs (n, y, x, c) of the first stage."""
    stage = config.fit.stages[0]
    count = -(-EXAMPLES // stage.batch)
    return np.concatenate([make_batch(config, stage, config.fit.seed, step)[0] for step in range(count)])


def unfold(model, examples: np.ndarray) -> None:
    """Give BatchNorm back the statistics that the export folded into the convolutions.

    The network's answers stay what they are: mean and variance of each channel are measured on the examples, and gamma
    and beta undo them. Without this the fit, which normalises by each batch, would start from another network.

    Args:
        model: A Keras model; it is changed.
        examples: Inputs (n, y, x, c).
    """
    import keras

    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = keras.Model(model.input, [norm.input for norm in norms])
    sums: list[np.ndarray] = []
    for part in np.array_split(examples, -(-len(examples) // 32)):
        found = [np.asarray(values, np.float64).reshape(-1, values.shape[-1]) for values in before(part)]
        added = [np.stack([np.full(v.shape[1], len(v)), v.sum(0), (v**2).sum(0)]) for v in found]
        sums = [a + b for a, b in zip(sums, added, strict=True)] if sums else added
    for norm, (n, total, squares) in zip(norms, sums, strict=True):
        gamma, beta, mean, variance = norm.get_weights()
        factor = gamma / np.sqrt(variance + norm.epsilon)
        measured = total / n
        spread = np.maximum(squares / n - measured**2, LEAST_VARIANCE)
        gamma = factor * np.sqrt(spread + norm.epsilon)
        norm.set_weights([gamma, beta + factor * (measured - mean), measured, spread])
