"""The pictures show the right slice, the right way round, whatever the order in which the CT is stored."""

import numpy as np
import pytest
from LungTumorSegLib.data import Candidate, Options
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.model.card import OperatingPoint
from LungTumorSegLib.writers import pictures

from Testing.support import phantoms, results

CARD = OperatingPoint(threshold=0.5)


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest((2.0, 2.0, 4.0), (120, 96, 60), centre_lps=phantoms.NODULE[0])[0]


def _result(ct):
    """The nodule as a lesion, found on the CT's stored grid by its place alone."""
    place = np.stack(np.meshgrid(*map(np.arange, ct.geometry.shape_zyx), indexing="ij"), axis=-1)
    x, y, z = phantoms.NODULE[0]
    offset = ct.geometry.lps(place) - (x, y, z)
    # twice as long as wide, in no direction of the grid, so that a mirrored one is another one
    block = (np.linalg.norm(offset @ np.diag([0.5, 1, 1]) + offset[..., [1]] * (0.2, 0, 0), axis=-1) < 9) * np.uint8(
        255
    )
    whole = Box.whole(ct.geometry.shape_zyx)
    made, masks = extract([Candidate(whole, block)], ct, None, Options(lung_restriction=False), CARD)
    return results.make_result(ct, lesions=made, masks=masks)


@pytest.mark.parametrize(("permutation", "flips"), phantoms.ORDERS)
def test_the_slice_shown_is_the_one_with_the_long_axis(chest, permutation, flips):
    ct = phantoms.reorient(chest, permutation, flips)
    result = _result(ct)
    (lesion,), (mask,) = result.lesions, result.masks
    seen = pictures.AxialView(result, ct)
    number = seen.slice_number(lesion)
    assert seen.geometry.index(lesion.axis_points_lps)[:, 0] == pytest.approx(number, abs=0.01)
    box, placed = seen.placed(lesion, mask)
    assert placed[number - box.start[0]].any()
    expected = _result(chest)
    standard = pictures.AxialView(expected, chest)
    assert np.array_equal(seen.voxels, standard.voxels)
    assert box == standard.placed(expected.lesions[0], expected.masks[0])[0]


def test_the_overview_counts_rejected_lesions_apart():
    ct = results.make_ct()
    seen = pictures.AxialView(results.make_result(ct), ct)
    said = [text.get_text() for text in pictures._overview(seen, "CT").texts]
    assert "CT: 2 lesions found, 1 rejected (grey)" in said


def test_the_picture_has_the_patients_right_on_its_left_and_the_front_on_top():
    geometry = results.oblique_geometry()
    ct = results.make_ct(geometry)
    seen = pictures.AxialView(results.make_result(ct), ct)
    towards_left, towards_back = seen.geometry.lps([(0, 0, 1), (0, 1, 0)]) - seen.geometry.lps((0, 0, 0))
    assert towards_left[0] > 0
    assert towards_back[1] > 0
