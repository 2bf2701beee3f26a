"""The training: targets, examples, fit, export, other data sets. What needs the pack itself skips without it."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import made_up_pack
import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib import bundle, engines
from LungTumorSegLib.contracts import CT, Candidate, Options, Result
from LungTumorSegLib.errors import GeometryError, UnreadableError
from LungTumorSegLib.geometry import Geometry

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from training import config, datasets, examples, export, fit, folds, losses, mine, prepare, recipe, stream, whole_ct
from training.evaluate import automatic

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> config.Config:
    """A prepared pack, made in code."""
    settings = made_up_pack.make(tmp_path_factory.mktemp("pack"))
    prepare.prepare_patches(settings)
    prepare.prepare_volumes(settings)
    return settings


# targets


def test_half_of_the_readers_is_the_consensus_of_the_target():
    readers = np.array([[[0, 1, 2, 3, 4]]], np.uint8)
    soft, weight, bits = prepare.patch_targets(readers, (readers > 0).astype(np.uint8), 4)
    assert soft.ravel().tolist() == [0, 64, 128, 191, 255]
    assert weight.all()
    assert (bits & prepare.TARGET > 0).ravel().tolist() == [False, True, True, True, True]
    assert not (bits & prepare.DEEP)[soft < 127].any()


def test_a_lesion_that_one_reader_marked_has_no_weight_and_a_neighbour_counts_by_its_own_most_readers():
    readers = np.array([[[3, 0, 1, 1, 0, 2, 1]]], np.uint8)
    lesion = np.array([[[1, 0, 2, 2, 0, 3, 3]]], np.uint8)
    soft, weight, _ = prepare.patch_targets(readers, lesion, 3)
    assert weight.ravel().tolist() == [1, 1, 0, 0, 1, 1, 1]
    assert soft.ravel().tolist() == [255, 0, 0, 0, 0, 255, 128]


def test_a_patient_with_two_roles_is_refused(tmp_path):
    (tmp_path / "split.csv").write_text("patient,role\nA,train\nB,test\nA,test\n")
    with pytest.raises(ValueError, match="A has two roles"):
        prepare.roles(tmp_path / "split.csv")


def test_the_committed_split_has_each_patient_once():
    roles = prepare.roles(ROOT / "training" / "splits" / "split.csv")
    assert set(roles.values()) == {"train", "val", "test", "fold-a", "fold-b"}


# examples


def test_a_slab_is_the_mean_of_what_it_covers():
    mixing = examples.slab_matrix(20, 1.0, np.array([8.0, 10.5]), 4.0)
    assert np.allclose(mixing.sum(1), 1)
    assert np.allclose(mixing @ np.arange(20), [8.0, 10.5])
    assert np.count_nonzero(mixing[1]) == 4 and np.allclose(mixing[1][mixing[1] > 0], 0.25)


def test_a_slab_thinner_than_a_slice_interpolates_linearly():
    mixing = examples.slab_matrix(5, 2.0, np.array([3.0]), 1.0)
    assert np.allclose(mixing, [[0, 0.5, 0.5, 0, 0]])


def test_examples_are_a_function_of_seed_and_step(made):
    stage = replace(made.fit.stages[0], ct_share=0.5, batch=8)
    for step in (0, 1):  # a batch of patches, one of whole CTs
        first, again = (stream.make_batch(made, stage, 3, step) for _ in range(2))
        other = stream.make_batch(made, stage, 3, step + 2)
        assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
        assert not np.array_equal(first[0], other[0])


def test_an_example_without_augmentation_shows_the_nodule_where_the_target_says(made):
    patches = examples.Patches(Path(made.data.prepared), "train")
    x, y, weight = examples.patch_batch(patches, made.network.card, 1, 0, 8, 32, augment=False)
    dense = x[..., 2] > (-200 + 1024) / 1624
    marked = y[..., 0] >= 0.75
    assert marked.sum() > 100
    assert dense[marked].mean() > 0.9
    assert set(np.unique(weight)) <= {0, 1}
    background = x[3::4]
    assert (background[..., -1] == 0).all() and (y[3::4] == 0).all()


def test_half_of_the_lesions_carry_a_prompt_on_the_nodule(made):
    patches = examples.Patches(Path(made.data.prepared), "train")
    prompted = []
    for step in range(12):
        x, y, _ = examples.patch_batch(patches, made.network.card, 5, step, 4, 32, augment=False)
        for channel, target in zip(x[:3, ..., -1], y[:3, ..., 0], strict=True):
            prompted.append(channel.max() > 0)
            if channel.max() > 0.9 and target.any():
                peak = np.unravel_index(channel.argmax(), channel.shape)
                assert np.linalg.norm(np.argwhere(target > 0) - peak, axis=1).min() <= 6
    assert 0.25 < np.mean(prompted) < 0.75


def test_no_nodule_of_another_role_is_drawn(made):
    for role in made_up_pack.ROLES:
        rows = examples.Patches(Path(made.data.prepared), role).rows
        assert {made_up_pack.ROLES[i % 3] for i in rows} == {role} and len(rows) == 3


def _host():
    rng = np.random.default_rng(0)
    hu = (-850 + rng.normal(0, 20, (30, 80, 80))).astype(np.int16)
    return examples.Source(hu, np.zeros(hu.shape, np.uint8), np.ones(hu.shape, np.uint8), 2.5)


@pytest.mark.parametrize("sham", [False, True])
def test_a_transplant_brings_density_and_target_and_a_sham_the_blend_alone(made, sham):
    patches = examples.Patches(Path(made.data.prepared), "train")
    largest = max(patches.size, key=patches.size.get)
    donor, shape = patches.source(largest), patches.arrays["target_lesion"][largest] & prepare.TARGET > 0
    host, place = _host(), np.array([37.5, 30.0, 50.0])
    before = host.hu.copy()
    centre = np.array([4.0, 24.5, 24.5]) if sham else whole_ct.centre_of(shape)
    source, local = whole_ct.transplant(
        np.random.default_rng(1), host, place, 37.5, donor, shape, centre, 1.0, sham, along_mm=30
    )
    assert np.array_equal(host.hu, before) and not host.target.any()
    z, y, x = (round(v) for v in local / (2.5, 1, 1))
    part = before[15 - z : 15 - z + len(source.hu)]
    assert part.shape == source.hu.shape
    if sham:
        assert not source.target.any()
        assert source.hu[z, y, x] < -700
        changed = np.argwhere(source.hu != part) * (2.5, 1, 1)
        assert len(changed) > 100
        assert np.linalg.norm(changed - local, axis=1).max() <= 7.5 + whole_ct.RIM_MM + 2.5
    else:
        assert source.target[z, y, x] == 255 and source.hu[z, y, x] > -50
        volume = (source.target >= 128).sum() * 2.5
        assert volume == pytest.approx(np.pi / 6 * 15**3, rel=0.15)


def test_crops_of_whole_cts_hold_tumours_and_background(made):
    cts = whole_ct.WholeCTs(Path(made.data.prepared), ("fold-a",))
    assert [c.name for c in cts.cases] == ["CT-A"]
    patches = examples.Patches(Path(made.data.prepared), "train")
    x, y, w = whole_ct.ct_batch(cts, patches, made.network.card, 1, 0, 16, 64)
    assert x.shape == (16, 64, 64, 6) and y.shape == w.shape == (16, 64, 64, 1)
    tumour, prompted = y.any((1, 2, 3)), x[..., -1].any((1, 2))
    assert (tumour & prompted).any() and (tumour & ~prompted).any() and (~tumour & ~prompted).any()


# loss and fit


def test_the_loss_is_least_where_the_probability_equals_a_soft_target():
    rng = np.random.default_rng(0)
    target = rng.choice([0, 0.25, 0.5, 0.75, 1], (2, 16, 16, 1)).astype(np.float32)
    y = np.concatenate([target, np.ones_like(target)], -1)

    def loss(p):
        return float(losses.weighted_bce_and_dice(y, np.clip(p, 0, 1).astype(np.float32)))

    least = loss(target)
    for other in (target - 0.1, target + 0.1, np.round(target), rng.random(target.shape), 0 * target):
        assert loss(other) > least + 1e-3


def test_pixels_without_weight_do_not_move_the_loss():
    rng = np.random.default_rng(0)
    target, weight = rng.random((1, 8, 8, 1)), np.ones((1, 8, 8, 1))
    weight[:, 4:] = 0
    y = np.concatenate([target, weight], -1).astype(np.float32)
    p = rng.random(target.shape).astype(np.float32)
    changed = p.copy()
    changed[:, 4:] = 1 - changed[:, 4:]
    assert float(losses.weighted_bce_and_dice(y, p)) == float(losses.weighted_bce_and_dice(y, changed))


def test_a_fit_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(made, tmp_path, monkeypatch):
    import keras

    monkeypatch.setattr(fit, "VALIDATION_EXAMPLES", 8)

    def batches(interrupt_at=None):
        def here(settings, stage, seed, step):
            while True:
                if step == interrupt_at:
                    raise RuntimeError("killed")
                yield stream.make_batch(settings, stage, seed, step)
                step += 1

        monkeypatch.setattr(stream, "batches", here)

    def weights(run):
        settings = replace(made, fit=replace(made.fit, run=str(tmp_path / run)))
        fit.fit_stage(settings, 0, None)
        return [
            np.array(v) for v in keras.saving.load_model(tmp_path / run / "stage1/last.keras", compile=False).weights
        ]

    batches()
    whole = weights("whole")
    batches(interrupt_at=3)
    with pytest.raises(Exception, match="killed"):  # TensorFlow wraps what a generator raises
        weights("interrupted")
    batches()
    resumed = weights("interrupted")
    for a, b in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    steps = [int(r["step"]) for r in csv.DictReader((tmp_path / "interrupted/stage1/log.csv").open())]
    assert steps == [2, 4]


def test_each_fold_gets_a_model_that_never_saw_its_cts(made, tmp_path, monkeypatch):
    from LungTumorSegLib import unet

    seen = []

    def here(settings, stage, seed, step):
        while True:
            seen.append(stage.ct_roles)
            yield stream.make_batch(settings, stage, seed, step)
            step += 1

    monkeypatch.setattr(stream, "batches", here)
    monkeypatch.setattr(fit, "VALIDATION_EXAMPLES", 8)
    monkeypatch.setattr(folds, "STEPS", 5)
    stage = replace(made.fit.stages[0], ct_share=0.5, batch=8)
    settings = replace(made, fit=replace(made.fit, run=str(tmp_path), stages=(stage,)))
    (tmp_path / "stage1").mkdir()
    unet.build(made.network.card["architecture"]).save_weights(tmp_path / "stage1" / "best.weights.h5")
    bundles = folds.fine_tune(settings)
    assert set(seen) == {("fold-a",), ("fold-b",)}
    assert [bundle.load(b).card["data"]["whole_cts_left_out"] for b in bundles] == ["fold-a", "fold-b"]
    opened = automatic.models(settings, bundle.load(bundles[0]))
    assert all(model.unseen for model in opened.values())
    assert opened["fold-a"].bundle.checksum != opened["fold-b"].bundle.checksum


def test_folds_without_a_patch_stage_say_so(made, tmp_path):
    with pytest.raises(FileNotFoundError, match="training fit"):
        folds.fine_tune(replace(made, fit=replace(made.fit, run=str(tmp_path))))


def test_an_unknown_setting_is_refused(tmp_path):
    (tmp_path / "c.toml").write_text("[fit]\nsteps = 3\n")
    with pytest.raises(ValueError, match="unknown setting steps"):
        config.load(tmp_path / "c.toml")


def test_the_bundled_configuration_can_be_read():
    assert config.load(ROOT / "training" / "configs" / "bundled.toml").network == config.Network()


# export


@pytest.fixture(scope="module")
def random_bundle(made, tmp_path_factory):
    import keras
    from LungTumorSegLib import unet

    folder = tmp_path_factory.mktemp("random")
    keras.utils.set_random_seed(0)
    model = unet.build(made.network.card["architecture"])
    model.save_weights(folder / "w.weights.h5")
    return bundle.load(export.export(made, folder / "w.weights.h5", folder / "bundle", {"threshold": 0.4, "data": "x"}))


@pytest.mark.parametrize("name", ["tensorflow", "onnxruntime", "openvino"])
def test_every_engine_gives_what_the_exported_network_gave(random_bundle, name):
    given, expected = random_bundle.stored_pair()
    engine = engines.open_engine(random_bundle, name, "cpu")
    assert np.ptp(expected) > 0.01
    limit = 0.001 if engine.precision == "float32" else 0.02
    assert np.percentile(np.abs(engine.predict(given) - expected), 99.9) <= limit


def test_facts_stand_in_the_card_and_both_weight_files_in_half_precision(random_bundle):
    import h5py
    import onnx

    assert random_bundle.card["threshold"] == 0.4 and random_bundle.card["data"] == "x"
    kinds = {
        onnx.TensorProto.DataType.Name(i.data_type)
        for i in onnx.load(random_bundle.folder / bundle.ONNX).graph.initializer
    }
    assert "FLOAT16" in kinds
    found = []
    with h5py.File(random_bundle.folder / bundle.KERAS_WEIGHTS) as file:
        file.visititems(lambda _, item: found.append(item.dtype) if isinstance(item, h5py.Dataset) else None)
    assert found and all(dtype == np.float16 for dtype in found)


def test_a_failed_export_leaves_the_old_bundle(made, random_bundle, tmp_path):
    before = (random_bundle.folder / bundle.CARD).read_text()
    with pytest.raises(Exception, match="missing"):
        export.export(made, tmp_path / "missing.weights.h5", random_bundle.folder, {"threshold": 0.5})
    assert (random_bundle.folder / bundle.CARD).read_text() == before


# hard negatives


def test_hard_negatives_are_high_away_from_labels_apart_and_trusted():
    geometry = Geometry((40, 120, 120), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    ct = CT(np.zeros(geometry.shape_zyx, np.int16), geometry)
    label, weight = np.zeros(geometry.shape_zyx, np.uint8), np.ones(geometry.shape_zyx, np.uint8)
    label[18:22, 18:22, 18:22] = 255
    weight[:, 100:] = 0

    def candidate(z, y, x, value):
        box = (slice(z, z + 5), slice(*y), slice(*x))
        block = np.full((5, y[1] - y[0], x[1] - x[0]), value, np.uint8)
        return Candidate(box, block)

    candidates = (
        candidate(18, (18, 23), (18, 23), 255),  # on the label
        candidate(10, (60, 66), (20, 116), 250),  # long: several points
        candidate(30, (10, 16), (90, 96), 60),  # p = 0.24
        candidate(10, (104, 112), (20, 30), 255),  # nobody knows
    )
    result = Result(geometry, candidates, None, (), (), Options(), {}, "", "", "", {}, 0.0)
    points = mine.false_positives(result, ct, label, weight)
    assert len(points) >= 3
    assert ((points[:, 1] >= 60) & (points[:, 1] < 66)).all()
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)[~np.eye(len(points), dtype=bool)]
    assert gaps.min() > mine.APART_MM


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
