"""Vessels, tails and bridges are cut off a component; what is a lesion stays as it is."""

import numpy as np
import pytest
from LungTumorSegLib.lesions.splitting import split_bodies

from Testing.support.blocks import ball, blank

SPACINGS = [(1.0, 1.0, 1.0), (0.6, 0.6, 1.25), (0.7, 0.7, 5.0)]


@pytest.fixture(params=SPACINGS, ids=str)
def ct(request):
    """60 mm a side."""
    return blank(request.param, tuple(round(60 / s) for s in request.param[::-1]))


def lesion(ct, radius: float, x_mm: float = 30.0) -> np.ndarray:
    """A ball in the middle of z and y."""
    centre = [round(mm / s) for mm, s in zip((30, 30, x_mm), ct.geometry.spacing_zyx, strict=True)]
    return ball(ct, centre, radius) > 0


def vessel(ct, width: float) -> np.ndarray:
    """Along x through the whole CT, square, through the middle of z and y."""
    shape, spacing = ct.voxels_zyx.shape, ct.geometry.spacing_zyx
    away = [np.abs(np.arange(n) - round(30 / s)) * s <= width / 2 for n, s in zip(shape[:2], spacing[:2], strict=True)]
    return np.broadcast_to((away[0][:, None] & away[1])[..., None], shape)


def parted(ct, mask) -> np.ndarray:
    return split_bodies(mask, ct.geometry.spacing_zyx)


@pytest.mark.parametrize("radius", [2, 3, 5, 9, 15])
def test_a_round_lesion_stays_as_it_is(ct, radius):
    mask = lesion(ct, radius)
    assert np.count_nonzero((parted(ct, mask) == 1) != mask) <= 0.02 * mask.sum()


@pytest.mark.parametrize("radius", [4, 8])
def test_a_vessel_that_runs_through_a_lesion_is_cut_off(ct, radius):
    alone = lesion(ct, radius)
    found = parted(ct, alone | vessel(ct, 2.0)) == 1
    assert not (alone & ~found).any()
    along_x = np.flatnonzero((found & ~alone).any((0, 1))) * ct.geometry.spacing_xyz[0]
    assert np.abs(along_x - 30).max(initial=0) < radius + 2.5


def test_two_lesions_on_one_vessel_are_two_bodies(ct):
    first, second = lesion(ct, 6, 15), lesion(ct, 5, 40)
    labels = parted(ct, first | second | vessel(ct, 2.0))
    assert labels.max() == 2
    shares = np.array([[np.mean(labels[mask] == body) for body in (1, 2)] for mask in (first, second)])
    assert sorted(shares.argmax(1)) == [0, 1] and shares.max(1).min() > 0.98


def test_what_is_thin_everywhere_is_kept_whole(ct):
    mask = vessel(ct, 2.0)
    np.testing.assert_array_equal(parted(ct, mask) == 1, mask)


def test_a_lesion_at_the_edge_of_the_scan_loses_no_more_than_the_rim_of_its_flat_side(ct):
    mask = lesion(ct, 9, x_mm=0)
    lost = mask & (parted(ct, mask) != 1)
    assert lost.sum() <= 0.05 * mask.sum()
    assert np.argwhere(lost)[:, 2].max(initial=0) * ct.geometry.spacing_xyz[0] <= 2


def test_a_single_voxel_is_a_body(ct):
    mask = lesion(ct, 0)
    assert mask.sum() == 1
    np.testing.assert_array_equal(parted(ct, mask) == 1, mask)
