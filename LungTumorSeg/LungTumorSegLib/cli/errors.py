"""How a command ends: the exit code of the error, one sentence on standard error."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ..errors import Cancelled, LungTumorSegError
from .output import say

Debug = Annotated[bool, typer.Option("--debug", help="Show where an error came from.")]


@contextmanager
def exit_codes(debug: bool) -> Iterator[None]:
    """Turn the library's errors and Ctrl-C into exit codes (2 is for usage and comes from Typer).

    3 bad input, 4 model refused, 5 engine failed, 130 cancelled, 1 an error that nobody foresaw.
    """
    try:
        yield
    except KeyboardInterrupt:
        _end(Cancelled("Cancelled. Nothing was written."), debug)
    except LungTumorSegError as error:
        _end(error, debug)
    except typer.Exit:
        raise
    except Exception as error:
        sentence = f"An unforeseen error: {type(error).__name__}: {error}. Please report it with the output of --debug."
        _end(LungTumorSegError(sentence), debug)


def _end(error: LungTumorSegError, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    say(f"lungtumorseg: {error}")
    raise typer.Exit(error.exit_code)
