"""Volume, RECIST diameters, density and side of shapes whose size is known."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.data import CT, Lungs
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.lesions.measurement import measure
from scipy.spatial.transform import Rotation

from Testing.support import phantoms


def blank(spacing_xyz, size_mm, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)) -> CT:
    """A CT of zeros around (0, 0, 0)."""
    shape = np.ceil(np.array(size_mm) / spacing_xyz).astype(int)
    origin = -np.reshape(direction, (3, 3)) @ ((shape - 1) / 2 * spacing_xyz)
    geometry = Geometry(tuple(shape[::-1].tolist()), tuple(spacing_xyz), tuple(origin.tolist()), tuple(direction))
    return CT(np.zeros(geometry.shape_zyx, np.int16), geometry)


def ellipsoid(geometry: Geometry, centre, semi_axes, turned: Rotation | None = None) -> np.ndarray:
    """Voxels with their centre inside."""
    points = geometry.lps(np.stack(np.indices(geometry.shape_zyx), -1)) - centre
    if turned is not None:
        points = turned.inv().apply(points.reshape(-1, 3)).reshape(points.shape)
    return ((points / semi_axes) ** 2).sum(-1) <= 1


def cut(mask: np.ndarray):
    """The mask's own box and the mask in it."""
    box = Box.around(mask)
    return mask[box.slices], box


def on_a_slice(ct: CT, dy: float, dx: float) -> np.ndarray:
    """A point near the middle, between pixels but on a slice's plane: next to it a sphere shows a smaller circle."""
    middle = np.round((np.array(ct.geometry.shape_zyx) - 1) / 2)
    return ct.geometry.lps(middle + np.array((0, dy, dx)))


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 1.0), (1, 1, 1), (0.5, 0.5, 0.5), (0.8, 0.8, 2.5)])
@pytest.mark.parametrize("diameter", [7.3, 12.0, 20.5, 41.0])
def test_a_sphere_measures_its_diameter_within_half_a_pixel(spacing, diameter):
    ct = blank(spacing, (diameter + 6,) * 3)
    centre = on_a_slice(ct, 0.31, 0.17)
    measured = measure(*cut(ellipsoid(ct.geometry, centre, (diameter / 2,) * 3)), ct)
    assert abs(measured.long_axis_mm - diameter) <= 0.5 * spacing[0]
    # its direction is given by the long axis, so that it can't pick the best one
    assert abs(measured.short_axis_mm - diameter) <= spacing[0]


@pytest.mark.parametrize("degrees", [0, 17, 45, 80, 133])
@pytest.mark.parametrize("spacing", [(0.7, 0.7, 1.0), (0.6, 0.9, 3.0), (0.7, 2.0, 0.7)])
def test_an_ellipsoid_turned_in_plane_measures_both_its_axes(degrees, spacing):
    ct = blank(spacing, (60, 60, 20))
    turned = Rotation.from_euler("z", degrees, degrees=True)
    centre = on_a_slice(ct, 0.2, 0.4)
    measured = measure(*cut(ellipsoid(ct.geometry, centre, (25, 14, 8), turned)), ct)
    half_a_pixel = max(spacing[:2]) / 2
    assert measured.long_axis_mm == pytest.approx(50, abs=half_a_pixel)
    assert measured.short_axis_mm == pytest.approx(28, abs=2 * half_a_pixel)
    points = np.array(measured.axis_points_lps)
    long, short = points[1] - points[0], points[3] - points[2]
    assert abs(long @ short) < 1e-6
    off = np.degrees(np.arccos(abs(long @ turned.apply((1, 0, 0))) / np.linalg.norm(long)))
    assert off < 8


def test_the_ends_of_the_axes_are_as_far_apart_as_the_axes_are_long():
    ct = blank((0.7, 0.7, 1.0), (50, 50, 30))
    points = ellipsoid(ct.geometry, (0.2, 0.1, 0.3), (20, 9, 11), Rotation.from_euler("z", 30, degrees=True))
    measured = measure(*cut(points), ct)
    a, b, c, d = np.array(measured.axis_points_lps)
    assert np.linalg.norm(a - b) == pytest.approx(measured.long_axis_mm)
    assert np.linalg.norm(c - d) == pytest.approx(measured.short_axis_mm)
    assert measured.short_axis_mm < measured.long_axis_mm


