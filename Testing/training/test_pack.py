"""The training pack's reader, on packs made in code and on the real one where it lies beside the clone."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from msgspec.structs import replace
from scipy import ndimage

from Testing.support import made_up_pack, phantoms
from Testing.support.paths import PACK
from training.config import Config
from training.data import cases, pack

beside_the_clone = pytest.mark.skipif(
    not PACK.exists(), reason="the training pack does not lie beside the clone (../shared/data)"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    made_up_pack.make(folder)
    return folder / "pack"


def test_a_whole_ct_comes_back_on_its_grid_to_the_nearest_8_hu(made):
    name = made_up_pack.CASES[0][0]
    original, mask = phantoms.chest(spacing_xyz=(2.5, 2.5, 5.0), seed=0)
    ct = pack.read(made, name)
    assert ct.geometry == original.geometry and ct.voxels_zyx.dtype == np.int16 and ct.name == name
    np.testing.assert_allclose(ct.voxels_zyx, np.clip(original.voxels_zyx, -1024, 1016), atol=4)
    np.testing.assert_array_equal(pack.read_mask(made, name), mask)
    assert pack.read_mask(made, name, "ignore") is None
    assert pack.names(made) == sorted(name for name, _ in made_up_pack.CASES)


def test_pictures_that_do_not_fit_their_geometry_are_an_error(tmp_path):
    (tmp_path / "volumes" / "A").mkdir(parents=True)
    grid = {"size": [4, 5, 7], "spacing": [1, 1, 1], "origin": [0, 0, 0], "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1]}
    content = json.dumps(grid | {"hu_step": 8, "hu_offset": -1024}).encode()
    made_up_pack.write_zip(
        tmp_path / "volumes" / "A" / "ct.zip", np.zeros((6, 5, 4), np.uint8), "geometry.json", content
    )
    with pytest.raises(ValueError, match=r"do not fit the size \[4, 5, 7\]"):
        pack.read(tmp_path, "A")


@beside_the_clone
def test_each_patch_of_a_real_shard_holds_the_nodule_of_its_row_in_the_table():
    with (PACK / "patches" / "lidc_nodules.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["shard"] == "03"]
    patches = pack.read_patches(PACK / "patches" / "lidc_nodules_03.zip")
    assert patches["index"].tolist() == [int(row["index"]) for row in rows]
    assert patches["ct"].shape == patches["lesion"].shape == (len(rows), 50, 50, 50)
    for k, row in enumerate(rows):
        hu, readers, lesion = (patches[name][k].astype(int) for name in ("ct", "readers", "lesion"))
        assert np.count_nonzero((lesion == 1) & (2 * readers >= patches["n_readers"][k])) == int(row["volume_mm3"])
        outside = np.ones(hu.shape, bool)
        outside[tuple(slice(int(row[f"valid_{a}0"]), int(row[f"valid_{a}1"])) for a in "zyx")] = False
        assert not hu[outside].any()
    # the CT and its outlines belong together: nodules are denser than what lies around them
    contrasts = []
    for k in range(0, len(rows), 20):
        marked = patches["lesion"][k] > 0
        around = ndimage.binary_dilation(marked, iterations=4) & ~ndimage.binary_dilation(marked, iterations=2)
        contrasts.append(8 * (patches["ct"][k][marked].mean() - patches["ct"][k][around].mean()))
    assert np.median(contrasts) > 200


@beside_the_clone
def test_a_real_whole_ct_lies_on_the_grid_of_its_mask():
    name = "QIN-LSC-0088"
    with (PACK / "cases.csv").open(newline="") as file:
        (row,) = (row for row in csv.DictReader(file) if row["case"] == name)
    ct, image = pack.read(PACK, name), sitk.ReadImage(str(PACK / "volumes" / name / "tumour.nrrd"))
    assert ct.voxels_zyx.shape == image.GetSize()[::-1]
    for ours, theirs in (
        (ct.geometry.spacing_xyz, image.GetSpacing()),
        (ct.geometry.origin_lps, image.GetOrigin()),
        (ct.geometry.direction, image.GetDirection()),
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    tumour = pack.read_mask(PACK, name)
    assert tumour.sum() * ct.geometry.voxel_mm3 / 1000 == pytest.approx(float(row["tumour_ml"]), abs=0.006)
    assert ct.voxels_zyx.min() == -1024 and ct.voxels_zyx.max() == 1016 and not (ct.voxels_zyx % 8).any()
    around = ndimage.binary_dilation(tumour, iterations=8) & ~ndimage.binary_dilation(tumour, iterations=4)
    assert ct.voxels_zyx[tumour].mean() > -50 and ct.voxels_zyx[around].mean() < -400


@beside_the_clone
def test_the_packs_table_tells_kernels_and_which_tumours_have_a_box_alone():
    known = replace(Config(), data=replace(Config().data, pack=str(PACK)))
    names = ("LungDx_A0002", "LIDC-IDRI-0295", "QIN-LSC-0009", "TCGA-DE-A4MA", "nobody")
    assert [cases.kernel(known, name) for name in names] == ["B40f", "BONE", "B30f", "unknown", "unknown"]
    assert [cases.tumours_are_boxed(known, name) for name in names] == [True, False, False, False, False]
