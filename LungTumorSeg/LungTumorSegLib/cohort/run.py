"""A cohort's run: what is missing is done, each case on its own, and what fails is tried once more."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..enums import CaseStatus
from . import kept
from .cases import Case
from .kept import Record
from .work import Settings


class Workers(Protocol):
    """Who does the cases, see `processes.Processes`."""

    description: str

    @property
    def free(self) -> int:
        """How many cases could be started now."""

    @property
    def busy(self) -> int:
        """How many cases are in work."""

    def start(self, case: Case, attempt: int) -> None:
        """Begin a case; attempt counts from 1."""

    def ended(self, seconds: float) -> list[tuple[Case, Record | str]]:
        """The cases that ended within these seconds, with their records, or a sentence where the worker died."""

    def close(self) -> None:
        """End the workers when they are done."""

    def stop(self) -> None:
        """End the workers at once."""


@dataclass
class Step:
    """How far a run is, in cases.

    Attributes:
        lesions: Of all.
        failed: Cases without a result.
        seconds_left: None while unknown.
        last: The record of the case that has just ended.
        waiting: It is to be tried once more.
    """

    done: int
    total: int
    lesions: int
    failed: int
    seconds_left: float | None = None
    last: Record | None = None
    waiting: bool = False


@dataclass(frozen=True)
class Plan:
    """What is there of a cohort, and what is to do.

    Attributes:
        there: Records by the cases' names, as proven by checksum.
        todo: Cases, and which attempt it will be, from 1.
        damaged: Of these, the number of those that were there.
    """

    there: dict[str, Record]
    todo: tuple[tuple[Case, int], ...]
    damaged: int


def plan(cases: Sequence[Case], settings: Settings) -> Plan:
    """Look at what an earlier run has left of each case."""
    there, todo, damaged = {}, [], 0
    for case in cases:
        values = kept.read(settings.output, case)
        if values is None:
            todo.append((case, 1))
        elif not kept.whole(settings.output, values):
            damaged += 1
            todo.append((case, 1))
        elif kept.is_final(values):
            there[case.name] = values
        else:
            todo.append((case, values["attempts"] % kept.MOST_ATTEMPTS + 1))
    return Plan(there, tuple(todo), damaged)


def run(
    planned: Plan, settings: Settings, workers: Workers, told: Callable[[Step], None], stopping: Callable[[], bool]
) -> dict[str, Record]:
    """Do what is planned.

    The cases in work are lost where it ends with an error, and nothing else.

    Args:
        told: Called with each step.
        stopping: Whether to start no more; asked five times a second. What it raises ends the run at once.

    Returns:
        The records of all cases by name, without those that a stop left open.

    Raises:
        OutputError: As `Workers.ended` and `kept.publish` raise it.
        ModelError: As `Workers.ended` raises it.
        EngineError: As `Workers.ended` raises it.
    """
    records, todo = dict(planned.there), deque(planned.todo)
    total, began, finished = len(records) + len(todo), time.monotonic(), 0
    lesions = sum(values.get("lesions", 0) for values in records.values())
    failed = sum(values["status"] != CaseStatus.DONE for values in records.values())
    attempts: dict[str, int] = {}
    told(Step(len(records), total, lesions, failed))
    while todo or workers.busy:
        if stopping() and not workers.busy:
            break
        while todo and workers.free and not stopping():
            case, attempts[case.name] = todo.popleft()
            workers.start(case, attempts[case.name])
        for case, answer in workers.ended(0.2):
            attempt = attempts.pop(case.name)
            if isinstance(answer, str):
                answer = kept.failed(case, attempt, answer)
                kept.publish(settings.output, case, answer)
            again = answer["status"] != CaseStatus.DONE and attempt < kept.MOST_ATTEMPTS
            if again:
                todo.append((case, attempt + 1))
            else:
                records[case.name] = answer
                finished += 1
                lesions += answer.get("lesions", 0)
                failed += answer["status"] != CaseStatus.DONE
            open_cases = total - len(records)
            left = (time.monotonic() - began) / finished * open_cases if finished else None
            told(Step(len(records), total, lesions, failed, left, answer, again))
    return records
