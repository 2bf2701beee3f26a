"""Slices for the network and back: positions, thick and thin slices, boxes that agree with whole slices."""

import numpy as np
import pytest
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.sampling import slices

from training.config import Network

CARD = Network().card


def axial(shape, spacing_zyx) -> Geometry:
    return Geometry(shape, spacing_zyx[::-1], (0.0, 0.0, 0.0))


def ball_map(plan: slices.Plan, centre_mm, radius_mm) -> np.ndarray:
    z = plan.runs * plan.axial.spacing_zyx[0]
    y, x = (np.arange(*ends) * plan.card.spacing_mm for ends in plan.box_yx.pairs)
    zz, yy, xx = np.meshgrid(z, y, x, indexing="ij")
    distance = np.sqrt((zz - centre_mm[0]) ** 2 + (yy - centre_mm[1]) ** 2 + (xx - centre_mm[2]) ** 2)
    return np.rint(np.clip((radius_mm - distance) / 2 + 0.5, 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize(("step_in", "step_out"), [(0.7, 1.0), (1.0, 0.7), (0.98, 1.0), (2.5, 1.0)])
def test_resampling_keeps_a_ramp(step_in, step_out):
    n_in, n_out = 60, int(40 * step_in / step_out)
    ramp = (np.arange(n_in) * step_in).astype(np.float32)
    out = slices.resampling_matrix(n_in, step_in, n_out, step_out) @ ramp
    inner = slice(3, -3)
    np.testing.assert_allclose(out[inner], (np.arange(n_out) * step_out)[inner], atol=0.03)  # mm


def test_shrinking_averages_instead_of_picking():
    checkerboard = np.tile([0.0, 1.0], 40).astype(np.float32)
    out = slices.resampling_matrix(80, 0.5, 20, 2.0) @ checkerboard
    np.testing.assert_allclose(out[1:-1], 0.5, atol=0.01)


def test_beyond_the_scan_is_air():
    rows, columns = slices.in_plane_matrices((20, 20), (1.0, 1.0), 1.0, Box((-10, -10), (30, 30)))
    out = slices.in_plane(np.full((20, 20), 40, np.int16), rows, columns)
    assert out[20, 20] == 40
    assert out[0, 0] == out[-1, -1] == slices.AIR_HU


def test_padding_values_count_as_air():
    rows, columns = slices.in_plane_matrices((8, 8), (1.0, 1.0), 1.0)
    assert (slices.in_plane(np.full((8, 8), -3024, np.int16), rows, columns) == slices.AIR_HU).all()


def test_neighbours_are_interpolated_and_clamped():
    lower, upper, weight = slices.neighbours(np.array([0.0, 8.0]), [-5, -2, 0, 2, 5], 4.0, 4)
    assert lower.tolist() == [[0, 0, 0, 0, 1], [0, 1, 2, 2, 3]]
    np.testing.assert_allclose(weight, [[0, 0, 0, 0.5, 0.25], [0.75, 0.5, 0, 0.5, 0]], atol=1e-6)
    assert (upper <= 3).all()


@pytest.mark.parametrize("step", [0.5, 0.7, 1.0, 2.5, 8.0])
def test_the_network_sees_the_same_heights_at_any_slice_thickness(step):
    """HU that grow with z: each channel must show the height of its offset, whatever the slice step."""
    n = int(60 / step)
    view = np.broadcast_to((np.arange(n) * step * 10 - 500)[:, None, None], (n, 40, 40)).astype(np.int16)
    plan = slices.plan_box(axial(view.shape, (step, 1.0, 1.0)), CARD, Box.whole((n, 40, 40)), 0)
    for which, given in plan.batches(view, 4):
        heights = plan.runs[which] * step
        inner = (heights > 6) & (heights < (n - 1) * step - 6)
        hu = given[inner][:, 20, 20, :5] * 1624 - 1024
        wanted = (heights[inner, None] + CARD.offsets_mm) * 10 - 500
        np.testing.assert_allclose(hu, wanted, atol=1.0)  # voxels are whole HU


def test_thin_slices_are_skipped_and_thick_ones_all_run():
    box = Box.whole((50, 64, 64))
    assert np.diff(slices.plan_box(axial((50, 64, 64), (0.5, 1, 1)), CARD, box, 0).runs).tolist() == [2] * 24
    assert len(slices.plan_box(axial((50, 64, 64), (0.7, 1, 1)), CARD, box, 0).runs) == 50


def test_batches_of_any_size_give_the_same_input():
    rng = np.random.default_rng(0)
    view = rng.integers(-1000, 400, (17, 50, 60)).astype(np.int16)
    plan = slices.plan_box(axial(view.shape, (1.5, 0.8, 0.8)), CARD, Box.whole(view.shape), 0)
    one = np.concatenate([given for _, given in plan.batches(view, 1)])
    many = np.concatenate([given for _, given in plan.batches(view, 7)])
    np.testing.assert_array_equal(one, many)


def test_the_prompt_is_a_gaussian_in_3d_around_the_point():
    plan = slices.plan_box(axial((20, 64, 64), (2.0, 1.0, 1.0)), CARD, Box.whole((20, 64, 64)), 0)
    point = plan.axial.lps((6, 30, 40))  # 12 mm high
    prompt = np.concatenate([g for _, g in plan.batches(np.zeros((20, 64, 64), np.int16), 8, point)])[..., 5]
    assert prompt[6, 30, 40] == pytest.approx(1)
    assert prompt[6, 34, 40] == pytest.approx(np.exp(-0.5))
    assert prompt[8, 30, 40] == pytest.approx(np.exp(-0.5))  # two slices of 2 mm


@pytest.mark.parametrize("spacing", [(1.0, 0.7, 0.7), (5.0, 0.98, 0.98), (0.6, 0.6, 0.6), (2.0, 1.4, 1.4)])
def test_a_ball_in_the_map_comes_back_at_its_place_and_size(spacing):
    shape = tuple(int(80 / s) for s in spacing)
    whole = Box.whole(shape)
    plan = slices.plan_box(axial(shape, spacing), CARD, whole, 0)
    centre, radius = (40.0, 33.0, 45.0), 12.0
    box = plan.voxel_box(Box.whole(plan.shape))
    out = plan.to_voxels(ball_map(plan, centre, radius), box)
    mask = np.argwhere(out >= 128) + box.start
    np.testing.assert_allclose(mask.mean(0) * spacing, centre, atol=0.35)
    volume = len(mask) * np.prod(spacing)
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.06)


@pytest.mark.parametrize(("step", "count"), [(0.5, 80), (0.5, 81), (0.3, 79), (0.3, 80), (0.3, 81)])
def test_the_slices_after_the_last_run_belong_to_the_map_and_are_as_it_is(step, count):
    plan = slices.plan_box(axial((count, 32, 32), (step, 1, 1)), CARD, Box.whole((count, 32, 32)), 0)
    box = plan.voxel_box(Box.whole(plan.shape))
    assert box.pairs[0] == (0, count)
    values = np.zeros(plan.shape, np.uint8)
    values[-1] = 200
    out = plan.to_voxels(values, box)
    assert (out[plan.runs[-1] :] == 200).all() and not out[plan.runs[-2]].any()
    part = Box.whole((len(plan.runs) - 1, *plan.shape[1:]))
    assert plan.voxel_box(part).pairs[0] == (0, plan.runs[-2] + 1)  # another run follows


def test_a_box_lies_in_step_with_the_whole_slice():
    grid = axial((10, 300, 400), (2.0, 0.7, 0.7))
    whole = slices.plan_box(grid, CARD, Box.whole((10, 300, 400)), 0)
    part = slices.plan_box(grid, CARD, Box((2, 120, 150), (6, 200, 260)), 0)
    assert whole.box_yx.start == (0, 0) and part.box_yx.intersect(whole.box_yx) == part.box_yx
    assert not np.mod(part.box_yx.start, 32).any() and not np.mod(part.box_yx.stop, 32).any()
    view = np.random.default_rng(1).integers(-1000, 300, (10, 300, 400)).astype(np.int16)
    large = np.concatenate([g for _, g in whole.batches(view, 5)])[2:6]
    small = np.concatenate([g for _, g in part.batches(view, 4)])
    np.testing.assert_array_equal(small, large[:, *part.box_yx.slices])


def test_a_click_near_the_corner_has_air_around_it():
    grid = axial((30, 100, 100), (2.0, 1.0, 1.0))
    plan = slices.plan_around(grid, CARD, grid.lps((1, 2, 97)), 60)
    assert plan.shape[1:] == (64, 64) and plan.runs[0] == 0
    (_, given), *_ = plan.batches(np.full((30, 100, 100), 40, np.int16), 4)
    assert given[0, 0, 63, 2] == 0 and given[0, 40, 20, 2] > 0.6
