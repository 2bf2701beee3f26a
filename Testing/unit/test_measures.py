"""What is measured of bodies whose size, density and place are known."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.data import CT, Lungs, Options, Result
from LungTumorSegLib.enums import LesionType, LungThird, Side
from LungTumorSegLib.findings.field import field_of
from LungTumorSegLib.findings.measurability import measurability
from LungTumorSegLib.findings.measurement_error import diameter_error, volume_error
from LungTumorSegLib.findings.measuring import fleischner_diameter, lung_rads_diameter, measures, measures_of
from LungTumorSegLib.findings.place import Places
from LungTumorSegLib.findings.shape import Shape, shape_of
from LungTumorSegLib.geometry import Box, Geometry
from scipy.spatial.transform import Rotation

from Testing.support import bodies, phantoms
from Testing.tools.measurement_errors import balls

ISOTROPIC = (1.0, 1.0, 1.0)
DIAMETERS = ("long_axis_mm", "short_axis_mm", "coronal_mm", "sagittal_mm", "longest_mm")
TURNED = list(Rotation.random(6, random_state=3))


def shape(body, spacing_xyz=ISOTROPIC, reach_mm=20.0, from_probability=True) -> Shape:
    geometry = bodies.grid(spacing_xyz, reach_mm)
    lesion, mask, _, candidate = bodies.lesion_of(bodies.shares(geometry, body), geometry)
    return shape_of(field_of(mask, lesion.label_box, geometry, candidate if from_probability else None))


@pytest.mark.parametrize(("diameter", "percent"), [(10.0, 4), (20.0, 1)])
def test_a_ball_is_measured_right_wherever_it_lies_between_the_voxels(diameter, percent):
    found = list(balls(diameter, ISOTROPIC))
    assert len(found) == 30
    for one in found:
        assert one.volume_mm3 == pytest.approx(np.pi / 6 * diameter**3, rel=percent / 100)
        for name in DIAMETERS:
            assert getattr(one, name) == pytest.approx(diameter, abs=max(0.6, 0.02 * diameter)), name
        assert one.surface_mm2 == pytest.approx(np.pi * diameter**2, rel=0.02)
        assert one.sphericity == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("turned", TURNED)
def test_an_ellipsoid_is_measured_right_in_every_orientation(turned):
    one = shape(bodies.ellipsoid((0.3, -0.2, 0.4), (12, 7, 5), turned))
    assert one.volume_mm3 == pytest.approx(4 / 3 * np.pi * 12 * 7 * 5, rel=0.02)
    assert one.longest_mm == pytest.approx(24, abs=0.6)
    # longest chord of the ellipse that a plane through the middle cuts: of the stretched unit circle
    for name, across in (("long_axis_mm", 2), ("coronal_mm", 1), ("sagittal_mm", 0)):
        plane = np.delete(np.eye(3), across, axis=0)
        form = (turned.inv().apply(plane) / (12, 7, 5)) @ (turned.inv().apply(plane) / (12, 7, 5)).T
        assert getattr(one, name) == pytest.approx(2 / np.sqrt(np.linalg.eigvalsh(form)[0]), abs=0.6), name


@pytest.mark.parametrize("turned", TURNED[:3])
def test_a_turned_brick_has_its_volume_surface_and_diagonal(turned):
    one = shape(bodies.brick((0.1, 0.3, -0.2), (20, 12, 9), turned))
    assert one.volume_mm3 == pytest.approx(20 * 12 * 9, rel=0.02)
    assert one.surface_mm2 == pytest.approx(2 * (20 * 12 + 20 * 9 + 12 * 9), rel=0.06)  # its edges become round
    assert one.longest_mm == pytest.approx(np.linalg.norm((20, 12, 9)), abs=1.5)


@pytest.mark.parametrize("from_probability", [True, False])
@pytest.mark.parametrize(
    "spacing", [(0.5, 0.5, 0.5), ISOTROPIC, (0.75, 0.75, 1.0), (0.75, 0.75, 2.5), (0.75, 0.75, 5.0)]
)
@pytest.mark.parametrize(("diameter", "positions"), [(6.0, 12), (12.0, 4)])
def test_the_error_that_is_said_holds(diameter, positions, spacing, from_probability):
    for one in balls(diameter, spacing, from_probability, positions):
        off = abs(one.volume_mm3 / (np.pi / 6 * diameter**3) - 1)
        assert 100 * off <= volume_error(one.long_axis_mm, spacing[2], from_probability)
        most = diameter_error(one.long_axis_mm, spacing[2], spacing[0], from_probability)
        assert abs(one.long_axis_mm - diameter) <= most
        assert abs(one.short_axis_mm - diameter) <= most


def test_a_threshold_far_from_a_half_puts_the_surface_where_the_probability_says():
    geometry = bodies.grid(ISOTROPIC, 16)
    away = bodies.ellipsoid((0.2, 0.1, 0.4), (10, 10, 10))(
        geometry.lps(np.indices(geometry.shape_zyx).reshape(3, -1).T)
    )
    p = 1 / (1 + np.exp(away / 0.5 + 2))  # 0.12 on the ball's border
    lesion, _, ct, candidate = bodies.lesion_of(p.reshape(geometry.shape_zyx), geometry)
    inside = candidate.block >= 0.119 * 255
    box = Box.tight(inside)
    lesion = replace(lesion, label_box=box, threshold=0.119)
    measured = measures(lesion, inside[box.slices], ct, None, candidate)
    assert measured.subvoxel_volume_mm3 == pytest.approx(4 / 3 * np.pi * 1000, rel=0.01)
    assert measured.subvoxel_long_axis_mm == pytest.approx(20, abs=0.2)


def test_a_hole_that_was_filled_is_inside_and_what_was_cut_off_is_not():
    geometry = bodies.grid(ISOTROPIC, 12)
    share = bodies.shares(geometry, bodies.ellipsoid((0, 0, 0), (10, 10, 10)))
    whole, mask, ct, candidate = bodies.lesion_of(share, geometry)
    true = measures(whole, mask, ct, None, candidate).subvoxel_volume_mm3
    middle = tuple(n // 2 for n in share.shape)
    share[middle] = 0
    hollow = bodies.lesion_of(share, geometry)[3]
    assert measures(whole, mask, ct, None, hollow).subvoxel_volume_mm3 == pytest.approx(true, rel=0.003)
    half = mask.copy()
    half[: len(half) // 2 + 1] = False  # the plane through the middle is cut off too
    upper = Box((whole.label_box.start[0] + len(half) // 2 + 1, *whole.label_box.start[1:]), whole.label_box.stop)
    cut = measures(replace(whole, label_box=upper), half[len(half) // 2 + 1 :], ct, None, candidate)
    cap = true / 2 - 0.5 * np.pi * 100  # the surface lies halfway between the voxels
    assert cut.subvoxel_volume_mm3 == pytest.approx(cap, rel=0.02)


def test_a_lesion_at_the_edge_of_the_ct_ends_there():
    geometry = bodies.grid(ISOTROPIC, 12)
    share = bodies.shares(geometry, bodies.ellipsoid((0, 0, 0), (10, 10, 10)))
    cut = len(share) // 2
    part = geometry.crop(Box((cut, 0, 0), share.shape))
    lesion, mask, ct, candidate = bodies.lesion_of(share[cut:], part)
    measured = measures(lesion, mask, ct, None, candidate)
    assert measured.subvoxel_volume_mm3 == pytest.approx(2 / 3 * np.pi * 1000 + 0.5 * np.pi * 100, rel=0.02)


def test_every_axis_order_and_flip_gives_the_same_measures():
    geometry = bodies.grid((0.8, 1.0, 2.5), 14)
    body = bodies.ellipsoid((0.3, -0.4, 0.7), (12, 7, 6), Rotation.from_euler("zyx", (25, 10, 5), degrees=True))
    lesion, mask, ct, candidate = bodies.lesion_of(bodies.shares(geometry, body), geometry)
    expected = measures(lesion, mask, ct, None, candidate)
    for order in phantoms.ORDERS[::7]:
        stored = phantoms.reorient(ct, *order)
        block = phantoms.reorient(CT(candidate.block, geometry), *order).voxels_zyx
        turned = replace(candidate, block=block, box=Box.whole(block.shape))
        inside = block >= 128
        box = Box.tight(inside)
        measured = measures(replace(lesion, label_box=box), inside[box.slices], stored, None, turned)
        for name, value in vars(expected).items():
            if isinstance(value, float):
                assert getattr(measured, name) == pytest.approx(value, rel=0.005), name
            else:
                assert getattr(measured, name) == value, name


@pytest.mark.parametrize("spacing", [ISOTROPIC, (0.7, 0.7, 1.25), (0.8, 0.8, 2.5)])
def test_the_measures_agree_with_simpleitks(spacing):
    geometry = bodies.grid(spacing, 16)
    body = bodies.ellipsoid((0.2, 0.3, -0.4), (14, 9, 8), TURNED[0])
    lesion, mask, ct, candidate = bodies.lesion_of(bodies.shares(geometry, body), geometry)
    one = shape_of(field_of(mask, lesion.label_box, geometry, candidate))
    image = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
    image.SetSpacing(spacing)
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.ComputeFeretDiameterOn()
    statistics.Execute(image)
    assert one.volume_mm3 == pytest.approx(statistics.GetPhysicalSize(1), rel=0.02)
    assert one.surface_mm2 == pytest.approx(statistics.GetPerimeter(1), rel=0.05)
    assert one.sphericity == pytest.approx(statistics.GetRoundness(1), abs=0.04)
    assert one.longest_mm == pytest.approx(statistics.GetFeretDiameter(1), abs=1.2 * spacing[2])
    drawn = measures(lesion, mask, ct)
    assert drawn.subvoxel_volume_mm3 == pytest.approx(statistics.GetPhysicalSize(1))
    assert drawn.surface_mm2 == pytest.approx(statistics.GetPerimeter(1))


def two_parts(inner_hu: float, outer_hu: float, radius: float, inner_radius: float):
    """A ball with another in it."""
    geometry = bodies.grid(ISOTROPIC, radius + 1)
    lesion, mask, ct, candidate = bodies.lesion_of(
        bodies.shares(geometry, bodies.ellipsoid((0, 0, 0), (radius,) * 3)), geometry, (-850, outer_hu)
    )
    inner = bodies.shares(geometry, bodies.ellipsoid((0, 0, 0), (inner_radius,) * 3))
    hu = np.rint(ct.voxels_zyx * (1 - inner) + inner_hu * inner).astype(np.int16)
    return measures(lesion, mask, CT(hu, geometry), None, candidate)


@pytest.mark.parametrize(
    ("inner_hu", "outer_hu", "inner_radius", "wanted"),
    [
        (40, 40, 5, LesionType.SOLID),
        (-650, -650, 5, LesionType.GROUND_GLASS),
        (30, -600, 5, LesionType.PART_SOLID),
        (700, 50, 6, LesionType.CALCIFIED),
        (-1000, 40, 4, LesionType.CAVITATED),
    ],
)
def test_the_type_follows_the_density(inner_hu, outer_hu, inner_radius, wanted):
    assert two_parts(inner_hu, outer_hu, 9.0, inner_radius).type == wanted


def test_the_solid_part_of_a_part_solid_lesion_is_measured():
    measured = two_parts(30, -600, 9.0, 6.0)
    assert measured.solid_volume_mm3 == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.1)
    assert measured.solid_diameter_mm == pytest.approx(12, abs=1)
    core = 1 - (5.9 / 7.4) ** 3  # what lies 2 mm from the nearest voxel outside, without the solid ball
    assert measured.ground_glass_share == pytest.approx(core, abs=0.06)


def test_density_is_that_of_the_voxels_in_the_outline():
    geometry = bodies.grid(ISOTROPIC, 9)
    lesion, mask, ct, candidate = bodies.lesion_of(
        bodies.shares(geometry, bodies.ellipsoid((0, 0, 0), (8, 8, 8))), geometry
    )
    values = np.random.default_rng(5).normal(20, 60, ct.voxels_zyx.shape).astype(np.int16)
    measured = measures(lesion, mask, CT(values, geometry), None, candidate)
    inside = values[lesion.label_box.slices][mask]
    assert measured.sd_hu == pytest.approx(inside.std())
    found = (measured.p5_hu, measured.median_hu, measured.p95_hu)
    assert found == pytest.approx(tuple(np.percentile(inside, (5, 50, 95))))
    assert measured.mass_mg == pytest.approx(measured.subvoxel_volume_mm3 * (1 + inside.mean() / 1000))


def test_a_lesion_without_solid_voxels_has_no_solid_part():
    measured = two_parts(-650, -650, 6.0, 3.0)
    assert (measured.solid_volume_mm3, measured.solid_diameter_mm, measured.ground_glass_share) == (0, 0, 1)


@pytest.mark.parametrize(
    ("long_axis", "short_axis", "lung_rads", "fleischner"),
    [(6.0, 5.9, 6.0, 6), (8.04, 7.94, 8.0, 8), (6.04, 5.84, 5.9, 6), (7.0, 6.0, 6.5, 7), (5.6, 5.3, 5.5, 5)],
)
def test_mean_diameters_are_rounded_as_the_guidelines_take_them(long_axis, short_axis, lung_rads, fleischner):
    assert lung_rads_diameter(long_axis, short_axis) == lung_rads
    assert fleischner_diameter(long_axis, short_axis) == fleischner


def brick_lungs() -> Lungs:
    """Two bricks of 60 x 120 x 150 mm on a grid of 3 mm, z from 0."""
    label = np.zeros((50, 44, 60), np.uint8)
    label[:, 2:42, 4:24], label[:, 2:42, 36:56] = 1, 2
    grid = Geometry(label.shape, (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
    return Lungs(label, np.zeros(label.shape, np.float32), grid)


def at(x: float, y: float, z: float) -> tuple[np.ndarray, Geometry]:
    """A ball of 8 mm."""
    geometry = bodies.grid(ISOTROPIC, 5)
    geometry = replace(geometry, origin_lps=tuple(np.add(geometry.origin_lps, (x, y, z)).tolist()))
    return bodies.shares(geometry, bodies.ellipsoid((x, y, z), (4, 4, 4))) >= 0.5, geometry


@pytest.mark.parametrize(
    ("z", "third"), [(10, LungThird.LOWER), (75, LungThird.MIDDLE), (120, LungThird.UPPER), (160, LungThird.UPPER)]
)
def test_the_third_is_that_of_the_lungs_height(z, third):
    assert Places(brick_lungs()).third(*at(40, 60, z), Side.RIGHT) == third


def test_the_third_is_of_the_lesions_own_lung():
    lungs = brick_lungs()
    lungs.label_zyx[:25, :, 36:] = 0  # the left lung is half as high
    places = Places(lungs)
    assert places.third(*at(130, 60, 85), Side.LEFT) == LungThird.LOWER
    assert places.third(*at(40, 60, 85), Side.RIGHT) == LungThird.MIDDLE


@pytest.mark.parametrize(("x", "distance"), [(40.5, 24.5), (30.5, 14.5), (18.5, 2.5), (11, 0), (0, 0), (-40, 0)])
def test_the_distance_to_the_pleura_is_that_of_the_lesions_border(x, distance):
    lungs = brick_lungs()
    mask, grid = at(x, 60, 75)
    # the lesion itself is no air
    index = np.rint(lungs.geometry.index(grid.lps(np.argwhere(mask)))).astype(int)
    seen = (index >= 0).all(1)
    lungs.label_zyx[tuple(index[seen].T)] = 0
    assert Places(lungs).pleura_distance(mask, grid) == pytest.approx(distance, abs=2.5)


@pytest.mark.parametrize(
    ("long_axis", "step", "measurable", "words"),
    [
        (12.0, 1.0, True, "at least 10 mm."),
        (9.2, 5.0, False, "under 10 mm."),
        (12.0, 8.0, False, "under 16 mm, twice the slice distance."),
        (17.0, 8.0, True, "at least 16 mm, twice the slice distance."),
        (10.1, 1.0, True, "within its measurement error of 0.3 mm"),
        (9.9, 1.0, False, "within its measurement error of 0.3 mm"),
    ],
)
def test_recist_takes_the_slices_into_account(long_axis, step, measurable, words):
    found, reason = measurability(long_axis, step, 0.3)
    assert found == measurable
    assert words in reason


def test_a_results_lesions_are_measured_from_what_they_were_made_of():
    geometry = bodies.grid(ISOTROPIC, 12)
    lesion, mask, ct, candidate = bodies.lesion_of(
        bodies.shares(geometry, bodies.ellipsoid((0.4, 0, 0), (9, 9, 9))), geometry
    )
    weaker = replace(candidate, block=candidate.block // 2)
    result = Result(geometry, (weaker, candidate), None, (lesion,), (mask,), Options(), {}, "", "", "", {}, 0.0)
    assert measures_of(result, ct) == [measures(lesion, mask, ct, None, candidate)]
    assert measures_of(result, ct, drawn={1}) == [measures(lesion, mask, ct)]
    (smooth,) = measures_of(result, ct, smooth_mm=2.0)
    assert smooth.subvoxel_volume_mm3 != measures_of(result, ct)[0].subvoxel_volume_mm3


def test_a_size_has_a_range_where_the_models_card_says_it():
    geometry = bodies.grid(ISOTROPIC, 12)
    lesion, mask, ct, candidate = bodies.lesion_of(
        bodies.shares(geometry, bodies.ellipsoid((0.4, 0, 0), (9, 7, 9))), geometry
    )
    result = Result(geometry, (candidate,), None, (lesion,), (mask,), Options(), {}, "", "", "", {}, 0.0)
    (plain,) = measures_of(result, ct)
    assert plain.volume_low_mm3 is None and plain.short_axis_high_mm is None
    sizes = ((8.0, [0.7, 1.1]), (15.0, [0.8, 1.2]), (20.0, [0.9, 1.3]))  # the lesion is 18 mm long
    ranges = [{"from_mm": mm, "volume": shares, "diameter": [0.95, 1.05]} for mm, shares in sizes]
    (found,) = measures_of(replace(result, model={"size_ranges": ranges}), ct)
    assert (found.volume_low_mm3, found.volume_high_mm3) == pytest.approx(
        (0.8 * found.subvoxel_volume_mm3, 1.2 * found.subvoxel_volume_mm3)
    )
    assert found.long_axis_low_mm == pytest.approx(0.95 * found.subvoxel_long_axis_mm)
    assert found.short_axis_high_mm == pytest.approx(1.05 * found.subvoxel_short_axis_mm)
    assert measures_of(replace(result, model={"size_ranges": ranges[2:]}), ct) == [plain]
    told = replace(result, model={"size_ranges": ranges})
    for other in (
        measures_of(told, ct, drawn={1}),
        measures_of(told, ct, smooth_mm=1.0),
        measures_of(replace(told, options=Options(threshold=0.4)), ct),
    ):
        assert other[0].volume_low_mm3 is None  # not the model's own outline


def test_a_single_voxel_and_a_row_can_be_measured():
    geometry = Geometry((6, 8, 9), (0.7, 0.7, 5.0), (0.0, 0.0, 0.0))
    ct = CT(np.zeros(geometry.shape_zyx, np.int16), geometry)
    for box in (Box((1, 2, 3), (2, 3, 4)), Box((1, 2, 1), (2, 3, 7))):
        share = np.zeros(geometry.shape_zyx)
        share[box.slices] = 0.9
        lesion, mask, _, candidate = bodies.lesion_of(share, geometry)
        for source in (candidate, None):
            measured = measures(lesion, mask, ct, None, source)
            assert 0 < measured.subvoxel_volume_mm3 < 3 * np.count_nonzero(mask) * geometry.voxel_mm3
            assert measured.subvoxel_short_axis_mm <= measured.subvoxel_long_axis_mm


def test_an_empty_mask_or_one_that_does_not_fill_its_box_is_refused():
    lesion, mask, ct, _ = bodies.lesion_of(np.ones((3, 3, 3)), bodies.grid(ISOTROPIC, 1).crop(Box.whole((3, 3, 3))))
    for wrong in (np.zeros_like(mask), mask[1:]):
        with pytest.raises(ValueError, match="empty or does not fill"):
            measures(lesion, wrong, ct)
