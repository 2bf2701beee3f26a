"""How far a run is: a bar in a terminal, one line a stage in a log file, JSON lines for a program, or nothing."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..data import Progress as Step
from ..enums import Stage
from .output import print_line, say

STAGES = {
    Stage.LUNGS: "Finding the lungs",
    Stage.ENGINE: "Loading the model",
    Stage.NETWORK: "Segmenting",
    Stage.VIEWS: "Segmenting other views",
    Stage.CLASSIFIER: "Rating each lesion",
    Stage.LESIONS: "Measuring",
    Stage.REGISTRATION: "Registering",
}
EVERY_SECONDS = 60.0  # a stage that takes longer is heard of in a log file meanwhile
Told = AbstractContextManager[Callable[[Step], None]]


def shown(quiet: bool, as_json: bool) -> Told:
    """What `segment` calls with its progress, in the way that suits standard error and the options.

    Args:
        quiet: Nothing is shown.
        as_json: A JSON line a step on standard output; else a bar in a terminal, a line a stage in a log file.
    """
    if quiet:
        return nullcontext(lambda step: None)
    if as_json:
        return nullcontext(lambda step: print_line(json.dumps({"type": "progress", **vars(step)})))
    return _bar() if Console(stderr=True).is_terminal else _lines()


@contextmanager
def _lines() -> Iterator[Callable[[Step], None]]:
    stage, began, heard = None, 0.0, 0.0

    def ended(now: float) -> None:
        if stage is not None:
            say(f"{STAGES.get(stage, stage)}: {now - began:.1f} s")

    def progress(step: Step) -> None:
        nonlocal stage, began, heard
        now = time.monotonic()
        if step.stage != stage:
            ended(now)
            stage, began, heard = step.stage, now, now
        elif now - heard >= EVERY_SECONDS:
            heard = now
            say(f"{STAGES.get(stage, stage)}: {step.done} of {step.total} after {now - began:.0f} s")

    yield progress
    ended(time.monotonic())


@contextmanager
def _bar() -> Iterator[Callable[[Step], None]]:
    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[Stage, TaskID] = {}

        def progress(step: Step) -> None:
            if step.stage not in tasks:
                for task in tasks.values():
                    bar.update(task, completed=bar.tasks[task].total, left="")
                tasks[step.stage] = bar.add_task(STAGES.get(step.stage, step.stage), total=step.total, left="")
            left = "" if step.seconds_left is None else f"{step.seconds_left:.0f} s left"
            bar.update(tasks[step.stage], completed=step.done, total=step.total, left=left)

        yield progress
        for task in tasks.values():
            bar.update(task, completed=bar.tasks[task].total, left="")
