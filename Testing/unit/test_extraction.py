"""From candidates to lesions, rule by rule."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.data import CT, Candidate, Lungs, Options, apart
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions.click import click
from LungTumorSegLib.lesions.extraction import masks_of
from LungTumorSegLib.lesions.order import order_sentence, rank

from Testing.support import phantoms
from Testing.support.blocks import CARD, ball, blank, candidate, cone, extracted, lungs_whose_hull_ends_at, rating


def painted(ct: CT, found, masks) -> np.ndarray:
    """Lesion ids on the CT's grid; fails where two lesions share a voxel."""
    ids = np.zeros(ct.voxels_zyx.shape, int)
    for lesion, mask in zip(found, masks, strict=True):
        part = ids[lesion.label_box.slices]
        assert not part[mask].any()
        part[mask] = lesion.id
    return ids


@pytest.fixture
def ct() -> CT:
    return blank()


# ---- threshold


def test_a_lesion_is_where_the_probability_reaches_the_threshold(ct):
    p = cone(ct, (20, 30, 30), 20)
    found, masks = extracted(ct, p)
    np.testing.assert_array_equal(painted(ct, found, masks) > 0, np.rint(255 * p) >= 127.5)
    assert found[0].threshold == 0.5


@pytest.mark.parametrize("level", [1, 13, 51, 102, 127, 128, 200, 254, 255])
def test_a_threshold_takes_the_voxels_whose_stored_probability_equals_it(ct, level):
    block = np.zeros((9, 9, 9), np.uint8)
    block[2:7, 2:7, 2:7] = level
    one = Candidate(Box.whole((9, 9, 9)), block)
    assert len(extracted(ct, one, options=Options(threshold=level / 255))[0]) == 1
    assert len(extracted(ct, one, options=Options(threshold=(level + 0.5) / 255))[0]) == 0


def test_the_option_goes_before_the_card(ct):
    p = cone(ct, (20, 30, 30), 20)
    low, high = (extracted(ct, p, options=Options(threshold=t))[0][0] for t in (0.3, 0.7))
    assert low.volume_mm3 > extracted(ct, p)[0][0].volume_mm3 > high.volume_mm3
    assert (low.threshold, high.threshold) == (0.3, 0.7)


def test_a_clicks_threshold_goes_before_the_option(ct):
    one = candidate(ct, cone(ct, (20, 30, 30), 20), point_lps=(0.0, 0.0, 0.0), threshold=0.2)
    assert extracted(ct, one, options=Options(threshold=0.6))[0][0].threshold == 0.2


def test_each_candidate_can_have_its_own_threshold(ct):
    one, two = candidate(ct, cone(ct, (20, 15, 15), 12)), candidate(ct, cone(ct, (20, 45, 45), 12))
    found, _ = extracted(ct, one, two, thresholds={1: 0.25}, options=Options(threshold=0.6))
    assert [lesion.threshold for lesion in found] == [0.25, 0.6]
    assert found[0].label_box.start[1] > 30


def test_no_candidates_no_lesions(ct):
    assert extracted(ct) == ((), ())
    assert extracted(ct, np.zeros(ct.voxels_zyx.shape)) == ((), ())


# ---- separate lesions


def test_two_balls_in_one_block_are_two_lesions(ct):
    found, masks = extracted(ct, ball(ct, (20, 20, 15), 6) + ball(ct, (20, 20, 45), 4))
    assert [lesion.id for lesion in found] == [1, 2]
    assert painted(ct, found, masks).max() == 2
    assert found[0].volume_mm3 > found[1].volume_mm3


def test_a_small_lesion_whose_slices_touch_at_a_corner_is_one(ct):
    p = np.zeros(ct.voxels_zyx.shape)
    p[10, 20:22, 20:24] = p[11, 22:24, 24:28] = 0.8
    found, _ = extracted(ct, p)
    assert [lesion.volume_mm3 for lesion in found] == [16]


def test_label_box_and_mask_are_tight_and_in_stored_order(ct):
    stored = phantoms.reorient(ct, (2, 0, 1), (False, True, False))
    p = np.zeros(stored.voxels_zyx.shape)
    p[3:9, 4:12, 5:20] = 0.7
    found, masks = extracted(stored, p)
    assert found[0].label_box == Box((3, 4, 5), (9, 12, 20))
    assert all(masks[0].take(end, axis).any() for axis in range(3) for end in (0, -1))
    assert masks[0].dtype == bool


