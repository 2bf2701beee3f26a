"""The network of the coarser scales: when it is asked, and what a bundle may say of it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib import coarser
from LungTumorSegLib.at_point import candidate_at
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.errors import ModelMismatchError
from LungTumorSegLib.geometry import Geometry, triple
from LungTumorSegLib.inference import Inference
from LungTumorSegLib.model.bundle import CARD, COARSE, PARTS, load_bundle, sha256
from LungTumorSegLib.model.engines.choose import installed, open_engine

from training.bundle.card import engines_agree


@pytest.fixture(scope="module")
def model():
    return load_bundle()


@pytest.fixture
def folder(model, tmp_path):
    return shutil.copytree(model.folder, tmp_path / "model")


def changed(folder, change) -> None:
    card = json.loads((folder / CARD).read_text())
    change(card)
    (folder / CARD).write_text(json.dumps(card))


class Ideal:
    """p is the density of the middle slice, from 0 at -850 HU to 1 at 40 HU; counts what it is asked."""

    name, device, reason, precision, batch = "ideal", "CPU", "", "float32", 8
    classifier = None

    def __init__(self, sees=True, coarse=None):
        self.sees, self.coarse, self.asked = sees, coarse, 0

    def predict(self, given):
        self.asked += len(given)
        return self.sees * np.clip((given[..., 2] * 1624 - 174) / 890, 0, 1)


def ball(diameter_mm):
    geometry = Geometry((51, 68, 68), (3.0, 3.0, 4.0), (35.0, -60.0, 20.0))
    centre = triple(geometry.lps((25, 33, 34)).tolist())
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape_zyx), indexing="ij"), -1)
    mask = np.linalg.norm(geometry.lps(grid) - centre, axis=-1) <= diameter_mm / 2
    return CT(np.where(mask, 40, -850).astype(np.int16), geometry), centre


def uncalibrated(model):
    return replace(model, card=replace(model.card, map_calibration=None))


def test_it_sees_the_coarser_scales_and_nothing_else(model):
    ct, centre = ball(110)
    near = Ideal(sees=False, coarse=Ideal())
    found = candidate_at(ct, centre, Options(), Inference(near, uncalibrated(model)))
    assert found and near.asked and near.coarse.asked
    asked = near.coarse.asked
    coarser.outline(ct, centre, 0.3, coarser.Least(60.0), Inference(near, uncalibrated(model)))
    assert near.coarse.asked == 2 * asked
    blind = Ideal(coarse=Ideal(sees=False))
    assert coarser.outline(ct, centre, 0.3, coarser.Least(60.0), Inference(blind, uncalibrated(model))) is None
    assert blind.asked == 0


class WithClickOnly(Ideal):
    """Sees nothing without a click, and with it at most ``most``."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def predict(self, given):
        return self.most * super().predict(given) * given[..., -1].any()


def test_what_is_not_seen_without_the_click_has_a_note_or_if_it_is_not_sure_either_no_outline(model):
    ct, centre = ball(110)

    def notes(network, **changed):
        bundle = uncalibrated(model)
        bundle = replace(bundle, card=replace(bundle.card, **changed))
        inference = Inference(Ideal(coarse=network), bundle)
        made = coarser.outline(ct, centre, 0.3, coarser.Least(60.0), inference)
        return made is not None, [note.split("resolution. ")[1] for note in inference.notes]

    assert notes(Ideal()) == (True, [coarser.SURE])
    assert notes(WithClickOnly(1.0)) == (True, [coarser.UNSEEN])
    assert notes(WithClickOnly(0.25)) == (False, [])
    # a model without this network is not asked without the click
    assert notes(WithClickOnly(0.25), coarse=None) == (True, [coarser.UNSURE])


def test_a_nodule_does_not_ask_it(model):
    ct, centre = ball(24)
    near = Ideal(coarse=Ideal())
    assert candidate_at(ct, centre, Options(), Inference(near, uncalibrated(model)))
    assert near.asked and not near.coarse.asked


def test_without_one_the_first_network_sees_the_coarser_scales_too(model, folder):
    changed(folder, lambda card: card.pop("coarse"))
    assert open_engine(load_bundle(folder), device="cpu").coarse is None
    ct, centre = ball(110)
    alone = Ideal()
    assert coarser.outline(ct, centre, 0.3, coarser.Least(60.0), Inference(alone, uncalibrated(model)))
    assert alone.asked


@pytest.mark.parametrize("engine", installed())
def test_every_engine_opens_it_once_when_it_is_asked_for(model, engine):
    opened = open_engine(model, engine, "cpu")
    assert "coarse" not in vars(opened)
    given, expected = model.stored_pair(COARSE)
    assert opened.coarse is opened.coarse
    np.testing.assert_allclose(opened.coarse.predict(given), expected, atol=0.05)
    assert opened.coarse.precision == opened.precision


def test_beside_int8_it_runs_in_float32(model):
    opened = open_engine(model, "openvino", "cpu", "int8")
    assert opened.precision == "int8" and opened.coarse.precision == "float32"


def test_each_network_is_within_its_stored_output(model):
    lines = engines_agree(model.folder)
    for part in PARTS:
        assert sum(line.endswith(part.pair) for line in lines) == len(installed())


def test_one_that_does_not_reproduce_its_stored_output_is_refused(model, folder):
    given, answer = model.stored_pair(COARSE)
    np.savez(folder / COARSE.pair, input=given, output=answer - 0.4)
    changed(folder, lambda card: card["files"].update({COARSE.pair: sha256(folder / COARSE.pair)}))
    engine = open_engine(load_bundle(folder), "onnxruntime", "cpu")
    with pytest.raises(ModelMismatchError, match="does not reproduce"):
        _ = engine.coarse


@pytest.mark.parametrize("name", [COARSE.onnx, COARSE.keras])
def test_one_without_weights_that_the_first_network_has_is_refused(folder, name):
    changed(folder, lambda card: card["files"].pop(name))
    with pytest.raises(ModelMismatchError, match=f"incomplete.*no {name}"):
        load_bundle(folder)


def test_one_of_another_architecture_is_refused(folder):
    changed(folder, lambda card: card["coarse"].update(name="resnet"))
    with pytest.raises(ModelMismatchError, match="'resnet'"):
        load_bundle(folder)


def test_one_without_a_stored_output_is_refused(folder):
    changed(folder, lambda card: card["files"].pop(COARSE.pair))
    with pytest.raises(ModelMismatchError, match=r"no stored pair \(coarse_pair.npz\)"):
        load_bundle(folder)
