"""``lungtumorseg segment``: one CT in, segmentation, table and record out."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..enums import Device, DicomObject, Language, Precision
from ..errors import InputError
from ..model.engines import ENGINE_NAMES
from .errors import Debug, exit_codes
from .paths import path, word
from .suggest import Age, Cancer, Immune, Risk, Several, Suggest, Why, asked

if TYPE_CHECKING:
    from ..data import Options


def _point_lps(text: str) -> tuple[float, float, float]:
    """``R,A,S`` in mm as Slicer shows it, to LPS."""
    from ..geometry import lps_from_text

    try:
        return lps_from_text(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a point: give three numbers R,A,S in mm, for example -42.5,17,88"
        ) from None


def _threshold(value: float | None) -> float | None:
    if value is None:
        return None
    from ..model.card import check_threshold

    try:
        check_threshold(value)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number that can be used")
    return value


def dicom_objects(text: str | None) -> tuple[DicomObject, ...]:
    """The objects that ``--dicom`` asks for, in the order in which they are made.

    Args:
        text: The option's words, parted by commas; None: none.

    Raises:
        typer.BadParameter: An unknown object, or others without the segmentation, to which they refer.
    """
    names = [name.strip().lower() for name in (text or "").split(",")] if text is not None else []
    unknown = next((name for name in names if name not in tuple(DicomObject)), None)
    if unknown is not None:
        raise typer.BadParameter(f"{unknown!r} is not one of {', '.join(DicomObject)}")
    if names and DicomObject.SEG not in names:
        raise typer.BadParameter("the other objects go with the segmentation: add seg")
    return tuple(kind for kind in DicomObject if kind in names)


def page_asked(report: bool, pdf: bool, language: str) -> dict[str, Any] | None:
    """Arguments of `report.save.prepare`; None without a report.

    Raises:
        typer.BadParameter: a language without a report.
    """
    if language != Language.ENGLISH and not (report or pdf):
        raise typer.BadParameter("the language is that of the report: add --report")
    return {"language": language, "with_pdf": pdf} if report or pdf else None


def options_of(
    threshold: float | None,
    min_diameter: float,
    min_confidence: float | None,
    engine: str,
    device: str,
    precision: str,
    threads: int | None,
    model: Path | None,
    **more: Any,
) -> "Options":
    """Options of a run from the values that ``segment`` and ``compare`` share, and ``more`` of them."""
    from ..data import Options

    return Options(
        threshold=threshold,
        min_diameter_mm=min_diameter,
        min_confidence=min_confidence,
        engine=engine,
        device=Device(device),
        precision=Precision(precision),
        threads=threads,
        model=model,
        **more,
    )


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
MinDiameter = Annotated[
    float, typer.Option(min=0.0, callback=_finite, help="Leave out lesions with a smaller long axis, in mm.")
]
MinConfidence = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="Smaller confidences are less likely; default: the model's."),
]
EngineName = Annotated[str, typer.Option(**_one_of(ENGINE_NAMES))]
DeviceName = Annotated[str, typer.Option(**_one_of(tuple(Device)))]
PrecisionName = Annotated[str, typer.Option(**_one_of(tuple(Precision)))]
Threads = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Threads of the network; default: the processors it may use.")
]
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
    float,
    typer.Option(
        "--add-hu", callback=_finite, help="Add this to every value: -1024 or -1000 where the rescale was lost."
    ),
]
Points = Annotated[
    list[str] | None,
    typer.Option(metavar="R,A,S", help="Only the lesion at this point (mm, as Slicer shows it); repeatable."),
]
NoLungMask = Annotated[bool, typer.Option("--no-lung-mask", help="Look everywhere, not only around the lungs.")]
SaveProbability = Annotated[
    bool, typer.Option("--save-probability", help="Write probability.nrrd as well; not with --point.")
]
Labels = Annotated[
    Path | None,
    typer.Option(parser=path, metavar="FILE", help="Write a label map as well: .nii.gz, .nrrd, .mha; ids as labels."),
]
Dicom = Annotated[
    str | None,
    typer.Option(
        metavar="seg,sr",
        help="Write DICOM objects as well, of a DICOM input: seg (segmentation), sr (report), probability.",
    ),
]
Png = Annotated[bool, typer.Option("--png", help="Write pictures as well: an overview and the ten best lesions.")]
AsReport = Annotated[bool, typer.Option("--report", help="Write a page for people as well: report.html.")]
AsPdf = Annotated[bool, typer.Option("--pdf", help="The report as report.pdf too; needs WeasyPrint.")]
LanguageName = Annotated[str, typer.Option(**_one_of(tuple(Language)))]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in the output folder.")]
Identify = Annotated[
    bool, typer.Option("--identify", help="Write the CT's whole path into result.json; name the patient in the report.")
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
    precision: PrecisionName = "auto",
    threads: Threads = None,
    model: ModelFolder = None,
    series: Series = None,
    allow_partial: AllowPartial = False,
    add_hu: AddHu = 0.0,
    point: Points = None,
    no_lung_mask: NoLungMask = False,
    save_probability: SaveProbability = False,
    labels: Labels = None,
    dicom: Dicom = None,
    png: Png = False,
    report: AsReport = False,
    pdf: AsPdf = False,
    language: LanguageName = "en",
    suggest: Suggest = None,
    age: Age = None,
    screening: Why = None,
    high_risk: Risk = None,
    cancer: Cancer = None,
    immunosuppressed: Immune = None,
    several: Several = None,
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
    objects = dicom_objects(dicom)
    page = page_asked(report, pdf, language)
    guidelines = asked(suggest, age, screening, high_risk, cancer, immunosuppressed, several)
    from . import segment_run  # 2 s of imports from here on, which --help and --version need not wait for

    options = options_of(
        *(threshold, min_diameter, min_confidence, engine, device, precision, threads, model),
        points_lps=tuple(_point_lps(text) for text in point or ()),
        lung_restriction=not no_lung_mask,
        keep_probability=save_probability,
    )
    reading = {"series": series, "allow_partial": allow_partial, "add_hu": add_hu}
    writing = {"overwrite": overwrite, "with_pictures": png, "identify": identify}
    with exit_codes(debug, as_json):
        also = segment_run.Also(labels, objects, page, guidelines)
        segment_run.run(input, output, options, reading, writing, also, quiet, as_json, log)
