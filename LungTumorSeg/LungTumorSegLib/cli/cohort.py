"""``lungtumorseg cohort``: many CTs in, a folder a case and tables of them all out."""

from pathlib import Path
from typing import Annotated

import typer

from ..enums import Device, Precision
from .errors import Debug, exit_codes
from .paths import path, word
from .segment import (
    AddHu,
    AllowPartial,
    AsReport,
    DeviceName,
    Dicom,
    EngineName,
    MinConfidence,
    MinDiameter,
    ModelFolder,
    NoLungMask,
    OutputFolder,
    Png,
    PrecisionName,
    Threads,
    Threshold,
    dicom_objects,
)

Source = Annotated[
    Path,
    typer.Argument(parser=path, help="A folder of images and DICOM studies in any nesting, or a CSV table of paths."),
]
WorkerCount = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Processes on this computer, which share its processors; 1 unless given."),
]
Dask = Annotated[
    str | None,
    typer.Option(parser=word, metavar="ADDRESS", help="Instead, the workers of a Dask scheduler: tcp://HOST:PORT."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the cohort that is in the output folder.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print failures and errors only.")]


def cohort_command(
    input: Source,
    output: OutputFolder,
    workers: WorkerCount = None,
    dask: Dask = None,
    resume: Resume = False,
    threshold: Threshold = None,
    min_diameter: MinDiameter = 3.0,
    min_confidence: MinConfidence = None,
    engine: EngineName = "auto",
    device: DeviceName = "auto",
    precision: PrecisionName = "auto",
    threads: Threads = None,
    model: ModelFolder = None,
    allow_partial: AllowPartial = False,
    add_hu: AddHu = 0.0,
    no_lung_mask: NoLungMask = False,
    dicom: Dicom = None,
    png: Png = False,
    report: AsReport = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Segment many chest CTs. One that fails is recorded with the reason and costs no other.

    Writes a folder a case, cases.csv and lesions.csv into the output folder.
    """
    if dask and workers:
        raise typer.BadParameter("the workers are those of --dask or those of --workers: leave out one of the two")
    objects = dicom_objects(dicom)
    from ..cohort.dask_workers import DaskWorkers  # 2 s of imports from here on, which --help need not wait for
    from ..cohort.extras import Extras
    from ..cohort.processes import Processes
    from ..cohort.run import Workers
    from ..cohort.work import Settings
    from ..data import Options
    from .cohort_run import run_cohort

    options = Options(
        threshold=threshold,
        min_diameter_mm=min_diameter,
        min_confidence=min_confidence,
        lung_restriction=not no_lung_mask,
        engine=engine,
        device=Device(device),
        precision=Precision(precision),
        threads=threads,
        model=model,
    )
    reading = {"allow_partial": allow_partial, "add_hu": add_hu}
    extras = Extras(pictures=png, report=report, dicom=objects)

    def hire(settings: Settings) -> Workers:
        return DaskWorkers(settings, dask) if dask else Processes(settings, workers or 1)

    with exit_codes(debug):
        run_cohort(input, output, options, reading, extras, hire, resume, quiet)
