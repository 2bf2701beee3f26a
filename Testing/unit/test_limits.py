"""What a CT's grid may be by a card's limits, and where these come from."""

import csv
import json
from dataclasses import replace

import pytest
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.model import limits
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.card import TrainingRange


def card_of(**limits):
    return replace(load_bundle().card, limits=TrainingRange(**limits))


CARD = card_of(slice_step_mm=(0.5, 8.0), pixel_spacing_mm=(0.461, 0.977))


def grid(spacing_xyz, shape_zyx=(100, 512, 512), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    return Geometry(shape_zyx, spacing_xyz, (0.0, 0.0, 0.0), direction)


def test_a_usual_chest_ct_is_inside():
    assert limits.outside(grid((0.7, 0.7, 2.5)), CARD) == []


@pytest.mark.parametrize("spacing", [(0.461, 0.461, 0.5), (0.977, 0.977, 4.5), (0.4605, 0.976562, 0.497)])
def test_the_limits_themselves_are_inside_whatever_a_header_rounds(spacing):
    assert limits.outside(grid(spacing), CARD) == []


@pytest.mark.parametrize(
    ("spacing", "shape", "said"),
    [
        ((0.7, 0.7, 10.0), (30, 512, 512), "Slices lie 10 mm apart; the model was trained on 0.5 to 8 mm."),
        ((0.7, 0.7, 0.3), (900, 512, 512), "Slices lie 0.3 mm apart"),
        ((1.4, 1.4, 2.5), (100, 256, 256), "Pixels measure 1.4 mm; the model was trained on 0.461 to 0.977 mm."),
        ((0.7, 0.2, 2.5), (100, 512, 512), "Pixels measure 0.2 mm"),
    ],
)
def test_what_is_outside_is_said_in_one_sentence(spacing, shape, said):
    (sentence,) = limits.outside(grid(spacing, shape), CARD)
    assert sentence.startswith(said)


def test_the_axial_slices_count_whatever_the_stored_axis_order():
    # stored as sagittal slices: z is the stored rows, x the stored slices
    sagittal = grid((0.7, 10.0, 0.7), (512, 30, 512), direction=(0, 0, 1, 1, 0, 0, 0, 1, 0))
    (sentence,) = limits.outside(sagittal, CARD)
    assert sentence.startswith("Slices lie 10 mm apart")


def test_a_card_without_limits_or_without_one_of_them_judges_nothing():
    far = grid((3.0, 3.0, 12.0))
    assert limits.outside(far, card_of()) == []
    (sentence,) = limits.outside(far, card_of(slice_step_mm=(0.5, 8.0)))
    assert sentence.startswith("Slices")


def test_the_limits_are_those_of_the_data_that_the_network_was_fitted_on(tmp_path):
    from training import config
    from training.bundle import card

    settings = config.Config(data=config.Data(prepared=str(tmp_path)))
    assert card.limits(settings) == {}  # nothing is known, so nothing will be judged
    rows = [("train", 0.6, 1.25), ("fold-a", 0.9, 0.5), ("val", 0.3, 0.2), ("test", 2.0, 9.0)]
    with (tmp_path / "patches.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("role", "pixel_spacing", "slice_spacing"), *rows])
    for name, role, step in (("A", "fold-b", 3.0), ("B", "fold-a", 5.0), ("C", "test", 10.0)):
        folder = tmp_path / "volumes" / name
        folder.mkdir(parents=True)
        (folder / "case.json").write_text(json.dumps({"role": role, "step_mm": step}))
    made = card.limits(settings)
    assert made == {"pixel_spacing_mm": [0.6, 0.9], "slice_step_mm": [0.5, 8.0]}
    assert limits.outside(grid((0.75, 0.75, 2.5)), card_of(**made)) == []
    assert len(limits.outside(grid((2.0, 2.0, 9.0)), card_of(**made))) == 2
