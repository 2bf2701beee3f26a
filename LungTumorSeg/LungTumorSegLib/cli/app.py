"""The command ``lungtumorseg``: only registers; each command has a module of its own."""

import typer

from . import info, segment
from .output import tolerate_any_encoding

app = typer.Typer(
    name="lungtumorseg",
    help="Lung tumours in chest CT: find, outline and measure them. For research, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("segment")(segment.segment_command)
app.command("info")(info.info_command)


def main() -> None:
    tolerate_any_encoding()
    app(prog_name="lungtumorseg")
