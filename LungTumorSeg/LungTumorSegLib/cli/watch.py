"""``lungtumorseg watch``: a DICOM receiver that segments what comes."""

from pathlib import Path
from typing import Annotated

import typer

from ..enums import Device, DicomObject, Precision
from .errors import Debug, exit_codes
from .paths import path, word
from .segment import (
    AllowPartial,
    DeviceName,
    EngineName,
    MinConfidence,
    MinDiameter,
    ModelFolder,
    NoLungMask,
    OutputFolder,
    PrecisionName,
    Threads,
    Threshold,
)

InboxFolder = Annotated[
    Path, typer.Argument(parser=path, metavar="INBOX", help="Folder for what comes in; made if need be.")
]
Senders = Annotated[
    list[str], typer.Option("--from", metavar="AET", help="Title of a sender that is let in; repeatable.")
]
Title = Annotated[str, typer.Option(parser=word, metavar="AET", help="This program's title, which senders call.")]
HostAddress = Annotated[
    str, typer.Option("--address", parser=word, metavar="HOST", help="Where to listen; this computer alone by default.")
]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Where to listen.")]
QuietSeconds = Annotated[
    float,
    typer.Option("--complete-after", min=1.0, metavar="SECONDS", help="A study is complete if nothing came so long."),
]
Back = Annotated[
    str | None,
    typer.Option("--send-back", parser=word, metavar="AET@HOST:PORT", help="Send each result to this DICOM server."),
]


def watch_command(
    inbox: InboxFolder,
    output: OutputFolder,
    senders: Senders,
    title: Title = "LUNGTUMORSEG",
    host: HostAddress = "127.0.0.1",
    port: Port = 11112,
    quiet: QuietSeconds = 60.0,
    send_back: Back = None,
    threshold: Threshold = None,
    min_diameter: MinDiameter = 3.0,
    min_confidence: MinConfidence = None,
    engine: EngineName = "auto",
    device: DeviceName = "auto",
    precision: PrecisionName = "auto",
    threads: Threads = None,
    model: ModelFolder = None,
    allow_partial: AllowPartial = False,
    no_lung_mask: NoLungMask = False,
    debug: Debug = False,
) -> None:
    """Receive CTs that an archive sends (DICOM), segment each study, write segmentation and report as DICOM.

    Results are sent back only with --send-back. Ctrl-C ends it.
    """
    from ..network import address  # not before: --help and --version need not wait for pydicom

    try:
        if inbox.absolute() == output.absolute():
            raise ValueError("INBOX and --output are one folder. Name another folder for the results.")
        own, let_in = address.title(title), tuple(address.title(text) for text in senders)
        to = None if send_back is None else address.parse(send_back)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    from ..cohort.extras import Extras
    from ..cohort.work import Settings
    from ..data import Options
    from .watch_run import Listening, run_watch

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
    settings = Settings(output.absolute(), options, Extras(dicom=(DicomObject.SEG, DicomObject.SR)))
    with exit_codes(debug):
        listening = Listening(own, let_in, (host, port), quiet)
        run_watch(inbox.absolute(), settings, {"allow_partial": allow_partial}, listening, to)
