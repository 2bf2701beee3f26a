"""Writing a set of files so that all of them are there or none."""

import errno
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .. import signals
from ..errors import OutputError
from . import folder_lock

RECORD_OF_A_PART = "result.json"  # of a folder that is a part of a larger result

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota on this disk is used up",
    errno.EFBIG: "the disk does not take a file of this size",
    errno.ENAMETOOLONG: "the path is too long for this disk",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "you have no permission to write there"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "a file of that name is in the way"),
}


def reason(error: OSError) -> str:
    """Why nothing can be written, in words."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def output_error(folder: Path, error: OSError) -> OutputError:
    """What the user is told of an error in writing into ``folder``."""
    return OutputError(f"The results cannot be written to {folder}: {reason(error)}. Choose another output folder.")


def check_writable(folder: Path, files: tuple[str, ...], certain: Collection[str], overwrite: bool = False) -> None:
    """Raise now what `all_or_nothing` would raise after minutes of work. Leaves nothing behind.

    Args:
        files: As in `all_or_nothing`.
        certain: The names that are sure to be written.
        overwrite: As in `all_or_nothing`.

    Raises:
        OutputError: As `all_or_nothing`.
    """
    with _temporary_in(folder, files, overwrite):
        _refuse_own(folder, files, certain)


@contextmanager
def reserved(folder: Path, files: tuple[str, ...], certain: Collection[str], overwrite: bool = False) -> Iterator[None]:
    """Keep ``folder`` for one run, from before its work until its results are written.

    Args:
        folder: Made if need be, and gone again after the run if it was made here and is empty.
        files: As in `all_or_nothing`.
        certain: The names that are sure to be written.
        overwrite: As in `all_or_nothing`.

    Raises:
        OutputError: As `check_writable`, and where another run has reserved the folder.
    """
    with ExitStack() as kept:
        try:
            kept.enter_context(made(folder))
            kept.enter_context(folder_lock.locked(folder))
        except OSError as error:
            raise output_error(folder, error) from error
        check_writable(folder, files, certain, overwrite)
        yield


@contextmanager
def all_or_nothing(folder: Path, files: tuple[str, ...], overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder inside ``folder``; on a clean exit what was written in it moves to ``folder``.

    Whatever ends the block early (an error, Ctrl-C) leaves ``folder`` as it was, gone if it did not exist. A stop
    signal that comes while the files move acts when all have moved (see `signals.held_back`). What
    stands in no record is the user's own: it stays, and a new file of its name is an error.

    Args:
        files: Glob patterns of everything that a result can consist of, in the order in which they move; the last is
            its record.
        overwrite: An earlier result in ``folder`` is an error, or with ``overwrite`` what stands in its record
            ("files") is replaced.

    Yields:
        The temporary folder.

    Raises:
        OutputError: No permission, disk full, path too long, a file of that name, an earlier result, another run.
    """
    with _temporary_in(folder, files, overwrite) as temporary:
        yield temporary
        new = _matching(temporary, files)
        _refuse_own(folder, files, [path.name for path in new])
        with signals.held_back():  # between the two there is neither the earlier result nor the new one
            for path in earlier(folder, files):
                _remove(path)
            for path in new:
                path.replace(folder / path.name)


@contextmanager
def _temporary_in(folder: Path, files: tuple[str, ...], overwrite: bool) -> Iterator[Path]:
    try:
        with made(folder), folder_lock.locked(folder):
            old = earlier(folder, files)
            if old and not overwrite:
                raise OutputError(
                    f"{folder} already holds a result ({old[0].name}). Choose another output folder, or overwrite "
                    "that result (--overwrite)."
                )
            temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
            try:
                yield temporary
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise output_error(folder, error) from error


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """``folder`` exists; afterwards it is gone again with its parents if it was made here and is empty."""
    made = []
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in made:
            _remove_if_empty(path)


def _refuse_own(folder: Path, files: tuple[str, ...], names: Collection[str]) -> None:
    """Raise OutputError where one of these names is a file of the user's, or lies in a folder that is replaced."""
    replaced = earlier(folder, files)
    for path in replaced:
        if path.is_dir() and (own := _own_files(path)):
            raise OutputError(
                f"{path} holds {own[0]}, which no run of LungTumorSeg has recorded as its own. Move it away, or choose "
                "another output folder."
            )
    old = [path.name for path in replaced]
    for name in names:
        if name not in old and (folder / name).exists():
            raise OutputError(
                f"{folder} holds a file {name} that no run of LungTumorSeg has recorded as its own. Move it away, or "
                "choose another output folder."
            )


def _own_files(part: Path) -> list[str]:
    """What in a result's folder its record does not name; what systems hide there (.DS_Store) is nobody's."""
    try:
        recorded = json.loads((part / RECORD_OF_A_PART).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        recorded = []
    return sorted(path.name for path in part.iterdir() if path.name not in recorded and not path.name.startswith("."))


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def earlier(folder: Path, files: tuple[str, ...]) -> list[Path]:
    """What an earlier result consists of, by its record.

    Args:
        files: As in `all_or_nothing`.

    Returns:
        The paths, the record last; empty without one.
    """
    try:
        record = json.loads((folder / files[-1]).read_text("utf-8"))
        if not record["program"].startswith("LungTumorSeg"):
            return []
        # the first records named no files: then it is every name that is no pattern
        listed = set(record.get("files", files)) | {files[-1]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return [path for path in _matching(folder, files) if path.name in listed]


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
