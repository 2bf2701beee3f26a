"""Writing a set of files so that all of them are there or none."""

import errno
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota on this disk is used up",
    errno.EFBIG: "the disk does not take a file of this size",
    errno.ENAMETOOLONG: "the path is too long for this disk",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "you have no permission to write there"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "a file of that name is in the way"),
}


def output_error(folder: Path, error: OSError) -> OutputError:
    """What the user is told of an error in writing into ``folder``."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return OutputError(f"The results cannot be written to {folder}: {reason}. Choose another output folder.")


def check_writable(folder: Path, files: tuple[str, ...], overwrite: bool = False) -> None:
    """Raise now what `all_or_nothing` would raise after minutes of work. Leaves nothing behind."""
    with _temporary_in(folder, files, overwrite):
        pass


@contextmanager
def all_or_nothing(folder: Path, files: tuple[str, ...], overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder inside ``folder``; on a clean exit what was written in it moves to ``folder``.

    Whatever ends the block early (an error, Ctrl-C) leaves ``folder`` as it was, gone if it did not exist.
    files: glob patterns of everything that a result can consist of, in the order in which they move; the last is its
    record. Those that an earlier result left in ``folder`` are an error, or are replaced with ``overwrite``; what
    matches a pattern but stands in no record ("files") is the user's own.

    Raises OutputError: no permission, disk full, path too long, a file of that name, an earlier result.
    """
    with _temporary_in(folder, files, overwrite) as temporary:
        yield temporary
        for old in _earlier(folder, files):
            _remove(old)
        for new in _matching(temporary, files):
            new.replace(folder / new.name)


@contextmanager
def _temporary_in(folder: Path, files: tuple[str, ...], overwrite: bool) -> Iterator[Path]:
    made: list[Path] = []
    temporary: Path | None = None
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        if not overwrite and (earlier := _earlier(folder, files)):
            raise OutputError(
                f"{folder} already holds a result ({earlier[0].name}). Choose another output folder, or overwrite that "
                "result (--overwrite)."
            )
        temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
        yield temporary
    except OSError as error:
        raise output_error(folder, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        for path in made:
            _remove_if_empty(path)


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def _earlier(folder: Path, files: tuple[str, ...]) -> list[Path]:
    try:
        listed = json.loads((folder / files[-1]).read_text("utf-8")).get("files", ())
    except (OSError, ValueError, AttributeError):
        listed = ()
    return [path for path in _matching(folder, files) if path.name in files or path.name in listed]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # never made, or somebody else's files came in meanwhile
