"""A result in files: also as the version before wrote it."""

import json

import numpy as np
import pytest
from LungTumorSegLib import record
from LungTumorSegLib.errors import UnreadableError

from Testing.support import results


@pytest.fixture
def given():
    return results.with_less_likely(results.make_result(results.make_ct()))


@pytest.fixture
def folder(given, tmp_path):
    record.save(given, results.make_ct(), tmp_path)
    return tmp_path


def _rewrite(folder, schema=record.SCHEMA, **changes):
    with np.load(folder / record.VOXELS_NAME) as file:
        arrays = {name: values for name, values in dict(file).items() if name not in ("candidates", "masks")}
    np.savez(folder / record.VOXELS_NAME, **(arrays | changes))
    path = folder / record.JSON_NAME
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"schema": schema}), encoding="utf-8")


def test_nothing_is_lost(given, folder):
    results.assert_same(record.load(folder), given)


def test_one_with_an_array_for_each_lesion_is_read_too(given, folder):
    blocks = {f"candidate_{i}": candidate.block for i, candidate in enumerate(given.candidates)}
    masks = {f"mask_{i}": mask for i, (_, mask) in enumerate(given.outlines)}
    _rewrite(folder, record.AN_ARRAY_EACH, **blocks, **masks)
    results.assert_same(record.load(folder), given)


def test_without_lesions_and_candidates(given, tmp_path):
    nothing = results.make_result(results.make_ct(), candidates=(), lesions=(), masks=())
    record.save(nothing, results.make_ct(), tmp_path)
    results.assert_same(record.load(tmp_path), nothing)


@pytest.mark.parametrize("more", [-1, 1])
def test_voxels_that_do_not_fill_their_boxes_are_damage(given, folder, more):
    with np.load(folder / record.VOXELS_NAME) as file:
        arrays = dict(file)
    masks = np.resize(arrays["masks"], arrays["masks"].size + more)
    _rewrite(folder, candidates=arrays["candidates"], masks=masks)
    with pytest.raises(UnreadableError, match="damaged"):
        record.load(folder)
