"""``result.json``: everything about a run and its lesions, for people and programs.

Points are RAS mm, as Slicer shows them, and say so in their names. The grid itself (``geometry``) is written as image
headers have it, in LPS.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .. import record
from ..data import CT, Result
from ..findings.measures import Measures
from ..findings.suggestions.nodule import Suggestion
from ..geometry import ras_from_lps
from ..lesions import terminology
from . import suggestion_table
from .lesion_table import centre_ras

SCHEMA = 2  # 1: `lesions` held the listed ones alone


def user_record(
    result: Result,
    ct: CT,
    measured: Sequence[Measures],
    names: Mapping[int, str] | None = None,
    smooth_mm: float = 0.0,
    files: Sequence[str] = (),
    identify: bool = False,
    suggestions: Mapping[int, Sequence[Suggestion]] | None = None,
) -> dict:
    """`record.result_record` for the user, its points in RAS mm.

    The CT is named by its file and the SHA-256 of its voxels (HU, in stored order).

    Args:
        measured: The `Measures` of each of ``result.outlines``.
        names: See `result_files.save`.
        smooth_mm: See `result_files.save`.
        files: The names of all that this result wrote.
        identify: Name the CT by its whole path too, in which folders may be named after people.
        suggestions: See `result_files.save`; with them the record has ``suggestions``.

    Returns:
        The record. Its ``lesions`` are the less likely ones too, after the others, with ``listed`` false. ``name``,
            ``centre_ras`` and its ``measured`` end each lesion, ``smooth_mm`` the options.
    """
    values = record.result_record(result, ct) | {"schema": SCHEMA, "input": _input(ct, identify)}
    options = values["options"]
    options["points_ras"] = [ras_from_lps(point) for point in options.pop("points_lps")]
    options["smooth_mm"] = smooth_mm
    values["lesions"] = [
        _in_ras(row)
        | {"name": terminology.name(lesion, names), "centre_ras": centre_ras(result.geometry, lesion, mask)}
        | asdict(one)
        for (lesion, mask), one, row in zip(result.outlines, measured, values["lesions"], strict=True)
    ]
    if suggestions is not None:
        values["suggestions"] = suggestion_table.records(suggestions)
    return values | {"files": list(files)}


def _input(ct: CT, identify: bool) -> dict:
    source = dict(ct.source)
    path = source.pop("path", None)
    checksum = hashlib.sha256(np.ascontiguousarray(ct.voxels_zyx)).hexdigest()
    named = {"name": ct.name, "file": path and Path(path).name, "voxels_sha256": checksum}
    return named | ({"path": path} if identify else {}) | source


def _in_ras(lesion: dict) -> dict:
    """A lesion's record with its points in RAS, in the same order."""
    ends = [ras_from_lps(point) for point in lesion["axis_points_lps"]]
    return {
        name.replace("_lps", "_ras"): ends if name == "axis_points_lps" else value for name, value in lesion.items()
    }
