"""Lesions of two CTs of one chest: matched, and what became of each. The results are made up, without the network."""

import datetime
from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.enums import Fate, Side, Status
from LungTumorSegLib.findings.follow_up.agreement import Agreement
from LungTumorSegLib.findings.follow_up.follow import follow
from LungTumorSegLib.findings.follow_up.registration import Chest, Registration, register
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.lungs import find

from Testing.support import moved_chest, phantoms

MOTION = moved_chest.Motion()
GOOD = Agreement(1.0, 0.5, 2.0, 0.9)
DATES = datetime.date(2024, 1, 5), datetime.date(2024, 7, 3)
FINE = (1.5, 1.5, 2.0)
GROWN_MM = (0.0, 3.0, -2.5, 6.0)  # of the diameters, in turn


@pytest.fixture(scope="module")
def chest():
    """The voxels of the fine grid, on which lesions are measured."""
    return phantoms.chest(FINE, (384, 288, 204), lesions=())[0]


@pytest.fixture(scope="module")
def lesions():
    return moved_chest.spheres(24, seed=2)


@pytest.fixture(scope="module")
def registration(lesions):
    """Found on a coarse grid, which is what the lungs have, of the chest with its lesions and the grown ones later."""
    bare = moved_chest.chest()
    coarse = moved_chest.painted(bare, lesions)
    later = moved_chest.painted(moved_chest.moved(bare, MOTION), grown(lesions))
    return register(*(Chest.of(ct, find.find(ct)) for ct in (coarse, later)))


def still(geometry: Geometry, agreement=GOOD) -> Registration:
    """Everything lies where it was."""
    coarse = Geometry((2, 2, 2), (400.0, 300.0, 210.0), geometry.origin_lps)
    return Registration(np.zeros((2, 2, 2, 3), np.float32), coarse, agreement)


def grown(lesions):
    places = MOTION.later(np.array([centre for centre, _, _ in lesions]))
    return [
        (tuple(place.tolist()), max(4.0, d + GROWN_MM[i % len(GROWN_MM)]), hu)
        for i, (place, (_, d, hu)) in enumerate(zip(places, lesions, strict=True))
    ]


def fates_of(followed) -> dict[int | None, Fate]:
    """By the lesion's number in the first CT."""
    return {track.lesions[0]: track.steps[0].fate for track in followed.tracks}


# ---- after a motion


def test_lesions_are_matched_after_a_motion_and_their_growth_is_measured(chest, lesions, registration):
    later = grown(lesions)
    points = moved_chest.point(chest, lesions, date=DATES[0]), moved_chest.point(chest, later, date=DATES[1])
    followed = follow(points, [registration])
    matched = [track for track in followed.tracks if None not in track.lesions]
    assert len(matched) >= 0.95 * len(lesions)
    assert all(track.lesions[0] == track.lesions[1] for track in matched)
    for track in matched:
        i = track.lesions[0] - 1
        known = later[i][1] - lesions[i][1]
        assert track.steps[0].change.long_axis_mm == pytest.approx(known, abs=0.6 * FINE[2])


def test_a_new_and_a_gone_lesion_are_told_among_the_others(chest, lesions, registration):
    later = grown(lesions)
    points = moved_chest.point(chest, lesions[1:]), moved_chest.point(chest, later[:-1])
    followed = follow(points, [registration])
    new = [track for track in followed.tracks if track.steps[0].fate == Fate.NEW]
    gone = [track for track in followed.tracks if track.steps[0].fate == Fate.GONE]
    assert [track.lesions for track in new] == [(None, 1)]
    assert [track.lesions for track in gone] == [(len(lesions) - 1, None)]
    assert all(track.lesions[1] == track.lesions[0] + 1 for track in followed.tracks if None not in track.lesions)


# ---- where nothing moves


def test_a_ct_against_itself_is_stable_everywhere(chest, lesions):
    point = moved_chest.point(chest, lesions)
    followed = follow((point, point), [still(chest.geometry)])
    assert len(followed.tracks) == len(lesions)
    assert {track.steps[0].fate for track in followed.tracks} == {Fate.STABLE}
    assert all(track.lesions[0] == track.lesions[1] for track in followed.tracks)


A, B = ((-80.0, 0.0, 0.0), 12.0, 40), ((-80.0, 16.0, 0.0), 10.0, 40)


def followed_from(chest, earlier, later, **rest):
    points = moved_chest.point(chest, earlier, date=DATES[0]), moved_chest.point(chest, later, date=DATES[1])
    return follow(points, [still(chest.geometry)], **rest)


def sized(lesion, diameter):
    return lesion[0], diameter, lesion[2]


@pytest.mark.parametrize(
    ("diameter", "fate"), [(12.3, Fate.STABLE), (16, Fate.GROWING), (9, Fate.SHRINKING), (11.5, Fate.STABLE)]
)
def test_a_change_beyond_its_error_is_growth_or_shrinkage(chest, diameter, fate):
    followed = followed_from(chest, [A], [sized(A, diameter)])
    assert fates_of(followed) == {1: fate}


def test_lesions_that_grow_together_are_merged_and_compared_together(chest):
    followed = followed_from(chest, [A, B], [[sized(A, 20), sized(B, 18)]])
    assert fates_of(followed) == {1: Fate.MERGED, 2: Fate.MERGED}
    assert followed.tracks[1].merged_into == followed.tracks[0].id
    assert "Lesions 1 and 2 of the earlier CT lie in lesion 1" in followed.tracks[0].steps[0].evidence
    assert followed.tracks[0].steps[0].change.volume_percent > 100


