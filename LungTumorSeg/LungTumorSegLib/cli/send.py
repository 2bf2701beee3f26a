"""``lungtumorseg send``: the DICOM objects of a folder to a server."""

from pathlib import Path
from typing import Annotated

import typer

from .errors import Debug, exit_codes
from .output import print_line
from .paths import path, word


def send_command(
    folder: Annotated[
        Path, typer.Argument(parser=path, metavar="DIR", help="Folder of a result with DICOM objects (--dicom).")
    ],
    to: Annotated[
        str, typer.Option("--to", parser=word, metavar="AET@HOST:PORT", help="The server: its title, host and port.")
    ],
    calling: Annotated[
        str, typer.Option("--from", parser=word, metavar="AET", help="This program's title, as the server knows it.")
    ] = "LUNGTUMORSEG",
    debug: Debug = False,
) -> None:
    """Send the DICOM objects of a folder to a DICOM server, and to no other place."""
    from ..network import address  # not before: --help and --version need not wait for pydicom

    try:
        server, own_title = address.parse(to), address.title(calling)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with exit_codes(debug):
        from ..network.send import send

        sent = send(folder, server, own_title)
        print_line(f"{server} stored {', '.join(path.name for path in sent.paths)}.")
        if sent.changed:
            print_line(f"It changed elements of {', '.join(path.name for path in sent.changed)}.")
        if sent.committed:
            print_line("It takes over the responsibility for them (storage commitment).")