@pytest.mark.parametrize("order", phantoms.ORDERS)
def test_every_axis_order_and_flip_gives_the_same_measures_at_the_same_place(order):
    ct = blank((0.8, 1.0, 2.5), (60, 50, 40))
    values = np.random.default_rng(3).integers(-900, 100, ct.voxels_zyx.shape).astype(np.int16)
    ct = replace(ct, voxels_zyx=values)
    mask = ellipsoid(ct.geometry, (6, -5, 4), (15, 9, 8), Rotation.from_euler("zyx", (25, 10, 5), degrees=True))
    expected = measure(*cut(mask), ct)
    stored = phantoms.reorient(ct, *order)
    stored_mask = phantoms.reorient(replace(ct, voxels_zyx=mask.astype(np.uint8)), *order).voxels_zyx > 0
    measured = measure(*cut(stored_mask), stored)
    assert measured.volume_mm3 == pytest.approx(expected.volume_mm3)
    assert measured.mean_hu == pytest.approx(expected.mean_hu)
    assert measured.long_axis_mm == pytest.approx(expected.long_axis_mm)
    assert measured.short_axis_mm == pytest.approx(expected.short_axis_mm)
    np.testing.assert_allclose(measured.axis_points_lps, expected.axis_points_lps, atol=1e-6)
    axial_axis = stored.geometry.axial_order().permutation[0]
    np.testing.assert_allclose(
        stored.geometry.index(measured.axis_points_lps)[:, axial_axis], measured.slice_index, atol=1e-6
    )


def test_an_oblique_grid_turns_the_points_and_leaves_the_sizes():
    ct = blank((0.7, 0.9, 2.0), (60, 50, 40))
    mask, box = cut(ellipsoid(ct.geometry, (6, -5, 4), (15, 9, 8)))
    straight = measure(mask, box, ct)
    oblique = phantoms.oblique(ct, 20)
    measured = measure(mask, box, oblique)
    assert measured.long_axis_mm == pytest.approx(straight.long_axis_mm)
    assert measured.short_axis_mm == pytest.approx(straight.short_axis_mm)
    indices = ct.geometry.index(straight.axis_points_lps)
    np.testing.assert_allclose(measured.axis_points_lps, oblique.geometry.lps(indices), atol=1e-6)


def test_a_sheared_grid_is_measured_in_its_own_millimetres():
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[0, 1] = 0.5  # each row 0.5 mm further left
    ct = CT(np.zeros((1, 20, 20), np.int16), Geometry.from_affine((1, 20, 20), affine))
    mask = np.zeros(ct.voxels_zyx.shape, bool)
    mask[0, 2:12, 3] = True
    measured = measure(*cut(mask), ct)
    assert measured.long_axis_mm == pytest.approx(9.5 * np.hypot(1, 0.5))


def test_a_row_of_voxels_is_half_a_pixel_shorter_than_its_outer_sides():
    ct = blank((0.7, 0.7, 5.0), (20, 20, 20))
    mask = np.zeros(ct.voxels_zyx.shape, bool)
    mask[2, 5, 4:14] = True
    measured = measure(*cut(mask), ct)
    assert measured.long_axis_mm == pytest.approx(9.5 * 0.7)
    assert measured.short_axis_mm == pytest.approx(0.5 * 0.7)
    assert measured.slice_index == 2


def test_a_single_voxel_can_be_measured():
    ct = blank((0.7, 0.7, 5.0), (20, 20, 20))
    mask = np.ones((1, 1, 1), bool)
    measured = measure(mask, Box((1, 3, 5), (2, 4, 6)), ct)
    assert measured.long_axis_mm == pytest.approx(0.35)
    assert measured.volume_mm3 == pytest.approx(0.7 * 0.7 * 5)


