"""Suggestions of guidelines as a flat table and for JSON: an entry for each lesion and guideline."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..findings.suggestions.nodule import Suggestion

FILE = "suggestions.csv"
COLUMNS = ("lesion", "guideline", "categories", "confirmed", "text")


def records(suggestions: Mapping[int, Sequence[Suggestion]]) -> list[dict]:
    """Values by name of `COLUMNS`, for JSON.

    Args:
        suggestions: By the lesion's id.
    """
    return [
        {
            "lesion": lesion,
            "guideline": each.guideline,
            "categories": list(each.categories),
            "confirmed": each.confirmed,
            "text": each.text,
        }
        for lesion, found in suggestions.items()
        for each in found
    ]


def write_csv(path: Path, suggestions: Mapping[int, Sequence[Suggestion]]) -> None:
    """Write ``suggestions.csv``, UTF-8; several categories stand one behind the other.

    Args:
        suggestions: As in `records`.

    Raises:
        OSError: The file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in records(suggestions):
            categories = " | ".join(row["categories"])
            writer.writerow(row | {"categories": categories, "confirmed": str(row["confirmed"]).lower()})
