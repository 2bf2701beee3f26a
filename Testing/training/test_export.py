"""What `export` writes, the calibration in it, and hard negatives."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from LungTumorSegLib.data import CT, Candidate, Options, Result
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.model.bundle import CARD, KERAS_WEIGHTS, ONNX, load_bundle
from LungTumorSegLib.model.card import Calibration
from LungTumorSegLib.model.engines.choose import open_engine

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from training import config
from training.bundle import export
from training.examples import hard_negatives


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> config.Config:
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


# export


@pytest.fixture(scope="module")
def random_bundle(made, tmp_path_factory):
    import keras
    from LungTumorSegLib.model import unet

    folder = tmp_path_factory.mktemp("random")
    keras.utils.set_random_seed(0)
    model = unet.build(made.network.card.architecture)
    model.save_weights(folder / "w.weights.h5")
    return load_bundle(export.export(made, folder / "w.weights.h5", folder / "bundle", {"threshold": 0.4, "data": "x"}))


@pytest.mark.parametrize("name", ["tensorflow", "onnxruntime", "openvino"])
def test_every_engine_gives_what_the_exported_network_gave(random_bundle, name):
    given, expected = random_bundle.stored_pair()
    engine = open_engine(random_bundle, name, "cpu")
    assert np.ptp(expected) > 0.01
    limit = 0.001 if engine.precision == "float32" else 0.02
    assert np.percentile(np.abs(engine.predict(given) - expected), 99.9) <= limit


def test_facts_stand_in_the_card_and_both_weight_files_in_half_precision(random_bundle):
    import h5py
    import onnx

    assert random_bundle.card.threshold == 0.4
    assert json.loads((random_bundle.folder / CARD).read_text("utf-8"))["data"] == "x"
    kinds = {
        onnx.TensorProto.DataType.Name(i.data_type) for i in onnx.load(random_bundle.folder / ONNX).graph.initializer
    }
    assert "FLOAT16" in kinds
    found = []
    with h5py.File(random_bundle.folder / KERAS_WEIGHTS) as file:
        file.visititems(lambda _, item: found.append(item.dtype) if isinstance(item, h5py.Dataset) else None)
    assert found and all(dtype == np.float16 for dtype in found)


def test_a_calibration_stays_in_the_card_and_leaves_the_weights_alone(made, random_bundle):
    line = {"temperature": 0.5, "offset": -0.7}
    folder = random_bundle.folder.parent
    facts = {"threshold": 0.5, "map_calibration": line}
    calibrated = load_bundle(export.export(made, folder / "w.weights.h5", folder / "calibrated", facts))
    assert calibrated.card.map_calibration == Calibration(**line)
    assert calibrated.checksum == random_bundle.checksum


def test_a_folder_with_other_things_in_it_is_not_replaced(made, random_bundle, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="something else than a model bundle"):
        export.export(made, random_bundle.folder.parent / "w.weights.h5", tmp_path, {"threshold": 0.5})
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_failed_export_leaves_the_old_bundle(made, random_bundle, tmp_path):
    before = (random_bundle.folder / CARD).read_text()
    with pytest.raises(Exception, match="missing"):
        export.export(made, tmp_path / "missing.weights.h5", random_bundle.folder, {"threshold": 0.5})
    assert (random_bundle.folder / CARD).read_text() == before


def test_an_export_that_cannot_move_into_place_leaves_the_old_bundle(made, random_bundle, tmp_path, monkeypatch):
    weights = random_bundle.folder.parent / "w.weights.h5"
    old = export.export(made, weights, tmp_path / "bundle", {"threshold": 0.4})
    before = (old / CARD).read_text()
    rename = Path.rename

    def held(path, target):
        if path.name == "bundle" and path != old:
            raise PermissionError("held by another program")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(PermissionError):
        export.export(made, weights, old, {"threshold": 0.6})
    assert (old / CARD).read_text() == before


# hard negatives


def test_hard_negatives_are_high_away_from_labels_apart_and_trusted():
    geometry = Geometry((40, 120, 120), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    ct = CT(np.zeros(geometry.shape_zyx, np.int16), geometry)
    label, weight = np.zeros(geometry.shape_zyx, np.uint8), np.ones(geometry.shape_zyx, np.uint8)
    label[18:22, 18:22, 18:22] = 255
    weight[:, 100:] = 0

    def candidate(z, y, x, value):
        box = Box.of_pairs(((z, z + 5), y, x))
        block = np.full((5, y[1] - y[0], x[1] - x[0]), value, np.uint8)
        return Candidate(box, block)

    candidates = (
        candidate(18, (18, 23), (18, 23), 255),  # on the label
        candidate(10, (60, 66), (20, 116), 250),  # long: several points
        candidate(30, (10, 16), (90, 96), 60),  # p = 0.24
        candidate(10, (104, 112), (20, 30), 255),  # nobody knows
    )
    result = Result(geometry, candidates, None, (), (), Options(), {}, "", "", "", {}, 0.0)
    points = hard_negatives.false_positives(result, ct, label, weight)
    assert len(points) >= 3
    assert ((points[:, 1] >= 60) & (points[:, 1] < 66)).all()
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)[~np.eye(len(points), dtype=bool)]
    assert gaps.min() > hard_negatives.APART_MM
