"""Every format, byte order, compression and number type, in four orientations: each voxel lies where it was.

A fixed sample always runs; the rest is marked ``long``.
"""

import random
from itertools import groupby

import pytest
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import reading_matrix
from Testing.support.reading_matrix import COMBINATIONS, PIECE


def fixed_sample(size):
    """One of each format, byte order and compression, and some more; always the same ones."""
    chance = random.Random(17)
    by_kind = sorted(COMBINATIONS, key=lambda c: (c.form, c.order, c.packing))
    sample = [chance.choice(list(alike)) for _, alike in groupby(by_kind, lambda c: (c.form, c.order, c.packing))]
    rest = [c for c in COMBINATIONS if c not in sample]
    return sample + chance.sample(rest, size - len(sample))


SAMPLE = fixed_sample(60)
REST = [c for c in COMBINATIONS if c not in SAMPLE]


def check(combination, folder):
    path = reading_matrix.write(combination, folder)
    ct = read_ct(path)
    assert not reading_matrix.difference(ct, PIECE)
    other = reading_matrix.others(combination, path)
    assert other is None or not reading_matrix.difference(ct, other)


@pytest.mark.parametrize("combination", SAMPLE, ids=str)
def test_each_voxel_lies_where_it_was(tmp_path, combination):
    check(combination, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("combination", REST, ids=str)
def test_each_voxel_lies_where_it_was_in_the_rest_of_the_matrix(tmp_path, combination):
    check(combination, tmp_path)


def test_the_sample_holds_every_format_and_number_type():
    for part in ("form", "order", "packing", "numbers", "orientation"):
        assert {getattr(c, part) for c in SAMPLE} == {getattr(c, part) for c in COMBINATIONS}
    assert len(COMBINATIONS) >= 500
