"""``lungtumorseg compare``: several CTs of one patient in, each lesion followed through them out."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from ..enums import Device, Precision, Screening
from .errors import Debug, exit_codes
from .paths import path
from .segment import (
    AllowPartial,
    AsJson,
    DeviceName,
    EngineName,
    Identify,
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
)

GUIDELINES = ("lung-rads", "fleischner", "bts")


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


def _guidelines(text: str | None) -> list[str]:
    names = [word.strip() for word in text.split(",")] if text else []
    for name in names:
        if name not in GUIDELINES:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(GUIDELINES)}")
    return names


def _screening(text: str | None) -> Screening | None:
    if text is None:
        return None
    if text not in tuple(Screening):
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(Screening)}")
    return Screening(text)


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
Suggest = Annotated[
    str | None,
    typer.Option(metavar="NAME,NAME", help="Suggestions for the last CT: lung-rads, fleischner, bts. For research."),
]
Age = Annotated[int | None, typer.Option(min=0, max=120, metavar="YEARS", help="For --suggest: the patient's age.")]
Why = Annotated[str | None, typer.Option("--screening", help="For --suggest: baseline | annual | incidental.")]
Risk = Annotated[bool | None, typer.Option("--high-risk/--low-risk", help="For --suggest: the risk of lung cancer.")]
Cancer = Annotated[bool | None, typer.Option("--cancer/--no-cancer", help="For --suggest: a known cancer.")]
Immune = Annotated[
    bool | None,
    typer.Option("--immunosuppressed/--immunocompetent", help="For --suggest: the patient's immune system."),
]
Several = Annotated[bool | None, typer.Option("--several/--single", help="For --suggest: several nodules, or one.")]
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
    days, chosen, guidelines, reason = _dates(dates), _targets(targets), _guidelines(suggest), _screening(screening)
    from ..data import Options  # 2 s of imports from here on, which --help and --version need not wait for
    from ..findings.suggestions.nodule import Patient
    from . import compare_run

    options = Options(
        threshold=threshold,
        min_diameter_mm=min_diameter,
        min_confidence=min_confidence,
        engine=engine,
        device=Device(device),
        precision=Precision(precision),
        threads=threads,
        model=model,
    )
    comparing = {"dates": days, "same_patient": same_patient}
    writing = {"overwrite": overwrite, "targets": chosen, "identify": identify}
    patient = Patient(age, reason, high_risk, cancer, immunosuppressed, several)
    with exit_codes(debug, as_json):
        asked = compare_run.Asked(comparing, writing, guidelines, patient, allow_partial)
        compare_run.run(inputs, output, options, asked, quiet, as_json, log)
