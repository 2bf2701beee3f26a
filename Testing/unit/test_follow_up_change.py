"""How much a lesion has changed, what of that its measurement alone can make, and what is suggested of it."""

import datetime
import math
from dataclasses import replace

import pytest
from LungTumorSegLib.enums import Fate
from LungTumorSegLib.errors import InputError
from LungTumorSegLib.findings.follow_up.change import Size, change, doubling_time
from LungTumorSegLib.findings.follow_up.follow import follow
from LungTumorSegLib.findings.follow_up.recist import preselected, recist

from Testing.support import moved_chest, phantoms
from Testing.unit.test_follow_up import sized, still

DAYS = datetime.date(2024, 1, 1), datetime.date(2024, 4, 10)  # 100 days


def ball(diameter, step=1.0, pixel=0.7):
    return Size(math.pi / 6 * diameter**3, diameter, step, pixel)


# ---- errors


def test_the_error_grows_with_the_slice_step():
    limits = [change(ball(10, step), ball(10, step)) for step in (1.0, 2.5, 5.0)]
    volumes, axes = ([getattr(c, name) for c in limits] for name in ("volume_limit_percent", "long_axis_limit_mm"))
    assert volumes == sorted(volumes) and 27 < volumes[0] < 30 < volumes[2]
    assert axes == sorted(axes) and axes[0] < 1.2 < axes[2]


def test_growth_and_shrinkage_by_the_same_factor_are_told_alike():
    assert change(ball(10), ball(11.1)).fate == Fate.GROWING
    assert change(ball(11.1), ball(10)).fate == Fate.SHRINKING
    assert change(ball(10), ball(10.7)).fate == change(ball(10.7), ball(10)).fate == Fate.STABLE


# ---- doubling time


def told(earlier, later, dates=DAYS):
    return doubling_time(earlier, later, change(earlier, later), dates)


def test_a_volume_that_doubles_in_100_days_has_that_doubling_time_and_an_interval():
    found = told(ball(20), ball(20 * 2 ** (1 / 3)))
    assert found.days == pytest.approx(100)
    limit = math.log1p(change(ball(20), ball(25.2)).volume_limit_percent / 100)
    assert found.low == pytest.approx(100 * math.log(2) / (math.log(2) + limit), rel=0.01)
    assert found.high == pytest.approx(100 * math.log(2) / (math.log(2) - limit), rel=0.01)


@pytest.mark.parametrize(
    ("earlier", "later", "dates", "remark"),
    [
        (ball(10, 5), ball(15, 5), DAYS, "not reliable with 5 mm slices"),
        (ball(8, 1), ball(9.5, 2.5), DAYS, "not reliable with 2.5 mm slices"),
        (ball(20), ball(19), DAYS, "no growth"),
        (ball(20), ball(25), (DAYS[0], DAYS[0]), "both CTs are of one day"),
        (ball(20), ball(25), (None, DAYS[0]), "no dates"),
        (ball(20), ball(20.2), DAYS, "within the error; longer than 257 days"),
    ],
)
def test_a_doubling_time_that_cannot_be_told_is_not(earlier, later, dates, remark):
    found = told(earlier, later, dates)
    assert (found.days, found.remark) == (None, remark)


# ---- RECIST


A, B, C = ((-80.0, 0.0, 0.0), 20.0, 40), ((80.0, 10.0, 0.0), 14.0, 40), ((-80.0, 40.0, 20.0), 12.0, 40)


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest((1.5, 1.5, 2.0), (384, 288, 204), lesions=())[0]


def followed(chest, *cts):
    points = [moved_chest.point(chest, lesions) for lesions in cts]
    return follow(points, (len(cts) - 1) * [still(chest.geometry)])


def responses(chest, *cts, targets=None):
    return [response.response for response in recist(followed(chest, *cts), targets).responses]


def test_the_two_largest_measurable_lesions_are_the_targets(chest):
    small = ((70.0, -20.0, 30.0), 6.0, 40)
    assert preselected(followed(chest, [small, C, A, B], [A])) == (1, 2)
    assert preselected(followed(chest, [small], [small])) == ()


def test_what_the_model_takes_for_none_is_no_target_unless_it_is_chosen(chest):
    point, later = moved_chest.point(chest, [A, B]), moved_chest.point(chest, [A, B])
    largest, *others = point.result.lesions
    doubted = replace(point.result, lesions=(replace(largest, confidence=0.05), *others))
    pair = follow([replace(point, result=doubted), later], [still(chest.geometry)])
    assert preselected(pair) == (2,)
    assert recist(pair, [1]).targets == (1,)


@pytest.mark.parametrize(
    ("later", "response"),
    [
        ([A, B], "SD"),
        ([sized(A, 12), sized(B, 8)], "PR"),
        ([sized(A, 25), sized(B, 18)], "PD"),
        ([], "CR"),
    ],
)
def test_the_response_follows_the_sum(chest, later, response):
    assert responses(chest, [A, B], later) == ["", response]


def test_progress_is_measured_from_the_smallest_sum_and_is_at_least_5_mm(chest):
    shrunk = [sized(A, 10), sized(B, 7)]
    assert responses(chest, [A, B], shrunk, [sized(A, 16), sized(B, 9)]) == ["", "PR", "PD"]
    tiny = [sized(A, 7), sized(B, 6)]
    assert responses(chest, [A, B], tiny, [sized(A, 9), sized(B, 7)]) == ["", "PR", "PR"]


def test_a_new_lesion_is_named_beside_the_response(chest):
    found = recist(followed(chest, [A, B], [A, B, C])).responses[1]
    assert (found.response, found.new) == ("SD", (3,))
    assert "a new lesion, if it is confirmed, is progressive disease" in found.rule


def test_targets_can_be_chosen(chest):
    pair = followed(chest, [A, B, C], [A, B, C])
    assert recist(pair, [3]).responses[0].sum_mm == pytest.approx(12, abs=1)
    assert "at most two targets of an organ" in recist(pair, [1, 2, 3]).notes[0]
    with pytest.raises(InputError, match="Lesion 9 is not in the first CT"):
        recist(pair, [9])
    with pytest.raises(InputError, match="at most five targets"):
        recist(pair, [1, 2, 3, 4, 5, 6])


def test_without_a_measurable_lesion_there_is_no_sum(chest):
    found = recist(followed(chest, [], [A]))
    assert (found.targets, found.responses) == ((), ())
    assert "there is no sum" in found.notes[0]
