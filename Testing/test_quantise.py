"""int8 weights from start to end, on a pack made in code."""

import json
from pathlib import Path

import made_up_pack
import pytest
from LungTumorSegLib import bundle, engines

from training import quantise


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


@pytest.fixture
def tissue(made, tmp_path):
    return made_up_pack.tissue_bundle(made, tmp_path / "tissue")


def test_int8_weights_join_the_bundle_only_if_they_cost_no_accuracy(made, tissue):
    figures = quantise.quantise(made, tissue)
    assert figures["clicks"] == 3 and figures["dice_float32"] > 0.9
    costs = [figures[f"{what}_float32"] - figures[f"{what}_int8"] for what in ("dice", "sensitivity")]
    assert figures["used"] == (abs(costs[0]) <= 0.005 and abs(costs[1]) <= 0.01)
    card = json.loads((Path(tissue) / bundle.CARD).read_text())
    assert card["int8"] == figures
    assert (bundle.INT8 in card["files"]) == (Path(tissue) / bundle.INT8).exists() == figures["used"]
    bundle.load(tissue)


def test_int8_weights_that_cost_accuracy_stay_out(made, tissue, monkeypatch):
    monkeypatch.setattr(quantise, "MOST_DICE", -1)
    assert not quantise.quantise(made, tissue)["used"]
    assert not (Path(tissue) / bundle.INT8).exists()
    assert engines.open_engine(bundle.load(tissue), "openvino", "cpu").precision != "int8"
