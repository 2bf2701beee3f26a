"""What a click means, on one block of probability."""

import numpy as np
import pytest
from LungTumorSegLib.data import CT
from LungTumorSegLib.lesions.click import click

from Testing.support.blocks import ball, blank, cone


@pytest.fixture
def ct() -> CT:
    return blank()


def clicked(ct: CT, p: np.ndarray, point=(0.0, 0.0, 0.0), threshold=0.5, **rest):
    return click(np.rint(255 * p).astype(np.uint8), ct.geometry, point, threshold, **rest)


def test_a_click_inside_takes_the_component_at_the_operating_threshold(ct):
    p = ball(ct, (20, 30, 30), 7) + ball(ct, (20, 30, 50), 5)
    found = clicked(ct, p)
    assert found.threshold == 0.5
    assert not found.at_border
    np.testing.assert_array_equal(found.mask, ball(ct, (20, 30, 30), 7) > 0)


def test_under_the_threshold_a_click_takes_half_the_highest_probability_near_it(ct):
    found = clicked(ct, cone(ct, (20, 30, 30), 20, 0.4))
    assert found.threshold == pytest.approx(0.2, abs=0.002)
    assert found.mask.sum() == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.05)


def test_the_threshold_never_falls_under_a_tenth(ct):
    assert clicked(ct, ball(ct, (20, 30, 30), 7, 0.15)).threshold == pytest.approx(0.1)
    assert clicked(ct, ball(ct, (20, 30, 30), 7, 0.09)) is None


def test_the_threshold_never_rises_by_a_click_beside_a_sure_lesion(ct):
    p = ball(ct, (20, 30, 36), 5)
    assert clicked(ct, p, threshold=0.3, point=(-1.0, 0, 0)).threshold == 0.3


def test_the_nearest_component_within_3_mm_is_meant(ct):
    p = ball(ct, (20, 30, 35), 4) + ball(ct, (20, 30, 24), 4)
    right = clicked(ct, p, point=(-1.4, 0, 0))
    assert right.mask[20, 30, 24] and not right.mask[20, 30, 35]
    left = clicked(ct, p, point=(0.4, 0, 0))
    assert left.mask[20, 30, 35] and not left.mask[20, 30, 24]


def test_nothing_within_3_mm_is_none(ct):
    assert clicked(ct, ball(ct, (20, 30, 35), 4), point=(-3.0, 0, 0)) is None
    assert clicked(ct, np.zeros(ct.voxels_zyx.shape)) is None


def test_a_point_outside_the_block_is_none(ct):
    assert clicked(ct, ball(ct, (20, 30, 30), 9), point=(500.0, 0, 0)) is None


def test_with_thick_slices_the_voxel_that_holds_the_point_counts():
    ct = blank((1.0, 1.0, 8.0), (10, 30, 30))
    p = np.zeros(ct.voxels_zyx.shape)
    p[4, 10:20, 10:20] = 0.9
    point = ct.geometry.lps((4.45, 15, 15))
    assert clicked(ct, p, point=point) is not None


def test_a_component_that_reaches_an_open_side_is_cut_off(ct):
    p = np.zeros(ct.voxels_zyx.shape)
    p[20:25, 25:35, 25:] = 0.9
    only_that_side_closed = ((True, True), (True, True), (True, False))
    assert clicked(ct, p).at_border
    assert not clicked(ct, p, open_sides=only_that_side_closed).at_border


def test_the_threshold_rises_to_the_lowest_at_which_the_component_is_inside(ct):
    p = np.maximum(ball(ct, (20, 30, 30), 7, 0.9), ball(ct, (20, 30, 42), 8, 0.7))
    p[17:24, 27:34, 45:] = np.maximum(p[17:24, 27:34, 45:], 0.6)  # runs out of the block
    cut_off, inside = clicked(ct, p), clicked(ct, p, raise_until_inside=True)
    assert cut_off.at_border
    assert not inside.at_border
    assert inside.threshold == pytest.approx(0.6, abs=0.006)
    assert clicked(ct, p, threshold=0.599).at_border
    np.testing.assert_array_equal(inside.mask, p >= 0.61)


def test_a_component_that_is_inside_keeps_its_threshold(ct):
    assert clicked(ct, ball(ct, (20, 30, 30), 7), raise_until_inside=True).threshold == 0.5


def test_a_component_that_is_cut_off_at_every_threshold_is_still_returned(ct):
    found = clicked(ct, np.full(ct.voxels_zyx.shape, 0.8), raise_until_inside=True)
    assert found.at_border
    assert found.threshold == pytest.approx(0.8, abs=0.002)


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_float_and_uint8_blocks_give_the_same_click(ct, threshold):
    p = (np.rint(255 * cone(ct, (20, 30, 30), 20, 0.7)) / 255).astype(np.float32)
    one = click(p, ct.geometry, (1.0, 9.0, 0.0), threshold)
    two = clicked(ct, p, (1.0, 9.0, 0.0), threshold)
    assert one.threshold == pytest.approx(two.threshold, abs=1e-6)
    np.testing.assert_array_equal(one.mask, two.mask)
