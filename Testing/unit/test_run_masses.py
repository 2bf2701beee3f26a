"""Large masses in a run: with an ideal network on a ball, and with the bundled model on a phantom."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib import masses
from LungTumorSegLib.data import CT, Candidate, Options
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.inference import Inference
from LungTumorSegLib.lesions.extraction import extract, masks_of
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms
from training.evaluate.metrics import overlap

SCALE_NOTE = "half and a third of the CT's resolution"
OBLIQUE = (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, -1)
SAGITTAL = (0, 0, -1, 1, 0, 0, 0, -1, 0)
MASS = ((-72.0, 0.0, 0.0), 110.0, 40.0)  # as wide as the right lung


@pytest.fixture(scope="module")
def model():
    bundle = load_bundle()
    return replace(bundle, card=replace(bundle.card, run_calibration=None))


class Ideal:
    """p is the density of the middle slice, from 0 at -850 HU to 1 at 40 HU."""

    name, device, reason, precision, batch = "ideal", "CPU", "", "float32", 8
    classifier = coarse = None

    def predict(self, given):
        return np.clip((given[..., 2] * 1624 - 174) / 890, 0, 1)


class Blind(Ideal):
    def predict(self, given):
        return np.zeros(given.shape[:3])


class Faint(Ideal):
    """Not sure of what it sees without a click."""

    def predict(self, given):
        return super().predict(given) * (1 if given[..., -1].any() else 0.5)


class FarSighted(Ideal):
    """Sees with a click nothing where less than 1,200 pixels are dense: of a ball of 100 mm nothing at a third."""

    def predict(self, given):
        seen = super().predict(given)
        return seen * (np.sum(seen > 0.5, axis=(1, 2), keepdims=True) > 1200) if given[..., -1].any() else seen


class Halving(Ideal):
    """Sees twice as much with a click."""

    def predict(self, given):
        return np.minimum(super().predict(given) * (2 if given[..., -1].any() else 1), 1)


def ball(diameter_mm, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1), step_mm=4.0):
    """A ball of soft tissue in a block of lung, not in its middle, and its mask."""
    slices, middle = round(204 / step_mm), round(96 / step_mm)
    geometry = Geometry((slices, 68, 68), (3.0, 3.0, step_mm), (35.0, -60.0, 20.0), direction)
    centre = geometry.lps((middle, 31, 37))
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape_zyx), indexing="ij"), -1)
    mask = np.linalg.norm(geometry.lps(grid) - centre, axis=-1) <= diameter_mm / 2
    return CT(np.where(mask, 40, -850).astype(np.int16), geometry), mask


def found(ct, model, engine, others=()):
    """The masses, and what the run notes of them."""
    inference = Inference(engine, model)
    box = Box.whole(ct.geometry.axial().shape_zyx)
    return masses.find_masses(ct, box, 0.3, others, inference), inference.notes


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE, SAGITTAL])
def test_a_mass_is_outlined_on_the_ct_s_own_grid(model, direction):
    ct, mask = ball(110, direction)
    (made,), notes = found(ct, model, Ideal())
    assert made.point_lps is None and made.threshold is None  # so it follows the user's, as every lesion of a run
    outlined = np.zeros(mask.shape, bool)
    outlined[made.box.slices] = made.block >= 128
    assert overlap(outlined, mask)["dice"] > 0.95
    assert len(notes) == 1 and SCALE_NOTE in notes[0]


def test_the_deepest_point_of_a_ball_is_its_middle(model):
    ct, mask = ball(110)
    ((middle, places),) = masses._seen(ct, Box.whole(mask.shape), 0.3, Inference(Ideal(), model))
    assert np.linalg.norm(places - middle, axis=1).max() == pytest.approx(55, abs=8)
    assert np.linalg.norm(np.subtract(middle, ct.geometry.lps((24, 31, 37)))) < 6


def test_a_part_of_the_ct_shows_the_same(model):
    ct, mask = ball(84)
    box = Box.tight(mask).expand((3, 5, 7), mask.shape)
    ((middle, _),) = masses._seen(ct, box, 0.3, Inference(Ideal(), model))
    assert np.linalg.norm(np.subtract(middle, ct.geometry.lps((24, 31, 37)))) < 6


@pytest.mark.parametrize("step_mm", [0.6, 1.25])
def test_slices_that_are_passed_over_are_allowed_for(model, step_mm):
    ct, mask = ball(84, step_mm=step_mm)
    low = np.argwhere(mask)[0, 0] - 3
    box = Box((low, 0, 0), mask.shape)
    ((middle, places),) = masses._seen(ct, box, 0.3, Inference(Ideal(), model))
    centre = ct.geometry.middle_lps(mask, Box.whole(mask.shape))
    assert np.linalg.norm(np.subtract(middle, centre)) < 4
    assert np.linalg.norm(places.mean(0) - centre) < 1


def test_what_is_linked_to_a_mass_is_no_mass_of_its_own(model):
    ct, mask = ball(84)
    beside = np.zeros(mask.shape, bool)
    beside[20:28, 50:58, 32:42] = True
    link = np.zeros(mask.shape, bool)
    link[22:26, 40:52, 34:40] = True
    ct.voxels_zyx[link & ~mask] = -740
    ct.voxels_zyx[beside] = 40
    (made,), _ = found(ct, model, Ideal())
    ((box, own),) = masks_of(made, ct.geometry, 0.3)
    outlined = np.zeros(mask.shape, bool)
    outlined[box.slices] = own
    assert overlap(outlined, mask)["dice"] > 0.95 and not outlined[beside].any()


def test_a_mass_that_is_seen_in_two_parts_is_outlined_once(model):
    ct, mask = ball(120)
    ct.voxels_zyx[:, :, 35:40][mask[:, :, 35:40]] = -610
    parts = list(masses._seen(ct, Box.whole(mask.shape), 0.3, Inference(Halving(), model)))
    assert len(parts) == 2
    made, notes = found(ct, model, Halving())
    assert len(made) == 1 and len(notes) == 1


@pytest.mark.parametrize(
    ("diameter_mm", "engine"), [(40, Ideal), (110, Blind), (110, Faint), (100, FarSighted)],
    ids=["short", "nothing seen", "not sure", "the scales do not agree"],
)  # fmt: skip
def test_what_is_no_large_mass_is_not_made_one(model, diameter_mm, engine):
    assert found(ball(diameter_mm)[0], model, engine()) == ([], [])


def candidate(mask, share):
    """What the own scale may show of a mask: the lower end of it, ``share`` of its voxels."""
    inside = np.argwhere(mask)
    part = np.zeros(mask.shape, np.uint8)
    part[tuple(inside[: int(share * len(inside))].T)] = 255
    box = Box.tight(part > 0)
    return Candidate(box, part[box.slices])


@pytest.mark.parametrize("direction", [OBLIQUE, SAGITTAL])
@pytest.mark.parametrize(("share", "count"), [(0.15, 1), (0.6, 0)])
def test_what_the_own_scale_outlines_is_left_to_it_and_a_fragment_is_not(model, share, count, direction):
    ct, mask = ball(110, direction)
    made, notes = found(ct, model, Ideal(), [candidate(mask, share)])
    assert len(made) == count and len(notes) == count


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest((3.0, 3.0, 5.0), lesions=(MASS,))


@pytest.fixture(scope="module")
def run(chest):
    bundle = load_bundle()
    return segment(chest[0], Options(keep_probability=True), engine=open_engine(bundle), bundle=bundle)


def test_a_run_lists_a_mass_of_110_mm_first_and_says_how_it_was_outlined(chest, run):
    _, reference = chest
    outlined = np.zeros(reference.shape, bool)
    outlined[run.lesions[0].label_box.slices] = run.masks[0]
    assert overlap(outlined, reference)["dice"] > 0.9
    assert [SCALE_NOTE in note for note in run.notes].count(True) == 1


def test_its_outline_follows_the_user_s_threshold(chest, run):
    card = load_bundle().card
    high, _ = extract(run.candidates, chest[0], run.lungs, replace(run.options, threshold=0.9), card)
    low, _ = extract(run.candidates, chest[0], run.lungs, replace(run.options, threshold=0.05), card)
    assert 0 < high[0].volume_mm3 < run.lesions[0].volume_mm3 < low[0].volume_mm3


def test_the_map_that_is_kept_shows_it(chest, run):
    _, reference = chest
    assert np.mean(run.probability[reference] >= 128) > 0.8


def test_a_chest_without_a_mass_has_none():
    bundle = load_bundle()
    ct, _ = phantoms.chest((3.0, 3.0, 5.0))
    result = segment(ct, engine=open_engine(bundle), bundle=bundle)
    assert not any(SCALE_NOTE in note for note in result.notes)
    assert all(lesion.long_axis_mm < 40 for lesion in result.lesions)


def test_a_model_without_the_network_of_the_coarser_scales_looks_for_none(chest):
    bundle = load_bundle()
    engine = open_engine(bundle)
    without = replace(bundle, card=replace(bundle.card, coarse=None))
    result = segment(chest[0], engine=engine, bundle=without)
    assert not any(SCALE_NOTE in note for note in result.notes)
    assert "coarse" not in vars(engine)
