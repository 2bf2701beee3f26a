"""The coronal and the sagittal view: they see the same place, and are put back where they belong."""

import numpy as np
import pytest
from LungTumorSegLib.data import Options
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.sampling import multiview, slices
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms
from training.config import Network

CARD = Network().card
LESION = ((-70.0, 10.0, 20.0), 14.0, 40.0)


def channel(which, plan, view, point=None):
    """The axial map of a network whose answer is one channel of its input: what it is shown can be read off."""
    shown = np.concatenate([given[..., which] for _, given in plan.batches(view, 7, point)])
    return np.rint(shown * 255).astype(np.uint8)


def channel_from_the_sides(which, plan, view, regions, context_px=0, point=None):
    """The same network's coronal and sagittal views: their mean in each region."""
    looks = multiview.Looks(plan, view, regions, context_px, point)
    for some, given in looks.batches(0, 7):
        looks.keep(some, given[..., which])
    return looks.means()


def smooth(shape, spacing):
    """HU (z, y, x) that differ along each axis, and slowly enough to be interpolated."""
    z, y, x = (np.arange(n) * mm for n, mm in zip(shape, spacing, strict=True))
    return -300 + 250 * np.sin(z / 17)[:, None, None] + 200 * np.sin(y / 23)[:, None] + 150 * np.cos(x / 29)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (0.6, 0.9, 0.9), (5.0, 0.98, 0.98)])
