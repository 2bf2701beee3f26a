"""How much of a run is done and how long it will still take: one estimate for all its stages."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ...data import Progress
from ..following import CLICKS, SECOND

# in their order; "start" is before the first word of the child process
_OF_A_CT = ("lungs", "network", "views", "explain", "classifier", "lesions")
STAGES = ("start", "engine", *_OF_A_CT, *(f"{stage}{SECOND}" for stage in _OF_A_CT), "registration", CLICKS)
# Seconds and steps: the shares of the bar before there was any run on this computer. Of a run those of the benchmark's
# 300 slices in bfloat16, rounded; of clicks, maps and registrations guesses
_RUN = {"lungs": (0.6, 1), "network": (7, 300), "views": (5, 4000), "classifier": (0.5, 1), "lesions": (0.3, 1)}
_BEGIN = {"start": (0.5, 1), "engine": (0.5, 1)}
_AFTER = {"registration": (10, 1), CLICKS: (1, 1)}
_USUAL = {
    "segment": _BEGIN | _RUN,
    "click": _BEGIN | {"network": (0.3, 60), "classifier": (0.1, 1), "lesions": (0.1, 1)},
    "uncertainty": _BEGIN | {"explain": (2, 60)},
    "heat": _BEGIN | {"explain": (4, 256)},
    "compare 0": _BEGIN | _AFTER,
    "compare 1": _BEGIN | _RUN | _AFTER,
    "compare 2": _BEGIN | _RUN | {f"{stage}{SECOND}": taken for stage, taken in _RUN.items()} | _AFTER,
}
# of a stage: from then on its own speed counts alone, before that of earlier runs does too
_TRUSTED = 0.25
# of the stage by which the speed of this computer is known where no run was before
_KNOWN = 0.03
# the estimate grows by at most so much, at most once in so many seconds
_GROWTH, _GROWTH_SECONDS = 1.25, 2.0


@dataclass(frozen=True)
class Taken:
    """What a stage took: seconds for so many steps."""

    seconds: float
    steps: int


class Estimate:
    """Of one run, told of its progress by `update`.

    Args:
        kind: A key of what is usual: segment, click, uncertainty, heat, compare 0 to 2.
        past: What the stages of the last such run on this computer took, by name; empty before the first.
        clock: Seconds.

    Attributes:
        done: 0 to 1, never less than before.
        seconds_left: None while unknown; it grows by at most a quarter, at most every 2 s.
    """

    def __init__(self, kind: str, past: dict[str, Taken], clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._past = past or {stage: Taken(*taken) for stage, taken in _USUAL[kind].items()}
        self._known = self._from_past = bool(past)
        self._began = self._stage_began = self._grown = clock()
        self._stage, self._progress, self._stepped = "start", Progress("start", 0, 1), self._began
        self._speed = self._speed_before = 1.0  # time over that of the last run: now, and before this stage
        self.taken: dict[str, Taken] = {}
        self.done, self.seconds_left = 0.0, None

    def update(self, progress: Progress | None):
        """The latest progress, None before the first; to be told again and again, as time passes too."""
        now = self._clock()
        if progress is not None and progress.stage in STAGES:
            # the engine reports twice, before and after the lungs
            if STAGES.index(progress.stage) > STAGES.index(self._stage):
                self._end_stage(now)
                self._stage, self._stage_began, self._speed_before = progress.stage, now, self._speed
            if progress.stage == self._stage and progress != self._progress:
                self._progress, self._stepped = progress, now
        elapsed = now - self._stage_began
        left = self._left_of_stage(elapsed) + self._speed * self._expected(int.__gt__)
        self.done = max(self.done, self._share_of_run(elapsed))
        if self._known:
            self._tell(left, now)

    def finish(self) -> dict[str, Taken]:
        """What the stages took, for the next run's ``past``; to be called when the result is there."""
        self._end_stage(self._clock())
        return self.taken

    def _end_stage(self, now: float):
        self.taken[self._stage] = Taken(now - self._stage_began, max(self._progress.total, 1))

    def _expected(self, chosen: Callable[[int, int], bool]) -> float:
        """Seconds, by earlier runs, of the stages whose place, beside that of the present one, is ``chosen``."""
        here = STAGES.index(self._stage)
        return sum(taken.seconds for stage, taken in self._past.items() if chosen(STAGES.index(stage), here))

    def _expected_here(self) -> float:
        past = self._past.get(self._stage, Taken(0.0, 1))
        return past.seconds * max(self._progress.total, 1) / past.steps

    def _share_of_run(self, elapsed: float) -> float:
        """By the shares of earlier runs, whose speed may have been another; elapsed: seconds of the present stage."""
        here = self._expected_here()
        if self._progress.done:
            share = self._progress.done / max(self._progress.total, 1)
        else:
            share = min(elapsed / max(self._speed * here, 1e-6), 1.0) if self._progress.total == 1 else 0.0
        before, after = self._expected(int.__lt__), self._expected(int.__gt__)
        return (before + here * share) / max(before + here + after, 1e-6)

    def _left_of_stage(self, elapsed: float) -> float:
        done, total = self._progress.done, max(self._progress.total, 1)
        expected = self._expected_here()
        if not done:
            return max(self._speed * expected - elapsed, 0.0)
        share = done / total
        measured = (self._stepped - self._stage_began) / share
        weight = min(share / _TRUSTED, 1.0) if self._from_past else 1.0
        whole = weight * measured + (1 - weight) * self._speed_before * expected
        if total > 1 and expected and share >= _KNOWN:
            self._speed = whole / expected  # the other stages go as this one does
            self._known = True
        return max(whole - elapsed, 0.0)

    def _tell(self, left: float, now: float):
        if self.seconds_left is None or left <= self.seconds_left:
            self.seconds_left = left
        elif now - self._grown >= _GROWTH_SECONDS:
            self.seconds_left, self._grown = min(left, _GROWTH * self.seconds_left), now