def test_a_block_lies_where_its_box_says(ct):
    p = ball(ct, (25, 40, 12), 5)
    whole, _ = extracted(ct, p)
    cut, _ = extracted(ct, candidate(ct, p, Box((15, 30, 2), (35, 50, 22))))
    assert cut == whole


# ---- clean-up


def test_enclosed_holes_are_filled(ct):
    found, masks = extracted(ct, ball(ct, (20, 30, 30), 9) - ball(ct, (20, 30, 30), 5))
    assert masks[0][9, 9, 9]
    assert found[0].volume_mm3 == np.count_nonzero(ball(ct, (20, 30, 30), 9))


def test_a_hole_that_is_open_to_the_outside_stays(ct):
    p = ball(ct, (20, 30, 30), 9) - ball(ct, (20, 30, 30), 5)
    p[20, 30, 30:] = 0
    _, masks = extracted(ct, p)
    assert not masks[0][9, 9, 9]


@pytest.mark.parametrize(("spacing", "voxels"), [((1.0, 1.0, 1.0), 4), ((0.5, 0.5, 0.5), 33), ((0.6, 0.6, 5.0), 2)])
def test_specks_are_dropped_by_their_volume_in_millimetres(spacing, voxels):
    ct = blank(spacing)
    for count, expected in ((voxels, 0), (voxels + 1, 1)):
        p = np.zeros(ct.voxels_zyx.shape)
        p[5, 10, 10 : 10 + count] = 0.9
        assert len(extracted(ct, p, options=Options(min_diameter_mm=0))[0]) == expected


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.6, 0.6, 2.0)])
def test_lesions_with_a_smaller_long_axis_are_left_out(spacing):
    ct = blank(spacing)
    p = ball(ct, (20, 15, 15), 3.1) + ball(ct, (20, 45, 45), 6.1)
    assert [len(extracted(ct, p, options=Options(min_diameter_mm=d))[0]) for d in (0, 4, 8, 11, 14)] == [2, 2, 1, 1, 0]


# ---- lungs


def test_a_run_over_a_chest_has_its_own_threshold_unless_the_user_gives_one(ct):
    p, chest, card = cone(ct, (20, 30, 30), 20), lungs_whose_hull_ends_at(100), replace(CARD, run_threshold=0.2)

    def threshold(lungs, card=card, **options):
        return extracted(ct, p, card=card, lungs=lungs, options=Options(**options))[0][0].threshold

    assert threshold(chest) == 0.2 and threshold(None) == 0.5 and threshold(chest, card=CARD) == 0.5
    assert threshold(chest, lung_restriction=False) == 0.2  # switched off in the panel afterwards
    assert threshold(chest, threshold=0.7) == threshold(None, threshold=0.7) == 0.7
    clicked = replace(candidate(ct, p), point_lps=tuple(ct.geometry.lps((20, 30, 30))), threshold=0.4)
    assert extracted(ct, clicked, card=card, lungs=chest)[0][0].threshold == 0.4


def test_a_lesion_is_kept_when_one_voxel_is_within_10_mm_of_the_hull(ct):
    p = ball(ct, (20, 30, 40), 8)  # x from 2 to 18 mm
    for hull_end, expected in ((15, 1), (-6, 1), (-12, 0)):
        assert len(extracted(ct, p, lungs=lungs_whose_hull_ends_at(hull_end))[0]) == expected


def both_lungs(label, hull_ends_at=-10.0) -> Lungs:
    """lungs_whose_hull_ends_at, with lung only where ``label`` says: right and left in equal parts."""
    lungs = lungs_whose_hull_ends_at(hull_ends_at)
    half = np.indices(label.shape)[1] < label.shape[1] // 2
    return replace(lungs, label_zyx=np.where(label, np.where(half, 1, 2), 0).astype(np.uint8))


