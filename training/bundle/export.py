"""Writes a model bundle: both weight files from the same half-precision numbers, the stored pair, the card."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import onnx
from LungTumorSegLib.model import classifier, unet
from LungTumorSegLib.model.bundle import CARD, CLASSIFIER, COARSE, UNET, Part, sha256
from LungTumorSegLib.model.card import SCHEMA, NetworkCard
from LungTumorSegLib.model.engines.tensorflow_engine import notes_off
from LungTumorSegLib.sampling import slices
from LungTumorSegLib.sampling.cubes import classifier_cubes

from ..config import Config
from ..data import seen
from ..errors import OccupiedError
from . import onnx_graph

SMALL = 1000  # numbers; so few are larger when packed (0.15 of 1.2 MB in the network of the coarser scales)


def export(
    config: Config,
    weights: Path,
    folder: Path,
    facts: dict,
    second: Path | None = None,
    coarse: Path | None = None,
) -> Path:
    """Write a model bundle. An older one is replaced in one go, so that a failure leaves it.

    The card names the CTs that the configuration's fit has seen.

    Args:
        config: Of the fit.
        weights: The network's.
        folder: The bundle's.
        facts: Go into the card: figures, data, threshold, ...
        second: The classifier's weights; without them the bundle has none.
        coarse: Those of the network of the coarser scales, likewise.

    Raises:
        OccupiedError: The folder holds anything else.
    """
    with notes_off():
        import keras

    if folder.exists() and any(folder.iterdir()) and not (folder / CARD).exists():
        raise OccupiedError(f"{folder} holds something else than a model bundle. Choose a new folder.")
    keras.mixed_precision.set_global_policy("float32")
    network = config.network.card
    own = {"name": config.model.name, "version": config.model.version, "seen": seen.of(config)}
    card = {"schema": SCHEMA, **own, **asdict(network), **facts}
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Windows keeps what is still open: an old bundle's file must not turn a good export into an error
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as around:
        made = Path(around) / folder.name
        made.mkdir()
        model = unet.build(network.architecture)
        _write(model, weights, made, UNET, onnx_graph.unet(network.architecture), pair_input(network))
        if second:
            card["classifier"] = asdict(config.classifier.card)
            model = classifier.build(config.classifier.card)
            _write(model, second, made, CLASSIFIER, onnx_graph.classifier, pair_cubes(network))
        if coarse:
            architecture = config.coarse_network.card.architecture
            card["coarse"] = asdict(architecture)
            _write(unet.build(architecture), coarse, made, COARSE, onnx_graph.unet(architecture), pair_input(network))
        card["files"] = {p.name: sha256(p) for p in sorted(made.iterdir())}
        (made / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        old = Path(around) / "old"
        if folder.exists():
            folder.rename(old)
        try:
            made.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    return folder


def _write(model, weights: Path, folder: Path, part: Part, graph: Callable, given: np.ndarray) -> None:
    """Both weight files of one network, from the same half-precision numbers, and its answer to ``given``."""
    model.load_weights(weights)
    _fold_batch_norm(model)
    _round_to_half(model)
    model.save_weights(folder / "float.weights.h5")
    _halve(folder / "float.weights.h5", folder / part.keras)
    (folder / "float.weights.h5").unlink()
    onnx.save(graph(model), folder / part.onnx)
    given = given.astype(np.float16)
    output = model.predict(given.astype(np.float32), verbose=0)[..., 0].astype(np.float32)
    np.savez_compressed(folder / part.pair, input=given, output=output)


def _fold_batch_norm(model) -> None:
    """Into the convolution before it; what is left of it changes nothing but the bias.

    The graph folds it too: halves of folded kernels in both files, or the engines differ by more than 0.001.
    """
    import keras

    for norm in model.layers:
        if isinstance(norm, keras.layers.BatchNormalization):
            convolution = model.get_layer(norm.name.replace("norm", "conv"))
            gamma, beta, mean, variance = norm.get_weights()
            factor = gamma / np.sqrt(variance + norm.epsilon)
            convolution.set_weights([convolution.get_weights()[0] * factor])
            norm.set_weights([np.ones_like(gamma), beta - mean * factor, 0 * mean, 0 * variance + 1 - norm.epsilon])


def _round_to_half(model) -> None:
    """Every variable to the nearest float16, so that both files hold the same numbers."""
    for variable in model.variables:
        if "float" in str(variable.dtype):
            variable.assign(np.array(variable).astype(np.float16).astype(np.float32))


def _halve(source: Path, target: Path) -> None:
    """Copy a Keras weights file with every float32 array as float16; Keras reads it back as it is."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                values = item[()].astype(np.float16)
                packed = {"compression": "gzip"} if values.size > SMALL else {}
                new.create_dataset(name, data=values, **packed)
            else:
                new.require_group(name)
            for key, value in item.attrs.items():
                new[name].attrs[key] = value

        old.visititems(copy)


def pair_input(card: NetworkCard) -> np.ndarray:
    """Two made-up pictures (no patient's voxels): lung with vessels and a 14 mm ball; the second with the prompt.

    Args:
        card: Of the network.

    Returns:
        (2, y, x, c), the network's input.
    """
    hu = _made_up_lung()
    return np.concatenate([slices.network_input(hu, [10.0], 1.0, card, point) for point in (None, (10.0, 34.0, 36.0))])


def pair_cubes(card: NetworkCard) -> np.ndarray:
    """The same lung for the classifier: the ball, and the vessel."""
    hu = _made_up_lung()
    return classifier_cubes(hu, (1.0, 1.0, 1.0), [(10, 34, 36), (10, 20, 19)], card)


def _made_up_lung() -> np.ndarray:
    rng = np.random.default_rng(0)
    z, y, x = np.meshgrid(np.arange(21.0), np.arange(64.0), np.arange(64.0), indexing="ij")
    hu = np.full(z.shape, -850.0)
    hu[(y - 20) ** 2 + (x - 14 - z / 2) ** 2 < 6] = 20
    hu[(z - 10) ** 2 + (y - 34) ** 2 + (x - 36) ** 2 < 49] = 40
    hu[y > 56] = 40
    return hu + rng.normal(0, 20, hu.shape)
