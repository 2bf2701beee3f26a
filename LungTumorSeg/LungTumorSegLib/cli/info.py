"""``lungtumorseg info``: which model, which engines, which devices."""

from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from .errors import Debug, exit_codes
from .output import Output, print_path
from .paths import path


def info_command(
    model: Annotated[
        Path | None, typer.Option(parser=path, metavar="FOLDER", help="Folder of another model bundle.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Show the model, the engines that are installed, their devices, and what would be used."""
    from rich.table import Table

    from ..model.bundle import load_bundle  # not before: --help and --version need not wait for numpy
    from ..model.engines.choose import available, open_engine

    with exit_codes(debug):
        console = Output()
        console.print(f"LungTumorSeg {__version__}, for research, not a medical device")
        table = Table("Engine", "Installed", "Devices", "Remark")
        for found in available():
            table.add_row(found.name, "yes" if found.installed else "no", ", ".join(found.devices), found.remark)
        console.print(table)
        loaded = load_bundle(model)
        console.print(f"model     {loaded.name} {loaded.version}")
        print_path(loaded.folder, "folder    ")
        console.print(f"checksum  {loaded.checksum}")
        opened = open_engine(loaded)
        console.print(f"runs on   {opened.name}, {opened.device}, {opened.precision} ({opened.reason})")
