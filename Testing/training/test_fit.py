"""The loss, the fit and its resuming, the folds, the configuration."""

import csv
import json
import os

import numpy as np
import pytest
from LungTumorSegLib.model.bundle import CARD, load_bundle
from msgspec.structs import replace

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from Testing.support.paths import ROOT
from training import config
from training.errors import SettingsError
from training.evaluate import automatic
from training.fitting import folds, losses, unet
from training.fitting.batches import make_batch


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> config.Config:
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


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
    from LungTumorSegLib.model.unet import build

    monkeypatch.setattr(unet, "VALIDATION_EXAMPLES", 8)

    def batches(interrupt_at=None):
        def here(settings, stage, seed, step, part):
            while True:
                if step == interrupt_at:
                    raise RuntimeError("killed")
                yield make_batch(settings, stage, seed, step, part=part)
                step += 1

        monkeypatch.setattr(unet, "batches", here)

    def weights(run):
        settings = replace(made, fit=replace(made.fit, run=str(tmp_path / run)))
        unet.fit_stage(settings, 0, None)
        model = build(made.network.card.architecture)
        model.load_weights(tmp_path / run / "stage1/last.weights.h5")
        return [np.array(v) for v in model.weights]

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
    from LungTumorSegLib.model.unet import build

    seen = []

    def here(settings, stage, seed, step, part):
        while True:
            seen.append(stage.ct_roles)
            yield make_batch(settings, stage, seed, step, part=part)
            step += 1

    monkeypatch.setattr(unet, "batches", here)
    monkeypatch.setattr(unet, "VALIDATION_EXAMPLES", 8)
    monkeypatch.setattr(folds, "STEPS", 5)
    stage = replace(made.fit.stages[0], ct_share=0.5, batch=8)
    settings = replace(made, fit=replace(made.fit, run=str(tmp_path), stages=(made.fit.stages[0], stage)))
    (tmp_path / "stage1").mkdir()
    build(made.network.card.architecture).save_weights(tmp_path / "stage1" / "best.weights.h5")
    bundles = folds.fine_tune(settings)
    assert set(seen) == {("fold-a",), ("fold-b",)}
    cards = [json.loads((b / CARD).read_text()) for b in bundles]
    assert [card["data"]["whole_cts_left_out"] for card in cards] == ["fold-a", "fold-b"]
    opened = automatic.models(settings, load_bundle(bundles[0]))
    assert {name for model in opened.values() for name in model.cts} == {"CT-A", "LIDC-IDRI-B"}
    assert all(model.unseen for model in opened.values())
    assert opened["fold-a"].bundle.checksum != opened["fold-b"].bundle.checksum

    # what is kept aside calibrates nothing
    aside = replace(settings, data=replace(settings.data, kept_aside=("CT-A",)))
    opened_aside = automatic.models(aside, load_bundle(bundles[0]))
    assert {name for model in opened_aside.values() for name in model.cts} == {"LIDC-IDRI-B"}
    assert len([exam for exam, _ in automatic.jobs(aside, opened_aside, "val") if exam == "real"]) == 1
    assert not automatic.whole_cts(aside, opened["fold-a"].bundle, "fold-a").voxels.any()

    # again: nothing is made anew but what has other weights now
    before = [(b / CARD).stat().st_mtime_ns for b in bundles]
    folds.fine_tune(settings)
    assert [(b / CARD).stat().st_mtime_ns for b in bundles] == before
    weights = tmp_path / "folds" / "fold-a" / "stage1" / "best.weights.h5"
    build(made.network.card.architecture).save_weights(weights)
    first, second = (load_bundle(b).checksum for b in folds.fine_tune(settings))
    assert first != opened["fold-a"].bundle.checksum
    assert second == opened["fold-b"].bundle.checksum


def test_folds_without_a_patch_stage_say_so(made, tmp_path):
    with pytest.raises(FileNotFoundError, match="training fit"):
        folds.fine_tune(replace(made, fit=replace(made.fit, run=str(tmp_path))))


