"""One run of ``lungtumorseg compare``: read, segment, register, follow, write, print."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from ..comparison import compare
from ..data import Options
from ..errors import InputError
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.recist import Recist, recist
from ..findings.follow_up.tracks import Track
from ..findings.measuring import measures_of
from ..findings.suggested import Asked, suggested
from ..findings.suggestions.nodule import Suggestion
from ..readers.ct import read_ct
from ..report import follow_up as page_files
from ..writers import follow_up_files, suggestion_table
from .notes import print_notes
from .output import Output, print_line, print_path
from .progress import shown as progress_shown
from .run_log import RunLog

_MOST_ROWS = 20


@dataclass(frozen=True)
class Wanted:
    """What was asked of the command.

    Attributes:
        comparing: Further arguments of `compare`.
        writing: Further arguments of `follow_up_files.save_follow_up`.
        targets: Of `recist`; None: `preselected`.
        guidelines: What is asked of them; None: nothing.
        report: Arguments of `report.follow_up.prepare`; None: no report.
        allow_partial: Further argument of `read_ct`.
    """

    comparing: dict[str, Any]
    writing: dict[str, Any]
    targets: Sequence[int] | None = None
    guidelines: Asked | None = None
    report: dict[str, Any] | None = None
    allow_partial: bool = False

    def files(self) -> list[str]:
        """Names of further files in the output folder.

        Raises:
            InputError: The report needs a package that is missing.
        """
        names = [] if self.report is None else page_files.files(self.report["with_pdf"])
        return names if self.guidelines is None else [*names, suggestion_table.FILE]


def run(
    inputs: Sequence[Path],
    output: Path,
    options: Options,
    wanted: Wanted,
    quiet: bool,
    as_json: bool,
    log: Path | None,
) -> None:
    """Compare CTs into a folder and print what became of each lesion.

    Args:
        inputs: The CTs of one patient.
        output: The folder.
        options: Of each run.
        wanted: What else was asked.
        quiet: Print notes and errors only.
        as_json: Print progress, notes and result as JSON lines.
        log: File of a log of runs; None: no log.

    Raises:
        LungTumorSegError: What `compare`, `save_follow_up` and `read_ct` raise.
    """
    also, overwrite = wanted.files(), wanted.writing["overwrite"]
    with RunLog(log) as run_log, follow_up_files.reserved(output, len(inputs), overwrite, also):
        cts = [read_ct(path, allow_partial=wanted.allow_partial) for path in inputs]
        notes = [f"CT {k} ({ct.name}): {text}" for k, ct in enumerate(cts, 1) for text in ct.source.get("warnings", ())]
        with progress_shown(quiet, as_json) as progress:
            followed = compare(cts, options=options, progress=progress, **wanted.comparing)
        response = _response(followed, wanted.targets)
        found, files = _saved(followed, response, output, wanted)
        for point in followed.points:
            run_log.found(point.result)
    notes += [f"time point {k}: {note}" for k, p in enumerate(followed.points, 1) for note in p.result.notes]
    print_notes((*notes, *followed.notes, *response.notes), as_json)
    if as_json:
        record = json.loads((output / follow_up_files.RECORD).read_text("utf-8"))
        print_line(json.dumps({"type": "result", "folder": str(output), **record}))
    elif not quiet:
        _print(followed, response, found or {}, files)


def _response(followed: FollowUp, targets: Sequence[int] | None) -> Recist:
    """Only the finished comparison tells which numbers there are: a wrong one costs the sum, not the result."""
    try:
        return recist(followed, targets)
    except InputError as error:
        return Recist((), (), (f"{error} All else was written, without a RECIST sum.",))


def _saved(
    followed: FollowUp, response: Recist, output: Path, wanted: Wanted
) -> tuple[Mapping[int, Sequence[Suggestion]] | None, list[Path]]:
    """The suggestions, if they were asked for, and the files."""
    measured = [measures_of(point.result, point.ct) for point in followed.points]
    found = None
    if wanted.guidelines is not None:
        found = suggested(followed, wanted.guidelines.names, wanted.guidelines.patient, measured[-1])
    also = []
    if wanted.report is not None:
        last = followed.points[-1].ct
        page = page_files.prepare(last, identify=wanted.writing["identify"], **wanted.report)
        also.append(partial(page.write, follow_up=followed, response=response, suggestions=found))
    more: dict[str, Any] = {"response": response, "suggestions": found, "measured": measured, "also": also}
    return found, follow_up_files.save_follow_up(followed, output, **wanted.writing, **more)


def _print(
    followed: FollowUp,
    response: Recist,
    suggestions: Mapping[int, Sequence[Suggestion]],
    files: Sequence[Path],
) -> None:
    console = Output()
    if followed.tracks:
        console.print(_table(followed), soft_wrap=False)
        if (more := len(followed.tracks) - _MOST_ROWS) > 0:
            console.print(f"and {more} more in {follow_up_files.TABLE}")
    for k, at in enumerate(response.responses):
        total = "not known" if at.sum_mm is None else f"{at.sum_mm:.1f} mm"
        name = f"{at.response}, " if at.response else ""
        console.print(f"CT {k + 1}: RECIST sum {total}; suggestion: {name}{at.rule}")
    for lesion, found in suggestions.items():
        for each in found:
            console.print(f"Lesion {lesion}: {each.text}")
    for file in files:
        print_path(file)


def _table(followed: FollowUp) -> Table:
    """A row for each lesion, a column for each CT: long axis, volume and fate."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Lesion", justify="right", no_wrap=True)
    for k, point in enumerate(followed.points):
        table.add_column(f"{point.date or f'CT {k + 1}'}\nmm, ml")
    for track in followed.tracks[:_MOST_ROWS]:
        table.add_row(str(track.id), *(_cell(followed, track, k) for k in range(len(followed.points))))
    return table


def _cell(followed: FollowUp, track: Track, k: int) -> str:
    words = []
    if (number := track.lesions[k]) is not None:
        lesion, _ = followed.points[k].outline(number)
        words.append(f"{lesion.long_axis_mm:.1f}, {lesion.volume_mm3 / 1000:.2f}")
    if k and (step := track.steps[k - 1]):
        words.append(str(step.fate))
        if step.doubling and step.doubling.days:
            words.append(f"doubles in {step.doubling.days:.0f} days")
    return " ".join(words)
