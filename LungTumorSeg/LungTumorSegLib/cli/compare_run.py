"""One run of ``lungtumorseg compare``: read, segment, register, follow, write, print."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from ..comparison import compare
from ..data import Options
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.recist import recist
from ..findings.follow_up.tracks import Track
from ..findings.suggested import suggested
from ..findings.suggestions.nodule import Patient, Suggestion
from ..readers.ct import read_ct
from ..writers import follow_up_files
from .notes import print_notes
from .output import Output, print_line, print_path
from .progress import shown as progress_shown
from .run_log import RunLog

_MOST_ROWS = 20


@dataclass(frozen=True)
class Asked:
    """What was asked of the command.

    Attributes:
        comparing: Further arguments of `compare`.
        writing: Further arguments of `follow_up_files.save_follow_up`.
        guidelines: Names of `suggested.GUIDELINES`.
        patient: For whom they are asked.
        allow_partial: Further argument of `read_ct`.
    """

    comparing: dict[str, Any]
    writing: dict[str, Any]
    guidelines: Sequence[str]
    patient: Patient
    allow_partial: bool = False


def run(
    inputs: Sequence[Path],
    output: Path,
    options: Options,
    asked: Asked,
    quiet: bool,
    as_json: bool,
    log: Path | None,
) -> None:
    """Compare CTs into a folder and print what became of each lesion.

    Args:
        inputs: The CTs of one patient.
        output: The folder.
        options: Of each run.
        asked: What else was asked.
        quiet: Print notes and errors only.
        as_json: Print progress, notes and result as JSON lines.
        log: File of a log of runs; None: no log.

    Raises:
        LungTumorSegError: What `compare`, `save_follow_up` and `read_ct` raise.
    """
    with RunLog(log) as run_log, follow_up_files.reserved(output, len(inputs), asked.writing["overwrite"]):
        cts = [read_ct(path, allow_partial=asked.allow_partial) for path in inputs]
        notes = [f"CT {k} ({ct.name}): {text}" for k, ct in enumerate(cts, 1) for text in ct.source.get("warnings", ())]
        with progress_shown(quiet, as_json) as progress:
            followed = compare(cts, options=options, progress=progress, **asked.comparing)
        found = suggested(followed, asked.guidelines, asked.patient) if asked.guidelines else None
        files = follow_up_files.save_follow_up(followed, output, **asked.writing, suggestions=found)
        for point in followed.points:
            run_log.found(point.result)
    notes += [f"time point {k}: {note}" for k, p in enumerate(followed.points, 1) for note in p.result.notes]
    print_notes((*notes, *followed.notes), as_json)
    if as_json:
        record = json.loads((output / follow_up_files.RECORD).read_text("utf-8"))
        print_line(json.dumps({"type": "result", "folder": str(output), **record}))
    elif not quiet:
        _print(followed, asked.writing["targets"], found or {}, files)


def _print(
    followed: FollowUp,
    targets: Sequence[int] | None,
    suggestions: Mapping[int, Sequence[Suggestion]],
    files: Sequence[Path],
) -> None:
    console = Output()
    if followed.tracks:
        console.print(_table(followed), soft_wrap=False)
        if (more := len(followed.tracks) - _MOST_ROWS) > 0:
            console.print(f"and {more} more in {follow_up_files.TABLE}")
    response = recist(followed, targets)
    for k, at in enumerate(response.responses):
        total = "not known" if at.sum_mm is None else f"{at.sum_mm:.1f} mm"
        name = f"{at.response}, " if at.response else ""
        console.print(f"CT {k + 1}: RECIST sum {total}; suggestion: {name}{at.rule}")
    for note in response.notes:
        console.print(note, style="dim")
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
