"""int8 weights from start to end, on a pack made in code."""

import json
from pathlib import Path

import pytest
from LungTumorSegLib.model.bundle import CARD, INT8, load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.model.engines.openvino_engine import OpenVinoEngine

from Testing.support import made_up_pack
from training.bundle import quantise


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


@pytest.fixture
def tissue(made, tmp_path):
    return made_up_pack.tissue_bundle(made, tmp_path / "tissue")


def test_int8_weights_that_cost_no_more_than_is_allowed_join_the_bundle(made, tissue, monkeypatch):
    monkeypatch.setattr(quantise, "MOST_DICE", 1)  # this network is not made to be quantised
    monkeypatch.setattr(quantise, "MOST_SENSITIVITY", 1)
    figures = quantise.quantise(made, tissue)
    assert figures["clicks"] == 3 and figures["dice_float32"] > 0.9
    assert figures["used"] and {"dice_int8", "sensitivity_int8", "sensitivity_float32"} <= set(figures)
    made_of = load_bundle(tissue)  # checks the file's checksum
    assert json.loads((made_of.folder / CARD).read_text())["int8"] == figures
    assert made_of.card.int8.used and made_of.has(INT8)
    assert OpenVinoEngine(made_of, "cpu", "int8").precision == "int8"


def test_int8_weights_that_cost_accuracy_stay_out(made, tissue, monkeypatch):
    monkeypatch.setattr(quantise, "MOST_DICE", -1)
    assert not quantise.quantise(made, tissue)["used"]
    assert not (Path(tissue) / INT8).exists()
    assert open_engine(load_bundle(tissue), "openvino", "cpu").precision != "int8"
