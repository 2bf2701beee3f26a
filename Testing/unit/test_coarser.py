"""Masses that the network's own scale does not hold: a click with the bundled model and an ideal network."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib import coarser
from LungTumorSegLib.at_point import candidate_at
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.geometry import Geometry, triple
from LungTumorSegLib.inference import Inference
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms
from training.evaluate.metrics import overlap

SCALE_NOTE = "half and a third of the CT's resolution"
PART_NOTE = "may be a part of a larger mass. Check its border."
MASS = ((-72.0, 0.0, 0.0), 110.0, 40.0)  # as wide as the right lung
INSIDE = (-66.0, 8.0, 5.0)


@pytest.fixture(scope="module")
def model():
    return load_bundle()


@pytest.fixture(scope="module")
def engine(model):
    return open_engine(model)


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest((3.0, 3.0, 5.0), lesions=(MASS,))


@pytest.fixture(scope="module")
def clicked(chest, engine, model):
    return segment(chest[0], Options(points_lps=(INSIDE,)), engine=engine, bundle=model)


def whole(lesion, mask, shape):
    made = np.zeros(shape, bool)
    made[lesion.label_box.slices] = mask
    return made


def test_a_click_outlines_a_mass_of_110_mm_whole_and_says_how(chest, clicked):
    _, reference = chest
    assert len(clicked.lesions) == 1
    assert overlap(whole(clicked.lesions[0], clicked.masks[0], reference.shape), reference)["dice"] > 0.9
    assert len(clicked.notes) == 1 and SCALE_NOTE in clicked.notes[0] and "66.0, -8.0, 5.0" in clicked.notes[0]


def test_its_candidate_follows_another_threshold_without_the_network(chest, clicked, model):
    volumes = [
        extract(clicked.candidates, chest[0], None, clicked.options, model.card, {0: threshold})[0][0].volume_mm3
        for threshold in (0.1, 0.3, 0.6)
    ]
    assert volumes[0] > volumes[1] > volumes[2] > 0


def test_a_nodule_is_outlined_at_the_network_s_own_scale(engine, model):
    ct, _ = phantoms.chest((3.0, 3.0, 5.0), size_mm=(200, 160, 100), centre_lps=phantoms.NODULE[0])
    result = segment(ct, Options(points_lps=(phantoms.NODULE[0],)), engine=engine, bundle=model)
    assert len(result.lesions) == 1 and not result.notes
    assert result.lesions[0].long_axis_mm < 30


def test_a_click_into_the_heart_finds_nothing_at_any_scale(engine, model):
    ct, _ = phantoms.chest((3.0, 3.0, 5.0), lesions=())
    result = segment(ct, Options(points_lps=((28.0, -35.0, -30.0),)), engine=engine, bundle=model)
    assert not result.lesions
    assert result.notes == ("Nothing was found at the point -28.0, 35.0, -30.0 (R, A, S in mm).",)


class Ideal:
    """An engine whose p is the density of the middle slice, from 0 at -850 HU to 1 at 40 HU."""

    name, device, reason, precision, batch = "ideal", "CPU", "", "float32", 8
    classifier = coarse = None

    def predict(self, given):
        return np.clip((given[..., 2] * 1624 - 174) / 890, 0, 1)


OBLIQUE = (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, -1)


def ball(diameter_mm, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    """A ball of soft tissue in a cube of lung of 204 mm, its mask, and its centre."""
    geometry = Geometry((51, 68, 68), (3.0, 3.0, 4.0), (35.0, -60.0, 20.0), direction)
    centre = triple(geometry.lps((25, 30, 36)).tolist())
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape_zyx), indexing="ij"), -1)
    mask = np.linalg.norm(geometry.lps(grid) - centre, axis=-1) <= diameter_mm / 2
    return CT(np.where(mask, 40, -850).astype(np.int16), geometry), mask, centre


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE])
def test_what_the_coarser_scales_show_lies_on_the_ct_s_own_grid(model, direction):
    ct, mask, centre = ball(120, direction)
    inference = Inference(Ideal(), replace(model, card=replace(model.card, map_calibration=None)))
    made = coarser.outline(ct, centre, 0.3, coarser.Least(90.0), inference)
    assert made.point_lps == centre and made.threshold == 0.3
    outlined = np.zeros(mask.shape, bool)
    outlined[made.box.slices] = made.block >= 128
    assert overlap(outlined, mask)["dice"] > 0.95
    assert SCALE_NOTE in inference.notes[0]


def test_a_cavity_does_not_widen_the_candidate_to_the_whole_box(model):
    ct, mask, centre = ball(120)
    inner = np.linalg.norm(ct.geometry.lps(np.argwhere(mask)) - centre, axis=1) < 30
    ct.voxels_zyx[tuple(np.argwhere(mask)[inner].T)] = -1000
    point = triple(np.add(centre, (45.0, 0.0, 0.0)).tolist())
    made = coarser.outline(ct, point, 0.3, coarser.Least(90.0), Inference(Ideal(), model))
    assert max(np.multiply(made.block.shape, ct.geometry.spacing_zyx)) < 170


def test_what_is_shorter_than_was_asked_for_is_not_believed(model):
    ct, _, centre = ball(80)
    inference = Inference(Ideal(), model)
    assert coarser.outline(ct, centre, 0.3, coarser.Least(90.0), inference) is None
    assert not inference.notes


def test_what_has_no_border_at_any_scale_stays_as_it_is_and_a_note_says_so(model):
    geometry = Geometry((60, 100, 100), (3.0, 3.0, 5.0), (0.0, 0.0, 0.0))
    ct = CT(np.full(geometry.shape_zyx, 40, np.int16), geometry)
    outlined, notes = clicked_with(Ideal, ct, (150.0, 150.0, 150.0), model)
    assert 120**3 <= outlined.sum() * geometry.voxel_mm3 < 140**3
    assert len(notes) == 1 and PART_NOTE in notes[0] and "-150.0, -150.0, 150.0" in notes[0]


class NearSighted(Ideal):
    """Sees nothing that is more than 20 pixels from the click."""

    def predict(self, given):
        return super().predict(given) * (given[..., -1] > np.exp(-(20**2) / (2 * 4**2)))


class Lost(Ideal):
    """Sees nothing where more than a quarter of the picture is dense."""

    def predict(self, given):
        seen = super().predict(given)
        return seen * (np.mean(seen > 0.5, axis=(1, 2), keepdims=True) < 0.25)


class LostAndNearSighted(NearSighted, Lost):
    """Sees nothing of a large mass, and of what looks smaller only what is near the click."""


class FarSighted(Ideal):
    """Sees nothing where less than 900 pixels are dense: of a ball of 100 mm nothing at a third of the resolution."""

    def predict(self, given):
        seen = super().predict(given)
        return seen * (np.sum(seen > 0.5, axis=(1, 2), keepdims=True) > 900)


def clicked_with(engine, ct, point, model):
    inference = Inference(engine(), replace(model, card=replace(model.card, map_calibration=None)))
    made, outlined = candidate_at(ct, point, Options(), inference), np.zeros(ct.voxels_zyx.shape, bool)
    if made:
        outlined[made.box.slices] = made.block >= 255 * made.threshold
    return outlined, inference.notes


def near_the_border(centre):
    """8 mm under the border of a ball of 100 mm."""
    return triple(np.add(centre, (42.0, 0.0, 0.0)).tolist())


def test_a_fragment_in_a_mass_gives_way_to_the_whole(model):
    ct, mask, centre = ball(84)
    outlined, notes = clicked_with(NearSighted, ct, centre, model)
    assert overlap(outlined, mask)["dice"] > 0.9
    assert len(notes) == 1 and SCALE_NOTE in notes[0]


@pytest.mark.parametrize(("diameter_mm", "noted"), [(52, False), (100, True)])
def test_an_outline_stays_where_coarser_scales_show_little_more_or_other_things(model, diameter_mm, noted):
    """Of 52 mm they show all, twice as much; of 100 mm half the resolution shows 80."""
    ct, mask, centre = ball(diameter_mm)
    outlined, notes = clicked_with(NearSighted, ct, centre, model)
    assert [PART_NOTE in note for note in notes] == [True] * noted
    assert 0 < outlined.sum() < 0.6 * mask.sum()


def test_a_mass_of_100_mm_that_is_held_whole_stays_where_coarser_scales_do_not_agree(model):
    ct, mask, centre = ball(100)
    outlined, notes = clicked_with(FarSighted, ct, centre, model)
    assert not notes
    assert overlap(outlined, mask)["dice"] > 0.9


def test_a_click_near_the_border_of_a_mass_that_is_not_seen_outlines_it(model):
    ct, mask, centre = ball(100)
    outlined, notes = clicked_with(Lost, ct, near_the_border(centre), model)
    assert overlap(outlined, mask)["dice"] > 0.9
    assert SCALE_NOTE in notes[0]


def test_there_both_scales_have_to_show_the_same(model):
    ct, _, centre = ball(100)
    outlined, notes = clicked_with(LostAndNearSighted, ct, near_the_border(centre), model)
    assert not outlined.any()
    assert len(notes) == 1 and "Nothing was found" in notes[0]
