"""Right and left follow the patient coordinates; where nothing tells a lung's side, it stays empty."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.data import CT, LEFT, RIGHT, UNKNOWN
from LungTumorSegLib.lungs import find
from LungTumorSegLib.lungs.queries import side_of

from Testing.support import phantoms
from Testing.support.altered_lungs import ASIDE, in_ellipsoid, painted, white_left_lung

ORDERS = [phantoms.ORDERS[i] for i in (0, 5, 19, 38)]
CHECK = "orientation or situs inversus: check"


def view(x: tuple[float, float], y=(-130.0, 130.0), z=(-84.0, 84.0), lesions=()) -> CT:
    """The chest in a field of view from x[0] to x[1] and so on, LPS mm."""
    ends = np.array([x, y, z])
    size, centre = ends[:, 1] - ends[:, 0], ends.mean(1)
    return phantoms.chest((3.0, 3.0, 4.0), tuple(size), lesions, centre_lps=tuple(centre))[0]


def from_zero(ct: CT) -> CT:
    """As a file holds it that has lost its place: x begins at 0."""
    _, y, z = ct.geometry.origin_lps
    return replace(ct, geometry=replace(ct.geometry, origin_lps=(0.0, y, z)))


def mirrored(ct: CT) -> CT:
    return replace(ct, voxels_zyx=np.ascontiguousarray(ct.voxels_zyx[:, :, ::-1]))


def side_at(ct: CT, found, point_lps) -> str:
    return side_of(in_ellipsoid(ct, point_lps, (9, 9, 9)), ct.geometry, found)


def near(found, point_lps) -> set[int]:
    """The labels in the 18 mm around a point."""
    at = np.rint(found.geometry.index(point_lps)).astype(int)
    return set(np.unique(found.label_zyx[tuple(slice(max(0, i - 3), i + 4) for i in at)]).tolist()) - {0}


def sides_found(found) -> set[int]:
    return set(np.unique(found.label_zyx).tolist()) - {0}


# ---- one lung in the picture

RIGHT_ALONE, LEFT_ALONE = (-131.0, -20.0), (28.0, 130.0)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("x", "side", "label"), [(RIGHT_ALONE, "right", RIGHT), (LEFT_ALONE, "left", LEFT)])
def test_a_lung_seen_alone_is_on_the_side_that_the_scanners_coordinates_say(x, side, label, order):
    ct = phantoms.reorient(view(x, y=(-90, 60)), *order)
    found = find.find(ct)
    assert sides_found(found) == {label}
    assert found.midline is None
    assert side_at(ct, found, (np.mean(x), 5, 10)) == side


@pytest.mark.parametrize(("x", "label"), [((-150.0, -20.0), RIGHT), ((28.0, 150.0), LEFT)])
def test_without_the_scanners_coordinates_the_air_beside_the_body_tells_the_side(x, label):
    assert sides_found(find.find(from_zero(view(x, y=(-110, 90))))) == {label}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("x", [(-113.0, -20.0), (28.0, 113.0)])
def test_where_nothing_tells_its_side_a_lung_has_none_and_nor_has_a_lesion(x, order):
    ct = from_zero(view(x, y=(-80, 60)))
    middle = ct.geometry.lps((np.array(ct.geometry.shape_zyx) - 1) / 2)
    ct = phantoms.reorient(ct, *order)
    found = find.find(ct)
    assert sides_found(found) == {UNKNOWN}
    assert side_at(ct, found, middle) == ""
    assert found.hull_distance_mm[tuple(np.argwhere(found.label_zyx)[0])] == 0


@pytest.mark.parametrize("padding", [-1024, -2000, -3024])
def test_padding_around_a_lung_is_not_air_beside_a_body(padding):
    ct = from_zero(view((-160.0, -20.0), y=(-70, 70)))
    y, x = np.indices(ct.voxels_zyx.shape[1:])
    voxels = ct.voxels_zyx.copy()
    voxels[:, (x < 16) & (np.hypot(y - 23, x - 23) > 23)] = padding  # on the side of the chest wall alone
    voxels[:, x < 8] = padding
    assert sides_found(find.find(replace(ct, voxels_zyx=voxels))) == {UNKNOWN}


def test_air_on_the_other_side_than_the_coordinates_say_leaves_the_side_empty():
    ct = view((-150.0, -20.0), y=(-110, 60))
    moved = replace(ct, geometry=replace(ct.geometry, origin_lps=(30.0, *ct.geometry.origin_lps[1:])))
    assert sides_found(find.find(moved)) == {UNKNOWN}


def test_a_spine_at_the_pictures_edge_is_the_midline_whatever_the_coordinates():
    ct = from_zero(view((-131.0, 22.0)))
    found = find.find(ct)
    assert found.geometry.lps((0, 0, found.midline))[0] == pytest.approx(131, abs=8)
    assert sides_found(found) == {RIGHT}


def test_the_tip_of_the_other_lung_is_not_called_after_the_one_that_is_seen():
    ct = view((-131.0, 52.0), y=(-80, 50))  # no spine
    found = find.find(ct)
    assert near(found, (-90.0, -20, 10)) == {RIGHT}
    assert RIGHT not in near(found, (46.0, 10, 20))


# ---- the body or both lungs in the picture


@pytest.mark.parametrize("shift", [-400.0, 190.0, 400.0])
def test_a_whole_chest_anywhere_in_space_has_its_lungs_on_their_sides(shift):
    ct, _ = phantoms.chest()
    x, y, z = ct.geometry.origin_lps
    found = find.find(replace(ct, geometry=replace(ct.geometry, origin_lps=(x + shift, y, z))))
    assert [near(found, point + np.array((shift, 0, 0))) for point in ASIDE] == [{RIGHT}, {LEFT}]


@pytest.mark.parametrize("x", [(-240.0, 150.0), (-140.0, 260.0), (-122.0, 90.0), (-90.0, 122.0)])
def test_the_middle_of_a_picture_that_is_off_the_body_says_nothing(x):
    ct = view(x)
    found = find.find(ct)
    assert found.geometry.lps((0, 0, found.midline))[0] == pytest.approx(0, abs=8)
    found_near = [near(found, point) for point in ((-60.0, -40, 20), (75.0, -40, 30))]
    assert found_near == [{RIGHT}, {LEFT}]


@pytest.mark.parametrize("y", [(-100.0, 110.0), (-90.0, 50.0)])
@pytest.mark.parametrize("order", ORDERS[:2])
def test_a_heart_ct_cuts_both_lungs_and_has_both_sides(y, order):
    ct = phantoms.reorient(view((-70.0, 105.0), y=y), *order)
    found_near = [near(find.find(ct), point) for point in ((-55.0, -30, 20), (95.0, -30, 20))]
    assert found_near == [{RIGHT}, {LEFT}]


# ---- one lung missing


@pytest.mark.parametrize("x", [(-190.0, 190.0), (-190.0, 90.0), (-130.0, 190.0), (-122.0, 122.0)])
def test_a_lesion_in_a_white_lung_keeps_its_side_however_the_picture_is_cut(x):
    ct = white_left_lung(view(x))
    found = find.find(ct)
    assert side_at(ct, found, (65.0, 5, 3)) == "left"
    assert side_at(ct, found, (-65.0, 5, 3)) == "right"


def test_a_mass_in_a_white_lung_keeps_its_side_where_it_comes_near_the_other_lung():
    ct = white_left_lung(phantoms.chest()[0])
    found = find.find(ct)
    mass = in_ellipsoid(ct, (30.0, -30, 20), (55, 20, 20))
    assert side_of(mass, ct.geometry, found) == "left"


def test_a_collapsed_lung_in_a_pneumothorax_keeps_its_side():
    ct = phantoms.chest()[0]
    centre, radii = phantoms.LEFT_LUNG
    ct = painted(ct, in_ellipsoid(ct, centre, np.array(radii) + 3), phantoms.AIR)
    ct = painted(ct, in_ellipsoid(ct, (52.0, 10, 0), (16, 22, 35)), -300)
    found = find.find(ct)
    assert near(found, ASIDE[0]) == {RIGHT}
    assert side_at(ct, found, (52.0, 10, 0)) == "left"


def test_after_a_pneumonectomy_the_lung_that_reaches_across_keeps_its_side():
    ct = phantoms.chest()[0]
    centre, radii = phantoms.LEFT_LUNG
    ct = painted(ct, in_ellipsoid(ct, centre, np.array(radii) + 3), phantoms.SOFT)
    ct = painted(ct, in_ellipsoid(ct, (-20.0, -50, 20), (50, 20, 40)), phantoms.LUNG)
    found = find.find(ct)
    found_near = [near(found, point) for point in ((-20.0, -50, 20), (-90.0, 0, 0))]
    assert found_near == [{RIGHT}, {RIGHT}]
    assert side_at(ct, found, (-80.0, 0, 0)) == "right"
    assert side_at(ct, found, (90.0, 5, 3)) == "left"


# ---- heart and liver


def with_liver(ct: CT, x: float) -> CT:
    """Instead of an abdomen that is the same on both sides: a liver on one, bowel and fat on the other."""
    z = ct.geometry.lps(np.stack(np.indices(ct.geometry.shape_zyx), -1))
    fat = (z[..., 2] < -80) & (ct.voxels_zyx > -60) & (ct.voxels_zyx < 150)
    liver = fat & (np.sign(z[..., 0]) == np.sign(x))
    return painted(painted(ct, fat, phantoms.FAT), liver, 60)


def chest_and_abdomen() -> CT:
    return phantoms.chest((3.0, 3.0, 5.0), (384, 288, 270), (), centre_lps=(0, 0, -40))[0]


def test_heart_and_liver_where_they_belong_raise_no_doubt():
    assert find.find(with_liver(chest_and_abdomen(), -90)).notes == ()
    assert find.find(phantoms.chest()[0]).notes == ()


def test_heart_and_liver_on_the_other_side_are_said_and_the_header_is_followed():
    ct = mirrored(with_liver(chest_and_abdomen(), -90))
    found = find.find(ct)
    assert CHECK in found.notes[0]
    assert [near(found, point) for point in ASIDE] == [{RIGHT}, {LEFT}]


@pytest.mark.parametrize("order", ORDERS)
def test_a_heart_on_the_other_side_is_said_where_no_liver_is_seen(order):
    found = find.find(phantoms.reorient(mirrored(phantoms.chest(lesions=())[0]), *order))
    assert [CHECK in note for note in found.notes] == [True]


def test_a_heart_that_a_collapsed_lung_draws_to_its_side_is_not_doubted():
    assert find.find(mirrored(white_left_lung(phantoms.chest()[0]))).notes == ()
