"""Components of a network's map, found island by island: the same as in labels of the whole map, in little memory."""

import tracemalloc

import numpy as np
import pytest
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions.regions import CELL_PX, LEAST_P, MOST, best_regions
from scipy import ndimage

SHAPE = (37, 50, 42)  # no multiples of a cell


@pytest.fixture(params=["blobs", "noise", "nothing", "everything"])
def values(request) -> np.ndarray:
    rng = np.random.default_rng(4)
    noise = rng.random(SHAPE)
    if request.param == "blobs":  # several a cell's width apart, some touch with a corner alone
        noise = ndimage.uniform_filter(noise, 3)
        noise = (noise - noise.min()) / np.ptp(noise)
    made = {"blobs": 40 * noise**3, "noise": 13.5 * noise, "nothing": 12 * noise, "everything": 13 + 200 * noise}
    return made[request.param].astype(np.uint8)


def test_they_are_those_of_labels_of_the_whole_map(values):
    labels, count = ndimage.label(values >= LEAST_P, np.ones((3, 3, 3)))
    wanted = []
    for label, sides in enumerate(ndimage.find_objects(labels), 1):
        mask = labels[sides] == label
        wanted.append((-int(values[sides][mask].max()), -int(mask.sum()), label, Box.of_slices(sides), mask))
    wanted = sorted(wanted, key=lambda each: each[:3])[:MOST]
    found = best_regions(values)
    assert len(found) == min(count, MOST)
    for region, (highest, voxels, label, box, mask) in zip(found, wanted, strict=True):
        assert (-region.highest, -region.voxels, region.box) == (highest, voxels, box)
        np.testing.assert_array_equal(region.mask, mask)
        wide = box.expand(5, SHAPE)
        there = labels[wide.slices]
        np.testing.assert_array_equal(region.owns(wide, values[wide.slices]), (there == label) | (there == 0))


def test_the_map_is_read_as_asked():
    values = np.zeros((20, 20, 20), np.uint8)
    values[3, 3, 3], values[12, 12, 12:14] = 100, 90
    table = np.where(np.arange(256) > 95, 40, 0).astype(np.uint8)
    (region,) = best_regions(values, table.__getitem__)
    assert (region.box, region.highest) == (Box((3, 3, 3), (4, 4, 4)), 40)


def test_no_labels_of_the_whole_map_are_made():
    """Of a map with a few lesions a third of its size at most; labels of it all took four times its size."""
    values = np.zeros((200, 256, 256), np.uint8)
    for z in range(20, 200, 40):
        values[z : z + 10, z : z + 10, 60 : 60 + CELL_PX] = 200
    tracemalloc.start()
    found = best_regions(values)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 5
    assert peak < values.nbytes / 3
