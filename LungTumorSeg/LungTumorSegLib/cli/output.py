"""What the command prints: whatever a terminal, a log file or a closed pipe makes of it, it is no error."""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from rich.console import Console

_AS_BYTES = "lungtumorseg.as_bytes"
_TERMINALS = [number for number in (1, 2) if os.isatty(number)]


class Output(Console):
    """A console whose reader may leave before the end, as ``| head`` does. Names may hold what looks like markup."""

    def __init__(self, stderr: bool = False):
        super().__init__(stderr=stderr, highlight=False, markup=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Drop what is still printed; Rich itself would end with 1."""
        _reader_has_left(self)


def _reader_has_left(console: Console) -> None:
    console.quiet = True
    _drop_the_rest(console.file)


def let_readers_leave() -> None:
    """The same for help and wrong use, which Typer prints on consoles of its own; Rich ends with 1 there."""
    Console.on_broken_pipe = _reader_has_left  # type: ignore[assignment,method-assign]  # Rich means it to be overridden


def tolerate_any_encoding() -> None:
    """Letters that an output's encoding lacks are escaped, bytes of a path that are none of its letters stay."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_AS_BYTES)


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)  # printing only encodes
    lacking = error.object[error.start : error.end]
    # Python holds a path's byte 0x80 to 0xFF that it can't decode as U+DC80 to U+DCFF
    return b"".join(
        bytes([ord(letter) - 0xDC00]) if 0xDC80 <= ord(letter) <= 0xDCFF else letter.encode("ascii", "backslashreplace")
        for letter in lacking
    ), error.end


codecs.register_error(_AS_BYTES, _as_bytes)


def say(text: str) -> None:
    """A line on standard error, the paths in it as they are."""
    _write(sys.stderr, text)


def drop_lost_terminals() -> None:
    """What is still printed on a terminal that was closed goes nowhere; it would be an error else."""
    for number in _TERMINALS:
        if not os.isatty(number):
            _to_nowhere(number)


def print_line(text: str) -> None:
    """A line on standard output, at once."""
    with _reader_may_leave(sys.stdout):
        print(text, flush=True)


def print_path(path: Path, before: str = "") -> None:
    """Its very bytes, whatever the terminal's encoding: the line can be pasted. A dash in front would be an option."""
    _write(sys.stdout, f"{before}{'./' if str(path).startswith('-') else ''}{path}")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed before the command began (2>&-)
        return
    try:
        line = os.fsencode(text)
    except UnicodeEncodeError:  # a letter of ours that the file system's encoding lacks
        line = text.encode(sys.getfilesystemencoding(), _AS_BYTES)
    with _reader_may_leave(stream):
        stream.flush()
        stream.buffer.write(line + b"\n")
        stream.buffer.flush()


@contextmanager
def _reader_may_leave(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # what can't be said on standard error must not hide how the run ended
        if not isinstance(error, BrokenPipeError) and stream is not sys.stderr:
            raise
        _drop_the_rest(stream)


def _drop_the_rest(stream: IO[str]) -> None:
    """What is still printed goes nowhere: nobody reads it."""
    _to_nowhere(stream.fileno())


def _to_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
