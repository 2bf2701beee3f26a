"""A lab trains on its own CTs, without the pack: docs/train-your-own.md, gone through on made-up CTs."""

import csv
import dataclasses
import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import typer
from LungTumorSegLib.model.bundle import CARD, KERAS_WEIGHTS, load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from msgspec.structs import replace
from typer.testing import CliRunner

from Testing.support import own_cts, phantoms
from Testing.support.paths import ROOT
from training import config
from training.cli import app
from training.data import own_patches, prepare, ready, seen
from training.errors import DataError, OrderError, SettingsError
from training.evaluate import evaluation
from training.examples import classifier_cubes
from training.examples.patches import Patches
from training.fitting import start, unet

TUTORIAL = ROOT / "docs" / "train-your-own.md"


@pytest.fixture(scope="module")
def ancestor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ancestor")
    return own_cts.ancestor(own_cts.settings(folder), folder / "bundle")


@pytest.fixture(scope="module")
def lab(tmp_path_factory, ancestor):
    """The folder after `add` and `all --from`, with few examples of each kind."""
    folder = tmp_path_factory.mktemp("lab")
    own_cts.task(folder / "Task06_Lung")
    toml = str(own_cts.settings(folder))
    with pytest.MonkeyPatch.context() as few:
        few.setattr(unet, "VALIDATION_EXAMPLES", 4)
        few.setattr(start, "EXAMPLES", 16)
        few.setattr(own_patches, "BACKGROUND", 1)
        for name in ("SPOTS_A_PATCH", "SPOTS_A_CT", "RECIPIENTS", "TIMES"):
            few.setattr(classifier_cubes, name, 1)
        early = CliRunner().invoke(app, ["fit", "--config", toml])
        assert isinstance(early.exception, OrderError) and "training add FOLDER" in str(early.exception)
        for given in (["add", str(folder / "Task06_Lung")], ["all", "--from", str(ancestor)]):
            ended = CliRunner().invoke(app, [*given, "--config", toml])
            assert ended.exit_code == 0, ended.output + repr(ended.exception)
    assert "of the stored output" in ended.output
    return folder


def _card(folder: Path) -> dict:
    return json.loads((folder / CARD).read_text())


def test_the_bundle_is_the_labs_own_in_name_version_data_and_licence(lab):
    made, card = load_bundle(lab / "run" / "final"), _card(lab / "run" / "final")
    assert (made.name, made.version) == ("st-anna-lung", "1.2")
    assert card["data"] == {
        "patients": {"train": 2, "val": 1, "test": 1},
        "description": "four made-up chests",
        "licence": "CC0",
    }
    assert "split_sha256" not in card and "LIDC" not in json.dumps(card)
    before = card["started_from"]
    assert (before["name"], before["version"]) == ("first-lab", "0.9")
    assert before["data"] == {"description": "old chests", "licence": "CC BY 4.0"}
    assert card["limits"]["pixel_spacing_mm"] == [4, 4] and card["classifier"]
    open_engine(made, "openvino", "cpu")


def test_the_card_of_every_bundle_names_the_cts_that_it_and_its_ancestor_have_seen(lab):
    known = _card(lab / "run" / "final")["seen"]
    assert {kind: sorted(names) for kind, names in known.items()} == {
        "fitted": ["Bo", "ancient", "lung_001", "lung_002"],
        "chosen": ["lung_003", "older"],
    }
    assert all(len(known["fitted"][name]) == 64 for name in ("ancient", "lung_001", "lung_002"))
    bundles = [path.parent for path in (lab / "run").rglob(CARD)]
    assert len(bundles) >= 3 and all(_card(bundle)["seen"] == known for bundle in bundles)


def test_val_and_test_have_figures_and_a_page_of_their_own_cts(lab):
    for role, name in (("val", "lung_003"), ("test", "lung_004")):
        (page,) = (lab / "run" / "evaluation").rglob(f"report-{role}.html")
        text = page.read_text()
        assert f"st-anna-lung 1.2 on <em>{role}</em>" in text and f"<td>{name}</td>" in text
        assert "not met" not in text  # the bars are the bundled model's
        figures = json.loads((page.parent / f"figures-{role}.json").read_text())
        assert figures["added"]["tumours"] == figures["added"]["cts"] == figures["click"]["all"]["dice"]["n"] == 1
        assert figures["automatic"] is None and figures["demo"] is None
    brief = _card(lab / "run" / "final")["figures"]
    assert brief["role"] == "test" and brief["bars"] and all(row["bar"] is None for row in brief["bars"])


