"""Where the lungs are, on phantoms.

On 16 real CTs (LIDC-IDRI, NSCLC Radiogenomics, 4D-Lung, RIDER, QIN LUNG CT, CPTAC-LSCC, Lung-PET-CT-Dx, TCGA-THCA,
CMB-CRC; 1 to 8 mm slices) both lungs were found, every voxel of the 11 masked tumours lay in the box, at most 4.2 mm
outside the hull.
"""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.data import CT, LEFT, RIGHT
from LungTumorSegLib.errors import NoLungsFoundError
from LungTumorSegLib.lungs import find
from LungTumorSegLib.lungs.queries import hull_distance, side_of, where_to_compute

from Testing.support import phantoms
from Testing.support.altered_lungs import ASIDE, in_ellipsoid, label_at, painted, white_left_lung

RIGHT_CENTRE, LEFT_CENTRE = np.array(phantoms.RIGHT_LUNG[0]), np.array(phantoms.LEFT_LUNG[0])


@pytest.fixture(scope="module")
def chest() -> CT:
    return phantoms.chest()[0]


@pytest.fixture(scope="module")
def found(chest):
    return find.find(chest)


def shares_found(found) -> tuple[float, float]:
    """How much of the right and the left lung, as far as it is in the picture, is labelled so."""
    points = found.geometry.lps(np.stack(np.indices(found.label_zyx.shape), -1))
    hulls = (
        (((points - centre) / radii) ** 2).sum(-1) <= 1 for centre, radii in (phantoms.RIGHT_LUNG, phantoms.LEFT_LUNG)
    )
    return tuple(float((found.label_zyx[hull] == side).mean()) for side, hull in enumerate(hulls, 1))


def millilitres(found) -> np.ndarray:
    return np.bincount(found.label_zyx.ravel(), minlength=3)[1:] * found.geometry.voxel_mm3 / 1000


def box_corners_lps(box, ct: CT) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest LPS mm (x, y, z) of the voxels' outer sides of a box in the axial view."""
    axial = ct.geometry.axial()
    low = axial.lps(np.subtract(box.start, 0.5))
    high = axial.lps(np.subtract(box.stop, 0.5))
    return low, high


def test_both_lungs_are_found_on_their_sides(found):
    assert label_at(found, ASIDE) == [RIGHT, LEFT]
    right, left = millilitres(found)
    assert 1000 < right < 1400
    assert 600 < left < 900


def test_the_grid_is_about_three_millimetres_and_axial(found):
    fine, _ = phantoms.chest((1.0, 1.0, 1.5), lesions=())
    grid = find.find(phantoms.reorient(fine, (2, 0, 1), (True, False, True))).geometry
    assert grid.spacing_xyz == pytest.approx((3, 3, 3))
    order = grid.axial_order()
    assert order.permutation == (0, 1, 2)
    assert order.flips == (False, False, False)


@pytest.mark.parametrize("order", phantoms.ORDERS)
def test_every_axis_order_and_flip_gives_the_same_lungs_and_box(chest, found, order):
    turned = phantoms.reorient(chest, *order)
    again = find.find(turned)
    np.testing.assert_array_equal(again.label_zyx, found.label_zyx)
    np.testing.assert_allclose(again.hull_distance_mm, found.hull_distance_mm)
    np.testing.assert_allclose(again.geometry.affine, found.geometry.affine, atol=1e-6)
    assert where_to_compute(again, turned) == where_to_compute(found, chest)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.5), (2.0, 2.0, 8.0), (1.5, 1.5, 0.8)])
def test_thin_and_thick_slices_show_the_same_lungs(spacing, found):
    ct, _ = phantoms.chest(spacing)
    other = find.find(ct)
    np.testing.assert_allclose(millilitres(other), millilitres(found), rtol=0.1)
    assert label_at(other, ASIDE) == [RIGHT, LEFT]


def test_an_oblique_grid_shows_the_same_lungs(chest, found):
    oblique = phantoms.oblique(chest, 15)
    np.testing.assert_array_equal(find.find(oblique).label_zyx, found.label_zyx)


