"""Other people's CTs, and the pack itself where it is at hand."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import GeometryError, UnreadableError

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from Testing.support.paths import PACK, ROOT
from training import config
from training.data import prepare, seen, user_datasets
from training.examples import hard_negatives, whole_ct

# other people's data


def _write(
    path: Path, array: np.ndarray, spacing=(2.5, 2.5, 5.0), origin=(0, 0, 0), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)
):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    sitk.WriteImage(image, str(path))


def _data_set(folder: Path, *names: str) -> Path:
    """images/ and masks/ with a phantom for each name."""
    from Testing.support import phantoms

    for seed, name in enumerate(names):
        ct, mask = phantoms.chest(spacing_xyz=(4.0, 4.0, 6.0), seed=seed)
        for what, array in (("images", ct.voxels_zyx), ("masks", mask.astype(np.uint8))):
            _write(folder / what / f"{name}.nrrd", array, ct.geometry.spacing_xyz)
    return folder


def _settings(folder: Path) -> config.Config:
    (folder / "split.csv").write_text("patient,role\nP1,train\nP2,test\n")
    return config.Config(data=config.Data(prepared=str(folder / "prepared"), split=str(folder / "split.csv")))


@pytest.mark.parametrize(("suffix", "layout"), [(".nrrd", "pairs"), (".nii.gz", "decathlon"), (".mha", "pairs")])
def test_a_folder_of_pairs_and_a_decathlon_task_become_whole_cts(tmp_path, suffix, layout):
    from Testing.support import phantoms

    ct, mask = phantoms.chest(spacing_xyz=(4.0, 4.0, 6.0))
    names = ("images", "masks") if layout == "pairs" else ("imagesTr", "labelsTr")
    for name, array in zip(names, (ct.voxels_zyx, mask.astype(np.uint8)), strict=True):
        _write(tmp_path / "set" / name / f"lung_001{suffix}", array, ct.geometry.spacing_xyz)
    if layout == "decathlon":
        listed = [{"image": f"./imagesTr/lung_001{suffix}", "label": f"./labelsTr/lung_001{suffix}"}]
        (tmp_path / "set" / "dataset.json").write_text(json.dumps({"training": listed}))
    assert user_datasets.prepare(_settings(tmp_path), tmp_path / "set") == 1
    role = user_datasets.by_hash("lung_001")
    case = whole_ct.WholeCTs(tmp_path / "prepared", (role,)).cases[0]
    found = np.count_nonzero(case.source.target >= 128) * case.source.step_mm
    assert found == pytest.approx(np.count_nonzero(mask) * ct.geometry.voxel_mm3, rel=0.1)
    assert case.source.step_mm == 6.0 and all(len(places) for places in case.places.values())


def test_an_image_without_its_mask_is_named(tmp_path):
    for name in ("images/a.nrrd", "masks/a.nrrd", "images/b.nrrd"):
        _write(tmp_path / name, np.zeros((4, 4, 4), np.int16))
    with pytest.raises(UnreadableError, match="b has an image or a mask only"):
        user_datasets.find(tmp_path)


def test_a_mask_of_an_unknown_kind_is_refused_by_that(tmp_path):
    from Testing.support import phantoms

    ct, _ = phantoms.chest(spacing_xyz=(6.0, 6.0, 6.0))
    _write(tmp_path / "a.nrrd", ct.voxels_zyx, ct.geometry.spacing_xyz)
    (tmp_path / "mask.txt").write_text("no mask")
    with pytest.raises(UnreadableError, match="is no mask that can be read"):
        user_datasets.read(user_datasets.Pair("a", "a", "train", tmp_path / "a.nrrd", tmp_path / "mask.txt"))


def test_a_mask_on_another_grid_is_refused(tmp_path):
    from Testing.support import phantoms

    ct, mask = phantoms.chest(spacing_xyz=(6.0, 6.0, 6.0))
    _write(tmp_path / "images/a.nrrd", ct.voxels_zyx, ct.geometry.spacing_xyz)
    _write(tmp_path / "masks/a.nrrd", mask[1:].astype(np.uint8), ct.geometry.spacing_xyz)
    with pytest.raises(GeometryError, match="another grid"):
        user_datasets.read(user_datasets.find(tmp_path)[0])


@pytest.mark.parametrize(
    "other", [{"origin": (0, 0, 4)}, {"direction": (-1, 0, 0, 0, -1, 0, 0, 0, 1)}, {"spacing": (6, 6, 6.3)}]
)
def test_a_mask_of_another_place_direction_or_spacing_is_refused(tmp_path, other):
    from Testing.support import phantoms

    ct, mask = phantoms.chest(spacing_xyz=(6.0, 6.0, 6.0))
    _write(tmp_path / "images/a.nrrd", ct.voxels_zyx, ct.geometry.spacing_xyz)
    _write(tmp_path / "masks/a.nrrd", mask.astype(np.uint8), **({"spacing": ct.geometry.spacing_xyz} | other))
    with pytest.raises(GeometryError, match=r"mask a\.nrrd .* another grid"):
        user_datasets.read(user_datasets.find(tmp_path)[0])


def test_a_mask_whose_place_is_rounded_fits(tmp_path):
    from Testing.support import phantoms

    ct, mask = phantoms.chest(spacing_xyz=(6.0, 6.0, 6.0))
    _write(tmp_path / "images/a.nrrd", ct.voxels_zyx, ct.geometry.spacing_xyz)
    _write(tmp_path / "masks/a.nrrd", mask.astype(np.uint8), ct.geometry.spacing_xyz, (0.01, 0, -0.01))
    assert np.array_equal(user_datasets.read(user_datasets.find(tmp_path)[0])[1], mask)


def test_the_table_may_name_files_and_come_from_excel(tmp_path):
    for name in ("images/a.nrrd", "masks/a.nrrd", "images/b.nii.gz", "masks/b.nii.gz"):
        _write(tmp_path / name, np.zeros((4, 4, 4), np.int16))
    table = "name,patient,role\r\na.nrrd,Anna,val\r\nb.nii.gz,Anna,val\r\n"
    (tmp_path / "cases.csv").write_text(table, encoding="utf-8-sig")
    assert [(p.name, p.patient, p.role) for p in user_datasets.find(tmp_path)] == [
        ("a", "Anna", "val"),
        ("b", "Anna", "val"),
    ]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("name,patient,role\na,Anna,train\n", "do not fit: b is in one of the two only"),
        ("name,patient,role\n", "do not fit: a, b"),
        ("name,patient,role\na,Anna,\nb,Bo,\nc,Bo,\n", "do not fit: c is in one of the two only"),
        ("name,patient,role\na,Anna,Train\nb,Bo,val\n", "a has the role Train; known are train, val, test"),
        ("name,patient,role\na,Anna,train\na,Bo,val\nb,Bo,val\n", "a has two rows"),
        ("name;patient;role\na;Anna;train\nb;Bo;val\n", "each row needs name and patient, with a comma"),
    ],
)
def test_a_table_that_does_not_fit_the_files_is_refused(tmp_path, table, problem):
    for name in ("images/a.nrrd", "masks/a.nrrd", "images/b.nrrd", "masks/b.nrrd"):
        _write(tmp_path / name, np.zeros((4, 4, 4), np.int16))
    (tmp_path / "cases.csv").write_text(table)
    with pytest.raises(ValueError, match=problem):
        user_datasets.find(tmp_path)


def test_a_patient_of_the_split_or_of_another_data_set_stays_on_its_side(tmp_path):
    settings, first = _settings(tmp_path), _data_set(tmp_path / "first", "a")
    (first / "cases.csv").write_text("name,patient,role\na,P2,train\n")
    with pytest.raises(ValueError, match="P2 is on two sides of the split, test and train"):
        user_datasets.prepare(settings, first)
    (first / "cases.csv").write_text("name,patient,role\na,Anna,train\n")
    assert user_datasets.prepare(settings, first) == 1
    second = _data_set(tmp_path / "second", "b")
    (second / "cases.csv").write_text("name,patient,role\nb,Anna,val\n")
    with pytest.raises(ValueError, match="Anna is on two sides of the split, train and val"):
        user_datasets.prepare(settings, second)
    assert not (tmp_path / "prepared" / "volumes" / "b").exists()


def test_a_folder_is_resumed_and_a_name_that_another_ct_has_is_refused(tmp_path):
    settings, first = _settings(tmp_path), _data_set(tmp_path / "first", "a", "b")
    assert user_datasets.prepare(settings, first) == 2
    case = tmp_path / "prepared" / "volumes" / "b" / "case.json"
    case.unlink()  # as a kill leaves it
    assert [c.name for c in whole_ct.WholeCTs(tmp_path / "prepared", user_datasets.ROLES).cases] == ["a"]
    assert user_datasets.prepare(settings, first) == 1 and case.exists()
    assert user_datasets.prepare(settings, first) == 0
    with pytest.raises(ValueError, match=r"a is prepared already, from .*first.images.a\.nrrd"):
        user_datasets.prepare(settings, _data_set(tmp_path / "second", "a"))


def test_a_ct_that_cannot_be_used_is_named_and_left_out(tmp_path, capsys):
    settings, folder = _settings(tmp_path), _data_set(tmp_path / "set", "a", "c")
    water = np.random.default_rng(0).normal(0, 20, (30, 60, 60)).astype(np.int16)
    water[:, :5] = -1000
    _write(folder / "images/b.nrrd", water)
    _write(folder / "masks/b.nrrd", np.zeros_like(water))
    assert user_datasets.prepare(settings, folder) == 2
    printed = capsys.readouterr().out
    assert "b: " in printed and "lung" in printed and "Left out: b." in printed
    assert {p.parent.name for p in (tmp_path / "prepared").glob("volumes/*/case.json")} == {"a", "c"}


def test_two_cases_of_a_patient_on_two_sides_are_refused(tmp_path):
    for name in ("images/a.nrrd", "masks/a.nrrd", "images/b.nrrd", "masks/b.nrrd"):
        _write(tmp_path / name, np.zeros((4, 4, 4), np.int16))
    (tmp_path / "cases.csv").write_text("name,patient,role\na,Anna,train\nb,Anna,test\n")
    with pytest.raises(ValueError, match="Anna is on two sides"):
        user_datasets.find(tmp_path)


def test_the_split_by_hash_is_about_70_15_15():
    sides = [user_datasets.by_hash(f"patient {i}") for i in range(2000)]
    for side, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        assert sides.count(side) / 2000 == pytest.approx(share, abs=0.03)


# beside the pack


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """A prepared pack with one CT added as ``train``, and what a killed `add` leaves."""
    from Testing.support import made_up_pack

    folder = tmp_path_factory.mktemp("pack")
    made, more = made_up_pack.prepared(folder), _data_set(folder / "more", "lung_001")
    (more / "cases.csv").write_text("name,patient,role\nlung_001,Anna,train\n")
    assert user_datasets.prepare(made, more) == 1
    (folder / "prepared" / "volumes" / "lung_002").mkdir()
    for (
        name,
        _,
    ) in made_up_pack.CASES:  # not mined where nobody knows what is background: that takes a quarter minute each
        np.lib.format.open_memmap(folder / "prepared" / "volumes" / name / "weight.npy", "r+")[:] = 0
    return made


def test_false_positives_are_mined_in_added_cts_too(added):
    from Testing.support import made_up_pack

    prepared = Path(added.data.prepared)
    found = json.loads(
        hard_negatives.mine_cts(added, made_up_pack.tissue_bundle(added, prepared.parent / "tissue")).read_text()
    )
    assert set(found) == {"lung_001"} and found["lung_001"]
    case = whole_ct.WholeCTs(prepared, ("fold-a", "train")).cases[1]
    inside = np.rint(case.hard / (case.source.step_mm, 1, 1)).astype(int)
    assert case.name == "lung_001" and (case.source.hu[tuple(inside.T)] > -500).mean() > 0.9


def test_an_added_ct_that_is_gone_is_named(added):
    from Testing.support import made_up_pack

    prepared = Path(added.data.prepared)
    image = prepared.parent / "more" / "images" / "lung_001.nrrd"
    kept = image.rename(image.with_suffix(".away"))
    try:
        with pytest.raises(UnreadableError, match=r"lung_001\.nrrd, which is gone"):
            hard_negatives.mine_cts(added, made_up_pack.tissue_bundle(added, prepared.parent / "tissue"))
    finally:
        kept.rename(image)


def test_an_added_ct_does_not_stand_in_for_one_of_the_pack(added):
    from Testing.support import made_up_pack

    folder = Path(added.data.prepared).parent / "other"
    folder.mkdir()
    made = made_up_pack.make(folder)
    more = _data_set(folder / "more", "CT-A")
    (more / "cases.csv").write_text("name,patient,role\nCT-A,Bo,train\n")
    assert user_datasets.prepare(made, more) == 1
    with pytest.raises(ValueError, match="has the name of a CT of the pack"):
        prepare.prepare_volumes(made)
    prepare.prepare_volumes(added)  # keeps its own


# the pack itself


@pytest.mark.skipif(not PACK.exists(), reason="the training pack does not lie beside the clone (../shared/data)")
def test_the_packs_split_is_the_committed_one_and_every_patch_has_a_role():
    assert (PACK / "split.csv").read_bytes() == (ROOT / "training" / "splits" / "split.csv").read_bytes()
    roles = seen.roles(PACK / "split.csv")
    with (PACK / "patches" / "lidc_nodules.csv").open(newline="") as file:
        assert {row["patient"] for row in csv.DictReader(file)} <= set(roles)
