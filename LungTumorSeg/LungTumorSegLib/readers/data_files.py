"""The files that hold the voxels beside a header of NRRD or MetaImage: one, a list of them, or a numbered pattern."""

import re
from pathlib import Path

from ..errors import UnreadableError


def beside(header: Path, value: str, listed: list[str]) -> list[Path]:
    """The files that hold the voxels beside a header.

    Args:
        header: the header's file.
        value: what the header says: a name, LIST, or a pattern with first number, last number and step.
        listed: the names, where it says LIST.

    Raises:
        UnreadableError: one of the files is missing.
    """
    pattern = re.fullmatch(r"(.*%\d*d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?[1-9]\d*)(?:\s+\d+)?", value)
    if is_list(value):
        names = [name.strip() for name in listed if name.strip()]
    elif pattern:
        first, last, step = (int(number) for number in pattern.groups()[1:])
        names = [pattern[1] % number for number in range(first, last + (1 if step > 0 else -1), step)]
    else:
        names = [value]
    files = [header.parent / name for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        what = f"{missing[0]}{more}" if missing else "The list of the files"
        raise UnreadableError(
            f"{what}, with voxels of {header.name}, is missing. Copy the header and its files together."
        )
    return files


def is_list(value: str) -> bool:
    return bool(re.match(r"LIST(\s|$)", value, re.IGNORECASE))
