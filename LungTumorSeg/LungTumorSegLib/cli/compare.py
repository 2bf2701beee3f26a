"""``lungtumorseg compare``: several CTs of one patient in, each lesion followed through them out."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from .errors import Debug, exit_codes
from .paths import path
from .segment import (
    AllowPartial,
    AsJson,
    AsPdf,
    AsReport,
    DeviceName,
    EngineName,
    Identify,
    LanguageName,
    LogFile,
    MinConfidence,
    MinDiameter,
    ModelFolder,
    OutputFolder,
    Overwrite,
    PrecisionName,
    Quiet,
    Threads,
    Threshold,
    options_of,
    page_asked,
)
from .suggest import Age, Cancer, Immune, Risk, Several, Suggest, Why, asked


def _dates(text: str | None) -> list[datetime.date] | None:
    if text is None:
        return None
    try:
        return [datetime.date.fromisoformat(word.strip()) for word in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r}: give dates as 2024-01-05,2024-07-03, one for each CT") from None


def _targets(text: str | None) -> list[int] | None:
    if text is None:
        return None
    words = text.split(",")
    if len(words) > 5 or not all(word.strip().isdecimal() and int(word) for word in words):
        raise typer.BadParameter(f"{text!r}: give the lesions' numbers in follow_up.csv, five at most, for example 1,4")
    return [int(word) for word in words]


InputPaths = Annotated[
    list[Path],
    typer.Argument(parser=path, metavar="CT1 CT2 [CT3 ...]", help="The CTs of one patient, each as for segment."),
]
Dates = Annotated[
    str | None,
    typer.Option(metavar="DATE,DATE", help="The CTs' dates (2024-01-05), in their order; DICOM's unless given."),
]
Targets = Annotated[
    str | None,
    typer.Option(metavar="N,N", help="RECIST targets by their numbers in follow_up.csv, five at most; two by default."),
]
SamePatient = Annotated[
    bool, typer.Option("--same-patient", help="The CTs are of one patient, whatever their DICOM files say.")
]


def compare_command(
    inputs: InputPaths,
    output: OutputFolder,
    dates: Dates = None,
    targets: Targets = None,
    same_patient: SamePatient = False,
    suggest: Suggest = None,
    age: Age = None,
    screening: Why = None,
    high_risk: Risk = None,
    cancer: Cancer = None,
    immunosuppressed: Immune = None,
    several: Several = None,
    report: AsReport = False,
    pdf: AsPdf = False,
    language: LanguageName = "en",
    threshold: Threshold = None,
    min_diameter: MinDiameter = 3.0,
    min_confidence: MinConfidence = None,
    engine: EngineName = "auto",
    device: DeviceName = "auto",
    precision: PrecisionName = "auto",
    threads: Threads = None,
    model: ModelFolder = None,
    allow_partial: AllowPartial = False,
    overwrite: Overwrite = False,
    identify: Identify = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    log: LogFile = None,
    debug: Debug = False,
) -> None:
    """Follow the lung tumours of one patient through two or more CTs.

    Writes a folder for each CT, follow_up.csv, follow_up.json and a picture of each lesion into the output folder.
    """
    days, chosen = _dates(dates), _targets(targets)
    guidelines = asked(suggest, age, screening, high_risk, cancer, immunosuppressed, several)
    page = page_asked(report, pdf, language)
    from . import compare_run  # 2 s of imports from here on, which --help and --version need not wait for

    options = options_of(threshold, min_diameter, min_confidence, engine, device, precision, threads, model)
    comparing = {"dates": days, "same_patient": same_patient}
    writing = {"overwrite": overwrite, "identify": identify}
    with exit_codes(debug, as_json):
        wanted = compare_run.Wanted(comparing, writing, chosen, guidelines, page, allow_partial)
        compare_run.run(inputs, output, options, wanted, quiet, as_json, log)