def test_a_mass_below_the_lungs_is_not_listed_but_one_that_grows_into_the_chest_wall_is():
    ct = blank((2.0, 2.0, 2.0), (40, 60, 60))
    x = lungs_whose_hull_ends_at(-10).geometry.lps(np.stack(np.indices((20, 24, 40)), -1))[..., 0]
    mass = ball(ct, (20, 30, 28), 17)  # x from 9 to 43 mm
    hull_ends_at = 3  # 6 mm beside it: within reach
    wall, abdomen = (both_lungs(x <= lung_ends_at, hull_ends_at) for lung_ends_at in (3, -15))
    for lungs, expected in ((wall, True), (abdomen, False)):
        (lesion,), _ = extracted(ct, mass, lungs=lungs)
        assert lesion.long_axis_mm > 30 and lesion.listed == expected
    reaching_in, hull = ball(ct, (20, 30, 24), 17), both_lungs(x <= -30, hull_ends_at)  # from 1 mm on
    assert listed(extracted(ct, reaching_in, lungs=hull)[0]) == [True]
    one_lung = replace(abdomen, label_zyx=np.minimum(abdomen.label_zyx, 1))
    assert listed(extracted(ct, mass, lungs=one_lung)[0]) == [True]  # the other may hide behind an effusion
    assert listed(extracted(ct, mass, lungs=abdomen, options=Options(lung_restriction=False))[0]) == [True]
    at_it = candidate(ct, mass, point_lps=tuple(ct.geometry.lps((20, 30, 28))))
    assert listed(extracted(ct, at_it, lungs=abdomen)[0]) == [True]


def test_no_voxel_outside_the_hull_is_cut_off(ct):
    p = ball(ct, (20, 30, 40), 8)
    near, _ = extracted(ct, p, lungs=lungs_whose_hull_ends_at(0))
    assert near[0].volume_mm3 == np.count_nonzero(p)


def test_without_lung_restriction_or_lungs_everything_is_kept(ct):
    p, far = ball(ct, (20, 30, 40), 8), lungs_whose_hull_ends_at(-40)
    assert len(extracted(ct, p, lungs=far)[0]) == 0
    assert len(extracted(ct, p, lungs=far, options=Options(lung_restriction=False))[0]) == 1
    assert len(extracted(ct, p, lungs=None)[0]) == 1


def test_a_clicked_lesion_is_kept_wherever_it_is(ct):
    one = candidate(ct, ball(ct, (20, 30, 40), 8), point_lps=(10.0, 0.0, 0.0))
    assert len(extracted(ct, one, lungs=lungs_whose_hull_ends_at(-40))[0]) == 1


def test_the_side_comes_from_the_lungs(ct):
    found, _ = extracted(ct, ball(ct, (20, 30, 30), 8), lungs=lungs_whose_hull_ends_at(20))
    assert found[0].side == "right"


# ---- overlap


def test_no_voxel_is_counted_twice_where_blocks_overlap(ct):
    p = ball(ct, (20, 30, 20), 7) + ball(ct, (20, 30, 40), 7)
    left, right = Box((0, 0, 0), (40, 60, 38)), Box((0, 0, 22), (40, 60, 60))
    found, masks = extracted(ct, candidate(ct, p, left), candidate(ct, p, right))
    assert len(found) == 2
    np.testing.assert_array_equal(painted(ct, found, masks) > 0, p > 0)


def test_a_second_click_on_the_same_lesion_adds_none(ct):
    first = candidate(ct, ball(ct, (20, 30, 30), 7), point_lps=(0.0, 0.0, 0.0))
    second = candidate(ct, ball(ct, (20, 30, 31), 8), point_lps=(1.0, 0.0, 0.0))
    found, _ = extracted(ct, first, second)
    assert [lesion.volume_mm3 for lesion in found] == [np.count_nonzero(first.block)]


def test_a_click_goes_before_what_was_found_there_without_it(ct):
    larger = candidate(ct, ball(ct, (20, 30, 30), 9))
    clicked = candidate(ct, ball(ct, (20, 30, 30), 8), point_lps=(0.0, 0.0, 0.0))
    found, _ = extracted(ct, larger, clicked)
    assert [lesion.volume_mm3 for lesion in found] == [np.count_nonzero(clicked.block)]


def test_where_two_lesions_overlap_a_little_the_larger_keeps_the_voxels(ct):
    big, small = ball(ct, (20, 30, 20), 10), ball(ct, (20, 30, 34), 6)
    found, masks = extracted(ct, small, big)
    ids = painted(ct, found, masks)
    assert (ids[big > 0] == 1).all()
    assert (ids[(small > 0) & (big == 0)] == 2).all()


