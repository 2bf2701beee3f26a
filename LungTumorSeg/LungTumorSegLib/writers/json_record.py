"""``result.json``: everything about a run and its lesions, for people and programs.

Points are RAS mm, as Slicer shows them, and say so in their names. The grid itself (``geometry``) is written as image
headers have it, in LPS.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import record
from ..data import CT, Result
from ..geometry import ras_from_lps
from ..lesions import terminology

SCHEMA = 1


def write(
    path: Path,
    result: Result,
    ct: CT,
    names: Mapping[int, str] | None = None,
    smooth_mm: float = 0.0,
    files: Sequence[str] = (),
) -> None:
    """Write `record.result_record` for the user, its points in RAS. Raises OSError.

    names, smooth_mm: see `result_files.save`; a ``name`` ends each lesion, a ``smooth_mm`` the options. files: the
    names of all that this result wrote.
    """
    values = record.result_record(result, ct) | {"schema": SCHEMA}
    options = values["options"]
    options["points_ras"] = [ras_from_lps(point) for point in options.pop("points_lps")]
    options["smooth_mm"] = smooth_mm
    values["lesions"] = [
        _in_ras(row) | {"name": terminology.name(lesion, names)}
        for lesion, row in zip(result.lesions, values["lesions"], strict=True)
    ]
    record.write(path, values | {"files": list(files)})


def _in_ras(lesion: dict) -> dict:
    """A lesion's record with its points in RAS, in the same order."""
    ends = [ras_from_lps(point) for point in lesion["axis_points_lps"]]
    return {
        name.replace("_lps", "_ras"): ends if name == "axis_points_lps" else value for name, value in lesion.items()
    }