def test_the_slice_with_the_longest_diameter_is_chosen():
    ct = blank((1, 1, 3), (40, 40, 30))
    mask = np.zeros(ct.voxels_zyx.shape, bool)
    mask[2:8, 10:20, 10:20] = True
    mask[6, 15, 5:35] = True
    measured = measure(*cut(mask), ct)
    assert measured.slice_index == 6
    assert measured.long_axis_mm == pytest.approx(29.5, abs=0.2)


def test_parts_that_do_not_touch_on_a_slice_are_measured_apart():
    ct = blank((1, 1, 1), (50, 30, 10))
    mask = np.zeros(ct.voxels_zyx.shape, bool)
    mask[2:7, 10:14, 5:15] = True
    mask[2:7, 10:14, 35:45] = True
    mask[7, 12, 5:20] = True  # the longest single part
    measured = measure(*cut(mask), ct)
    assert measured.slice_index == 7
    assert measured.long_axis_mm == pytest.approx(14.5, abs=0.1)


def test_volume_and_density_count_every_voxel():
    ct = blank((0.5, 0.6, 2.0), (20, 20, 20))
    ct.voxels_zyx[2:4, 3:8, 4:9] = 37
    ct.voxels_zyx[2, 3, 4] = -963
    mask = np.zeros(ct.voxels_zyx.shape, bool)
    mask[2:4, 3:8, 4:9] = True
    measured = measure(*cut(mask), ct)
    assert measured.volume_mm3 == pytest.approx(50 * 0.6)
    assert measured.mean_hu == pytest.approx(37 - 1000 / 50)


def lungs_with(right_x: slice | None, left_x: slice | None, midline: float | None = 19.5) -> Lungs:
    """Lungs as bricks on a 3 mm grid, x from -60 to 57 mm."""
    label = np.zeros((10, 10, 40), np.uint8)
    if right_x:
        label[:, :, right_x] = 1
    if left_x:
        label[:, :, left_x] = 2
    grid = Geometry(label.shape, (3.0, 3.0, 3.0), (-60.0, -15.0, -15.0))
    return Lungs(label, np.zeros(label.shape, np.float32), grid, midline=midline)


BOTH = lungs_with(slice(2, 14), slice(26, 38))
ONLY_RIGHT = lungs_with(slice(2, 14), None)
RIGHT_ALONE = lungs_with(slice(2, 14), None, midline=None)


@pytest.mark.parametrize(
    ("lungs", "x", "side"),
    [
        (BOTH, -40, "right"),
        (BOTH, 40, "left"),
        (BOTH, -9, "right"),
        (BOTH, 7, "left"),
        (ONLY_RIGHT, -12, "right"),  # beside the only lung
        (ONLY_RIGHT, 35, "left"),  # in the white one
        (RIGHT_ALONE, -12, "right"),
        (RIGHT_ALONE, 35, ""),  # nothing is seen that tells it
        (None, 40, ""),
    ],
)
def test_the_side_is_that_of_the_nearest_lung(lungs, x, side):
    ct = blank((1, 1, 1), (110, 24, 24))
    assert measure(*cut(ellipsoid(ct.geometry, (x, 0, 0), (6, 6, 6))), ct, lungs).side == side


def test_the_side_is_empty_halfway_between_the_lungs():
    ct = blank((1, 1, 1), (110, 24, 24))
    mask = ellipsoid(ct.geometry, (-1.5, 0, 0), (6, 6, 6))
    symmetric = mask | mask[:, :, ::-1]
    far = lungs_with(slice(0, 2), slice(37, 39))
    assert measure(*cut(symmetric), ct, far).side == ""


def test_an_empty_mask_or_one_that_does_not_fill_its_box_is_refused():
    ct = blank((1, 1, 1), (10, 10, 10))
    box = Box.whole((3, 3, 3))
    with pytest.raises(ValueError, match="empty"):
        measure(np.zeros((3, 3, 3), bool), box, ct)
    with pytest.raises(ValueError, match="fill"):
        measure(np.ones((3, 3, 4), bool), box, ct)
