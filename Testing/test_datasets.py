"""Other people's data, the tutorial recipe, and the pack itself where it is at hand."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import GeometryError, UnreadableError

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from training import config, datasets, prepare, recipe, whole_ct

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT.parent / "shared" / "data"


# other people's data


def _write(path: Path, array: np.ndarray, spacing=(2.5, 2.5, 5.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))


@pytest.mark.parametrize(("suffix", "layout"), [(".nrrd", "pairs"), (".nii.gz", "decathlon"), (".mha", "pairs")])
def test_a_folder_of_pairs_and_a_decathlon_task_become_whole_cts(tmp_path, suffix, layout):
    import phantoms

    ct, mask = phantoms.chest(spacing_xyz=(4.0, 4.0, 6.0))
    names = ("images", "masks") if layout == "pairs" else ("imagesTr", "labelsTr")
    for name, array in zip(names, (ct.voxels_zyx, mask.astype(np.uint8)), strict=True):
        _write(tmp_path / "set" / name / f"lung_001{suffix}", array, ct.geometry.spacing_xyz)
    if layout == "decathlon":
        listed = [{"image": f"./imagesTr/lung_001{suffix}", "label": f"./labelsTr/lung_001{suffix}"}]
        (tmp_path / "set" / "dataset.json").write_text(json.dumps({"training": listed}))
    settings = replace(config.Config(), data=replace(config.Data(), prepared=str(tmp_path / "prepared")))
    assert datasets.prepare(settings, tmp_path / "set") == 1
    role = datasets.by_hash("lung_001")
    case = whole_ct.WholeCTs(tmp_path / "prepared", (role,)).cases[0]
    found = np.count_nonzero(case.source.target >= 128) * case.source.step_mm
    assert found == pytest.approx(np.count_nonzero(mask) * ct.geometry.voxel_mm3, rel=0.1)
    assert case.source.step_mm == 6.0 and all(len(places) for places in case.places.values())


def test_an_image_without_its_mask_is_named(tmp_path):
    for name in ("images/a.nrrd", "masks/a.nrrd", "images/b.nrrd"):
        _write(tmp_path / name, np.zeros((4, 4, 4), np.int16))
    with pytest.raises(UnreadableError, match="b has an image or a mask only"):
        datasets.find(tmp_path)


def test_a_mask_on_another_grid_is_refused(tmp_path):
    import phantoms

    ct, mask = phantoms.chest(spacing_xyz=(6.0, 6.0, 6.0))
    _write(tmp_path / "images/a.nrrd", ct.voxels_zyx, ct.geometry.spacing_xyz)
    _write(tmp_path / "masks/a.nrrd", mask[1:].astype(np.uint8), ct.geometry.spacing_xyz)
    with pytest.raises(GeometryError, match="another grid"):
        datasets.read(datasets.find(tmp_path)[0])


def test_two_cases_of_a_patient_on_two_sides_are_refused(tmp_path):
    for name in ("images/a.nrrd", "masks/a.nrrd", "images/b.nrrd", "masks/b.nrrd"):
        _write(tmp_path / name, np.zeros((4, 4, 4), np.int16))
    (tmp_path / "cases.csv").write_text("name,patient,role\na,Anna,train\nb,Anna,test\n")
    with pytest.raises(ValueError, match="Anna is on two sides"):
        datasets.find(tmp_path)


def test_the_split_by_hash_is_about_70_15_15():
    sides = [datasets.by_hash(f"patient {i}") for i in range(2000)]
    for side, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        assert sides.count(side) / 2000 == pytest.approx(share, abs=0.03)


def _arrays(folder: Path, n=(24, 8), side=24):
    rng = np.random.default_rng(0)
    grid = np.indices((side, side))
    for name, count in zip(recipe.SIDES, n, strict=True):
        x, y = rng.integers(0, 40, (count, side, side)).astype(np.uint8), np.zeros((count, side, side), np.uint8)
        for i in range(count):
            ball = ((grid - rng.integers(6, side - 6, 2)[:, None, None]) ** 2).sum(0) < 16
            x[i][ball], y[i][ball] = 220, 255
        np.save(folder / f"{name}_images.npy", x)
        np.save(folder / f"{name}_labels.npy", y)


def test_the_recipe_is_one_call_and_reports_what_accuracy_hides(tmp_path):
    _arrays(tmp_path)
    settings = recipe.Settings(epochs=2, batch=8, filters=(4, 8))
    figures = recipe.run(tmp_path, tmp_path / "out", settings)
    assert {"loss", "accuracy", "precision", "recall", "f1"} <= set(figures)
    assert figures["pictures"] == figures["pictures_with_tumour"] == 8
    files = {p.name for p in (tmp_path / "out").iterdir()}
    assert files == {"best.weights.h5", "log.csv", "figures.json", "learning.png", "examples.png"}


def test_arrays_of_8_bit_are_divided_by_255_and_hounsfield_units_windowed(tmp_path):
    _arrays(tmp_path)
    x, y = recipe.load(tmp_path)["train"]
    assert x.max() == pytest.approx(220 / 255) and set(np.unique(y)) == {0, 1}
    hu = np.full((8, 24, 24), -1024.0)
    hu[:, 12:] = 600
    hu += np.arange(8)[:, None, None]
    np.save(tmp_path / "valid_images.npy", hu)
    x, _ = recipe.load(tmp_path)["valid"]
    assert x[0].min() == 0 and x[0].max() == 1


def test_the_same_picture_on_both_sides_is_refused(tmp_path):
    _arrays(tmp_path)
    train = np.load(tmp_path / "train_images.npy")
    valid = np.load(tmp_path / "valid_images.npy")
    valid[3] = train[5]
    np.save(tmp_path / "valid_images.npy", valid)
    with pytest.raises(ValueError, match="two sides"):
        recipe.load(tmp_path)


def test_a_missing_array_is_named(tmp_path):
    _arrays(tmp_path)
    (tmp_path / "valid_labels.npy").unlink()
    with pytest.raises(UnreadableError, match=r"valid_labels\.npy is missing"):
        recipe.load(tmp_path)


# the pack itself


@pytest.mark.skipif(not PACK.exists(), reason="the training pack does not lie beside the clone (../shared/data)")
def test_the_packs_split_is_the_committed_one_and_every_patch_has_a_role():
    assert (PACK / "split.csv").read_bytes() == (ROOT / "training" / "splits" / "split.csv").read_bytes()
    roles = prepare.roles(PACK / "split.csv")
    with (PACK / "patches" / "lidc_nodules.csv").open(newline="") as file:
        assert {row["patient"] for row in csv.DictReader(file)} <= set(roles)
