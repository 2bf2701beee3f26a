"""A model that somebody sent: it is refused with a sentence, nothing of it runs, and it takes no memory to speak of."""

import json
import shutil

import numpy as np
import pytest
from LungTumorSegLib import memory
from LungTumorSegLib.errors import ModelError, ModelMismatchError
from LungTumorSegLib.model import onnx_content, weights_content
from LungTumorSegLib.model.bundle import (
    CARD,
    CLASSIFIER,
    INT8,
    KERAS_WEIGHTS,
    ONNX,
    PAIR,
    PARTS,
    default_path,
    load_bundle,
    sha256,
)
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.model.engines.tensorflow_engine import import_tensorflow

from Testing.support import hostile_models

LITTLE_MB = 60  # what a refusal may take; the smallest bomb here has 200 MB


@pytest.fixture
def model(tmp_path):
    return hostile_models.copy_in(tmp_path)


def refused(folder, engine="onnxruntime", kind=ModelMismatchError) -> str:
    if engine == "tensorflow":
        import_tensorflow()  # 700 MB by itself
    memory.forget_peak()
    before = memory.peak_mb()
    with pytest.raises(kind) as error:
        open_engine(load_bundle(folder), engine)
    assert memory.peak_mb() - before < LITTLE_MB
    return str(error.value)


def test_what_the_bundled_files_hold_is_allowed():
    folder = default_path()
    for name in (*(part.onnx for part in PARTS), INT8):
        onnx_content.check(folder / name)
    for part in PARTS:
        weights_content.check(folder / part.keras)


@pytest.mark.parametrize("made", hostile_models.onnx_kinds, ids=lambda made: made.__name__)
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_an_onnx_file_that_is_more_than_a_plain_graph_is_refused(model, made, engine):
    text = refused(made(model), engine)
    assert f"The model file {model / ONNX} is refused" in text


def test_an_onnx_file_is_refused_wherever_it_is_cut_off(tmp_path):
    whole = (default_path() / CLASSIFIER.onnx).read_bytes()
    for length in (0, 1, 2, 100, 5_000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.onnx").write_bytes(whole[:length])
        with pytest.raises(ModelMismatchError, match="is refused"):
            onnx_content.check(tmp_path / "cut.onnx")


@pytest.mark.parametrize("change", hostile_models.weights_kinds, ids=lambda change: change.__name__)
def test_weights_that_are_more_than_plain_numbers_are_refused(model, change):
    hostile_models.weights(model, change)
    memory.forget_peak()
    before = memory.peak_mb()
    with pytest.raises(ModelMismatchError, match="is refused: it "):
        weights_content.check(model / KERAS_WEIGHTS)
    assert memory.peak_mb() - before < LITTLE_MB


def test_the_engine_looks_at_the_weights_before_keras_does(model):
    hostile_models.weights(model, hostile_models.external_file)
    assert "another file" in refused(model, "tensorflow")


@pytest.mark.parametrize(
    "made", [hostile_models.pickled_pair, hostile_models.raw_pickle], ids=lambda made: made.__name__
)
def test_a_pickle_in_the_stored_pair_does_not_run(model, made, tmp_path):
    mark = tmp_path / "it ran"
    assert "stored pair" in refused(made(model, mark))
    assert not mark.exists()


def test_the_pickle_of_these_tests_would_run(tmp_path):
    np.save(tmp_path / "a.npy", np.array([hostile_models.Runs(tmp_path / "it ran")], object))
    np.load(tmp_path / "a.npy", allow_pickle=True)
    assert (tmp_path / "it ran").exists()


def test_a_lambda_layer_does_not_run(model, tmp_path):
    mark = tmp_path / "it ran"
    assert "is refused" in refused(hostile_models.keras_model_with_lambda(model, mark), "tensorflow")
    assert not mark.exists()


def test_a_stored_pair_that_unpacks_to_a_thousandfold_is_refused(model):
    assert "too large" in refused(hostile_models.bomb_pair(model))


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (np.zeros((1, 64, 64, 5)), np.zeros((1, 64, 64))),
        (np.zeros((1, 64, 64, 6)), np.zeros((1, 64, 64, 1))),
        (np.zeros((64, 64)), np.zeros(())),
        (np.zeros(()), np.zeros(())),
        (np.array(["a"]), np.zeros(1)),
    ],
)
def test_a_pair_of_another_network_is_refused(model, given, made):
    with pytest.raises(ModelMismatchError, match="stored pair"):
        load_bundle(hostile_models.pair_of(model, given, made)).stored_pair()


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "", "C:\\x", "a\nb", "\x1b[2J"])
def test_a_name_that_leaves_the_models_folder_is_refused_and_nothing_is_read(model, name, monkeypatch):
    (model.parent / "secret").write_text("secret")
    card = json.loads((model / CARD).read_text("utf-8"))
    card["files"] |= {name: "0" * 64}
    (model / CARD).write_text(json.dumps(card), "utf-8")
    read = []
    monkeypatch.setattr("LungTumorSegLib.model.bundle.sha256", lambda path: read.append(path) or sha256(path))
    with pytest.raises(ModelError, match="the name of a file in the model's own folder"):
        load_bundle(model)
    assert read == []


def test_a_link_out_of_the_models_folder_is_refused(model, tmp_path):
    shutil.move(model / PAIR, tmp_path / PAIR)
    (model / PAIR).symlink_to(tmp_path / PAIR)
    assert "is a link" in refused(model)


def test_a_linked_folder_is_a_folder(model, tmp_path):
    (tmp_path / "link").symlink_to(model)
    assert load_bundle(tmp_path / "link").name


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "1" * 10_000, "\ud800", " " * 17_000_000, "null"])
def test_a_card_that_is_made_to_break_the_reader_is_refused(model, text):
    (model / CARD).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match="model card"):
        load_bundle(model)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architecture", {"name": "unet2.5d", "filters": [10**9], "slices": 5}),
        ("architecture", {"name": "unet2.5d", "filters": [1] * 60, "slices": 5}),
        ("architecture", {"name": "unet2.5d", "filters": [0], "slices": 5}),
        ("architecture", {"name": "unet2.5d", "filters": [16], "slices": 10**9}),
        ("classifier", {"filters": [24] * 9}),
        ("coarse", {"name": "unet2.5d", "filters": [10**9], "slices": 5}),
        ("coarse", {"name": "unet2.5d", "filters": [16], "slices": 4}),
        ("spacing_mm", 1e-6),
        ("spacing_mm", 10**400),
        ("offsets_mm", [0.0]),
        ("offsets_mm", [-1e9, -2.0, 0.0, 2.0, 5.0]),
        ("window_hu", [600.0, -1024.0]),
        ("prompt_sigma_mm", 1e9),
        ("limits", {"slice_step_mm": [0.0, 0.0]}),
    ],
)
def test_a_card_that_asks_for_too_much_is_refused_by_the_key(model, key, value):
    hostile_models.sign(model, **{key: value})
    with pytest.raises(ModelError, match=rf"is wrong: {key}"):
        load_bundle(model)