def test_the_box_is_the_lungs_and_30_mm(found, chest):
    low, high = box_corners_lps(where_to_compute(found, chest), chest)
    for side, (centre, radii) in ((low, phantoms.RIGHT_LUNG), (high, phantoms.LEFT_LUNG)):
        outer = centre[0] + np.sign(centre[0]) * radii[0]
        assert side[0] == pytest.approx(outer + np.sign(outer) * 30, abs=8)
    assert low[1] == pytest.approx(-80 - 30, abs=8)
    assert high[1] == pytest.approx(80 + 30, abs=8)


def test_the_box_fits_grids_finer_than_that_of_the_lungs():
    ct, mask = phantoms.chest((0.9, 0.9, 1.3))
    box = where_to_compute(find.find(ct), ct)
    assert mask[box.slices].sum() == mask.sum()
    low, high = box_corners_lps(box, ct)
    assert low[0] == pytest.approx(-152, abs=6)
    assert high[0] == pytest.approx(149, abs=6)


def test_the_trachea_above_the_lungs_does_not_stretch_the_box():
    ct, _ = phantoms.chest(size_mm=(384, 288, 360))
    _, high = box_corners_lps(where_to_compute(find.find(ct), ct), ct)
    assert high[2] < 78 + 10 + 30 + 6


def test_the_hull_holds_lungs_hila_and_mediastinum_and_grows_outwards(found):
    inside = np.array([RIGHT_CENTRE, LEFT_CENTRE, (-5.0, 0, 25), (20, -30, 0), (-115, 0, 0)])
    assert hull_distance(inside, found).max() == 0
    outside = hull_distance(np.array([(-122 - 20.0, 0, 0), (-122 - 40.0, 0, 0)]), found)
    np.testing.assert_allclose(outside, (20, 40), atol=5)


def test_the_abdomen_below_the_domes_is_outside_the_hull():
    ct, _ = phantoms.chest(size_mm=(384, 288, 400))
    assert hull_distance(np.array([(0.0, 0, -130)]), find.find(ct))[0] > 25


def test_lungs_that_touch_are_told_apart(chest):
    # a band of lung in front of the heart, 14 mm thick
    bridge = in_ellipsoid(chest, (0, -55, 20), (70, 7, 30))
    found = find.find(painted(chest, bridge, phantoms.LUNG))
    assert label_at(found, [*ASIDE, (-45, -55, 20), (60, -45, 20)]) == [RIGHT, LEFT] * 2
    right, left = millilitres(found)
    assert 0.5 < left / right < 0.85


def test_a_white_lung_is_computed_out_to_the_skin_and_counts_as_hull(chest):
    ct = white_left_lung(chest)
    found = find.find(ct)
    right, left = millilitres(found)
    assert left < 0.1 * right
    _, high = box_corners_lps(where_to_compute(found, ct), ct)
    assert high[0] > 160  # the skin is at 165
    low, _ = box_corners_lps(where_to_compute(found, ct), ct)
    assert low[0] == pytest.approx(-152, abs=8)
    assert hull_distance(np.array([LEFT_CENTRE, (110.0, 0, 0)]), found).max() == 0


def test_a_white_right_lung_is_treated_alike(chest):
    centre, radii = phantoms.RIGHT_LUNG
    ct = painted(chest, in_ellipsoid(chest, centre, np.array(radii) + 3), phantoms.SOFT)
    found = find.find(ct)
    low, _ = box_corners_lps(where_to_compute(found, ct), ct)
    assert low[0] < -160
    assert hull_distance(RIGHT_CENTRE[None], found)[0] == 0


def test_a_lesion_in_a_white_lung_is_on_that_side(chest):
    ct = white_left_lung(chest)
    found = find.find(ct)
    for centre, side in (((101.0, 5.0, 3.0), "left"), (RIGHT_CENTRE, "right")):
        mask = in_ellipsoid(ct, centre, (9, 9, 9))
        assert side_of(mask, ct.geometry, found) == side


def test_a_scan_cropped_inside_the_body_still_has_its_lungs():
    ct, mask = phantoms.chest((2.0, 2.0, 3.0), size_mm=(210, 130, 120))
    found = find.find(ct)
    assert min(shares_found(found)) > 0.78
    box = where_to_compute(found, ct)
    assert mask[box.slices].sum() == mask.sum()


