"""The lesions as a flat table: the `Lesion` contract's names and order, one number or word a column."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from ..data import Lesion, Result
from ..findings.measures import Measures
from ..geometry import Geometry, Point, ras_from_lps
from ..lesions import terminology

_BOX = tuple(f"label_box_{axis}{end}" for axis in "zyx" for end in (0, 1))
_ENDS = tuple(f"axis_points_ras_{end}_{axis}" for end in (1, 2, 3, 4) for axis in "ras")

# `label_box` becomes six columns (half-open voxel indices of the CT's stored array), `axis_points_lps` twelve: the
# ends of the long axis (1, 2) and of the short axis (3, 4), in RAS mm as Slicer shows them.
COLUMNS = (
    "id",
    *_BOX,
    "volume_mm3",
    "long_axis_mm",
    "short_axis_mm",
    *_ENDS,
    "slice_index",
    "mean_hu",
    "side",
    "confidence",
    "threshold",
    "status",
)
MORE = ("name", "centre_r", "centre_a", "centre_s", "case", "listed")
MEASURES = tuple(field.name for field in fields(Measures))
HEADER = (*COLUMNS, *MORE, *MEASURES)


def row(lesion: Lesion, to_ras: Callable[[Point], Iterable[float]] = ras_from_lps) -> dict:
    """The lesion's values by column of `COLUMNS`.

    Args:
        to_ras: From a point in LPS mm to the RAS mm that are shown.

    Returns:
        The values, ``None`` where there is none (no confidence, no end of an axis).
    """
    points: list[float | None] = [mm for point in lesion.axis_points_lps for mm in to_ras(point)]
    points += [None] * (len(_ENDS) - len(points))
    values = {name: getattr(lesion, name) for name in COLUMNS if name not in _BOX + _ENDS}
    values |= zip(_BOX, (end for ends in lesion.label_box.pairs for end in ends), strict=True)
    values |= zip(_ENDS, points, strict=True)
    return {name: values[name] for name in COLUMNS}


def write_csv(
    path: Path,
    result: Result,
    case: str,
    measured: Sequence[Measures],
    names: Mapping[int, str] | None = None,
) -> None:
    """Write ``lesions.csv``: commas and decimal points whatever the user's locale, UTF-8, numbers unrounded.

    After `COLUMNS` come `MORE`: the user's name, else "Lesion" and the id; a voxel's centre in the middle of the
    lesion, RAS mm; the CT's name; ``false`` for the less likely ones, which come after the others; then ``measured``. A
    lesion without a value (confidence of a model that gives none) has an empty cell.

    Args:
        case: The CT's name.
        measured: The `Measures` of each of ``result.outlines``.
        names: The user's, by lesion id.

    Raises:
        OSError: The file cannot be written.
    """
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        for (lesion, mask), one in zip(result.outlines, measured, strict=True):
            centre, listed = centre_ras(result.geometry, lesion, mask), _cell(lesion.listed)
            more = (terminology.name(lesion, names), *centre, case, listed)
            further = {name: _cell(value) for name, value in asdict(one).items()}
            writer.writerow(row(lesion) | dict(zip(MORE, more, strict=True)) | further)


def _cell(value: object) -> object:
    return ("true" if value else "false") if isinstance(value, bool) else value


def centre_ras(geometry: Geometry, lesion: Lesion, mask: np.ndarray) -> tuple[float, float, float]:
    """A point inside the lesion, as near to its centroid as can be: what ``--point`` takes.

    Args:
        geometry: The CT's grid.
        mask: bool (z, y, x), fills the lesion's ``label_box``.

    Returns:
        The point, RAS mm.
    """
    return ras_from_lps(geometry.inner_lps(mask, lesion.label_box).tolist())
