"""Judges the measures of the readers' consensus outlines: type against the readers' ratings, size against the pack's.

The pack has no polygons. ``volume_mm3`` of its table counts the consensus of the polygons, filled on a fine grid;
``diameter_mm`` is the mean over the readers of their polygons' longest chord on a slice. Those polygons go through the
centres of the outline's pixels, as do the pack's masks. The consensus mask's own polygons are its borders halfway
between the voxels on its slices (marching squares).
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
from scipy.spatial.distance import pdist
from skimage.measure import find_contours

from ..config import Config
from ..data import seen
from ..data.pack import SIDE, read_patches

GRID = Geometry((SIDE,) * 3, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
# means of the readers' ratings: texture 1 non-solid to 5 solid, calcification 6 absent
SOLID, PART_SOLID, CALCIFIED = 4.0, 2.5, 4.5
SIZES_MM = ((0, 6), (6, 10), (10, 20), (20, np.inf))
SLICES_MM = ((0, 0.9), (0.9, 1.5), (1.5, np.inf))


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
            apart = _long_axis(nodule.consensus) - _longest_chord(nodule.consensus)
            sizes.append((own, float(nodule.row["slice_spacing"]), longest - own, 100 * (volume - 1), apart))
    found = np.array(sizes)
    by_size = _agreement("diameter", found, found[:, 0], SIZES_MM)
    return f"{_confusion(types)}\n\n{by_size}\n\n{_agreement('slices', found, found[:, 1], SLICES_MM)}"


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


def _longest_chord(mask: np.ndarray) -> float:
    """Of the mask's own polygons on any slice, mm. Voxels that touch by a corner are one part, as for the long axis."""
    padded = np.pad(mask, 1).astype(float)
    planes = padded[padded.any((1, 2))]
    polygons = (polygon for plane in planes for polygon in find_contours(plane, 0.5, fully_connected="high"))
    return max(float(pdist(polygon).max()) for polygon in polygons) * GRID.spacing_xyz[0]


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


def _agreement(heading: str, sizes: np.ndarray, key: np.ndarray, ranges: tuple[tuple[float, float], ...]) -> str:
    """A row for each range of ``key``, mm, and one for all.

    Args:
        sizes: (n, 5): diameter and slice distance, mm; by how much the readers' long axis is longer than their
            polygons' (mm), the volume larger (%), the consensus mask's long axis longer than its own polygons' (mm).
    """
    lines = [
        f"| {heading} | nodules | long axis, mean | sd | within 0.3 mm | volume, mean | within 2 % "
        "| own polygons, mean | own sd | own within 0.3 mm |",
        "|---" * 10 + "|",
    ]
    for low, high in (*ranges, (0, np.inf)):
        _, _, longer, larger, apart = sizes[(key >= low) & (key < high)].T
        if not len(longer):
            continue
        name = (
            "all" if (low, high) == (0, np.inf) else f"{low:g} to {high:g} mm" if high < np.inf else f"from {low:g} mm"
        )
        near, same, own = (np.mean(np.abs(off) <= most) for off, most in ((longer, 0.3), (larger, 2), (apart, 0.3)))
        lines.append(
            f"| {name} | {len(longer)} | {longer.mean():+.2f} mm | {longer.std():.2f} mm | {near:.0%} "
            f"| {larger.mean():+.1f} % | {same:.0%} | {apart.mean():+.2f} mm | {apart.std():.2f} mm | {own:.0%} |"
        )
    return "\n".join(lines)
