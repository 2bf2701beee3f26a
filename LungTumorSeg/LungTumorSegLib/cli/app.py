"""The command ``lungtumorseg``: only registers; each command has a module of its own."""

from typing import Annotated

import typer

from .. import __version__
from . import cohort, compare, info, segment, send, watch
from .errors import exit_codes
from .interrupts import end_as_by_ctrl_c
from .output import let_readers_leave, print_line, tolerate_any_encoding

app = typer.Typer(
    name="lungtumorseg",
    help="Lung tumours in chest CT: find, outline and measure them. For research, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("segment")(segment.segment_command)
app.command("compare")(compare.compare_command)
app.command("cohort")(cohort.cohort_command)
app.command("send")(send.send_command)
app.command("watch")(watch.watch_command)
app.command("info")(info.info_command)


def _version(asked: bool) -> None:
    if asked:
        with exit_codes(debug=False):
            print_line(f"LungTumorSeg {__version__}")
        raise typer.Exit


@app.callback()
def everything(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """What stands before the command."""


def main() -> None:
    """The program ``lungtumorseg``: one command of the command line, which ends with its exit code."""
    tolerate_any_encoding()
    let_readers_leave()
    end_as_by_ctrl_c()
    app(prog_name="lungtumorseg")