# ---- a point


def test_of_a_clicked_block_only_the_component_at_the_point_is_a_lesion(ct):
    p = ball(ct, (20, 30, 15), 8) + ball(ct, (20, 30, 45), 5)
    for x, radius in ((15.0, 5), (-15.0, 8)):
        one = candidate(ct, p, point_lps=(x, 0.0, 0.0))
        found, _ = extracted(ct, one)
        assert [lesion.volume_mm3 for lesion in found] == [np.count_nonzero(ball(ct, (20, 30, 30), radius))]


def test_a_point_3_mm_beside_a_lesion_still_means_it(ct):
    p = ball(ct, (20, 30, 30), 8)
    assert [len(extracted(ct, candidate(ct, p, point_lps=(x, 0.0, 0.0)))[0]) for x in (10.9, 12.0)] == [1, 0]


def test_extract_makes_the_lesion_that_the_click_found(ct):
    p = np.maximum(cone(ct, (20, 30, 30), 16, 0.42), ball(ct, (10, 10, 50), 6))
    block = np.rint(255 * p).astype(np.uint8)
    found = click(block, ct.geometry, (0.0, 0.0, 0.0), 0.5)
    one = candidate(ct, p, point_lps=(0.0, 0.0, 0.0), threshold=found.threshold)
    made, masks = extracted(ct, one)
    np.testing.assert_array_equal(painted(ct, made, masks) > 0, found.mask)
    assert made[0].threshold == found.threshold


# ---- order and confidence


def test_without_coefficients_the_order_is_by_volume(ct):
    found, _ = extracted(ct, ball(ct, (20, 12, 12), 4), ball(ct, (20, 45, 45), 9), ball(ct, (20, 12, 45), 6))
    volumes = [lesion.volume_mm3 for lesion in found]
    assert volumes == sorted(volumes, reverse=True)
    assert [lesion.id for lesion in found] == [1, 2, 3]
    assert all(lesion.confidence is None for lesion in found)


def test_the_order_is_by_steps_of_confidence_and_within_a_step_by_length(ct):
    card = rating(intercept=-20.0, mean_p=25.0)
    places = (20, 15, 15), (20, 45, 45), (20, 12, 45), (20, 45, 12)
    radii_and_p = (10, 0.8), (5, 0.97), (7, 0.92), (8, 0.72)  # confidences of 0.50, 0.99, 0.95 and 0.12
    found, _ = extracted(ct, *(ball(ct, at, *of) for at, of in zip(places, radii_and_p, strict=True)), card=card)
    assert [round(lesion.long_axis_mm) for lesion in found] == [14, 10, 20, 16]
    assert found[1].confidence > found[0].confidence > 0.9  # in one step the longer one is first
    assert 0.9 > found[2].confidence > found[3].confidence


@pytest.mark.parametrize(("one", "other"), [(0.9, 1.0), (0.1, 0.19), (0.3, 0.39)])
def test_a_step_of_confidence_is_a_tenth_from_its_lower_end_on(ct, one, other):
    (lesion,), _ = extracted(ct, ball(ct, (20, 30, 30), 5))
    assert rank(replace(lesion, confidence=one)) == rank(replace(lesion, confidence=other))
    assert rank(replace(lesion, confidence=other)) < rank(replace(lesion, confidence=one - 0.01))
    assert rank(replace(lesion, confidence=0.0)) < rank(replace(lesion, confidence=None))


def test_below_the_table_it_is_said_how_it_is_ordered(ct):
    (lesion,), _ = extracted(ct, ball(ct, (20, 30, 30), 5))
    assert order_sentence([lesion]) == "Ordered by volume, greatest first."
    assert "confidence in steps of 0.1" in order_sentence([lesion, replace(lesion, confidence=0.5)])


def listed(found) -> list[bool]:
    return [lesion.listed for lesion in found]


