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


def channel(which, point=None):
    """A network whose answer is one channel of its input: what it is shown can be read off its map."""

    def network(plan, view):
        shown = np.concatenate([given[..., which] for _, given in plan.batches(view, 7, point)])
        return np.rint(shown * 255).astype(np.uint8)

    return network


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
    seen = multiview.look(plan, view, region, channel(2), 16)
    axial_map = channel(2)(plan, view)[region.slices]
    assert seen.shape == axial_map.shape and seen.dtype == np.uint8
    # a triangle as wide as a thick slice flattens the wave along z
    np.testing.assert_allclose(seen.astype(int), axial_map, atol=2 if spacing[0] < 2 else 6)


def test_the_click_is_marked_at_the_same_place_in_every_view():
    axial = Geometry((60, 80, 80), (1.0, 1.0, 1.5), (0.0, 0.0, 0.0))
    point = (31.0, 42.0, 40.0)
    plan = slices.plan_around(axial, CARD, point, 60)
    view = np.zeros(axial.shape_zyx, np.int16)
    seen = multiview.look(plan, view, Box.whole(plan.shape), channel(5, point))
    expected = channel(5, point)(plan, view)
    assert expected.max() > 240
    np.testing.assert_allclose(seen.astype(int), expected, atol=8)


def test_beyond_the_scan_is_air():
    axial = Geometry((30, 40, 40), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    plan = slices.plan_around(axial, CARD, (2.0, 20.0, 15.0), 60)
    view = np.full(axial.shape_zyx, 40, np.int16)
    seen = multiview.look(plan, view, Box.whole(plan.shape), channel(2))
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
        self.engine, self.shapes, self.classifier = engine, [], engine.classifier
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


def test_only_the_surroundings_of_candidates_are_looked_at_again(model):
    ct, _ = phantoms.chest(lesions=(LESION,))
    engine = Counted(open_engine(model))
    result = segment(ct, Options(), engine=engine, bundle=model)
    whole = max(y * x for _, y, x in engine.shapes)
    again = sum(n * y * x for n, y, x in engine.shapes if y * x < whole)
    assert result.candidates and again > 0
    assert all(y <= 192 and x <= 192 for n, y, x in engine.shapes if y * x < whole)
