"""One run of ``lungtumorseg cohort``: which cases, what is there, do the rest, write the tables, say how it went."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..cohort import folder, overview, place, run, table, tables
from ..cohort.cases import Case
from ..cohort.extras import Extras
from ..cohort.run import Step, Workers
from ..cohort.work import Settings
from ..data import Options
from ..enums import CaseStatus
from ..errors import Cancelled, CohortFailures, UnreadableError
from ..model.bundle import load_bundle
from .interrupts import asked_to_stop
from .output import Output, print_path, say

_STOPPING = "The cases in work are finished, then the run ends. Ctrl-C or SIGTERM once more ends it at once."
_AT_ONCE = "Ended at once, without the cases in work. The same command with --resume goes on."


def run_cohort(
    source: Path,
    output: Path,
    options: Options,
    reading: dict[str, Any],
    extras: Extras,
    hire: Callable[[Settings], Workers],
    resume: bool,
    quiet: bool,
) -> None:
    """Segment all cases of a folder or a table into a folder.

    Args:
        source: The folder or table.
        output: Where a folder a case and the tables go.
        options: Of each case.
        reading: Further arguments of `read_ct`.
        extras: What each case gets beside its own files.
        hire: Opens the workers.
        resume: Go on with the cohort that is in ``output``.
        quiet: Print failures and errors only.

    Raises:
        CohortFailures: A case has no result.
        Cancelled: The user stopped it.
        LungTumorSegError: What stops all cases: OutputError, ModelError, EngineError, InputError.
    """
    extras.check()
    bundle = load_bundle(options.model)
    source, output = source.absolute(), output.absolute()  # workers elsewhere have another current folder
    settings = Settings(output, options, extras)
    with place.opened(output, bundle, extras, resume):
        cases = _cases(source, output, options, reading)
        planned = run.plan(cases, settings)
        if planned.there or planned.damaged:
            damaged = f", {planned.damaged} damaged and done again" if planned.damaged else ""
            say(f"{len(planned.there)} of {len(cases)} cases are there and whole{damaged}.")
        records = dict(planned.there)
        with asked_to_stop(_STOPPING, _AT_ONCE) as stopping:
            if planned.todo:
                place.sign(output, bundle, extras)
                records = _done(planned, settings, hire, quiet, stopping)
            tables.write(output, cases, records)
            if overview.possible():
                overview.write(output, cases, records, bundle)
            else:
                say(f"Note: {place.OVERVIEW} needs Jinja2, which is not installed. Install it and use --resume.")
    if extras.dicom:
        _without_objects(records)
    _report(output, cases, records, quiet)


def _cases(source: Path, output: Path, options: Options, reading: dict[str, Any]) -> list[Case]:
    if source.is_dir():
        return folder.cases(source, options, reading, output)
    if source.suffix.lower() == ".csv":
        return table.cases(source, options, reading)
    there = "is no folder and no CSV table" if source.exists() else "does not exist"
    raise UnreadableError(f"{source} {there}. Give a folder of CTs, or a CSV table with a column 'path'.")


def _done(
    planned: run.Plan,
    settings: Settings,
    hire: Callable[[Settings], Workers],
    quiet: bool,
    stopping: Callable[[], bool],
) -> dict[str, dict]:
    workers = hire(settings)
    try:
        if not quiet:
            say(workers.description)
        with _progress(quiet) as told:
            records = run.run(planned, settings, workers, told, stopping)
    except BaseException:
        workers.stop()
        raise
    workers.close()
    return records


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Step], None]]:
    """A bar in a terminal, else a line a case; with quiet those that failed alone."""
    console = Output(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda step: _line(step, quiet)
        return
    columns = (
        TextColumn("Cases"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[found]}"), TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", found="", left="")

        def told(step: Step) -> None:
            found = _lesions(step.lesions) + (f", {step.failed} failed" if step.failed else "")
            bar.update(task, completed=step.done, total=step.total, found=found, left=_left(step))
            if step.last and step.last["status"] != CaseStatus.DONE:
                bar.console.print(_sentence(step))

        yield told


def _line(step: Step, quiet: bool) -> None:
    if step.last and (not quiet or step.last["status"] != CaseStatus.DONE):
        say(f"{step.done} of {step.total}: {_sentence(step)}{'' if quiet else '  ' + _left(step)}".rstrip())


def _sentence(step: Step) -> str:
    values = step.last or {}
    if values["status"] == CaseStatus.DONE:
        return f"{values['case']}: {_lesions(values['lesions'])}, {values['seconds']:.1f} s"
    return f"{values['case']}: {values['reason']}{' It is tried once more.' if step.waiting else ''}"


def _lesions(count: int) -> str:
    return f"{count} lesion{'' if count == 1 else 's'}"


def _left(step: Step) -> str:
    if step.seconds_left is None or step.done == step.total:
        return ""
    minutes = step.seconds_left / 60
    return f"about {minutes / 60:.1f} h left" if minutes > 90 else f"about {max(1, round(minutes))} min left"


def _without_objects(records: dict[str, dict]) -> None:
    without = sum(values["status"] == CaseStatus.DONE and not values["dicom"] for values in records.values())
    if without:
        cases = "1 case has" if without == 1 else f"{without} cases have"
        say(f"Note: {cases} a result but no DICOM objects. The column 'notes' of {place.CASE_TABLE} says why.")


def _report(output: Path, cases: list[Case], records: dict[str, dict], quiet: bool) -> None:
    done = sum(values["status"] == CaseStatus.DONE for values in records.values())
    failed, missing = len(records) - done, len(cases) - len(records)
    if not quiet:
        lesions = sum(values.get("lesions", 0) for values in records.values())
        Output().print(f"{done} of {len(cases)} cases have a result, with {_lesions(lesions)}")
        for name in (place.CASE_TABLE, place.LESION_TABLE, place.OVERVIEW):
            if (output / name).exists():
                print_path(output / name)
    if missing:
        raise Cancelled(f"Stopped with {missing} of {len(cases)} cases left. The same command with --resume goes on.")
    if failed:
        raise CohortFailures(
            f"{failed} of {len(cases)} cases have no result. The column 'reason' of {place.CASE_TABLE} says why."
        )
