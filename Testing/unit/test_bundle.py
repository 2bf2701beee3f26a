"""A model bundle is refused when anything about it is wrong, and the engines agree on the one that ships."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from LungTumorSegLib.errors import EngineError, ModelError, ModelMismatchError
from LungTumorSegLib.model.bundle import (
    CARD,
    KERAS_WEIGHTS,
    ONNX,
    PAIR,
    default_path,
    load_bundle,
    sha256,
)
from LungTumorSegLib.model.card import ARCHITECTURE
from LungTumorSegLib.model.engines.choose import installed, open_engine


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(default_path(), tmp_path / "model")


def rewrite(folder, **changes):
    card = json.loads((folder / CARD).read_text())
    card.update(changes)
    (folder / CARD).write_text(json.dumps(card))


def test_the_bundled_model_opens():
    model = load_bundle()
    assert model.version and len(model.checksum) == 64
    written = json.loads((model.folder / CARD).read_text("utf-8"))
    for key in ("data", "split_sha256", "figures", "fitted"):  # for people
        assert key in written, f"the card lacks {key}"


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        load_bundle(tmp_path)


def test_a_card_that_is_no_json_is_refused(copy):
    (copy / CARD).write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        load_bundle(copy)


def test_a_card_without_its_threshold_is_refused(copy):
    card = json.loads((copy / CARD).read_text())
    del card["threshold"]
    (copy / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="threshold"):
        load_bundle(copy)


def test_a_newer_schema_is_refused(copy):
    rewrite(copy, schema=2)
    with pytest.raises(ModelMismatchError, match="schema"):
        load_bundle(copy)


@pytest.mark.parametrize("name", [KERAS_WEIGHTS, ONNX, PAIR])
def test_one_changed_byte_is_noticed(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ModelMismatchError, match="checksum"):
        load_bundle(copy)


def test_a_missing_file_is_noticed(copy):
    (copy / ONNX).unlink()
    with pytest.raises(ModelMismatchError, match="missing"):
        load_bundle(copy)


def test_another_kind_of_architecture_is_refused(copy):
    rewrite(copy, architecture={"name": "vnet"})
    with pytest.raises(ModelMismatchError, match="architecture"):
        load_bundle(copy)


def test_weights_that_do_not_fit_the_cards_architecture_are_refused(copy):
    rewrite(copy, architecture={"name": ARCHITECTURE, "filters": [8, 16, 32, 64, 128], "slices": 5})
    with pytest.raises(ModelMismatchError, match="do not fit"):
        open_engine(load_bundle(copy), "tensorflow", "cpu")


def test_a_model_that_does_not_reproduce_its_stored_pair_is_refused(copy):
    with np.load(copy / PAIR) as pair:
        changed = {"input": pair["input"], "output": pair["output"] + 0.2}
    np.savez(copy / PAIR, **changed)
    files = json.loads((copy / CARD).read_text())["files"]
    rewrite(copy, files={**files, PAIR: sha256(copy / PAIR)})
    with pytest.raises(ModelMismatchError, match="does not reproduce"):
        open_engine(load_bundle(copy))


def test_unknown_keys_in_a_card_are_ignored(copy):
    rewrite(copy, invented_later={"a": 1})
    assert load_bundle(copy).checksum == load_bundle().checksum


def test_a_device_that_does_not_exist_is_an_error():
    with pytest.raises(EngineError, match=r"There is no device 'tpu'\. Choose one of auto, cpu, gpu"):
        open_engine(load_bundle(), device="tpu")


@pytest.mark.parametrize("name", installed())
def test_a_call_that_a_library_does_not_finish_ends_in_a_sentence(name):
    """Of 10,000 damaged models one opened, and failed when it ran."""
    opened = open_engine(load_bundle(), name, "cpu")
    with pytest.raises(EngineError, match=r"(?s)^[A-Z]\S+.* failed \(.+\)\. Choose another engine or model\.$"):
        opened.predict(np.zeros((1, 32, 32, 2), np.float32))


def test_an_engine_that_does_not_exist_is_an_error():
    with pytest.raises(EngineError, match="Choose one of"):
        open_engine(load_bundle(), "abacus")


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_the_engines_agree_with_tensorflow(name):
    model = load_bundle()
    given, _ = model.stored_pair()
    given = np.concatenate([given, given[:, ::-1, ::-1], np.roll(given, 9, 2)])
    reference = open_engine(model, "tensorflow", "cpu").predict(given)
    other = open_engine(model, name, "cpu")
    difference = np.abs(other.predict(given) - reference)
    if other.precision == "float32":
        assert difference.max() <= 1e-3
    else:
        assert np.quantile(difference, 0.999) <= 0.02


def test_auto_takes_an_installed_engine_and_says_why():
    opened = open_engine(load_bundle())
    assert opened.name in installed() and opened.reason


def test_openvino_does_not_report_itself_to_anyone():
    """Its own import sends an event to an analytics server; ours must not even load the sender."""
    code = (
        "import sys\n"
        "from LungTumorSegLib.model.bundle import load_bundle\n"
        "from LungTumorSegLib.model.engines.choose import open_engine\n"
        "print(open_engine(load_bundle(), 'openvino').name)\n"
        "print([m for m in sys.modules if m.startswith('openvino_telemetry') and sys.modules[m]])"
    )
    environment = {**os.environ, "PYTHONPATH": str(default_path().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == ["openvino", "[]"], done.stdout + done.stderr
