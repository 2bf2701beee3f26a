"""One bar and one estimate for a whole run, on a clock of its own."""

from itertools import pairwise

import pytest
from LungTumorSegLib.data import Progress
from LungTumorSegLib.slicer_.panel.estimate import Estimate, Taken

# stage, seconds, steps: as told on a slow computer; the engine speaks twice, and what comes after the slices is long
SLOW = [("engine", 3, 1), ("lungs", 12, 1), ("engine", 0.1, 1), ("network", 60, 240), ("views", 90, 40),
        ("classifier", 10, 1), ("lesions", 4, 1)]  # fmt: skip
TICK = 0.05


def go_through(stages, past, kind="segment"):
    """[(second, done, seconds left)] at each tick of a run, and what its stages took."""
    now = [0.0]
    estimate = Estimate(kind, past, lambda: now[0])
    told = []

    def wait(seconds, progress):
        for _ in range(round(seconds / TICK)):
            now[0] += TICK
            estimate.update(progress() if progress else None)
            told.append((now[0], estimate.done, estimate.seconds_left))

    wait(1.0, None)
    for stage, seconds, steps in stages:
        began = now[0]

        def progress(stage=stage, seconds=seconds, steps=steps, began=began):
            done = 0 if steps == 1 else int(steps * min((now[0] - began) / seconds, 1))
            return Progress(stage, done, steps)

        wait(seconds, progress)
    return told, estimate.finish()


def rises(told):
    """By what factor the estimate grew from one tick to the next, and when."""
    return [(b[0], b[2] / a[2]) for a, b in pairwise(told) if a[2] is not None and b[2] > a[2]]


FAST = {stage: Taken(seconds / 20, steps) for stage, seconds, steps in SLOW}


@pytest.mark.parametrize("past", [{}, FAST], ids=["first", "far faster before"])
def test_it_never_jumps_up_by_more_than_a_quarter_and_the_bar_never_goes_back(past):
    told, _ = go_through(SLOW, past)
    grown = rises(told)
    assert all(factor <= 1.25 + 1e-9 for _, factor in grown)
    assert all(later - sooner >= 2 - 1e-9 for (sooner, _), (later, _) in pairwise(grown))
    bar = [done for _, done, _ in told]
    assert bar == sorted(bar) and 0 <= bar[0] < 0.2 and 0.9 < bar[-1] <= 1


def test_a_slow_start_of_the_first_run_does_not_fill_the_bar():
    told, _ = go_through(SLOW, {})
    at = {round(second, 2): done for second, done, _ in told}
    assert at[16.0] < 0.15  # the network comes; start, engine and lungs took ten times what is usual


def test_in_the_first_run_nothing_is_promised_before_the_computers_speed_is_known():
    told, _ = go_through(SLOW, {})
    first = next(row for row in told if row[2] is not None)
    assert 16 < first[0] < 20  # a few slices in
    assert first[2] > 60  # for all that comes, not for the slices that are left


def test_the_next_run_starts_with_what_the_last_one_took():
    told, taken = go_through(SLOW, {})
    total = told[-1][0]
    assert taken["network"].steps == 240 and taken["views"].seconds == pytest.approx(90, rel=0.02)
    again, _ = go_through(SLOW, taken)
    assert again[0][2] == pytest.approx(total, rel=0.05)
    for second, done, left in again:
        assert left == pytest.approx(total - second, abs=0.1 * total)
        assert done == pytest.approx(second / total, abs=0.1)
    assert not rises(again) or max(factor for _, factor in rises(again)) < 1.1


def test_a_larger_ct_is_expected_to_take_longer_once_its_slices_are_counted():
    _, taken = go_through(SLOW, {})
    twice = [(stage, seconds * (2 if stage == "network" else 1), steps * (2 if stage == "network" else 1))
             for stage, seconds, steps in SLOW]  # fmt: skip
    told, _ = go_through(twice, taken)
    at = {round(second, 2): left for second, _, left in told}
    total = told[-1][0]
    assert at[40.0] == pytest.approx(total - 40, rel=0.2)
    assert all(factor <= 1.25 + 1e-9 for _, factor in rises(told))
