"""Model bundles of a network with two channels: card, stored pair, ONNX file, Keras weights.

The checksums are put right after the damage: who can change the weights can change the card.
"""

import hashlib
import io
import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from LungTumorSegLib.enums import Device
from LungTumorSegLib.model import unet
from LungTumorSegLib.model.bundle import CARD, KERAS_WEIGHTS, ONNX, PAIR, UNET, default_path, load_bundle
from LungTumorSegLib.model.card import Architecture
from LungTumorSegLib.model.engines import tensorflow_engine
from LungTumorSegLib.model.engines.choose import open_engine

from . import mutate
from .judge import Files, Format

ARCHITECTURE = Architecture(filters=(2, 2), slices=1)


@cache
def _seed() -> Files:
    tensorflow_engine.import_tensorflow()
    import keras

    from training.bundle import onnx_graph

    keras.utils.set_random_seed(0)  # the same seed gives the same inputs
    model = unet.build(ARCHITECTURE)
    given = np.random.default_rng(0).random((1, 8, 8, 2), np.float32)
    pair = io.BytesIO()
    np.savez(pair, input=given, output=np.asarray(model(given))[..., 0])
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, KERAS_WEIGHTS)
        model.save_weights(weights)
        files = {PAIR: pair.getvalue(), KERAS_WEIGHTS: weights.read_bytes()}
    files[ONNX] = onnx_graph.unet(ARCHITECTURE)(model).SerializeToString()
    card = json.loads((default_path() / CARD).read_text("utf-8"))
    kept = ("schema", "name", "version", "spacing_mm", "window_hu", "prompt_sigma_mm", "threshold", "min_confidence",
            "run_threshold", "map_calibration", "run_calibration", "confidence_coefficients", "limits")  # fmt: skip
    values = {key: card[key] for key in kept if key in card}
    values |= {"architecture": {"name": "unet2.5d", "filters": [2, 2], "slices": 1}, "offsets_mm": [0.0]}
    return _signed(files | {CARD: json.dumps(values).encode()}, dict.fromkeys(files, ""))


def _signed(files: Files, listed: dict) -> Files:
    values = json.loads(files[CARD])
    values["files"] = {name: hashlib.sha256(files[name]).hexdigest() for name in listed if name in files}
    return files | {CARD: json.dumps(values).encode()}


def _damaged(rng: Random, files: Files) -> Files:
    name = rng.choice((CARD, CARD, PAIR, ONNX, ONNX, KERAS_WEIGHTS))
    if name == CARD:
        return files | {CARD: mutate.json_text(rng, files[CARD])}
    head = {PAIR: 400, ONNX: 0, KERAS_WEIGHTS: 4000}[name]
    return _signed(files | {name: mutate.damaged(rng, files[name], head)}, json.loads(files[CARD])["files"])


def _open(folder: Path) -> None:
    bundle = load_bundle(folder)
    if (folder / KERAS_WEIGHTS).read_bytes() == _seed()[KERAS_WEIGHTS]:
        open_engine(bundle, "onnxruntime", Device.CPU, threads=1)
    else:  # the weights alone: TensorFlow takes most of a second for a graph
        tensorflow_engine._with_weights(bundle, UNET)


FORMATS = (Format("bundle", lambda: [_seed()], _damaged, _open),)
