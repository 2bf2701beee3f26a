"""``result.json``: everything about a run and its lesions, for people and programs."""

from collections.abc import Mapping
from pathlib import Path

from .. import record
from ..data import CT, Result
from ..lesions import terminology


def write(path: Path, result: Result, ct: CT, names: Mapping[int, str] | None = None, smooth_mm: float = 0.0) -> None:
    """Write `record.result_record` for the user. Raises OSError.

    names, smooth_mm: see `result_files.write`; a ``name`` ends each lesion, a ``smooth_mm`` the options.
    """
    values = record.result_record(result, ct)
    values["options"]["smooth_mm"] = smooth_mm
    for lesion, row in zip(result.lesions, values["lesions"], strict=True):
        row["name"] = terminology.name(lesion, names)
    record.write(path, values)
