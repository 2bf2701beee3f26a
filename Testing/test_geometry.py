"""Geometry and AxialOrder over all 48 axis orders and flips, held against SimpleITK."""

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from LungTumorSegLib.geometry import AxialOrder, Geometry

CHEST, MASK = phantoms.chest((4.0, 5.0, 6.0), (380, 290, 180))
BOX = (slice(2, 9), slice(5, 31), slice(40, 71))


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
    assert np.array_equal(order.view(stored.voxels_zyx[box]), view[BOX])
    assert order.view_box(box, view.shape) == BOX


def test_a_crop_stays_where_it_was(stored):
    order = stored.geometry.axial_order()
    box = order.undo_box(BOX, stored.geometry.axial().shape_zyx)
    crop = stored.geometry.crop(box)
    start = [b.start for b in box]
    assert np.allclose(crop.lps((1, 2, 3)), stored.geometry.lps(np.add(start, (1, 2, 3))))
    assert np.allclose(crop.axial().origin_lps, CHEST.geometry.lps([b.start for b in BOX]))


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
