"""What a CT's grid may be, by a card's limits."""

import pytest
from LungTumorSegLib import limits
from LungTumorSegLib.geometry import Geometry

CARD = {"limits": {"slice_step_mm": [0.5, 8.0], "pixel_spacing_mm": [0.461, 0.977], "length_mm": [50.0, 460.0]}}


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
        ((0.7, 0.7, 5.0), (200, 512, 512), "It is 1000 mm long from head to foot"),
        ((0.7, 0.7, 2.5), (10, 512, 512), "It is 25 mm long"),
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
    assert limits.outside(far, {}) == []
    (sentence,) = limits.outside(far, {"limits": {"slice_step_mm": [0.5, 8.0]}})
    assert sentence.startswith("Slices")
