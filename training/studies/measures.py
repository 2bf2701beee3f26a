"""Judges the measures of the readers' consensus outlines: type against the readers' ratings, size against the pack's.

The pack has no polygons. ``volume_mm3`` of its table counts the consensus of the polygons, filled on a fine grid;
``diameter_mm`` is the mean over the readers of their polygons' longest chord on a slice.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from LungTumorSegLib.data import CT
from LungTumorSegLib.enums import LesionType
from LungTumorSegLib.findings.density import density_of
from LungTumorSegLib.findings.field import field_of
from LungTumorSegLib.findings.shape import shape_of
from LungTumorSegLib.geometry import Box, Geometry

from ..config import Config
from ..data import seen
from ..data.pack import SIDE, read_patches

GRID = Geometry((SIDE,) * 3, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
# means of the readers' ratings: texture 1 non-solid to 5 solid, calcification 6 absent
SOLID, PART_SOLID, CALCIFIED = 4.0, 2.5, 4.5
SIZES_MM = ((0, 6), (6, 10), (10, 20), (20, np.inf))


class Nodule(NamedTuple):
    """A nodule of the pack with its readers' outlines.

    Attributes:
        row: Of the pack's table.
        ct: The patch in HU.
        consensus: bool (50, 50, 50), of half of the readers.
        readers: bool (50, 50, 50), of each of them.
    """

    row: dict
    ct: CT
    consensus: np.ndarray
    readers: list[np.ndarray]


def report(config: Config, role: str) -> str:
    """The tables of a role's nodules.

    Args:
        config: Says where the pack is.
        role: Of the pack's split.

    Returns:
        Markdown.
    """
    types: Counter = Counter()
    sizes = []
    for nodule in _nodules(config, role):
        box, mask = _cut(nodule.consensus)
        types[_rated(nodule.row), density_of(mask, box, nodule.ct).type] += 1
        if nodule.row["touches_border"] == "0" and nodule.row["merged_cluster"] == "0":
            own = float(nodule.row["diameter_mm"])
            longest = np.mean([_long_axis(reader) for reader in nodule.readers])
            volume = np.count_nonzero(mask) * GRID.voxel_mm3 / float(nodule.row["volume_mm3"])
            sizes.append((own, longest - own, 100 * (volume - 1)))
    return f"{_confusion(types)}\n\n{_agreement(np.array(sizes))}"


def _nodules(config: Config, role: str) -> Iterator[Nodule]:
    folder, roles = Path(config.data.pack) / "patches", seen.roles(Path(config.data.split))
    with (folder / "lidc_nodules.csv").open(encoding="utf-8", newline="") as file:
        rows = {int(row["index"]): row for row in csv.DictReader(file) if roles[row["patient"]] == role}
    for shard in sorted(folder.glob("*.zip")):
        arrays = read_patches(shard)
        for i, index in enumerate(arrays["index"].tolist()):
            if index not in rows:
                continue
            count = int(rows[index]["n_readers"])
            target = arrays["lesion"][i] == 1
            hu = 8 * arrays["ct"][i].astype(np.int16) - 1024
            marked = [target & (arrays["reader_bits"][i] >> k & 1 > 0) for k in range(count)]
            yield Nodule(rows[index], CT(hu, GRID), target & (arrays["readers"][i] >= count / 2), marked)


def _cut(mask: np.ndarray) -> tuple[Box, np.ndarray]:
    box = Box.tight(mask)
    return box, mask[box.slices]


def _long_axis(mask: np.ndarray) -> float:
    box, inside = _cut(mask)
    return shape_of(field_of(inside, box, GRID)).long_axis_mm


def _rated(row: dict) -> LesionType:
    """What the readers' mean ratings say; cavities were not rated."""
    texture, calcification = float(row["texture"]), float(row["calcification"])
    if calcification <= CALCIFIED:
        return LesionType.CALCIFIED
    if texture >= SOLID:
        return LesionType.SOLID
    return LesionType.PART_SOLID if texture >= PART_SOLID else LesionType.GROUND_GLASS


def _confusion(types: Counter) -> str:
    rated = [kind for kind in LesionType if kind != LesionType.CAVITATED]
    lines = [f"| readers | {' | '.join(LesionType)} |", "|---" * (len(LesionType) + 1) + "|"]
    lines += [f"| {one} | {' | '.join(str(types[one, found]) for found in LesionType)} |" for one in rated]
    return "\n".join(lines)


def _agreement(sizes: np.ndarray) -> str:
    lines = [
        "| diameter | nodules | long axis, mean | sd | within 0.3 mm | volume, mean | within 2 % |",
        "|---" * 7 + "|",
    ]
    for low, high in (*SIZES_MM, (0, np.inf)):
        own, longer, larger = sizes[(sizes[:, 0] >= low) & (sizes[:, 0] < high)].T
        if not len(own):
            continue
        name = "all" if (low, high) == (0, np.inf) else f"{low} to {high} mm" if high < np.inf else f"{low} mm and more"
        near, same = (np.mean(np.abs(off) <= most) for off, most in ((longer, 0.3), (larger, 2)))
        lines.append(
            f"| {name} | {len(own)} | {longer.mean():+.2f} mm | {longer.std():.2f} mm | {near:.0%} "
            f"| {larger.mean():+.1f} % | {same:.0%} |"
        )
    return "\n".join(lines)
