"""The study that judges the measures of the readers' outlines, on a pack made in code."""

import numpy as np
import pytest

from Testing.support import made_up_pack
from training.studies import measures


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_types_and_sizes_of_one_role_are_compared_with_the_readers(tmp_path):
    made = made_up_pack.make(tmp_path, volumes=False)
    confusion, sizes, slices = (table.splitlines() for table in measures.report(made, "test").split("\n\n"))
    solid = dict(zip(_cells(confusion[0]), _cells(confusion[2]), strict=True))
    assert solid == {
        "readers": "solid", "solid": "3", "part-solid": "0", "ground glass": "0", "calcified": "0", "cavitated": "0"
    }  # fmt: skip
    every = dict(zip(_cells(sizes[0]), _cells(sizes[-1]), strict=True))
    assert (every["diameter"], every["nodules"]) == ("all", "3")
    assert abs(float(every["long axis, mean"].removesuffix(" mm"))) < 0.6
    assert (every["volume, mean"], every["within 2 %"]) == ("+0.0 %", "100%")
    assert abs(float(every["own polygons, mean"].removesuffix(" mm"))) < 0.3 and every["own within 0.3 mm"] == "100%"
    assert _cells(slices[-1])[1:] == _cells(sizes[-1])[1:]


def test_the_longest_chord_is_that_of_one_polygon_on_one_slice():
    mask = np.zeros((3, 12, 12), bool)
    mask[1, 2, 1:9] = True  # 8 voxels in a row, and one of another part farther away
    mask[1, 11, 11] = mask[2, 2, 11] = True
    assert measures._longest_chord(mask) == pytest.approx(8)