@pytest.mark.parametrize("flip", [1, -1])
def test_the_other_views_show_the_same_tissue_at_the_same_place(spacing, flip):
    shape = tuple(round(90 / mm) for mm in spacing)
    direction = (1, 0, 0, 0, 1, 0, 0, 0, 1) if flip == 1 else (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1)
    axial = Geometry(shape, spacing[::-1], (5.0, -7.0, 11.0), direction)
    view = smooth(shape, spacing).astype(np.float32)
    box = Box([n // 3 for n in shape], [2 * n // 3 for n in shape])
    plan = slices.plan_box(axial, CARD, box, 0)
    region = Box((1, 4, 2), (plan.shape[0] - 1, 30, 31))
    (seen,) = channel_from_the_sides(2, plan, view, [region], 16)
    axial_map = channel(2, plan, view)[region.slices]
    assert seen.shape == axial_map.shape and seen.dtype == np.uint8
    # a triangle as wide as a thick slice flattens the wave along z
    np.testing.assert_allclose(seen.astype(int), axial_map, atol=2 if spacing[0] < 2 else 6)


def test_the_click_is_marked_at_the_same_place_in_every_view():
    axial = Geometry((60, 80, 80), (1.0, 1.0, 1.5), (0.0, 0.0, 0.0))
    point = (31.0, 42.0, 40.0)
    plan = slices.plan_around(axial, CARD, point, 60)
    view = np.zeros(axial.shape_zyx, np.int16)
    (seen,) = channel_from_the_sides(5, plan, view, [Box.whole(plan.shape)], point=point)
    expected = channel(5, plan, view, point)
    assert expected.max() > 240
    np.testing.assert_allclose(seen.astype(int), expected, atol=8)


def test_regions_that_are_looked_at_together_are_seen_as_each_alone():
    shape, spacing = (40, 120, 130), (2.5, 0.7, 0.9)
    view = smooth(shape, spacing).astype(np.float32)
    plan = slices.plan_box(Geometry(shape, spacing[::-1], (0.0, 0.0, 0.0)), CARD, Box.whole(shape), 0)
    corners = (
        ((2, 3, 4), (9, 20, 9)),
        ((0, 0, 0), (40, 50, 70)),
        ((11, 40, 30), (12, 41, 31)),
        ((5, 6, 8), (9, 70, 40)),
    )
    regions = [Box(*corner) for corner in corners]
    for _ in range(2):
        together = channel_from_the_sides(2, plan, view, regions, 16)
        for region, seen in zip(regions, together, strict=True):
            assert seen.shape == region.shape
            assert (seen == channel_from_the_sides(2, plan, view, [region], 16)[0]).all()
        regions.reverse()


def test_what_was_broken_off_goes_on_at_any_slice_with_any_number_at_a_time():
    shape = (30, 60, 60)
    plan = slices.plan_box(Geometry(shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), CARD, Box.whole(shape), 0)
    regions = [Box((3, 4, 5), (9, 30, 17)), Box((3, 30, 20), (29, 59, 59))]
    looks = multiview.Looks(plan, smooth(shape, (1, 1, 1)), regions, 16)
    every = [given for _, some in looks.batches(0, 1) for given in some]
    assert len(every) == len(looks) == 26 + 12 + 29 + 39
    for first, size in ((0, 8), (13, 3), (40, 1), (len(looks) - 1, 5)):
        at = first
        for which, some in looks.batches(first, size):
            assert which.start == at and len(some) == which.stop - which.start
            assert all((given == every[at + i]).all() for i, given in enumerate(some))
            at = which.stop
        assert at == len(looks)


def test_at_a_glance_one_slice_of_each_view_stands_for_all_and_the_rest_is_asked_for_later():
    shape = (30, 60, 60)
    plan = slices.plan_box(Geometry(shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), CARD, Box.whole(shape), 0)
    view, regions = smooth(shape, (1, 1, 1)), [Box((3, 4, 5), (9, 30, 17)), Box((3, 30, 20), (29, 59, 59))]
    looks = multiview.Looks(plan, view, regions, 16)

    def answered():
        asked = len(looks)
        for some, given in looks.batches(0, 7):
            looks.keep(some, given[..., 2])
        return asked, looks.means()

    places = [(7, 3), (0, 20)]
    looks.glance(places)
    asked, glanced = answered()
    whole = channel_from_the_sides(2, plan, view, regions, 16)
    assert asked == 4
    for (row, column), seen, expected in zip(places, glanced, whole, strict=True):
        assert seen.shape == expected.shape
        np.testing.assert_allclose(seen[:, row, column].astype(int), expected[:, row, column], atol=1)
    looks.go_on([False, True])
    asked, seen = answered()
    assert asked == 29 - 1 + 39 - 1
    assert (seen[0] == glanced[0]).all() and (seen[1] == whole[1]).all()


def test_beyond_the_scan_is_air():
    axial = Geometry((30, 40, 40), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    plan = slices.plan_around(axial, CARD, (2.0, 20.0, 15.0), 60)
    view = np.full(axial.shape_zyx, 40, np.int16)
    (seen,) = channel_from_the_sides(2, plan, view, [Box.whole(plan.shape)])
    inside = seen[:, -plan.box_yx.start[0] :, -plan.box_yx.start[1] :][:, :39, :39]
    assert (inside == inside.max()).all() and inside.max() > 150
    assert not seen[:, :, : -plan.box_yx.start[1] - 2].any()


def test_each_of_the_three_views_counts_alike():
    axial, sides = (np.array([values], np.uint8) for values in ([255, 0, 30, 200], [255, 255, 90, 131]))
    assert multiview.mean(axial, sides).tolist() == [[255, 170, 70, 154]]


@pytest.fixture(scope="module")
def model():
    return load_bundle()


class Counted:
    """The real engine; ``shapes`` of what it was asked."""

    def __init__(self, engine):
        self.engine, self.shapes, self.classifier, self.coarse = engine, [], engine.classifier, engine.coarse
        self.name, self.device, self.reason, self.batch = engine.name, engine.device, engine.reason, engine.batch
        self.precision = engine.precision

    def predict(self, batch):
        self.shapes.append(batch.shape[:3])
        return self.engine.predict(batch)


def test_a_click_is_answered_from_three_sides_whatever_the_thickness(model):
    for thickness in (1.0, 5.0, 8.0):
        ct, _ = phantoms.chest((0.8, 0.8, thickness), size_mm=(96, 96, 96), lesions=(LESION,), centre_lps=LESION[0])
        engine = Counted(open_engine(model))
        result = segment(ct, Options(points_lps=(LESION[0],)), engine=engine, bundle=model)
        axial = len(range(0, 61, int(thickness)))
        assert len(result.lesions) == 1
        assert axial + 2 * 56 <= sum(n for n, *_ in engine.shapes) <= axial + 2 * 66


def test_only_the_surroundings_of_candidates_are_looked_at_again_and_what_shows_nothing_at_a_glance_no_further(
    model, monkeypatch
):
    ct, _ = phantoms.chest(lesions=(LESION,), size_mm=(384, 288, 120))
    engine = open_engine(model)

    def run():
        counted = Counted(engine)
        result = segment(ct, Options(), engine=counted, bundle=model)
        whole = max(y * x for _, y, x in counted.shapes)
        again = [(n, y, x) for n, y, x in counted.shapes if y * x < whole]
        assert all(y <= 192 and x <= 192 for _, y, x in again)
        return result, sum(n * y * x for n, y, x in again)

    result, again = run()
    go_on = multiview.Looks.go_on
    monkeypatch.setattr(multiview.Looks, "go_on", lambda looks, wanted: go_on(looks, [True] * len(wanted)))
    whole_result, whole = run()
    assert result.lesions and 0 < again < whole
    assert [lesion for lesion, _ in result.outlines] == [lesion for lesion, _ in whole_result.outlines]
