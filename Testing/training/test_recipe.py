"""The tutorial recipe: what it makes of arrays and pictures, what it refuses, and what it reports."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from LungTumorSegLib.errors import GeometryError, UnreadableError
from LungTumorSegLib.model.card import Architecture
from PIL import Image

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from training.data.pictures import SIDES
from training.errors import DataError
from training.studies import tutorial_recipe


def _arrays(folder: Path, n=(24, 8), side=24):
    rng = np.random.default_rng(0)
    grid = np.indices((side, side))
    for name, count in zip(SIDES, n, strict=True):
        x, y = rng.integers(0, 40, (count, side, side)).astype(np.uint8), np.zeros((count, side, side), np.uint8)
        for i in range(count):
            ball = ((grid - rng.integers(6, side - 6, 2)[:, None, None]) ** 2).sum(0) < 16
            x[i][ball], y[i][ball] = 220, 255
        np.save(folder / f"{name}_images.npy", x)
        np.save(folder / f"{name}_labels.npy", y)


def test_the_recipe_is_one_call_and_reports_what_accuracy_hides(tmp_path):
    _arrays(tmp_path)
    settings = tutorial_recipe.Settings(epochs=2, batch=8, filters=(4, 8))
    figures = tutorial_recipe.run(tmp_path, tmp_path / "out", settings)
    assert {"loss", "accuracy", "precision", "recall", "f1"} <= set(figures)
    assert figures["pictures"] == figures["pictures_with_tumour"] == 8
    files = {p.name for p in (tmp_path / "out").iterdir()}
    assert files == {"best.weights.h5", "log.csv", "figures.json", "learning.png", "examples.png"}


def test_arrays_of_8_bit_are_divided_by_255_and_hounsfield_units_windowed(tmp_path):
    _arrays(tmp_path)
    x, y = tutorial_recipe.load(tmp_path)["train"]
    assert x.max() == pytest.approx(220 / 255) and set(np.unique(y)) == {0, 1}
    for n, side in ((24, "train"), (8, "valid")):
        hu = np.full((n, 24, 24), -1024.0)
        hu[:, 12:] = 600
        hu += np.arange(n)[:, None, None] + (100 if side == "valid" else 0)
        np.save(tmp_path / f"{side}_images.npy", hu)
    x, _ = tutorial_recipe.load(tmp_path)["train"]
    assert x[0].min() == 0 and x[0].max() == 1


def test_the_same_picture_on_both_sides_is_refused(tmp_path):
    _arrays(tmp_path)
    train = np.load(tmp_path / "train_images.npy")
    valid = np.load(tmp_path / "valid_images.npy")
    valid[3] = train[5]
    np.save(tmp_path / "valid_images.npy", valid)
    with pytest.raises(ValueError, match="two sides"):
        tutorial_recipe.load(tmp_path)


def test_a_missing_array_is_named(tmp_path):
    _arrays(tmp_path)
    (tmp_path / "valid_labels.npy").unlink()
    with pytest.raises(UnreadableError, match=r"valid_labels\.npy is missing"):
        tutorial_recipe.load(tmp_path)


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (False, True), (-1, 1), (0.0, 1.0)])
def test_labels_may_be_masks_of_any_kind(tmp_path, values):
    _arrays(tmp_path)
    labels = {side: np.load(tmp_path / f"{side}_labels.npy") > 0 for side in SIDES}
    for side, marked in labels.items():
        np.save(tmp_path / f"{side}_labels.npy", np.where(marked, values[1], values[0]))
    read = tutorial_recipe.load(tmp_path)
    assert all(np.array_equal(read[side][1][..., 0] > 0, marked) for side, marked in labels.items())


def test_labels_that_mark_nothing_are_refused(tmp_path):
    _arrays(tmp_path)
    np.save(tmp_path / "valid_labels.npy", np.zeros((8, 24, 24), np.uint8))
    with pytest.raises(ValueError, match="valid_labels marks no tumour"):
        tutorial_recipe.load(tmp_path)


def test_patients_of_one_side_or_of_some_pictures_are_refused(tmp_path):
    _arrays(tmp_path)
    np.save(tmp_path / "train_patients.npy", [f"T{i}" for i in range(24)])
    with pytest.raises(UnreadableError, match=r"train_patients\.npy is there alone"):
        tutorial_recipe.load(tmp_path)
    np.save(tmp_path / "valid_patients.npy", [f"V{i}" for i in range(7)])
    with pytest.raises(GeometryError, match=r"valid_patients \(7,\) and valid_images \(8, 24, 24\)"):
        tutorial_recipe.load(tmp_path)
    np.save(tmp_path / "valid_patients.npy", [f"V{i}" for i in range(7)] + ["T3"])
    with pytest.raises(ValueError, match="T3 is on two sides"):
        tutorial_recipe.load(tmp_path)


def test_what_is_padded_counts_in_no_figure(tmp_path):
    from LungTumorSegLib.model import unet

    _arrays(tmp_path, side=17)
    filters = (2, 2, 2, 2)
    figures = tutorial_recipe.run(
        tmp_path, tmp_path / "out", tutorial_recipe.Settings(epochs=1, batch=8, filters=filters)
    )
    model = unet.build(Architecture(filters=filters, slices=0))
    model.load_weights(tmp_path / "out" / "best.weights.h5")
    x, y = tutorial_recipe.load(tmp_path)["valid"]
    p = model.predict(np.pad(x, ((0, 0), (0, 7), (0, 7), (0, 0))), verbose=0)[:, :17, :17]
    assert figures["accuracy"] == pytest.approx(np.mean((p > 0.5) == (y > 0)), abs=1e-4)
    assert figures["loss"] == pytest.approx(-np.mean(np.log(np.where(y > 0, p, 1 - p))), rel=1e-3)
    (row,) = csv.DictReader((tmp_path / "out" / "log.csv").read_text().splitlines())
    assert float(row["val_accuracy"]) == pytest.approx(figures["accuracy"], abs=1e-4)


def test_a_figure_without_a_number_is_null():
    empty = np.zeros((2, 4, 4), bool)
    assert '"dice_of_pictures_with_tumour": null' in json.dumps(tutorial_recipe.judge(empty, empty), allow_nan=False)


# what the numbers mean


def _shaped(n: int, seed: int, side=24) -> tuple[np.ndarray, np.ndarray]:
    """Grey values 0 to 255 in all of which tumours are bright, and where (bool)."""
    rng = np.random.default_rng(seed)
    grid, grey = np.indices((side, side)), rng.integers(0, 60, (n, side, side)).astype(float)
    where = np.zeros(grey.shape, bool)
    for i in range(n):
        where[i] = ((grid - rng.integers(6, side - 6, 2)[:, None, None]) ** 2).sum(0) < 16
    grey[where] = 220 + rng.integers(0, 36, np.count_nonzero(where))
    grey[:, 0, :2] = 0, 255
    return grey, where


def _save(folder: Path, images=lambda grey: grey, labels=lambda where: where.astype(np.uint8)):
    made = {}
    for seed, (side, n) in enumerate(zip(SIDES, (9, 7), strict=True)):
        grey, where = _shaped(n, seed)
        np.save(folder / f"{side}_images.npy", images(grey))
        np.save(folder / f"{side}_labels.npy", labels(where))
        made[side] = grey, where
    return made


def _hu(grey):
    return (grey * 6 - 1000).astype(np.int16)


@pytest.mark.parametrize(
    ("images", "kind"),
    [
        (lambda g: g.astype(np.uint8), "8-bit pictures"),
        (lambda g: (g * 0.6).astype(np.uint8), "8-bit pictures"),
        (lambda g: g.astype(np.int16), "8-bit pictures"),
        (lambda g: g.astype(np.float32), "8-bit pictures"),
        (lambda g: g * 0.9 + 3.3, "8-bit pictures"),
        (lambda g: (g * 257).astype(np.uint16), "16-bit pictures"),
        (lambda g: g / 255, "pictures from 0 to 1"),
        (lambda g: (g / 255).astype(np.float16), "pictures from 0 to 1"),
        (lambda g: g / 127.5 - 1, "pictures from -1 to 1"),
        (lambda g: (g - g.mean()) / g.std(), "standardised pictures"),
        (lambda g: (g - g.mean((1, 2), keepdims=True)) / g.std((1, 2), keepdims=True), "standardised pictures"),
        (_hu, "Hounsfield units"),
        (lambda g: np.clip(_hu(g), -1000, 400).astype(float), "Hounsfield units"),
        (lambda g: np.repeat(g[..., None], 3, -1).astype(np.uint8), "8-bit pictures"),
        (lambda g: np.repeat(g[:, None], 3, 1).astype(np.uint8), "8-bit pictures"),
    ],
)
def test_pictures_of_every_scale_show_the_same_and_the_recipe_says_which_it_is(tmp_path, images, kind):
    made, said = _save(tmp_path, images), []
    read = tutorial_recipe.load(tmp_path, say=said.append)
    assert f"{kind}, 9 for training, 7 for validation; tumour is 1" in said[0]
    for side, (grey, where) in made.items():
        x, y = read[side]
        assert x.shape == (*grey.shape, 1) and x.min() >= 0 and x.max() <= 1 and x.dtype == np.float32
        assert np.corrcoef(x.ravel(), grey.ravel())[0, 1] > 0.98
        assert x[..., 0][where].mean() - x[..., 0][~where].mean() > 0.4
        assert np.array_equal(y[..., 0] > 0, where)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (lambda g: g / 255 / 255, "nor 16 bits"),
        (lambda g: (g / 255).astype(np.uint8), "are they masks"),
        (lambda g: g > 127, "of type bool"),
        (lambda g: _hu(g) + 1024, "about 1024 too high"),
        (lambda g: _hu(g).astype(np.uint16), "lost their sign"),
        (lambda g: np.clip(g * 2 - 250, -160, 240), "nor a chest's Hounsfield units"),
        (lambda g: g / 100 - 1, "nor a chest's Hounsfield units"),
        (lambda g: g / 255 - 0.2, "nor a chest's Hounsfield units"),
        (lambda g: (g - 128).astype(np.int8), "nor a chest's Hounsfield units"),
        (lambda g: np.where(g > 250, np.nan, g), "without a number"),
        (lambda g: g.astype(complex), "of type complex128"),
        (lambda g: g * 0, "are they masks, or empty"),
        (lambda g: 200 + g / 255, "nearly uniform"),
        (lambda g: g / 2.55, "percent, or dark 8-bit"),
        (lambda g: np.rint(g / g.max() * 100).astype(np.uint8), "percent, or dark 8-bit"),
        (lambda g: np.moveaxis(g[:, :24, :24], 0, -1), "stacked along its last axis"),
        (lambda g: g.reshape(len(g), -1), "no stack of pictures"),
        (lambda g: g[:0], "no stack of pictures"),
        (lambda g: np.repeat(g[..., None], 24, -1), "24 channels"),
    ],
)
def test_pictures_whose_numbers_mean_nothing_known_are_refused(tmp_path, images, words):
    _save(tmp_path, images)
    with pytest.raises((DataError, GeometryError), match=words):
        tutorial_recipe.load(tmp_path)


def test_sides_of_different_scales_are_refused(tmp_path):
    _save(tmp_path, _hu)
    np.save(tmp_path / "valid_images.npy", _shaped(7, 1)[0].astype(np.uint8))
    with pytest.raises(DataError, match="train: Hounsfield units, valid: 8-bit pictures"):
        tutorial_recipe.load(tmp_path)


def _classes(where, *values):
    """Background, and of what is marked the left half one class, the right half another."""
    left = np.indices(where.shape)[2] % 2 == 0
    return np.where(where, np.where(left, values[1], values[2]), values[0])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (lambda w: np.stack([~w, w], -1).astype(np.uint8), "one-hot, tumour is 1"),
        (lambda w: np.stack([~w, w], -1).astype(np.float32), "one-hot, tumour is 1"),
        (lambda w: np.stack([~w, w], 1).astype(np.uint8) * 255, "one-hot, tumour is 1"),
        (lambda w: w[..., None].astype(np.uint8), "tumour is 1"),
        (lambda w: np.repeat(w[..., None], 3, -1).astype(np.uint8) * 255, "tumour is 255"),
        (lambda w: w * 2, "tumour is 2"),
        (lambda w: np.where(w, 245 + np.indices(w.shape)[1] % 11, np.indices(w.shape)[2] % 7), "tumour from 127.5"),
    ],
)
def test_labels_of_every_form_mark_the_same(tmp_path, labels, words):
    made, said = _save(tmp_path, labels=labels), []
    read = tutorial_recipe.load(tmp_path, say=said.append)
    assert words in said[0]
    assert all(np.array_equal(read[side][1][..., 0] > 0, where) for side, (_, where) in made.items())


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (lambda w: _classes(w, 0, 1, 2), "several classes, 0, 1, 2, .* --label 2"),
        (lambda w: _classes(w, 0, 128, 255), "several classes"),
        (lambda w: _classes(w, 1, 2, 3), "no background"),
        (lambda w: np.stack([~w, w & (np.indices(w.shape)[2] > 9), w & (np.indices(w.shape)[2] <= 9)], -1), "several"),
        (lambda w: np.stack([w, ~w], -1), "first of the one-hot classes is not the background"),
        (lambda w: np.stack([w, w], -1).astype(np.uint8), "no one-hot classes"),
        (lambda w: (~w).astype(np.uint8), "is background taken for tumour"),
        (lambda w: w * 0, "marks no tumour"),
        (lambda w: np.random.default_rng(0).normal(0, 1, w.shape), "are no masks"),
        (lambda w: np.where(w, np.nan, 0), "no numbers"),
    ],
)
def test_labels_that_may_mark_something_else_are_refused(tmp_path, labels, words):
    _save(tmp_path, labels=labels)
    with pytest.raises(DataError, match=words):
        tutorial_recipe.load(tmp_path)


def test_of_several_classes_the_named_ones_are_tumour(tmp_path):
    made = _save(tmp_path, labels=lambda w: _classes(w, 0, 1, 2))
    even = np.indices(made["train"][1].shape)[2] % 2 == 0
    for labels, wanted in (((2,), ~even), ((1, 2), True)):
        y = tutorial_recipe.load(tmp_path, labels)["train"][1][..., 0] > 0
        assert np.array_equal(y, made["train"][1] & wanted)
    with pytest.raises(DataError, match="No label is 3; there are 0, 1, 2"):
        tutorial_recipe.load(tmp_path, (3,))


# how the files are laid out


@pytest.mark.parametrize("names", ["{side}_masks", "{side}_mask", "y_{side}", "Y_{side}"])
def test_arrays_may_have_the_names_that_people_give_them(tmp_path, names):
    _save(tmp_path)
    for side in SIDES:
        (tmp_path / f"{side}_labels.npy").rename(tmp_path / f"{names.format(side=side)}.npy")
        (tmp_path / f"{side}_images.npy").rename(tmp_path / f"X_{side.replace('valid', 'val')}.npy")
    assert len(tutorial_recipe.load(tmp_path)["valid"][0]) == 7


def test_two_arrays_of_one_meaning_are_refused(tmp_path):
    _save(tmp_path)
    np.save(tmp_path / "train_masks.npy", np.load(tmp_path / "train_labels.npy"))
    with pytest.raises(UnreadableError, match=r"train_labels\.npy and train_masks\.npy are the same"):
        tutorial_recipe.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not an array", None])
def test_a_file_that_is_no_array_is_named(tmp_path, content):
    _save(tmp_path)
    if content is None:
        np.savez(tmp_path / "made.npz", a=np.zeros(3))
        (tmp_path / "made.npz").rename(tmp_path / "train_images.npy")
    else:
        (tmp_path / "train_images.npy").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"train_images\.npy (is no plain array|holds several arrays)"):
        tutorial_recipe.load(tmp_path)


def _pictures(folder: Path, side: str, images: Path, masks: Path, mask_name="{}.png", **save) -> list[str]:
    for where in (images, masks):
        where.mkdir(parents=True, exist_ok=True)
    names = []
    for i, (grey, marked) in enumerate(zip(*_shaped(9 if side == "train" else 7, SIDES.index(side)), strict=True)):
        names.append(f"{side}{i:03}")
        Image.fromarray(grey.astype(np.uint8)).save(images / f"{names[-1]}.png")
        Image.fromarray(marked.astype(np.uint8) * 255).save(masks / mask_name.format(names[-1]), **save)
    return names


@pytest.mark.parametrize(
    ("images", "masks", "mask_name", "save"),
    [
        ("{}/images", "{}/masks", "{}.png", {}),
        ("{}/images", "{}/masks", "{}_mask.png", {}),
        ("{}_images", "{}_masks", "{}.png", {}),
        ("{}/img", "{}/label", "{}.jpg", {"quality": 90}),
        ("{}/images", "{}/labels", "{}.tif", {}),
        ("{}/images", "{}/masks", "{}_mask.gif", {}),
    ],
)
def test_folders_of_pictures_are_read(tmp_path, images, masks, mask_name, save):
    for side in SIDES:
        _pictures(tmp_path, side, tmp_path / images.format(side), tmp_path / masks.format(side), mask_name, **save)
    read = tutorial_recipe.load(tmp_path)
    for seed, side in enumerate(SIDES):
        grey, where = _shaped(len(read[side][0]), seed)
        np.testing.assert_allclose(read[side][0][..., 0], grey / 255, atol=0.003)
        assert np.mean((read[side][1][..., 0] > 0) == where) > (0.97 if save else 0.9999)


def test_one_folder_of_pictures_needs_to_know_whose_they_are(tmp_path):
    names = [n for side in SIDES for n in _pictures(tmp_path, side, tmp_path / "images", tmp_path / "masks")]
    with pytest.raises(UnreadableError, match=r"add cases\.csv"):
        tutorial_recipe.load(tmp_path)
    table = "".join(f"{n}.png,P{i % 4},{'train' if i % 4 else 'val'}\n" for i, n in enumerate(names))
    (tmp_path / "cases.csv").write_text(f"name,patient,role\n{table}")
    read = tutorial_recipe.load(tmp_path)
    assert [len(read[side][0]) for side in SIDES] == [12, 4]
    (tmp_path / "cases.csv").write_text(f"name,patient,role\n{table}".replace(",P1,", ",P0,"))
    with pytest.raises(DataError, match="P0 is on two sides"):
        tutorial_recipe.load(tmp_path)


def _half_transparent() -> Image.Image:
    return Image.fromarray(np.dstack([np.full((24, 24, 3), 9), np.eye(24)]).astype(np.uint8))


def test_pictures_that_do_not_go_together_are_named(tmp_path):
    for side in SIDES:
        _pictures(tmp_path, side, tmp_path / side / "images", tmp_path / side / "masks")
    image = tmp_path / "train" / "images" / "train004.png"
    kept = image.read_bytes()
    for spoil, words in (
        (lambda: image.unlink(), "train004 has a picture or a mask only"),
        (lambda: image.write_bytes(kept[:60]), r"train004\.png is no picture"),
        (lambda: Image.fromarray(np.zeros((30, 24), np.uint8)).save(image), r"train004\.png is of another size"),
        (
            lambda: Image.fromarray(np.dstack([np.full((24, 24, 3), 9), np.eye(24)]).astype(np.uint8)).save(image),
            "transp",
        ),
    ):
        spoil()
        with pytest.raises((UnreadableError, GeometryError, DataError), match=words):
            tutorial_recipe.load(tmp_path)
    with pytest.raises(UnreadableError, match="holds no pictures that are known"):
        tutorial_recipe.load(tmp_path / "train" / "images")


def test_wrong_data_end_the_command_with_a_sentence_before_tensorflow_is_loaded(tmp_path):
    _save(tmp_path, lambda g: _hu(g) + 1024)
    watched = "import sys; sys.argv[0] = 'training'; sys.modules['keras'] = sys.modules['tensorflow'] = None\n"
    watched += "import runpy; runpy.run_module('training', run_name='__main__')"
    ended = subprocess.run([sys.executable, "-c", watched, "recipe", str(tmp_path)], capture_output=True, text=True)
    assert ended.returncode == 3
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("training: The train pictures have values from") and "1024 too high" in line


def test_the_command_says_what_it_understood_and_where_its_files_are_and_tensorflow_is_quiet(tmp_path):
    _save(tmp_path)
    given = ["recipe", str(tmp_path), "--output", str(tmp_path / "out"), "--epochs", "1"]
    ended = subprocess.run([sys.executable, "-m", "training", *given], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert f"{tmp_path}: 8-bit pictures, 9 for training, 7 for validation" in ended.stdout
    assert f"are in {tmp_path / 'out'}: best.weights.h5, examples.png, figures.json" in ended.stdout