def test_the_bundled_configuration_can_be_read():
    assert config.load(ROOT / "training" / "configs" / "bundled.toml") == config.Config()


def test_the_folds_have_the_first_stage_with_whole_cts():
    stages = config.Config().fit.stages
    assert folds.first_with_cts(config.Config()) == stages[5]
    assert [(s.ct_share > 0, s.mass_share > 0) for s in stages[4:]] == [(0, 0), (1, 0)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[network]\nspacing_mm = 0.5\n", "no other spacing can be fitted"),
        ("[[fit.stages]]\nsteps = 100\nlearning_rate = 0.001\n", "no multiple of epoch_steps"),
        ("[fit]\nepoch_steps = 30\n[[fit.stages]]\nsteps = 40\nlearning_rate = 0.001\n", "no multiple of epoch_steps"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(tmp_path, settings, words):
    (tmp_path / "c.toml").write_text(settings)
    with pytest.raises(ValueError, match=words):
        config.load(tmp_path / "c.toml")


def test_a_configuration_without_a_stage_is_refused():
    with pytest.raises(SettingsError, match="no stage to fit"):
        unet.fit(config.Config(fit=config.Fit(stages=())))


def test_a_mined_stage_without_false_positives_is_refused(made, tmp_path):
    settings = replace(
        made, fit=replace(made.fit, run=str(tmp_path), stages=(replace(made.fit.stages[0], mined=True),))
    )
    with pytest.raises(FileNotFoundError, match="mine --bundle"):
        unet.fit(settings)
    assert not (tmp_path / "stage1").exists()


def test_a_fit_stops_where_it_is_told(made, tmp_path, monkeypatch):
    fitted = []

    def fit_stage(config, number, start):
        fitted.append(number)
        return tmp_path / f"{number}.weights.h5"

    monkeypatch.setattr(unet, "fit_stage", fit_stage)
    unet.fit(replace(made, fit=replace(made.fit, run=str(tmp_path), stages=made.fit.stages * 3)), 2)
    assert fitted == [0, 1]


def test_folds_need_weights_that_saw_no_whole_ct(made, tmp_path):
    mixed = replace(made.fit.stages[0], ct_share=0.5)
    settings = replace(made, fit=replace(made.fit, run=str(tmp_path), stages=(mixed, made.fit.stages[0])))
    with pytest.raises(ValueError, match="seen both folds"):
        folds.fine_tune(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fit = 3", "`object`.*fit"),
        ("[fit]\nstages = 3", r"fit\.stages"),
        ('[fit]\nepoch_steps = "x"', r"fit\.epoch_steps"),
        ("[fit]\nepoch_steps = 0", r"fit\.epoch_steps"),
        ("[fit]\nepoch_stepz = 4", "epoch_stepz"),
        ("[[fit.stages]]\nsteps = 200", "learning_rate"),
        ("[[fit.stages]]\nsteps = 200\nlearning_rate = 1e-3\nct_share = 1.5", "ct_share"),
        ("[[fit.stages]]\nsteps = 200\nlearning_rate = 1e-3\nct_share = 0.99", r"Stage 1 leaves no patch in a batch"),
        (
            "[[coarse.stages]]\nsteps = 200\nlearning_rate = 1e-3\nct_share = 0.5\nmass_share = 0.5",
            r"of \[coarse\] leaves",
        ),
        ("[[coarse.stages]]\nsteps = 200\nlearning_rate = 1e-3", r"No stage of \[coarse\] has masses"),
        ("[[fit.stages]]\nsteps = 0\nlearning_rate = 1e-3", "steps"),
        ("[[fit.stages]]\nsteps = 300\nlearning_rate = 1e-3", "no multiple of epoch_steps"),
        ("[fit.run]\nx = 1", r"fit\.run"),
        ("[network]\nspacing_mm = 2", "no other spacing"),
    ],
)
def test_a_setting_that_cannot_be_is_named(text, said, tmp_path):
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        config.load(tmp_path / "settings.toml")
