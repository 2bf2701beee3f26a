"""The cases of a CSV table: a row a case, with options of its own."""

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data import Options
from ..errors import InputError, UnreadableError
from ..geometry import Point, lps_from_text
from ..model.card import check_threshold
from .cases import Case, clean_name, stem, with_own_names


def _number(text: str, least: float = -math.inf, most: float = math.inf) -> float:
    value = float(text)
    if not (math.isfinite(value) and least <= value <= most):
        raise ValueError(text)
    return value


def _threshold(text: str) -> float:
    check_threshold(value := _number(text))
    return value


def _yes(text: str) -> bool:
    if text.lower() not in ("yes", "no", "true", "false", "1", "0"):
        raise ValueError(text)
    return text.lower() in ("yes", "true", "1")


def _points(text: str) -> tuple[Point, ...]:
    """Points R,A,S in mm as Slicer shows them, with semicolons between them, or with spaces for the commas."""
    return tuple(lps_from_text(",".join(point.replace(",", " ").split())) for point in text.split(";"))


# the columns of a case's own options, named as those of the command
OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "threshold": ("threshold", _threshold),
    "min_diameter": ("min_diameter_mm", lambda text: _number(text, least=0)),
    "min_confidence": ("min_confidence", lambda text: _number(text, 0, 1)),
    "point": ("points_lps", _points),
    "no_lung_mask": ("lung_restriction", lambda text: not _yes(text)),
}
READING: dict[str, Callable[[str], Any]] = {"series": str, "allow_partial": _yes, "add_hu": _number}


def cases(table: Path, options: Options, reading: dict[str, Any]) -> list[Case]:
    """The cases of a table, in its order.

    Columns: path (relative to the table), and any of `OPTIONS`, `READING` and case (its name). An empty cell leaves
    what is given for all.

    Args:
        table: CSV in UTF-8, with commas, or with semicolons and a header that has no comma.
        options: Given for all.
        reading: Given for all, further arguments of `read_ct`.

    Raises:
        UnreadableError: No such table, or no CSV.
        InputError: An unknown column, a value that is none, a name that is twice.
    """
    try:
        text = table.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"The table {table} can't be read ({error}). Save it as CSV in UTF-8.") from error
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        _check_columns(table, [name.strip() for name in rows.fieldnames or ()])
        found = [_case(table, number, row, options, reading) for number, row in _filled(table, rows)]
    except csv.Error as error:
        raise UnreadableError(f"The table {table} is no CSV ({error}). Save it as CSV in UTF-8.") from error
    if not found:
        raise InputError(f"The table {table} has no row with a path.")
    return with_own_names(found)


def _check_columns(table: Path, names: list[str]) -> None:
    known = ("path", "case", *OPTIONS, *READING)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"The table {table} has a column {unknown[0]!r}, which is unknown. Columns are {', '.join(known)}."
        )
    if "path" not in names:
        raise InputError(f"The table {table} has no column 'path'.")
    if twice := [name for name, often in Counter(names).items() if often > 1]:
        raise InputError(f"The table {table} has the column {twice[0]!r} twice.")


def _filled(table: Path, rows: csv.DictReader) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with anything in them, and the line they are on; without empty cells."""
    names: Counter[str] = Counter()
    for row in rows:
        if row.get(None) or None in row.values():  # csv's key for what is too much
            raise InputError(f"Line {rows.line_num} of {table} has not as many cells as the first line.")
        cells = {name.strip(): cell.strip() for name, cell in row.items() if cell.strip()}
        if not cells:
            continue
        if name := cells.get("case"):
            names[clean_name(name).lower()] += 1
            if names[clean_name(name).lower()] > 1:
                raise InputError(f"Line {rows.line_num} of {table}: there is a case {name!r} already.")
        yield rows.line_num, cells


def _case(table: Path, line: int, cells: dict[str, str], options: Options, reading: dict[str, Any]) -> Case:
    if "path" not in cells:
        raise InputError(f"Line {line} of {table} has no path.")
    changed, read = {}, {}
    for column, text in cells.items():
        try:
            if column in OPTIONS:
                field, value = OPTIONS[column]
                changed[field] = value(text)
            elif column in READING:
                read[column] = READING[column](text)
        except (ValueError, InputError) as error:
            why = f" ({error})" if isinstance(error, InputError) else ""
            raise InputError(f"Line {line} of {table}: {text!r} is no value for {column}{why}.") from None
    path = table.parent / cells["path"]
    name = clean_name(cells.get("case") or stem(path.name))
    return Case(name, path, cells["path"], replace(options, **changed), {**reading, **read})
