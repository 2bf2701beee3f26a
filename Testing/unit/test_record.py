"""A result in files: also as the version before wrote it."""

import json
from dataclasses import replace

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


def _cut(block):
    return block[:, :, :-1]


def test_what_does_not_fill_its_box_is_not_saved(given, tmp_path):
    candidate = replace(given.candidates[0], block=_cut(given.candidates[0].block))
    for changes in (
        {"candidates": (candidate, *given.candidates[1:])},
        {"masks": (_cut(given.masks[0]), *given.masks[1:])},
        {"less_likely_masks": (_cut(given.less_likely_masks[0]),)},
    ):
        with pytest.raises(ValueError, match="do not fill a box"):
            record.save(replace(given, **changes), results.make_ct(), tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("more", [-1, 1])
def test_voxels_that_do_not_fill_their_boxes_are_damage(given, folder, more):
    with np.load(folder / record.VOXELS_NAME) as file:
        arrays = dict(file)
    masks = np.resize(arrays["masks"], arrays["masks"].size + more)
    _rewrite(folder, candidates=arrays["candidates"], masks=masks)
    with pytest.raises(UnreadableError, match="damaged"):
        record.load(folder)
