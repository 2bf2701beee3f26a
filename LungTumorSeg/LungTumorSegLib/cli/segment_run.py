"""One run of ``lungtumorseg segment``: read, segment, write, print."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from .. import case
from ..data import CT, Options, Result
from ..dicom_out import export
from ..enums import DicomObject
from ..findings.suggested import Asked
from ..lesions.order import order_sentence
from ..model.bundle import load_bundle
from ..report import save as report_files
from ..writers import label_map, result_files, suggestion_table
from ..writers.lesion_table import centre_ras
from .notes import print_notes
from .output import Output, print_line, print_path
from .progress import shown as progress_shown
from .run_log import RunLog

_MOST_ROWS = 20


@dataclass(frozen=True)
class Also:
    """What is written beside segmentation, table and record.

    Attributes:
        labels: File of a label map; None: no label map.
        dicom: Objects to be written.
        report: Arguments of `report.save.prepare`; None: no report.
        guidelines: What is asked of them; None: nothing.
    """

    labels: Path | None = None
    dicom: tuple[DicomObject, ...] = ()
    report: dict[str, Any] | None = None
    guidelines: Asked | None = None

    def files(self) -> list[str]:
        """Names of files in the output folder.

        Raises:
            InputError: The report needs a package that is missing.
        """
        names = [export.FILES[kind] for kind in self.dicom]
        if self.report is not None:
            report_files.check(self.report["with_pdf"])
            names += report_files.REPORTS[: 1 + self.report["with_pdf"]]
        return names if self.guidelines is None else [*names, suggestion_table.FILE]


def run(
    input: Path,
    output: Path,
    options: Options,
    reading: dict[str, Any],
    writing: dict[str, Any],
    also: Also,
    quiet: bool,
    as_json: bool,
    log: Path | None,
) -> None:
    """Segment a CT into a folder and print what was found.

    Args:
        reading: Further arguments of `read_ct`.
        writing: Further arguments of `result_files.save`.
        also: What else is written.

    Raises:
        LungTumorSegError: What these, `label_map`, `dicom_out` and `segment` raise.
    """
    labels = also.labels
    names = [*(["overview.png"] if writing["with_pictures"] else []), *also.files()]
    names += [result_files.PROBABILITY] if options.keep_probability else []
    with RunLog(log) as run_log, result_files.reserved(output, writing["overwrite"], names):
        if labels is not None:
            label_map.check(labels, output, writing["overwrite"], input)
        bundle = load_bundle(options.model)
        ct, notes = case.read(input, bundle, reading)
        objects = export.prepare(ct, also.dicom) if also.dicom else None
        page = None if also.report is None else report_files.prepare(ct, identify=writing["identify"], **also.report)
        with progress_shown(quiet, as_json) as progress:
            result = case.segmented(ct, options, bundle, progress)
        with ExitStack() as also_written:
            if labels is not None:
                also_written.enter_context(label_map.written(labels, result))
            files, remarks = case.saved(result, ct, output, objects, page, also.guidelines, **writing)
        run_log.found(result)
    print_notes((*notes, *remarks, *_without_effect(ct, options, reading), *result.notes), as_json)
    record = json.loads((output / result_files.RECORD).read_text("utf-8"))
    if as_json:
        place = {"folder": str(output)} | ({"labels": str(labels)} if labels is not None else {})
        print_line(json.dumps({"type": "result", **place, **record}))
    elif not quiet:
        _print(result, record.get("suggestions", ()), files if labels is None else [*files, labels])


def _without_effect(ct: CT, options: Options, reading: dict[str, Any]) -> list[str]:
    """A sentence for each option that this run can't heed."""
    notes = []
    if not ct.source["format"].startswith("DICOM"):
        given = {"--series": reading["series"], "--allow-partial": reading["allow_partial"]}
        notes = [f"{name} has no effect: the CT is no DICOM series." for name, value in given.items() if value]
    if options.points_lps and not options.lung_restriction:
        notes.append("--no-lung-mask has no effect: with --point no lungs are looked for.")
    return notes


def _print(result: Result, suggestions: Sequence[dict], files: list[Path]) -> None:
    console = Output()
    if result.lesions:
        console.print(_table(result), soft_wrap=False)
        if (more := len(result.lesions) - _MOST_ROWS) > 0:
            console.print(f"and {more} more in {result_files.TABLE}")
        console.print(order_sentence(result.lesions), style="dim")
    else:
        console.print("No lesion was found.")
    if result.less_likely:
        console.print(f"{len(result.less_likely)} less likely in {result_files.TABLE}")
    for each in suggestions:
        console.print(f"Lesion {each['lesion']}: {each['text']}")
    console.print(
        f"{result.model['name']} {result.model['version']} on {result.engine}, {result.device}, {result.precision} "
        f"({result.reason}); "
        f"{sum(result.seconds.values()):.1f} s, {result.peak_memory_mb:.0f} MB",
        style="dim",
    )
    for file in files:
        print_path(file)


def _table(result: Result) -> Table:
    """At most 80 columns wide."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in (
        "Lesion", "Long\nmm", "Short\nmm", "Volume\nml", "Mean\nHU", "Side", "Confidence", "Slice", "R,A,S\nmm",
    ):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "Side" else "right", no_wrap=True)
    for lesion, mask in list(zip(result.lesions, result.masks, strict=True))[:_MOST_ROWS]:
        table.add_row(
            str(lesion.id),
            f"{lesion.long_axis_mm:.1f}",
            f"{lesion.short_axis_mm:.1f}",
            f"{lesion.volume_mm3 / 1000:.2f}",
            f"{lesion.mean_hu:.0f}",
            lesion.side,
            "" if lesion.confidence is None else f"{lesion.confidence:.2f}",
            str(lesion.slice_index),
            ",".join(f"{mm:.0f}" for mm in centre_ras(result.geometry, lesion, mask)),
        )
    return table