def test_lesions_of_too_little_confidence_are_not_listed_but_the_clicked_one_is(ct):
    rated = rating(intercept=-20.0, mean_p=25.0)
    strict = replace(rated, min_confidence=0.5)
    dubious, sure = ball(ct, (20, 15, 15), 10, 0.75), ball(ct, (20, 45, 45), 7, 0.95)

    def of(*given, card, **options):
        return listed(extracted(ct, *given, card=card, options=Options(**options))[0])

    assert of(dubious, sure, card=rated) == [True, True]
    assert of(dubious, sure, card=strict) == [True, False]
    assert of(dubious, sure, card=strict, min_confidence=0.0) == [True, True]
    assert of(dubious, sure, card=rated, min_confidence=0.5) == [True, False]
    at_it = candidate(ct, dubious, point_lps=tuple(ct.geometry.lps((20, 15, 15))))
    assert of(at_it, sure, card=strict) == [True, True]
    assert of(dubious, sure, card=replace(CARD, min_confidence=0.5)) == [True, True]  # a model that rates none


def test_a_mass_needs_the_confidence_too():
    ct = blank((2.0, 2.0, 2.0))
    card = replace(rating(intercept=-9.0), min_confidence=0.5)
    (lesion,), _ = extracted(ct, ball(ct, (20, 30, 30), 17, 0.9), card=card)
    assert lesion.long_axis_mm > 30 and lesion.confidence < 0.01 and not lesion.listed


def test_what_is_under_4_mm_is_not_listed_unless_it_was_clicked():
    ct = blank((0.5, 0.5, 0.5))
    small = ball(ct, (20, 30, 30), 1.7)
    for card in (CARD, rating(intercept=9.0)):
        (lesion,), _ = extracted(ct, small, card=card)
        assert 3 <= lesion.long_axis_mm < 4 and not lesion.listed
    at_it = candidate(ct, small, point_lps=tuple(ct.geometry.lps((20, 30, 30))))
    assert listed(extracted(ct, at_it)[0]) == [True]
    assert listed(extracted(ct, ball(ct, (20, 30, 30), 2.3))[0]) == [True]
    assert extracted(ct, small, options=Options(min_diameter_mm=4))[0] == ()  # too small to be any lesion


def test_the_listed_ones_come_first_with_the_first_ids_each_part_in_order(ct):
    card = replace(rating(intercept=-20.0, mean_p=25.0), min_confidence=0.5)
    places = (20, 15, 15), (20, 45, 45), (20, 12, 45), (20, 45, 12)
    radii_and_p = (10, 0.72), (5, 0.97), (7, 0.95), (8, 0.76)
    found, masks = extracted(ct, *(ball(ct, at, *of) for at, of in zip(places, radii_and_p, strict=True)), card=card)
    assert listed(found) == [True, True, False, False] and [lesion.id for lesion in found] == [1, 2, 3, 4]
    assert [round(lesion.long_axis_mm) for lesion in found] == [14, 10, 16, 20]
    painted(ct, found, masks)
    assert all(np.count_nonzero(mask) == lesion.volume_mm3 for lesion, mask in zip(found, masks, strict=True))
    assert apart(found, masks) == (found[:2], masks[:2], found[2:], masks[2:])


def test_the_same_lesion_twice_keeps_the_candidates_order(ct):
    one, two = ball(ct, (20, 15, 15), 6), ball(ct, (20, 45, 45), 6)
    assert extracted(ct, one, two)[0][0].label_box.start[1] < 30
    assert extracted(ct, two, one)[0][0].label_box.start[1] > 30


def test_the_masks_of_a_candidate_are_those_of_its_lesions(ct):
    p = np.maximum(cone(ct, (20, 15, 15), 9), ball(ct, (20, 45, 45), 9))
    own = candidate(ct, p, point_lps=tuple(ct.geometry.lps((20, 45, 45)).tolist()), threshold=0.3)
    for given in (candidate(ct, p), own):
        found, masks = extracted(ct, given)
        made = masks_of(given, ct.geometry, 0.5)
        assert len(made) == len(found) == (2 if given.point_lps is None else 1)
        for lesion, mask in zip(found, masks, strict=True):
            box = lesion.label_box
            assert any(b == box and np.array_equal(m, mask) for b, m in made)
            middle = ct.geometry.index(ct.geometry.middle_lps(mask, box))
            assert min(np.linalg.norm(middle - place) for place in ((20, 15, 15), (20, 45, 45))) < 0.5