@pytest.mark.parametrize("padding", [-1024, -2000, -3024])
def test_padding_outside_the_scanners_circle_is_no_lung(chest, found, padding):
    y, x = np.indices(chest.voxels_zyx.shape[1:])
    outside = np.hypot(y - 47.5, x - 63.5) > 62
    voxels = chest.voxels_zyx.copy()
    voxels[:, outside] = padding
    padded = find.find(replace(chest, voxels_zyx=voxels))
    np.testing.assert_allclose(millilitres(padded), millilitres(found), rtol=0.02)


@pytest.mark.parametrize("padding", [-1024, -3024])
def test_a_lung_that_the_scanners_circle_cuts_keeps_its_middle(padding):
    ct, _ = phantoms.chest((2.0, 2.0, 3.0), size_mm=(230, 230, 150))
    y, x = np.indices(ct.voxels_zyx.shape[1:])
    voxels = ct.voxels_zyx.copy()
    voxels[:, np.hypot(y - 57, x - 57) > 56] = padding
    found = find.find(replace(ct, voxels_zyx=voxels))
    assert min(shares_found(found)) > 0.75


def test_float_voxels_are_read_like_integers(chest, found):
    floats = replace(chest, voxels_zyx=chest.voxels_zyx.astype(np.float32))
    np.testing.assert_array_equal(find.find(floats).label_zyx, found.label_zyx)


def test_the_voxels_are_left_as_they_were(chest):
    before = chest.voxels_zyx.copy()
    find.find(chest)
    np.testing.assert_array_equal(chest.voxels_zyx, before)


def bowel_gas(ct: CT, z: float) -> CT:
    """About 1.7 litres of gas in the abdomen."""
    for x, y in ((-60, -40), (60, -30), (0, -50)):
        ct = painted(ct, in_ellipsoid(ct, (x, y, z), (45, 35, 75)), phantoms.AIR)
    return ct


def test_an_abdomen_full_of_gas_has_no_lungs():
    ct, _ = phantoms.chest(centre_lps=(0, 0, -250), lesions=())
    with pytest.raises(NoLungsFoundError, match="choose a chest CT"):
        find.find(bowel_gas(ct, -250))


def test_bowel_gas_below_the_lungs_is_no_lung():
    ct, _ = phantoms.chest(size_mm=(384, 288, 420), centre_lps=(0, 0, -100), lesions=())
    plain, gassy = find.find(ct), find.find(bowel_gas(ct, -210))
    np.testing.assert_allclose(millilitres(gassy), millilitres(plain), rtol=0.05)
    assert where_to_compute(gassy, ct) == where_to_compute(plain, ct)


@pytest.mark.parametrize("hu", [phantoms.AIR, phantoms.SOFT, 0])
def test_a_volume_without_a_body_has_no_lungs(chest, hu):
    with pytest.raises(NoLungsFoundError):
        find.find(replace(chest, voxels_zyx=np.full(chest.voxels_zyx.shape, hu, np.int16)))


def test_a_mattress_under_the_back_is_no_lung(chest, found):
    rows = 20
    voxels = np.pad(chest.voxels_zyx, ((0, 0), (0, rows), (0, 0)), constant_values=-1000)
    foam = np.where(np.arange(rows) % 4 == 1, -620, -840)[None, :, None]  # layers of its cover
    voxels[:, -rows:] = foam
    shape = chest.geometry.shape_zyx
    geometry = replace(chest.geometry, shape_zyx=(shape[0], shape[1] + rows, shape[2]))
    lungs = find.find(replace(chest, voxels_zyx=voxels, geometry=geometry))
    assert not lungs.label_zyx[:, shape[1] :].any()
    np.testing.assert_array_equal(lungs.label_zyx[:, : shape[1]], found.label_zyx)


def test_a_volume_of_a_few_voxels_has_no_lungs(chest):
    geometry = replace(chest.geometry, shape_zyx=(2, 6, 6))
    with pytest.raises(NoLungsFoundError):
        find.find(CT(np.full((2, 6, 6), -800, np.int16), geometry))
