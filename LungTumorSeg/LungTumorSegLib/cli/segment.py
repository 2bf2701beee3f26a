"""``lungtumorseg segment``: one CT in, segmentation, table and record out."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..data import Options, Result, Stage
from ..data import Progress as Step
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
from .errors import Debug, exit_codes
from .output import Output, print_path, say
from .paths import path, word

_MOST_ROWS = 20
_STAGES = {
    Stage.LUNGS: "Finding the lungs",
    Stage.ENGINE: "Loading the model",
    Stage.NETWORK: "Segmenting",
    Stage.VIEWS: "Looking from two more sides",
    Stage.CLASSIFIER: "Looking at each lesion",
    Stage.LESIONS: "Measuring",
}


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


def _engine(name: str) -> str:
    if name not in ENGINE_NAMES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(ENGINE_NAMES)}")
    return name


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
EngineName = Annotated[str, typer.Option(callback=_engine, help=" | ".join(ENGINE_NAMES))]
ModelFolder = Annotated[
    Path | None, typer.Option(parser=path, metavar="FOLDER", help="Folder of another model bundle.")
]
Series = Annotated[
    str | None, typer.Option(parser=word, metavar="UID", help="SeriesInstanceUID, where a folder holds several.")
]
AllowPartial = Annotated[
    bool, typer.Option("--allow-partial", help="Read a DICOM series of which more than a tenth is missing.")
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


def segment_command(
    input: InputPath,
    output: OutputFolder,
    threshold: Threshold = None,
    min_diameter: MinDiameter = 3.0,
    min_confidence: MinConfidence = None,
    engine: EngineName = "auto",
    model: ModelFolder = None,
    series: Series = None,
    allow_partial: AllowPartial = False,
    add_hu: AddHu = 0.0,
    point: Points = None,
    no_lung_mask: NoLungMask = False,
    save_probability: SaveProbability = False,
    png: Png = False,
    overwrite: Overwrite = False,
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
        model=model,
        keep_probability=save_probability,
    )
    with exit_codes(debug), result_files.reserved(output, overwrite):
        ct = read_ct(input, series, allow_partial, add_hu)
        unusual = limits.outside(ct.geometry, load_bundle(model).card)
        with _bar() as progress:
            try:
                result = segment(ct, options, progress)
            except InputError as error:
                raise name_the_choice(error, ct.source) from error
        files = result_files.save(result, ct, output, overwrite, png)
    _print(result, (*ct.source.get("warnings", ()), *unusual), files)


@contextmanager
def _bar() -> Iterator[Callable[[Step], None]]:
    """A bar on standard error, which a log file is spared."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[Stage, TaskID] = {}

        def progress(step: Step) -> None:
            if step.stage not in tasks:
                for task in tasks.values():
                    bar.update(task, completed=bar.tasks[task].total, left="")
                tasks[step.stage] = bar.add_task(_STAGES.get(step.stage, step.stage), total=step.total, left="")
            left = "" if step.seconds_left is None else f"{step.seconds_left:.0f} s left"
            bar.update(tasks[step.stage], completed=step.done, total=step.total, left=left)

        yield progress
        for task in tasks.values():
            bar.update(task, completed=bar.tasks[task].total, left="")


def _print(result: Result, warnings: Iterable[str], files: list[Path]) -> None:
    for note in (*warnings, *result.notes):
        say(f"Note: {note}")
    console = Output()
    if result.lesions:
        console.print(_table(result), soft_wrap=False)
        if (more := len(result.lesions) - _MOST_ROWS) > 0:
            console.print(f"and {more} more in {result_files.TABLE}")
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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Lesion", "Long mm", "Short mm", "Volume ml", "Mean HU", "Side", "Confidence", "Slice"):
        table.add_column(heading, justify="left" if heading == "Side" else "right", no_wrap=True)
    for lesion in result.lesions[:_MOST_ROWS]:
        table.add_row(
            str(lesion.id),
            f"{lesion.long_axis_mm:.1f}",
            f"{lesion.short_axis_mm:.1f}",
            f"{lesion.volume_mm3 / 1000:.2f}",
            f"{lesion.mean_hu:.0f}",
            lesion.side,
            "" if lesion.confidence is None else f"{lesion.confidence:.2f}",
            str(lesion.slice_index),
        )
    return table
