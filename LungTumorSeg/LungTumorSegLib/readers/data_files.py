"""The files that hold the voxels beside a header of NRRD or MetaImage: one, a list of them, or a numbered pattern."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..errors import UnreadableError
from .problems import damaged

MOST_FILES = 100_000


def beside(header: Path, value: str, listed: list[str]) -> list[Path]:
    """The files that hold the voxels beside a header.

    Args:
        header: the header's file.
        value: what the header says: a name, LIST, or a pattern with first number, last number and step.
        listed: the names, where it says LIST.

    Raises:
        UnreadableError: one of the files is missing, or lies outside of the header's folder: who made a header could
            else have any file of this computer read.
    """
    pattern = re.fullmatch(r"(.*%\d{0,2}d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?[1-9]\d*)(?:\s+\d+)?", value)
    if is_list(value):
        names = [name.strip() for name in listed[:MOST_FILES] if name.strip()]
    elif pattern:
        numbers = _numbers(header, *pattern.groups()[1:])
        try:
            names = [pattern[1] % number for number in numbers]
        except (TypeError, ValueError) as error:  # further % than that of the number
            raise damaged(header) from error
    else:
        names = [value]
    for name in names:
        if not _lies_beside(name):
            raise UnreadableError(
                f"{header.name} says that its voxels lie in {name!r:.100}, outside of its own folder. Put header and "
                "voxels into one folder, and write the name alone into the header."
            )
    files = [header.parent / name for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        what = f"{missing[0]}{more}" if missing else "The list of the files"
        raise UnreadableError(
            f"{what}, with voxels of {header.name}, is missing. Copy the header and its files together."
        )
    return files


def _numbers(header: Path, *written: str) -> range:
    """From the first to the last one, as a pattern says."""
    if max(map(len, written)) > 9:  # range and int would take any
        raise damaged(header)
    first, last, step = map(int, written)
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > MOST_FILES:
        raise damaged(header)
    return numbers


def _lies_beside(name: str) -> bool:
    """By the name, on any system: \\ is a folder on Windows."""
    return "\0" not in name and not any(
        path.is_absolute() or path.drive or ".." in path.parts for path in (PurePosixPath(name), PureWindowsPath(name))
    )


def is_list(value: str) -> bool:
    """Whether a header's value for the data file begins a list of files (LIST, of NRRD and MetaImage)."""
    return bool(re.match(r"LIST(\s|$)", value, re.IGNORECASE))
