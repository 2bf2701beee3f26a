"""How a command ends: the exit code of the error, one sentence on standard error."""

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ..errors import Cancelled, LungTumorSegError
from .output import print_line, say

Debug = Annotated[bool, typer.Option("--debug", help="Show where an error came from.")]


@contextmanager
def exit_codes(debug: bool, as_json: bool = False) -> Iterator[None]:
    """Turn the library's errors and Ctrl-C (see `interrupts`) into exit codes (2 is for usage and comes from Typer).

    3 bad input, 4 model refused, 5 engine failed, 6 DICOM server refused, 130 cancelled, 1 an error that nobody
    foresaw.

    Args:
        debug: Show where an error came from.
        as_json: The error is a JSON line on standard output as well.

    Raises:
        typer.Exit: With the error's exit code.
    """
    try:
        yield
    except KeyboardInterrupt:
        error: LungTumorSegError = Cancelled("Cancelled.")
    except LungTumorSegError as known:
        error = known
    except typer.Exit:
        raise
    except Exception as unforeseen:
        sentence = f"An unforeseen error: {type(unforeseen).__name__}: {unforeseen}. "
        error = LungTumorSegError(sentence + "Please report it with the output of --debug.")
        error.__cause__ = unforeseen
    else:
        return
    if debug:
        traceback.print_exception(error)
    if as_json:
        values = {"error": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
        print_line(json.dumps({"type": "error", **values}))
    say(f"lungtumorseg: {error}")
    raise typer.Exit(error.exit_code)
