"""``lungtumorseg segment``: one CT in, segmentation, table and record out."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from ..data import CT, Device, Options, Result
from ..errors import InputError
from ..geometry import ras_from_lps
from ..model import limits
from ..model.bundle import load_bundle
from ..model.card import check_threshold
from ..model.engines.choose import ENGINE_NAMES
from ..readers.ct import read_ct
from ..readers.dicom_series import name_the_choice
from ..segmentation import segment
from ..writers import result_files
from ..writers.lesion_table import centre_ras
from .errors import Debug, exit_codes
from .output import Output, print_line, print_path, say
from .paths import path, word
from .progress import shown as progress_shown
from .run_log import RunLog

_MOST_ROWS = 20
# as `lesions.extraction.extract` does
_ORDER = "Ordered by confidence times long axis, greatest first."
_ORDER_BY_VOLUME = "Ordered by volume, greatest first."
_DEVICES = tuple(Device)


def _point_lps(text: str) -> tuple[float, float, float]:
    """``R,A,S`` in mm as Slicer shows it, to LPS."""
    try:
        r, a, s = (float(number) for number in text.split(","))
        if not all(map(math.isfinite, (r, a, s))):
            raise ValueError(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a point: give three numbers R,A,S in mm, for example -42.5,17,88"
        ) from None
    return ras_from_lps((r, a, s))


def _threshold(value: float | None) -> float | None:
    try:
        check_threshold(value)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    return value


def _one_of(names: tuple[str, ...]) -> dict[str, Any]:
    def check(name: str) -> str:
        if name not in names:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(names)}")
        return name

    return {"callback": check, "help": " | ".join(names), "autocompletion": lambda: list(names)}


InputPath = Annotated[
    Path,
    typer.Argument(parser=path, help="The CT: NRRD, NIfTI, MetaImage, or a folder or file of a DICOM series."),
]
OutputFolder = Annotated[
    Path,
    typer.Option("--output", "-o", parser=path, metavar="FOLDER", help="Folder for the results; made if need be."),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        callback=_threshold,
        help="Probability from which a voxel is tumour, at least 0.05; the model's own unless given.",
    ),
]
MinDiameter = Annotated[float, typer.Option(min=0.0, help="Leave out lesions with a smaller long axis, in mm.")]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        min=0.0, max=1.0, help="Leave out smaller confidences, but no mass (over 30 mm); default: the model's."
    ),
]
EngineName = Annotated[str, typer.Option(**_one_of(ENGINE_NAMES))]
DeviceName = Annotated[str, typer.Option(**_one_of(_DEVICES))]
ModelFolder = Annotated[
    Path | None, typer.Option(parser=path, metavar="FOLDER", help="Folder of another model bundle.")
]
Series = Annotated[
    str | None, typer.Option(parser=word, metavar="UID", help="SeriesInstanceUID, where a folder holds several.")
]
AllowPartial = Annotated[
    bool, typer.Option("--allow-partial", help="Read a series where slices inside the chest, or a tenth, are missing.")
]
AddHu = Annotated[
    float, typer.Option("--add-hu", help="Add this to every value: -1024 or -1000 where the rescale was lost.")
]
Points = Annotated[
    list[str] | None,
    typer.Option(metavar="R,A,S", help="Only the lesion at this point (mm, as Slicer shows it); repeatable."),
]
NoLungMask = Annotated[bool, typer.Option("--no-lung-mask", help="Look everywhere, not only around the lungs.")]
SaveProbability = Annotated[
    bool, typer.Option("--save-probability", help="Write probability.nrrd as well; not with --point.")
]
Png = Annotated[bool, typer.Option("--png", help="Write pictures as well: an overview and the ten best lesions.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in the output folder.")]
Identify = Annotated[
    bool, typer.Option("--identify", help="Write the CT's whole path into result.json, not its file name alone.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print notes and errors only; with --json no progress.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print progress, notes, result and errors as JSON lines.")]
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log", parser=path, metavar="FILE", help="Keep a log of runs there: ids, versions, seconds, no patient data."
    ),
]


def segment_command(
    input: InputPath,
    output: OutputFolder,
    threshold: Threshold = None,
    min_diameter: MinDiameter = 3.0,
    min_confidence: MinConfidence = None,
    engine: EngineName = "auto",
    device: DeviceName = "auto",
    model: ModelFolder = None,
    series: Series = None,
    allow_partial: AllowPartial = False,
    add_hu: AddHu = 0.0,
    point: Points = None,
    no_lung_mask: NoLungMask = False,
    save_probability: SaveProbability = False,
    png: Png = False,
    overwrite: Overwrite = False,
    identify: Identify = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    log: LogFile = None,
    debug: Debug = False,
) -> None:
    """Find, outline and measure the lung tumours in a chest CT.

    Writes segmentation.seg.nrrd (opens in 3D Slicer), lesions.csv and result.json into the output folder.
    """
    if save_probability and point:
        raise typer.BadParameter("with --point the CT is not looked at as a whole: leave out one of the two")
    options = Options(
        threshold=threshold,
        min_diameter_mm=min_diameter,
        min_confidence=min_confidence,
        points_lps=tuple(_point_lps(text) for text in point or ()),
        lung_restriction=not no_lung_mask,
        engine=engine,
        device=Device(device),
        model=model,
        keep_probability=save_probability,
    )
    also = [name for name, asked in ((result_files.PROBABILITY, save_probability), ("overview.png", png)) if asked]
    with exit_codes(debug, as_json), RunLog(log) as run_log, result_files.reserved(output, overwrite, also):
        ct = read_ct(input, series, allow_partial, add_hu)
        unusual = limits.outside(ct.geometry, load_bundle(model).card)
        notes = (*ct.source.get("warnings", ()), *_without_effect(ct, options, series, allow_partial), *unusual)
        result = _segmented(ct, options, quiet, as_json)
        files = result_files.save(result, ct, output, overwrite, png, identify=identify)
        run_log.found(result)
    with exit_codes(debug, as_json):
        _print_notes((*notes, *result.notes), as_json)
        if as_json:
            record = json.loads((output / result_files.RECORD).read_text("utf-8"))
            print_line(json.dumps({"type": "result", "folder": str(output), **record}))
        elif not quiet:
            _print(result, files)


def _segmented(ct: CT, options: Options, quiet: bool, as_json: bool) -> Result:
    with progress_shown(quiet, as_json) as progress:
        try:
            return segment(ct, options, progress)
        except InputError as error:
            raise name_the_choice(error, ct.source) from error


def _print_notes(notes: Iterable[str], as_json: bool) -> None:
    for note in notes:
        if as_json:
            print_line(json.dumps({"type": "note", "text": note}))
        else:
            say(f"Note: {note}")


def _without_effect(ct: CT, options: Options, series: str | None, allow_partial: bool) -> list[str]:
    """A sentence for each option that this run can't heed."""
    notes = []
    if not ct.source["format"].startswith("DICOM"):
        given = {"--series": series, "--allow-partial": allow_partial}
        notes = [f"{name} has no effect: the CT is no DICOM series." for name, value in given.items() if value]
    if options.points_lps and not options.lung_restriction:
        notes.append("--no-lung-mask has no effect: with --point no lungs are looked for.")
    return notes


def _print(result: Result, files: list[Path]) -> None:
    console = Output()
    if result.lesions:
        console.print(_table(result), soft_wrap=False)
        if (more := len(result.lesions) - _MOST_ROWS) > 0:
            console.print(f"and {more} more in {result_files.TABLE}")
        console.print(_ORDER if result.lesions[0].confidence is not None else _ORDER_BY_VOLUME, style="dim")
    else:
        console.print("No lesion was found.")
    console.print(
        f"{result.model['name']} {result.model['version']} on {result.engine}, {result.device} ({result.reason}); "
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
