"""A log of runs for whoever runs many: one file that rotates, run ids and versions, nothing about patients."""

import logging
import platform
import sys
import time
import uuid
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Self

from .. import __version__
from ..data import Result
from ..errors import OutputError
from .output import say

MOST_BYTES, KEPT = 1_000_000, 3  # about 3,000 runs a file


class _File(RotatingFileHandler):
    """Says once that it can't be written any more: the run matters more than its log."""

    failed = False

    def handleError(self, record: logging.LogRecord) -> None:
        if not self.failed:
            self.failed = True
            say(f"Note: The log {self.baseFilename} can't be written any more ({sys.exc_info()[1]}).")


class RunLog:
    """One run in the log: a line when it begins, one for what it found, one when it ends.

    No name, path, date or value of a CT is written, and no sentence of an error, which may hold a name.

    Args:
        file: None for no log.

    Raises:
        OutputError: The file can't be written.
    """

    def __init__(self, file: Path | None):
        self._began, self._id = time.monotonic(), uuid.uuid4().hex[:12]
        self._logger = logging.Logger("lungtumorseg")
        if file is None:
            self._logger.addHandler(logging.NullHandler())
            return
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handler = _File(file, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"The log {file} can't be written ({error.strerror or error}). Choose another file."
            ) from error
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._logger.addHandler(handler)

    def __enter__(self) -> Self:
        self._write(f"began: LungTumorSeg {__version__}, Python {platform.python_version()}, {sys.platform}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        code = 0 if kind is None else getattr(error, "exit_code", 130 if kind is KeyboardInterrupt else 1)
        how = f"exit {code}" if kind is None else f"exit {code}, {kind.__name__}"
        self._write(f"ended: {how}, {time.monotonic() - self._began:.1f} s")
        for handler in self._logger.handlers:
            with suppress(OSError):  # said already
                handler.close()

    def found(self, result: Result) -> None:
        """Write the line of a result: model, engine, seconds of each stage, peak memory in MB."""
        model = f"{result.model['name']} {result.model['version']} ({result.model['checksum'][:12]})"
        stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.seconds.items())
        how = f"{result.engine}, {result.device}, {result.precision}"
        self._write(f"done: {model} on {how}; {stages}; {result.peak_memory_mb:.0f} MB")

    def _write(self, text: str) -> None:
        self._logger.info("%s %s", self._id, text)
