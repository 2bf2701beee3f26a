"""The folders of CTs and masks that people have: what is understood of them, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.errors import InputError, UnreadableError

from Testing.support import phantoms
from training import config
from training.data import layouts, user_datasets
from training.errors import DataError
from training.examples import whole_ct

SPACING = (6.0, 6.0, 6.0)


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest(spacing_xyz=SPACING)


def _write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    sitk.WriteImage(image, str(path))


def _nnunet(folder: Path, chest, labels: dict, mask: np.ndarray | None = None, **more) -> Path:
    """An nnU-Net 2 raw folder with one case."""
    ct, tumour = chest
    _write(folder / "imagesTr" / "lung_001_0000.nii.gz", ct.voxels_zyx)
    _write(folder / "labelsTr" / "lung_001.nii.gz", (tumour if mask is None else mask).astype(np.uint8))
    facts = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(facts | more))
    return folder


def _settings(folder: Path) -> config.Config:
    (folder / "split.csv").write_text("patient,role\n")
    return config.Config(data=config.Data(prepared=str(folder / "prepared"), split=str(folder / "split.csv")))


def _classes(chest) -> np.ndarray:
    """1 where there is lung, 2 the tumour, 3 a part of its rim."""
    ct, tumour = chest
    mask = np.where(ct.voxels_zyx < -600, 1, 0)
    mask[tumour] = 2
    mask[tuple(np.argwhere(tumour)[0])] = 3
    return mask


def _learnt(folder: Path) -> np.ndarray:
    (case,) = whole_ct.WholeCTs(folder / "prepared", user_datasets.ROLES).cases
    return case.source.target >= 128


@pytest.mark.parametrize(
    ("labels", "tumour", "ignored"),
    [
        ({"background": 0, "tumour": 1}, [1], []),
        ({"background": 0, "lung": 1, "Cancer": 2}, [2], []),
        ({"background": 0, "organ": [1, 2, 3], "lung tumor": [2, 3]}, [2, 3], []),
        ({"background": 0, "lung": 1, "lung nodules": 2, "ignore": 3}, [2], [3]),
        ({"background": 0, "foreground": 1}, [1], []),
        ({"background": 0, "normal": 1, "non-tumour": 2, "GTV_1": 3}, [3], []),
    ],
)
def test_of_an_nnunet_raw_folder_the_labels_called_tumour_are(tmp_path, chest, labels, tumour, ignored):
    found = layouts.find(_nnunet(tmp_path, chest, labels))
    assert [list(found.tumour), list(found.ignored)] == [tumour, ignored]
    assert list(found.files) == ["lung_001"] and "an nnU-Net raw folder, tumour is label" in found.words


@pytest.mark.parametrize("labels", [{"background": 0, "lung": 1}, {"background": 0, "heart": 1, "lung": 2}])
def test_a_data_set_without_a_tumour_is_refused_unless_one_is_named(tmp_path, chest, labels):
    folder = _nnunet(tmp_path, chest, labels)
    with pytest.raises(DataError, match=r"None of the labels .* is called a tumour \(1 .*--label"):
        layouts.find(folder)
    assert layouts.find(folder, (1,)).tumour == (1,)


def test_only_the_tumour_of_several_classes_is_learnt_and_what_is_ignored_has_no_weight(tmp_path, chest):
    labels = {"background": 0, "lung": 1, "tumour": 2, "ignore": 3}
    folder, settings = _nnunet(tmp_path / "set", chest, labels, _classes(chest)), _settings(tmp_path)
    assert user_datasets.prepare(settings, folder) == 1
    found = np.count_nonzero(_learnt(tmp_path)) * 6.0
    assert found == pytest.approx(np.count_nonzero(_classes(chest) == 2) * 6.0**3, rel=0.1)
    (case,) = whole_ct.WholeCTs(tmp_path / "prepared", user_datasets.ROLES).cases
    assert 0 < np.count_nonzero(case.source.weight == 0) < 150


def test_several_classes_without_names_are_refused_before_anything_is_written(tmp_path, chest):
    ct, tumour = chest
    for name, mask in (("a", tumour), ("b", _classes(chest))):
        _write(tmp_path / "images" / f"{name}.nrrd", ct.voxels_zyx)
        _write(tmp_path / "masks" / f"{name}.nrrd", mask.astype(np.uint8))
    with pytest.raises(DataError, match=r"1 \(a\.nrrd\), 2 \(b\.nrrd\), 3 .* --label"):
        user_datasets.prepare(_settings(tmp_path), tmp_path)
    assert not (tmp_path / "prepared").exists()
    with pytest.raises(DataError, match=r"No mask has the tumour's label \(7,\)"):
        user_datasets.prepare(_settings(tmp_path), tmp_path, (7,))


@pytest.mark.parametrize("value", [1, 255, 7])
def test_the_only_value_of_masks_without_names_is_the_tumour(tmp_path, chest, value):
    ct, tumour = chest
    _write(tmp_path / "images" / "a.nrrd", ct.voxels_zyx)
    _write(tmp_path / "labels" / "a.nrrd", (tumour * value).astype(np.uint8))
    assert user_datasets.prepare(_settings(tmp_path), tmp_path) == 1
    assert _learnt(tmp_path).any()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (lambda ct, tumour: np.zeros(tumour.shape, np.uint8), "No mask marks anything"),
        (lambda ct, tumour: ct.voxels_zyx, "is no mask: it holds"),
        (lambda ct, tumour: np.where(tumour, 0.7, 0.1), "is no mask: it holds 2 different values, from 0.1 to 0.7"),
        (lambda ct, tumour: (~tumour).astype(np.uint8), "None of the 1 cases"),
    ],
)
def test_a_mask_of_something_else_is_refused(tmp_path, chest, capsys, mask, words):
    ct, tumour = chest
    _write(tmp_path / "images" / "a.nrrd", ct.voxels_zyx)
    _write(tmp_path / "masks" / "a.nrrd", mask(ct, tumour))
    with pytest.raises(DataError, match=words):
        user_datasets.prepare(_settings(tmp_path), tmp_path)
    assert ("of the whole volume" in capsys.readouterr().out) == (words == "None of the 1 cases")


def test_a_mask_of_the_lungs_alone_is_refused(tmp_path, chest, capsys):
    ct, _ = chest
    inside = np.zeros(ct.voxels_zyx.shape, bool)
    inside[5:25, 10:38, 5:59] = True
    lungs = inside & (ct.voxels_zyx < -600)
    _write(tmp_path / "images" / "a.nrrd", ct.voxels_zyx)
    _write(tmp_path / "masks" / "a.nrrd", lungs.astype(np.uint8))
    with pytest.raises(DataError, match="None of the 1 cases"):
        user_datasets.prepare(_settings(tmp_path), tmp_path)
    assert "ml of aerated lung: is it a mask of the lungs?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/{}.nii.gz", "masks/{}.nrrd"),
        ("images/{}_0000.nii.gz", "labels/{}.nii.gz"),
        ("imagesTr/{}_0000.nii.gz", "labelsTr/{}.nii.gz"),
        ("Images/{}.mha", "Masks/{}_mask.mha"),
        ("img/{}_ct.nrrd", "seg/{}-label.nrrd"),
        ("images/{}.nrrd", "segmentations/{}.seg.nrrd"),
        ("images/{}.NII.GZ", "masks/{}.nii.gz"),
    ],
)
def test_image_and_mask_are_paired_by_what_their_names_share(tmp_path, image, mask):
    for name in ("p1", "p2"):
        for path in (image, mask):
            (tmp_path / path.format(name)).parent.mkdir(exist_ok=True)
            (tmp_path / path.format(name)).touch()
            (tmp_path / path.format(name)).with_name("._p1.nii.gz").touch()
    found = layouts.find(tmp_path)
    assert sorted(found.files) == ["p1", "p2"] and found.tumour is None
    assert found.files["p2"] == (tmp_path / image.format("p2"), tmp_path / mask.format("p2"))


def test_a_ct_may_be_a_folder_of_dicom_files(tmp_path, chest):
    ct, tumour = chest
    phantoms.write_dicom(ct, tmp_path / "images" / "anna")
    image = phantoms.to_sitk(tumour.astype(np.uint8), ct.geometry)
    (tmp_path / "masks").mkdir()
    sitk.WriteImage(image, str(tmp_path / "masks" / "anna.nrrd"))
    assert user_datasets.prepare(_settings(tmp_path), tmp_path) == 1
    assert _learnt(tmp_path).any()


def test_the_list_of_nnunet_1_names_cases_and_that_of_nnunet_2_files(tmp_path, chest):
    listed = [{"image": "./imagesTr/lung_001.nii.gz", "label": "./labelsTr/lung_001.nii.gz"}]
    first = _nnunet(tmp_path, chest, {"0": "background", "1": "cancer"}, training=listed, modality={"0": "CT"})
    assert layouts.find(first).files["lung_001"][0].name == "lung_001_0000.nii.gz"
    files = {"anna": {"images": ["imagesTr/lung_001_0000.nii.gz"], "label": "labelsTr/lung_001.nii.gz"}}
    _nnunet(tmp_path, chest, {"background": 0, "cancer": 1}, dataset=files)
    assert list(layouts.find(tmp_path).files) == ["anna"]


def test_of_several_channels_the_ct_is_taken(tmp_path, chest):
    folder = _nnunet(tmp_path, chest, {"background": 0, "tumour": 1}, channel_names={"0": "PET", "1": "CT"})
    _write(folder / "imagesTr" / "lung_001_0001.nii.gz", chest[0].voxels_zyx)
    assert layouts.find(folder).files["lung_001"][0].name == "lung_001_0001.nii.gz"


@pytest.mark.parametrize("names", [{"0": "T1", "1": "T2"}, {"0": "MRI"}, {"0": "CT", "1": "CT venous"}])
def test_channels_that_are_no_single_ct_are_refused(tmp_path, chest, names):
    folder = _nnunet(tmp_path, chest, {"background": 0, "tumour": 1}, channel_names=names)
    with pytest.raises(DataError, match="which one is the CT"):
        layouts.find(folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "dataset.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "dataset.json").write_text("[]"), "no data set's description"),
        (lambda f: (f / "dataset.json").write_text('{"training": ["./a.nii.gz"]}'), "has no image or no label"),
        (
            lambda f: (f / "dataset.json").write_text('{"training": [{"image": "a", "label": "b"}]}'),
            "listed but missing",
        ),
        (lambda f: (f / "dataset.json").write_text('{"file_ending": ".png"}'), "recipe. learns from pictures"),
        (lambda f: (f / "dataset.json").write_text('{"labels": {"tumour": "one"}}'), "a label that is no number"),
        (lambda f: (f / "labelsTr" / "lung_001.nii.gz").unlink(), "lung_001 has an image or a mask only"),
        (
            lambda f: (f / "labelsTr" / "lung_001.nii.gz").rename(f / "x.nii.gz") and (f / "labelsTr").rmdir(),
            "no imagesTr",
        ),
        (lambda f: [p.unlink() for p in f.glob("*/*")], "holds no cases"),
    ],
)
def test_an_nnunet_folder_that_is_incomplete_is_named(tmp_path, chest, spoil, words):
    folder = _nnunet(tmp_path, chest, {"background": 0, "tumour": 1})
    spoil(folder)
    with pytest.raises(InputError, match=words):
        layouts.find(folder)


def test_a_folder_of_png_pictures_is_for_the_recipe(tmp_path):
    for name in ("images/a.png", "masks/a.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"recipe. learns from pictures"):
        layouts.find(tmp_path)


def test_two_images_of_one_case_and_two_folders_of_masks_are_refused(tmp_path):
    for name in ("images/a_ct.nrrd", "images/a_image.nrrd", "masks/a.nrrd"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UnreadableError, match="a_ct and a_image seem to be of one case"):
        layouts.find(tmp_path)
    (tmp_path / "labels").mkdir()
    with pytest.raises(UnreadableError, match=r"several folders .*images, labels, masks"):
        layouts.find(tmp_path)


def test_the_command_says_what_it_understood_and_ends_with_a_sentence_where_it_cannot(tmp_path, chest):
    _nnunet(tmp_path / "set", chest, {"background": 0, "tumour": 1})
    (tmp_path / "t.toml").write_text(f'[data]\nprepared = "{(tmp_path / "prepared").as_posix()}"\n')

    def add(folder: Path) -> subprocess.CompletedProcess:
        given = ["-m", "training", "add", str(folder), "--config", str(tmp_path / "t.toml")]
        return subprocess.run([sys.executable, *given], capture_output=True, text=True)

    added = add(tmp_path / "set")
    assert added.returncode == 0 and "1 cases added" in added.stdout
    assert "an nnU-Net raw folder, tumour is label 1 (tumour), 1 cases" in added.stderr
    refused = add(tmp_path / "nowhere")
    assert (refused.returncode, refused.stderr) == (3, f"training: There is no folder {tmp_path / 'nowhere'}.\n")