def test_a_lesion_that_falls_apart_is_split(chest):
    followed = followed_from(chest, [[sized(A, 20), sized(B, 18)]], [A, B])
    assert [track.steps[0].fate for track in followed.tracks] == [Fate.SPLIT, Fate.SPLIT]
    assert followed.tracks[1].split_from == followed.tracks[0].id
    assert followed.tracks[0].steps[0].change.volume_percent < -50


def test_two_neighbours_are_not_taken_for_each_other(chest):
    close = ((-80.0, 9.0, 0.0), 6.0, 40)
    followed = followed_from(chest, [sized(A, 8), close], [close, sized(A, 8)])
    assert [track.lesions for track in followed.tracks] == [(1, 2), (2, 1)]


def test_a_rejected_lesion_is_not_followed(chest):
    point = moved_chest.point(chest, [A, B])
    rejected = replace(point.result.lesions[1], status=Status.REJECTED)
    without = replace(point, result=replace(point.result, lesions=(point.result.lesions[0], rejected)))
    followed = follow((without, without), [still(chest.geometry)])
    assert [track.lesions for track in followed.tracks] == [(1, 1)]


def test_a_less_likely_lesion_is_a_partner_but_begins_no_track(chest):
    whole = moved_chest.point(chest, [A, B])
    first, second = whole.result.lesions
    fold = replace(second, listed=False)
    result = replace(
        whole.result,
        lesions=(first,),
        masks=whole.result.masks[:1],
        less_likely=(fold,),
        less_likely_masks=whole.result.masks[1:],
    )
    folded = replace(whole, result=result)
    followed = follow((whole, folded), [still(chest.geometry)])
    assert fates_of(followed) == {1: Fate.STABLE, 2: Fate.STABLE}
    assert "less likely lesions of the later CT" in followed.tracks[1].steps[0].evidence
    assert len(follow((folded, folded), [still(chest.geometry)]).tracks) == 1


def test_a_place_outside_of_the_other_ct_is_not_compared(chest):
    low = replace(chest.geometry, shape_zyx=(51, *chest.geometry.shape_zyx[1:]))
    cut = moved_chest.point(replace(chest, voxels_zyx=chest.voxels_zyx[:51], geometry=low), [])
    followed = follow((moved_chest.point(chest, [A]), cut), [still(chest.geometry)])
    assert fates_of(followed) == {1: Fate.NOT_COMPARED}
    assert "outside of the later CT" in followed.tracks[0].steps[0].evidence


def test_a_failed_registration_compares_nothing(chest):
    point = moved_chest.point(chest, [A])
    followed = follow((point, point), [still(chest.geometry, Agreement(0.9, 9.0, 30.0, 0.05))])
    assert [track.lesions for track in followed.tracks] == [(1, None), (None, 1)]
    assert {track.steps[0].fate for track in followed.tracks} == {Fate.NOT_COMPARED}


# ---- clicks


def test_what_a_click_finds_is_neither_new_nor_gone(chest):
    clicks = []

    def look(k, place):
        clicks.append((k, np.round(place)))
        return moved_chest.point(chest, [A if k else B]).result

    followed = followed_from(chest, [A], [sized(B, 15)], look=look)
    assert [k for k, _ in clicks] == [1, 0]
    assert np.abs(np.subtract([place for _, place in clicks], [A[0], B[0]])).max() <= 2
    assert [track.steps[0].fate for track in followed.tracks] == [Fate.STABLE, Fate.GROWING]
    assert [track.lesions for track in followed.tracks] == [(1, 2), (2, 1)]
    assert [point.clicked for point in followed.points] == [{2}, {2}]
    assert "a click at its registered place did" in followed.tracks[0].steps[0].evidence


def test_what_a_click_finds_has_the_side_of_the_cts_lungs(chest):
    coarse = phantoms.chest((4.0, 4.0, 4.0), (384, 288, 204), lesions=())[0]
    lungs = find.find(coarse)
    points = moved_chest.point(chest, [A], lungs), moved_chest.point(chest, [], lungs)
    followed = follow(points, [still(chest.geometry)], lambda k, place: moved_chest.point(chest, [A]).result)
    (found,) = followed.points[1].result.lesions
    assert found.side == Side.RIGHT


def test_where_a_click_finds_nothing_a_lesion_is_gone(chest):
    followed = followed_from(chest, [A], [], look=lambda k, place: moved_chest.point(chest, []).result)
    assert fates_of(followed) == {1: Fate.GONE}
    assert "nor at a click there" in followed.tracks[0].steps[0].evidence


def test_a_click_that_finds_a_lesion_which_is_there_already_adds_none(chest):
    far = ((-80.0, 18.0, 0.0), 12.0, 40)
    followed = followed_from(
        chest, [A], [far], look=lambda k, place: moved_chest.point(chest, [far] if k else []).result
    )
    assert [len(point.result.lesions) for point in followed.points] == [1, 1]
    assert [track.steps[0].fate for track in followed.tracks] == [Fate.GONE, Fate.NEW]


# ---- three CTs


def test_a_lesion_is_followed_through_three_cts(chest):
    points = [moved_chest.point(chest, lesions) for lesions in ([A, B], [sized(A, 16)], [sized(A, 16), B])]
    followed = follow(points, 2 * [still(chest.geometry)])
    assert [track.lesions for track in followed.tracks] == [(1, 1, 1), (2, None, None), (None, None, 2)]
    assert [[step and step.fate for step in track.steps] for track in followed.tracks] == [
        [Fate.GROWING, Fate.STABLE],
        [Fate.GONE, None],
        [None, Fate.NEW],
    ]
