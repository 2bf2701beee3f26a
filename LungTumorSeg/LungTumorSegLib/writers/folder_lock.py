"""One run at a time in an output folder: the system's lock on a file in it, which ends with the process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import OutputError

NAME = ".lungtumorseg.lock"
_held: set[Path] = set()  # by this process: what reserves a folder for a run may write into it


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep an existing folder from other processes.

    Args:
        folder: An existing one. This process may lock it again while it has it.

    Raises:
        OSError: The lock's file cannot be opened there.
        OutputError: Another process has the folder.
    """
    path = folder.resolve() / NAME
    if path in _held:
        yield
        return
    handle = _open(path, folder)
    _held.add(path)
    try:
        yield
    finally:
        _held.discard(path)
        if sys.platform == "win32":
            os.close(handle)  # Windows removes no open file
            with suppress(OSError):
                path.unlink()
        else:
            path.unlink(missing_ok=True)
            os.close(handle)


def _open(path: Path, folder: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
        except BlockingIOError:
            os.close(handle)
            raise OutputError(
                f"Another run is writing its results to {folder}. Wait until it has ended, or choose another output "
                "folder."
            ) from None
        except OSError:
            return handle  # a disk that knows no locks
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # the run before has removed it in this moment


def _lock(handle: int) -> None:
    """Raises BlockingIOError where another process holds it, another OSError where there are no locks."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
