"""Boxes of voxels; Geometry and AxialOrder over all 48 axis orders and flips, held against SimpleITK."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.geometry import RAS_FROM_LPS, AxialOrder, Box, Geometry, ras_from_lps, shared_voxels

from Testing.support import phantoms

CHEST, MASK = phantoms.chest((4.0, 5.0, 6.0), (380, 290, 180))
BOX = Box((2, 5, 40), (9, 31, 71))


def test_a_box_of_a_mask_holds_all_its_voxels_and_no_empty_border():
    mask = np.zeros((9, 12, 20), bool)
    mask[3, 4, 19] = mask[8, 6, 5] = True
    assert Box.around(mask) == Box((3, 4, 5), (9, 7, 20))
    assert Box.around(mask[8].astype(np.uint8)) == Box((6, 5), (7, 6))


def test_there_is_no_box_around_an_empty_mask():
    assert Box.around(np.zeros((3, 4, 5), bool)) is None
    assert Box.around(np.zeros((3, 0, 5), bool)) is None


def test_an_empty_mask_has_no_tight_box():
    mask = np.zeros((3, 4, 5), bool)
    with pytest.raises(ValueError, match="empty"):
        Box.tight(mask)
    mask[1, 2, 3] = True
    assert Box.tight(mask) == Box((1, 2, 3), (2, 3, 4))


def test_a_box_reads_the_voxels_between_its_corners():
    array = np.arange(60).reshape(3, 4, 5)
    assert np.array_equal(array[Box((1, 0, 2), (3, 2, 5)).slices], array[1:3, 0:2, 2:5])
    assert np.array_equal(array[Box.whole(array.shape).slices], array)
    assert BOX.shape == (7, 26, 31) and BOX.middle.tolist() == [5, 17.5, 55]


def test_a_box_is_the_same_from_corners_pairs_and_slices():
    assert Box.of_pairs([[2, 9], [5, 31], [40, 71]]) == Box.of_slices(BOX.slices) == BOX
    assert BOX.pairs == ((2, 9), (5, 31), (40, 71))
    assert Box(np.array((2, 5, 40)), np.array((9, 31, 71))) == BOX and len({BOX, Box.of_pairs(BOX.pairs)}) == 1


def test_a_box_of_numpy_indices_can_be_written_as_json():
    assert json.dumps(Box(np.array((2, 5)), np.array((9, 31))).pairs) == "[[2, 9], [5, 31]]"


def test_boxes_share_what_lies_in_both():
    other = Box((0, 30, 0), (100, 100, 100))
    assert BOX.intersect(other) == other.intersect(BOX) == Box((2, 30, 40), (9, 31, 71))


def test_boxes_that_do_not_meet_share_an_empty_box():
    for other in (Box((9, 5, 40), (12, 31, 71)), Box((2, 90, 40), (9, 95, 71)), Box((-9, 5, 40), (-2, 31, 71))):
        assert 0 in BOX.intersect(other).shape and 0 in other.intersect(BOX).shape


def test_a_box_grows_as_far_as_the_array_reaches():
    assert BOX.expand(3, (10, 100, 72)) == Box((0, 2, 37), (10, 34, 72))
    assert BOX.expand((0, 1, 2), (100, 100, 100)) == Box((2, 4, 38), (9, 32, 73))


def test_a_box_inside_another_holds_the_same_voxels():
    array = np.arange(9 * 31 * 71).reshape(9, 31, 71)
    inner = Box((4, 6, 50), (6, 20, 60))
    assert np.array_equal(array[BOX.slices][inner.inside(BOX).slices], array[inner.slices])
    assert inner.inside(BOX).shift(BOX.start) == inner


def test_voxels_of_two_masks_in_boxes_are_counted_where_both_are():
    whole = np.random.default_rng(0).random((2, 20, 20, 20)) < 0.5
    a, b = Box((2, 3, 4), (12, 13, 14)), Box((8, 0, 9), (20, 9, 20))
    expected = np.count_nonzero(whole[0, 8:12, 3:9, 9:14] & whole[1, 8:12, 3:9, 9:14])
    assert shared_voxels(a, whole[0][a.slices], b, whole[1][b.slices]) == expected > 0
    apart = Box((14, 0, 9), (20, 9, 20))
    assert shared_voxels(a, whole[0][a.slices], apart, whole[1][apart.slices]) == 0


def test_a_box_turned_inside_out_or_between_voxels_is_refused():
    with pytest.raises(ValueError, match="cannot reach"):
        Box((3, 0, 0), (2, 5, 5))
    with pytest.raises(ValueError):
        Box((0, 0), (2, 5, 5))
    with pytest.raises(TypeError):
        Box((0.5, 0, 0), (2, 5, 5))


@pytest.fixture(params=phantoms.ORDERS, ids=lambda o: "".join(map(str, o[0])) + "".join("+-"[f] for f in o[1]))
def stored(request):
    return phantoms.reorient(CHEST, *request.param)


def test_the_axial_view_is_what_simpleitk_makes_of_it(stored):
    image = sitk.DICOMOrient(phantoms.to_sitk(stored.voxels_zyx, stored.geometry), "LPS")
    axial = stored.geometry.axial()
    assert np.array_equal(stored.geometry.axial_order().view(stored.voxels_zyx), sitk.GetArrayFromImage(image))
    assert axial.shape_zyx == tuple(reversed(image.GetSize()))
    assert np.allclose(axial.spacing_xyz, image.GetSpacing())
    assert np.allclose(axial.origin_lps, image.GetOrigin())
    assert np.allclose(axial.direction, image.GetDirection())


def test_undo_is_the_inverse_of_view(stored):
    order = stored.geometry.axial_order()
    assert np.array_equal(order.undo(order.view(stored.voxels_zyx)), stored.voxels_zyx)


def test_boxes_hold_the_same_voxels_in_the_view_and_in_the_stored_array(stored):
    order = stored.geometry.axial_order()
    view = order.view(stored.voxels_zyx)
    box = order.undo_box(BOX, view.shape)
    assert np.array_equal(order.view(stored.voxels_zyx[box.slices]), view[BOX.slices])
    assert order.view_box(box, view.shape) == BOX


def test_a_crop_stays_where_it_was(stored):
    order = stored.geometry.axial_order()
    box = order.undo_box(BOX, stored.geometry.axial().shape_zyx)
    crop = stored.geometry.crop(box)
    assert np.allclose(crop.lps((1, 2, 3)), stored.geometry.lps(np.add(box.start, (1, 2, 3))))
    assert np.allclose(crop.axial().origin_lps, CHEST.geometry.lps(BOX.start))


def test_points_agree_with_simpleitk_and_go_back_and_forth(stored):
    image = phantoms.to_sitk(stored.voxels_zyx, stored.geometry)
    index_zyx = (3, 7, 11)
    assert np.allclose(stored.geometry.lps(index_zyx), image.TransformIndexToPhysicalPoint(index_zyx[::-1]))
    points = np.array([(-86.0, 12.0, 21.0), (10.5, -3.25, 40.0)])
    continuous = [image.TransformPhysicalPointToContinuousIndex(p)[::-1] for p in points]
    assert np.allclose(stored.geometry.index(points), continuous)
    assert np.allclose(stored.geometry.lps(stored.geometry.index(points)), points)


def test_the_nodule_is_where_it_was_put_in_every_axis_order():
    for order in phantoms.ORDERS:
        stored = phantoms.reorient(CHEST, *order)
        mask = AxialOrder(*order).view(MASK)
        centre = stored.geometry.lps(np.argwhere(mask).mean(0))
        assert np.abs(centre - phantoms.NODULE[0]).max() < 1
        assert stored.voxels_zyx[mask].mean() == CHEST.voxels_zyx[MASK].mean()


@pytest.mark.parametrize("degrees", [5, 20, 35])
def test_an_oblique_grid_is_seen_in_the_closest_axial_order(degrees):
    turned = phantoms.oblique(CHEST, degrees)
    assert turned.geometry.axial_order() == AxialOrder((0, 1, 2), (False,) * 3)
    image = phantoms.to_sitk(turned.voxels_zyx, turned.geometry)
    assert np.allclose(turned.geometry.lps((3, 7, 11)), image.TransformIndexToPhysicalPoint((11, 7, 3)))


def test_right_and_front_are_positive_in_ras_and_negative_in_lps():
    assert ras_from_lps((-86.0, 12.0, 21.0)) == (86.0, -12.0, 21.0)


def test_ras_goes_back_to_lps_by_the_same_function():
    point = (-86.0, 12.5, 21.0)
    assert ras_from_lps(ras_from_lps(point)) == point
    assert np.array_equal(RAS_FROM_LPS @ RAS_FROM_LPS, np.eye(4))


def test_the_affine_in_ras_takes_indices_to_the_same_points():
    turned = phantoms.oblique(CHEST, 20).geometry
    in_ras = RAS_FROM_LPS @ turned.affine @ (11, 7, 3, 1)
    assert np.allclose(in_ras[:3], ras_from_lps(turned.lps((3, 7, 11))))


def test_an_oblique_grid_keeps_its_axes_in_every_order():
    turned = phantoms.oblique(CHEST, 20)
    for order in phantoms.ORDERS:
        axial = phantoms.reorient(turned, *order).geometry.axial()
        assert np.allclose(axial.affine, turned.geometry.affine)


def test_an_affine_gives_back_the_geometry_it_came_from():
    turned = phantoms.oblique(CHEST, 33).geometry
    again = Geometry.from_affine(turned.shape_zyx, turned.affine)
    assert np.allclose(again.affine, turned.affine)
    assert np.allclose(again.spacing_xyz, (4, 5, 6))


def test_the_volume_of_a_voxel_is_that_of_its_sides_also_when_the_axes_are_flipped():
    assert CHEST.geometry.voxel_mm3 == pytest.approx(120)
    assert phantoms.reorient(CHEST, (2, 0, 1), (True, False, False)).geometry.voxel_mm3 == pytest.approx(120)


def test_a_matrix_that_is_handed_out_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        CHEST.geometry.affine[0, 3] = 5
    assert replace(CHEST.geometry, origin_lps=(5.0, 0.0, 0.0)).affine[0, 3] == 5
