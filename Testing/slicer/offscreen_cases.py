"""Pictures by Slicer's displayable managers.

Collected by `test_offscreen`, which gives them a process of their own.
"""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from LungTumorSegLib.data import LesionMap
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.geometry import Box, ras_from_lps
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from LungTumorSegLib.slicer_.scene import overlays, storage, surfaces
from LungTumorSegLib.slicer_.scene.segmentation import show_lesions
from LungTumorSegLib.slicer_.scene.volumes import ct_from_volume

from Testing.support import headless, offscreen, phantoms, results
from Testing.support.scene_case import CARD, CENTRE_RAS, NODULE, findings_of, show


@pytest.fixture(scope="session")
def egl():
    if not offscreen.available():
        if "CI" in os.environ:
            pytest.fail("VTK cannot draw off-screen here: EGL and Mesa are missing")
        pytest.skip("VTK cannot draw off-screen here: EGL or Mesa is missing")


@pytest.fixture
def shown(scene):
    """A lesion in the scene, as a run leaves it: logic, findings, volume."""
    ct, mask = phantoms.chest((2, 2, 3), size_mm=(120, 105, 96), lesions=(NODULE,), centre_lps=(-76.0, 20.0, 14.0))
    volume = headless.add_volume(ct)
    findings = findings_of(ct_from_volume(volume), mask)
    logic = LungTumorSegLogicBase()
    logic.registry.add(findings, volume, storage.pack(findings))
    return SimpleNamespace(logic=logic, findings=findings, volume=volume)


def share_of(picture, color):
    """How much of a picture has about a colour's hue: far more red than blue, or the like."""
    pixels = picture.reshape(-1, 3) / 255
    pixels = pixels - pixels.mean(1, keepdims=True)
    wanted = np.array(color) - np.mean(color)
    length = np.linalg.norm(pixels, axis=1)
    alike = pixels @ wanted / (np.maximum(length, 1e-6) * np.linalg.norm(wanted))
    return float(np.mean((alike > 0.97) & (length > 0.15)))


def test_a_view_that_is_open_follows_a_moved_threshold_and_an_undo(egl, scene, application_logic):
    ct = phantoms.chest((2, 2, 3), size_mm=(120, 105, 96), lesions=(NODULE,), centre_lps=(-76.0, 20.0, 14.0))[0]
    away = np.linalg.norm((np.indices(ct.voxels_zyx.shape).T - ct.geometry.index(NODULE[0])) * (3, 2, 2), axis=-1).T
    volume = headless.add_volume(ct)
    findings = findings_of(ct_from_volume(volume), np.clip(1.2 - away / 18, 0, 1))
    logic = LungTumorSegLogicBase()
    logic.registry.add(findings, volume, storage.pack(findings))
    view = offscreen.SliceView(application_logic, volume, CENTRE_RAS, (300, 300), field_mm=60)
    try:
        before = view.picture()
        logic.update(findings, threshold=0.75)
        followed = view.picture()
        logic.undo(volume)
        back = view.picture()
    finally:
        view.close()
    logic.redo(volume)
    afresh = offscreen.slice_picture(application_logic, volume, CENTRE_RAS, (300, 300), field_mm=60)
    assert np.array_equal(followed, afresh)
    assert np.array_equal(back, before) and not np.array_equal(followed, before)


def test_the_slice_view_shows_the_ct_and_the_outline_on_the_lesion(egl, shown, application_logic):
    color = terminology.color(shown.findings.lesions[0])
    on = offscreen.slice_picture(application_logic, shown.volume, CENTRE_RAS, size=(300, 300), field_mm=40)
    assert on.shape == (300, 300, 3)
    assert len(np.unique(on)) > 50  # the CT's greys
    assert share_of(on, color) > 0.005
    below = CENTRE_RAS - (0, 0, 20)
    off = offscreen.slice_picture(application_logic, shown.volume, below, size=(300, 300), field_mm=40)
    assert share_of(off, color) == 0


def test_the_3d_view_shows_the_surface(egl, shown, application_logic, scene):
    color = terminology.color(shown.findings.lesions[0])
    assert share_of(offscreen.view_picture(application_logic, scene, size=(300, 300)), color) == 0
    shown.logic.show_3d(shown.findings)
    assert share_of(offscreen.view_picture(application_logic, scene, size=(300, 300)), color) > 0.1


def test_an_open_3d_view_leaves_surfaces_to_be_made_one_after_the_other(egl, application_logic, scene):
    ct = results.make_ct()
    volume, findings = headless.add_volume(ct), Findings(ct, results.make_result(ct), CARD)
    node = show(volume, findings)
    view = offscreen.SolidView(application_logic, scene, size=(200, 200))
    try:
        surfaces.show_surfaces(node, True)
        assert [(surfaces.make_surfaces(node, 0.0), surfaces_in(node)) for _ in range(3)] == [
            (False, 1), (False, 2), (True, 3)
        ]  # fmt: skip
        second = findings.lesions[1]
        smaller = findings.mask(second.id).copy()
        smaller[0] = False
        findings.draw(second.label_box, smaller, lesion_id=second.id)
        show_lesions(node, volume, findings)
        assert surfaces_in(node) == 1
        assert [(surfaces.make_surfaces(node, 0.0), surfaces_in(node)) for _ in range(2)] == [(False, 2), (True, 3)]
    finally:
        view.close()


def surfaces_in(node) -> int:
    segmentation = node.GetSegmentation()
    segments = [segmentation.GetNthSegment(i) for i in range(segmentation.GetNumberOfSegments())]
    return sum(segment.GetRepresentation("Closed surface") is not None for segment in segments)


@pytest.fixture
def view(egl, shown, application_logic, scene):
    """An open axial view of the CT with the lesion's slice, as the application's: it follows what comes later."""
    made = offscreen.SliceView(application_logic, shown.volume, CENTRE_RAS, (400, 300))
    yield made
    made.close()


def heat_over(shown, values):
    """A heat map (y, x) on the axial slice that the view shows."""
    start = np.array((shown.findings.ct.geometry.index(ras_from_lps(CENTRE_RAS))[0].round(), 20, 20), int)
    box = Box(start, np.add(start, (1, *values.shape)))
    made = LesionMap("heat", box, values[None].astype(np.float32), 0.8)
    segmentation = shown.logic.segmentation(shown.findings)
    overlays.show_lesion_map(made, 1, "Lesion 1", shown.volume, segmentation, 1.0, "Fall of probability")


def test_the_legend_of_a_map_is_drawn_with_it_and_leaves_with_it(view, shown):
    shown.logic.segmentation(shown.findings).GetDisplayNode().SetVisibility(False)
    before = view.picture()
    heat_over(shown, np.zeros((20, 20)))
    with_legend = view.picture()
    columns = np.flatnonzero((with_legend != before).any((0, 2)))
    assert len(columns) and columns.min() > 400 * 0.7  # in the border, its title too
    shown.logic.hide_map(shown.findings)
    assert np.array_equal(view.picture(), before)


def test_a_heat_map_is_transparent_where_it_says_nothing(view, shown):
    shown.logic.segmentation(shown.findings).GetDisplayNode().SetVisibility(False)
    before = view.picture()
    values = np.zeros((20, 20))
    values[8:12, 8:12], values[0, 0] = 0.4, 0.03
    heat_over(shown, values)
    changed = (view.picture() != before).any(2)[:, :280]  # beside the legend
    voxel = (2 * 400 / view.field_mm) ** 2  # in pixels
    assert 0.5 * 16 * voxel < changed.sum() < 2 * 16 * voxel
