"""Metrics: overlap, surface distances, FROC, calibration and their intervals."""

import os

import numpy as np
import pytest
from LungTumorSegLib.geometry import Box

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
from training.evaluate import calibration, froc, metrics
from training.evaluate.froc import Reference, Scan


def box(z, y, x, size):
    return Box((z, y, x), (z + size, y + size, x + size))


def cube(z, y, x, size, shape=(20, 20, 20)):
    mask = np.zeros(shape, bool)
    mask[box(z, y, x, size).slices] = True
    return mask


def test_half_shifted_cubes_overlap_by_half():
    found = metrics.overlap(cube(2, 2, 2, 4), cube(2, 2, 4, 4))
    assert found["dice"] == found["precision"] == found["recall"] == 0.5
    assert found["iou"] == pytest.approx(1 / 3)
    assert found["accuracy"] == 1 - 64 / 8000


def test_nothing_found_is_dice_0_and_two_empty_masks_agree():
    empty = np.zeros((20, 20, 20), bool)
    assert metrics.overlap(empty, cube(2, 2, 2, 4))["dice"] == 0
    assert metrics.overlap(empty, cube(2, 2, 2, 4))["precision"] == 0
    assert metrics.overlap(empty, empty)["dice"] == 1


def test_surface_distances_are_in_mm():
    one_slice_up, same = cube(3, 5, 5, 6), cube(5, 5, 5, 6)
    assert metrics.surface_distances(same, same, (5, 1, 1)) == (0, 0)
    hd95, mean = metrics.surface_distances(one_slice_up, same, (0.5, 10, 10))
    assert hd95 == pytest.approx(1.0) and 0 < mean < 1
    with pytest.raises(ValueError, match="empty"):
        metrics.surface_distances(same, ~same & same, (1, 1, 1))


def test_a_mask_at_the_arrays_end_has_its_border_there():
    assert metrics.surface_distances(cube(0, 0, 0, 20), cube(0, 0, 0, 19), (1, 1, 1))[0] == pytest.approx(1, abs=0.8)


def test_the_model_and_the_left_out_reader_are_held_against_the_same_others():
    a, b = cube(2, 2, 2, 6), cube(2, 2, 3, 6)
    # others of the first two: two of three readers; of the third and fourth: the same rule
    model, reader = metrics.leave_one_out(a, [a, a, a, b])
    assert model == 1.0
    assert reader == pytest.approx((3 + metrics.overlap(b, a)["dice"]) / 4)
    assert metrics.leave_one_out(np.zeros_like(a), [a, a, b])[0] == 0


def test_reader_masks_come_from_the_bits():
    bits = np.array([[[0b0001, 0b0101, 0b0100]]], np.uint8)
    masks = metrics.reader_masks(bits, 4)
    assert [m.ravel().tolist() for m in masks] == [[True, True, False], [False, True, True]]


def test_the_interval_is_wider_when_lesions_share_patients():
    values = np.repeat([0.0, 1.0] * 5, 10)
    alone = metrics.bootstrap(values, np.arange(100))
    shared = metrics.bootstrap(values, np.repeat(np.arange(10), 10))
    assert shared[1] - shared[0] > 2 * (alone[1] - alone[0])
    assert alone[0] < 0.5 < alone[1]


def test_what_is_not_a_number_counts_in_no_mean():
    found = metrics.summary([0.5, np.nan, 1.0], ["a", "b", "c"])
    assert found["mean"] == 0.75 and found["n"] == 2


def _whole(mask):
    return Box.whole(mask.shape), mask


def test_a_reference_takes_one_prediction_and_what_counts_neither_way_stays_out():
    references = [
        Reference(box(2, 2, 2, 6), np.ones((6, 6, 6), bool)),
        Reference(*_whole(cube(12, 12, 12, 4)), counts=False),
    ]
    predictions = [
        _whole(cube(2, 2, 2, 5)),  # hit
        _whole(cube(3, 3, 3, 5)),  # a second one on the same lesion
        _whole(cube(13, 13, 13, 5)),  # on what counts neither way
        _whole(cube(2, 14, 2, 3)),  # on nothing
        _whole(cube(7, 7, 7, 3)),  # touches the lesion: IoU under 0.1
    ]
    matched = froc.match(predictions, [0.9, 0.8, 0.7, 0.6, 0.5], references)
    assert matched.tolist() == [0, -1, -2, -1, -1]
    better_second = froc.match(predictions, [0.7, 0.8, 0.7, 0.6, 0.5], references)
    assert better_second.tolist() == [-1, 0, -2, -1, -1]


def test_sensitivity_at_a_rate_of_false_positives():
    scans = [
        Scan(np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, False, True, False]), 3),
        Scan(np.array([0.7, 0.6]), np.array([False, True]), 1),
    ]
    assert froc.sensitivity_at(scans, 0) == 0.25
    assert froc.sensitivity_at(scans, 0.5) == 0.25
    assert froc.sensitivity_at(scans, 1) == 0.75
    assert froc.score_at(scans, 1) == 0.4
    assert froc.sensitivity_at(scans, 8) == 0.75  # one is never found


def test_predictions_of_equal_score_are_kept_or_left_together():
    scans = [Scan(np.array([0.5, 0.5]), np.array([True, False]), 1)]
    assert froc.sensitivity_at(scans, 0.5) == 0
    assert froc.sensitivity_at(scans, 1) == 1


def _counts(temperature: float) -> calibration.Histogram:
    """A map whose true share is that of ``temperature`` times cooler logits."""
    counts = calibration.Histogram.empty()
    p = np.arange(256) / 255
    counts.voxels[:] = 1000
    counts.target[:] = 1000 * calibration.scaled(p, temperature)
    return counts


def test_a_calibrated_map_has_no_calibration_error_and_temperature_1():
    assert calibration.expected_error(_counts(1.0)) < 0.001
    assert calibration.fit_temperature(_counts(1.0)) == pytest.approx(1, abs=0.02)


def test_the_temperature_repairs_overconfidence():
    counts = _counts(2.0)
    assert calibration.expected_error(counts) > 0.05
    temperature = calibration.fit_temperature(counts)
    assert temperature == pytest.approx(2, abs=0.1)
    assert calibration.expected_error(counts, temperature) < 0.01


def test_an_offset_repairs_what_is_marked_too_much_everywhere():
    counts = calibration.Histogram.empty()
    counts.voxels[:] = 1000
    counts.target[:] = 1000 * calibration.scaled(np.arange(256) / 255, 1.0, -1.5)
    temperature = calibration.fit_temperature(counts)
    assert calibration.expected_error(counts, temperature) > 0.1
    both = calibration.fit_temperature_and_offset(counts)
    assert both == pytest.approx((1.0, -1.5), abs=0.05)
    assert calibration.expected_error(counts, *both) < 0.01


def test_voxels_of_unknown_truth_and_of_p_under_0_05_do_not_count():
    counts = calibration.Histogram.empty()
    p = np.array([12, 200, 200, 200], np.uint8)
    counts.add(p, np.array([1.0, 1.0, 0.5, 0.0]), np.array([True, True, True, False]))
    mean, share, voxels = calibration.reliability(counts)
    assert voxels.sum() == 2
    assert share[voxels > 0] == 0.75 and mean[voxels > 0] == pytest.approx(200 / 255)
