"""``cases.csv`` and ``lesions.csv`` of a cohort, made from what is kept of its cases."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..enums import CaseStatus
from ..writers import lesion_table, result_files
from ..writers.output_folder import output_error
from . import kept
from .cases import Case
from .kept import Record
from .place import CASE_TABLE, LESION_TABLE

CASE_COLUMNS = (
    "case", "status", "reason", "lesions", "less_likely", "largest_mm", "volume_ml", "highest_confidence", "seconds",
    "peak_memory_mb", "attempts", "engine", "dicom", "input", "series_uid", "notes",
    "checksum",
)  # fmt: skip
MISSING = "missing"


def write(output: Path, cases: Sequence[Case], records: Mapping[str, Record]) -> None:
    """Write both tables, each as a whole: a row a case, in their order, and a row a lesion.

    A case without a record, which a stopped run has not done, is ``missing``. The lesions' columns are those of
    `lesion_table`, ``case`` the case's name.

    Args:
        output: The cohort's folder.
        records: By the cases' names.

    Raises:
        OutputError: They cannot be written.
    """
    try:
        with (
            kept.replaced(output, CASE_TABLE) as file,
            file.open("w", encoding="utf-8", newline="") as stream,
        ):
            table = csv.DictWriter(stream, CASE_COLUMNS, lineterminator="\n", extrasaction="ignore")
            table.writeheader()
            table.writerows(row(case, records.get(case.name)) for case in cases)
        with (
            kept.replaced(output, LESION_TABLE) as file,
            file.open("w", encoding="utf-8", newline="") as stream,
        ):
            table = csv.DictWriter(stream, lesion_table.HEADER, lineterminator="\n")
            table.writeheader()
            for case in cases:
                if records.get(case.name, {}).get("status") == CaseStatus.DONE:
                    table.writerows(lesions(output, case.name))
    except OSError as error:
        raise output_error(output, error) from error


def row(case: Case, values: Record | None) -> dict[str, Any]:
    """A case's row; its notes are one text."""
    if values is None:
        return {"case": case.name, "status": MISSING, "input": case.shown}
    return values | {"notes": " ".join(values.get("notes", ()))}


def lesions(output: Path, name: str) -> list[dict[str, str]]:
    """The rows of one case's own table.

    Args:
        output: The cohort's folder.
        name: Of the case.

    Raises:
        OSError: The table cannot be read.
    """
    with (output / kept.CASES / name / result_files.TABLE).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
