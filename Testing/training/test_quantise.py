"""int8 weights from start to end, on a pack made in code."""

import json
import shutil
from itertools import islice
from pathlib import Path

import pytest
from LungTumorSegLib.model.bundle import CARD, INT8, load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.model.engines.openvino_engine import OpenVinoEngine
from msgspec.structs import replace

from Testing.support import made_up_pack
from training.bundle import quantise
from training.errors import DataError


@pytest.fixture(scope="module")
def made(tmp_path_factory, untraced):
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def exported(made, tmp_path_factory):
    return made_up_pack.tissue_bundle(made, tmp_path_factory.mktemp("exported") / "tissue")


@pytest.fixture
def tissue(exported, tmp_path):
    """A copy: int8 weights join a bundle."""
    return Path(shutil.copytree(exported, tmp_path / "tissue"))


@pytest.fixture(scope="module", autouse=True)
def measured_once():
    """Both tests ask the same weights on the same data: what an engine of a precision gave is kept."""
    kept = {}

    def once(measure):
        def kept_or_measured(given, engine, *others):
            key = measure.__name__, engine.precision
            if key not in kept:
                kept[key] = measure(given, engine, *others)
            return kept[key]

        return kept_or_measured

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_clicks", "_sensitivity"):
            patch.setattr(quantise, name, once(getattr(quantise, name)))
        yield


def test_int8_weights_that_cost_no_more_than_is_allowed_join_the_bundle(made, tissue, monkeypatch):
    monkeypatch.setattr(quantise, "MOST_DICE", 1)  # this network is not made to be quantised
    monkeypatch.setattr(quantise, "MOST_SENSITIVITY", 1)
    figures = quantise.quantise(made, tissue)
    assert figures["clicks"] == 3 and figures["dice_float32"] > 0.9
    assert figures["used"] and {"dice_int8", "sensitivity_int8", "sensitivity_float32"} <= set(figures)
    assert 0 <= figures["difference"]["median"] <= figures["difference"]["p99"] <= figures["difference"]["most"] <= 1
    made_of = load_bundle(tissue)  # checks the file's checksum
    assert json.loads((made_of.folder / CARD).read_text())["int8"] == figures
    assert made_of.card.int8.used and made_of.has(INT8)
    assert OpenVinoEngine(made_of, "cpu", "int8").precision == "int8"


def test_int8_weights_are_calibrated_on_no_ct_that_is_kept_aside(made):
    aside = replace(made, data=replace(made.data, kept_aside=("CT-A", "LIDC-IDRI-B")))
    assert len(list(islice(quantise.examples(made, made.network.card), 2))) == 2
    with pytest.raises(DataError, match="No whole CT"):
        list(islice(quantise.examples(aside, made.network.card), 2))


def test_int8_weights_that_cost_accuracy_stay_out(made, tissue, monkeypatch):
    monkeypatch.setattr(quantise, "MOST_DICE", -1)
    assert not quantise.quantise(made, tissue)["used"]
    assert not (Path(tissue) / INT8).exists()
    assert open_engine(load_bundle(tissue), "openvino", "cpu").precision != "int8"
