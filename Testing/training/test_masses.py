"""Masses made of enlarged lesions: where they lie, how long they are, and that nothing else is changed."""

import numpy as np
import pytest
from LungTumorSegLib.lungs import find
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from scipy import ndimage

from Testing.support import phantoms
from training.examples import masses
from training.studies import masses as study


@pytest.fixture(scope="module")
def chest():
    ct, _ = phantoms.chest(lesions=())
    return ct, find.find(ct)


@pytest.fixture(scope="module")
def body():
    """A ball of 18 mm and 60 HU."""
    ct, mask = phantoms.chest((1.0, 1.0, 1.0), (60, 60, 60), (((-86.0, 12.0, 21.0), 18.0, 60),), 0, 0, (-86, 12, 21))
    return masses.of_ct(ct, mask, "ball")


@pytest.mark.parametrize("surface", masses.Surface)
def test_a_mass_lies_on_its_surface_with_the_density_and_length_that_were_wanted(chest, body, surface):
    ct, lungs = chest
    mass = masses.set_onto(ct, lungs, body, surface, 70.0, seed=3)
    assert mass.long_axis_mm == pytest.approx(70, abs=8)
    depth = ndimage.distance_transform_edt(mass.mask, ct.geometry.spacing_zyx)
    assert mass.ct.voxels_zyx[depth > 3].mean() == pytest.approx(60, abs=10)
    far = ndimage.distance_transform_edt(~mass.mask, ct.geometry.spacing_zyx) > 8
    np.testing.assert_array_equal(mass.ct.voxels_zyx[far], ct.voxels_zyx[far])
    # it reaches into soft tissue, but no further than it may; most of it was lung
    before = ct.voxels_zyx[mass.mask]
    assert 0.02 < np.mean(before > -200) < 0.5
    low, high = (np.argwhere(mass.mask).mean(0)[0], ct.geometry.shape_zyx[0] / 2)
    assert surface is not masses.Surface.DIAPHRAGM or low < high


def test_what_no_place_holds_is_not_made(chest, body, monkeypatch):
    ct, lungs = chest
    monkeypatch.setattr(masses, "TRIES", 3)
    assert masses.set_onto(ct, lungs, body, masses.Surface.CHEST_WALL, 300.0, seed=3) is None


def test_the_figures_go_by_measured_length():
    rows = [
        {"long_axis_mm": mm, "dice": dice, "run_dice": dice - 0.25, "body": mm, "volume_error_percent": -10.0}
        for mm, dice in ((60, 0.5), (70, 0.7), (100, 0.9))
    ]
    groups = study.summarise(rows)
    assert [(g["mm"], round(g["dice"]["mean"], 3), g["dice"]["n"]) for g in groups] == [
        ([50, 75], 0.6, 2),
        ([90, 120], 0.9, 1),
    ]
    assert [(g["listed"], round(g["run_dice"]["mean"], 3)) for g in groups] == [(1, 0.35), (1, 0.65)]


def test_a_run_is_asked_for_the_listed_lesion_that_agrees_best():
    lesions = (phantoms.NODULE[0], 8.0, 40.0), ((-72.0, 0.0, -15.0), 100.0, 40.0)
    ct, mask = phantoms.chest((3.0, 3.0, 5.0), lesions=lesions)
    bundle = load_bundle()
    mass = masses.Mass(ct, mask, "ball", masses.Surface.MEDIASTINUM, 100.0)
    row = study.in_a_run(mass, open_engine(bundle), bundle)
    assert row["run_dice"] > 0.9 and row["run_row"] == 1
    other = masses.Mass(ct, np.zeros_like(mask), "none", masses.Surface.MEDIASTINUM, 0.0)
    assert study.in_a_run(other, open_engine(bundle), bundle) == {"run_dice": 0.0, "run_row": 0}