def test_patches_are_cut_around_every_tumour_and_from_lung_without_one(lab):
    prepared = lab / "prepared"
    with (prepared / "patches.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    tumours = [row for row in rows if float(row["diameter_mm"])]
    assert len(tumours) == 5 and {row["case"] for row in rows} == set(own_cts.ROLES) and len(rows) == 9
    assert all(row["role"] == own_cts.ROLES[row["case"]] for row in rows)
    patches = Patches(prepared, "train")
    assert sorted(patches.size) == sorted(patches.whole) and len(patches.size) == 3
    for index, long_axis in patches.size.items():
        target, hu = patches.arrays["target"][index] > 127, patches.source(index).hu
        assert 2 * (np.count_nonzero(target) * 3 / 4 / np.pi) ** (1 / 3) == pytest.approx(long_axis, abs=2.5)
        np.testing.assert_allclose(np.argwhere(target).mean(0), 24.5, atol=1)
        assert hu[23:27, 23:27, 23:27].mean() == pytest.approx(40, abs=25)
        # mask and voxels lie on each other: any shift shows more lung
        moved = [hu[np.roll(target, by, axis)].mean() for axis in range(3) for by in (-2, 2)]
        assert hu[target].mean() > max(moved)


def test_a_model_is_not_asked_about_a_ct_that_it_has_seen(lab):
    """Its voxels tell, whatever it is called."""
    settings = config.load(lab / "lab.toml")
    card = _card(lab / "run" / "final")
    facts = seen.cases(settings)["lung_001"]
    with pytest.raises(DataError, match=r"st-anna-lung 1\.2, or one .*, has seen renamed: figures"):
        seen.refuse(card, "test", [seen.Asked("renamed", "renamed", facts["voxels"])], "Ask another.")
    before = {path: path.stat().st_mtime_ns for path in (lab / "run").rglob("*.json")}
    with _as_if(lab, "lung_004", facts["voxels"]):
        with pytest.raises(DataError, match="has seen lung_004"):
            evaluation.evaluate(settings, lab / "run" / "final", "test", whole_cts=False)
        given = ["evaluate", "--config", str(lab / "lab.toml"), "--bundle", str(lab / "run" / "final")]
        assert isinstance(CliRunner().invoke(app, given).exception, DataError)
    assert before == {path: path.stat().st_mtime_ns for path in (lab / "run").rglob("*.json")}


@contextmanager
def _as_if(lab: Path, name: str, voxels: str):
    """The case has other voxels."""
    record = lab / "prepared" / "volumes" / name / "case.json"
    kept = record.read_text()
    record.write_text(json.dumps(json.loads(kept) | {"voxels": voxels}))
    try:
        yield
    finally:
        record.write_text(kept)


@pytest.mark.parametrize(
    ("name", "patient", "voxels", "role", "refused"),
    [
        ("a", "a", "1", "test", True),  # voxels
        ("x", "x", "1", "val", True),
        ("a", "a", "9", "test", False),  # another CT that happens to have the name
        ("a", "a", None, "test", True),
        ("x", "Anna", "9", "test", True),  # another CT of a patient
        ("LIDC-1", "LIDC-1", "9", "test", True),  # of the pack, known by name alone
        ("x", "LIDC-1", "9", "test", True),
        ("c", "c", "3", "test", True),  # chosen on it
        ("c", "c", "3", "val", False),
        ("x", "x", "9", "test", False),
        ("x", "x", None, "test", False),
    ],
)
def test_a_ct_is_known_again_by_voxels_name_or_patient(name, patient, voxels, role, refused):
    card = {
        "name": "m",
        "version": "1",
        "seen": {"fitted": {"a": "1", "Anna": None, "LIDC-1": None}, "chosen": {"c": "3"}},
    }
    if refused:
        with pytest.raises(DataError, match=f"has seen {name}"):
            seen.refuse(card, role, [seen.Asked(name, patient, voxels)], "")
    else:
        seen.refuse(card, role, [seen.Asked(name, patient, voxels)], "")


def test_the_checksum_of_a_ct_does_not_change_with_its_axis_order():
    ct, _ = phantoms.chest((8.0, 8.0, 8.0))
    turned = phantoms.reorient(ct, (2, 0, 1), (True, False, True))
    assert seen.checksum(turned) == seen.checksum(ct)
    changed = ct.voxels_zyx.copy()
    changed[3, 4, 5] += 1
    assert seen.checksum(dataclasses.replace(ct, voxels_zyx=changed)) != seen.checksum(ct)


# going on from a bundle


def test_a_fit_goes_on_from_the_answers_of_the_bundle(lab, ancestor):
    import keras
    from LungTumorSegLib.model import unet as network

    settings, bundle = config.load(lab / "lab.toml"), load_bundle(ancestor)
    assert settings.fit.start == str(ancestor)  # later steps need not be told again
    keras.mixed_precision.set_global_policy("float32")
    model = network.build(settings.network.card.architecture)
    model.load_weights(start.weights(settings))
    given, wanted = bundle.stored_pair()
    np.testing.assert_allclose(np.asarray(model(given))[..., 0], wanted, atol=1e-4)
    # normalised by its own batches, as a fit does, it is the same network; as the bundle stores it, it is another
    x = start._examples(settings)

    def logits(training: bool) -> np.ndarray:
        p = np.asarray(model(x, training=training), np.float64)
        return np.log(p / (1 - p))

    plain, fitted = logits(False), logits(True)
    model.load_weights(bundle.folder / KERAS_WEIGHTS)
    folded = logits(True)
    assert np.abs(fitted - plain).mean() < 0.3 * np.abs(folded - plain).mean()


def test_a_ct_that_the_ancestor_has_seen_cannot_be_tested_on(lab):
    with _as_if(lab, "lung_004", own_cts.ANCIENT["fitted"]["ancient"]):
        ended = CliRunner().invoke(app, ["all", "--config", str(lab / "lab.toml")])
    assert isinstance(ended.exception, DataError)
    assert "first-lab 0.9, or one that it goes on from, has seen lung_004" in str(ended.exception)


def test_another_network_another_ancestor_or_one_without_a_record_is_refused(lab, ancestor, tmp_path):
    settings = config.load(lab / "lab.toml")
    fit = replace(settings.fit, run=str(tmp_path / "run"))
    with pytest.raises(SettingsError, match="architecture differ"):
        start.weights(replace(settings, network=config.Network(filters=(2, 6)), fit=fit))
    with pytest.raises(SettingsError, match=r"was begun from first-lab 0\.9"):
        start.weights(config.load(lab / "lab.toml", str(lab / "run" / "final")))
    shutil.copytree(ancestor, tmp_path / "old")
    card = _card(tmp_path / "old")
    del card["seen"]
    (tmp_path / "old" / CARD).write_text(json.dumps(card))
    with pytest.raises(SettingsError, match="does not name the CTs that it has seen"):
        start.weights(replace(settings, fit=replace(fit, start=str(tmp_path / "old"))))


# the configuration


def test_a_configuration_without_the_pack_needs_a_name_of_its_own(tmp_path):
    (tmp_path / "a.toml").write_text('[data]\npack = ""\n')
    with pytest.raises(SettingsError, match="needs name, version, data, licence of its own"):
        config.load(tmp_path / "a.toml")


def test_the_tutorials_ten_lines_are_enough_and_going_on_needs_one_stage(tmp_path):
    text = re.search(r"```toml\n(.*?)```", TUTORIAL.read_text("utf-8"), re.DOTALL)[1]
    assert len(text.splitlines()) == 10
    (tmp_path / "lung.toml").write_text(text)
    scratch, onward = config.load(tmp_path / "lung.toml"), config.load(tmp_path / "lung.toml", "bundle")
    assert scratch.model.name == "decathlon-lung" and not scratch.fit.start
    assert scratch.data.kept_aside == () and scratch.coarse.stages == ()
    assert [s.ct_roles for s in scratch.fit.stages] == [("train",)] * 3
    assert [s.steps for s in onward.fit.stages] == [2000] and onward.fit.start == "bundle"


def test_the_tutorials_commands_are_the_programs():
    lines = re.findall(r"^\.venv/bin/python -m training (.+)$", TUTORIAL.read_text("utf-8"), re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        name, *given = line.split()
        command = typer.main.get_command(app).commands[name]
        known = command.make_context(name, given, resilient_parsing=True).params
        assert known["config"] == Path("lung.toml")
    assert known["start"] == "LungTumorSeg/Resources/Models/default" and (ROOT / known["start"] / CARD).exists()


def test_the_shipped_card_names_what_it_has_seen():
    card = _card(load_bundle().folder)
    assert {kind: len(names) for kind, names in card["seen"].items()} == {"fitted": 451, "chosen": 84}
    patients = card["data"]["patients"]
    assert len(card["seen"]["fitted"]) == patients["train"] + patients["fold-a"] + patients["fold-b"]
    assert len(card["seen"]["chosen"]) == patients["val"]
    with pytest.raises(DataError, match=r"lung-tumor-unet .* has seen LIDC-IDRI-0001"):
        seen.refuse(card, "test", [seen.Asked("LIDC-IDRI-0001", "LIDC-IDRI-0001", "0" * 64)], "")


def test_patches_are_cut_anew_when_a_ct_is_added(lab, tmp_path):
    settings = config.load(lab / "lab.toml")
    settings = replace(settings, data=replace(settings.data, prepared=str(tmp_path)))
    for names in (("lung_001",), ("lung_001", "lung_003")):
        shutil.copytree(lab / "prepared" / "volumes" / names[-1], tmp_path / "volumes" / names[-1])
        prepare.prepare_patches(settings)
        with (tmp_path / "patches.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["case"] for row in rows} == set(names)
        assert np.load(tmp_path / "ct.npy", mmap_mode="r").shape[0] == len(rows)
    times = (tmp_path / "patches.csv").stat().st_mtime_ns
    prepare.prepare_patches(settings)
    assert (tmp_path / "patches.csv").stat().st_mtime_ns == times


def test_a_side_without_a_tumour_that_can_be_clicked_is_named(lab, tmp_path):
    settings = config.load(lab / "lab.toml")
    settings = replace(settings, data=replace(settings.data, prepared=str(tmp_path)))
    shutil.copytree(lab / "prepared" / "volumes", tmp_path / "volumes")
    text = (lab / "prepared" / "patches.csv").read_text()
    (tmp_path / "patches.csv").write_text(text)
    ready.check(settings)
    for role, other in (("val", "train"), ("test", "train"), ("train", "val")):
        (tmp_path / "patches.csv").write_text(text.replace(f",{role},", f",{other},"))
        with pytest.raises(DataError, match=rf"No tumour( of up to 50 mm)? is on {role}"):
            ready.check(settings)


def test_a_tumour_larger_than_a_patch_is_learnt_from_but_not_inserted_elsewhere_nor_clicked(tmp_path):
    ct, mask = phantoms.chest(
        (2.0, 2.0, 3.0), lesions=((*phantoms.NODULE[:1], 64.0, 40), ((80.0, 20.0, 0.0), 12.0, 40))
    )
    large, small, *background = own_patches.cut(ct, mask, np.ones(mask.shape, bool), np.array([[-86.0, 12.0, 60.0]]))
    assert (large["row"]["cut"], small["row"]["cut"]) == (1, 0) and len(background) == 1
    assert large["row"]["diameter_mm"] == pytest.approx(64, abs=2)
    assert small["row"]["diameter_mm"] == pytest.approx(12, abs=2)
    assert not background[0]["row"]["diameter_mm"] and not (background[0]["lesion"] == 1).any()
    unknown = np.ones(mask.shape, bool)
    unknown[:, :, : mask.shape[2] // 2] = False
    one, *_ = own_patches.cut(ct, mask, unknown, np.zeros((0, 3)))
    assert not one["known"].any()
