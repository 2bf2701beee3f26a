"""Registration of two CTs of one chest, and of two that are not of one."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.findings.follow_up.registration import Chest, register
from LungTumorSegLib.findings.follow_up.verdict import Verdict, verdict
from LungTumorSegLib.lungs import find
from scipy import ndimage

from Testing.support import moved_chest

MOTION = moved_chest.Motion()


def chest_of(ct):
    return Chest.of(ct, find.find(ct))


@pytest.fixture(scope="module")
def chest():
    return moved_chest.chest()


@pytest.fixture(scope="module")
def pair(chest):
    """The chest, the chest after the motion, and their registration."""
    earlier, later = chest_of(chest), chest_of(moved_chest.moved(chest, MOTION))
    return earlier, later, register(earlier, later)


def test_a_turned_shifted_and_bent_chest_lies_on_itself(pair):
    earlier, _, registration = pair
    inside = earlier.lungs.geometry.lps(np.argwhere(ndimage.binary_erosion(earlier.lungs.label_zyx > 0)))
    off = np.linalg.norm(registration.later(inside) - MOTION.later(inside), axis=1)
    moved_by = np.linalg.norm(MOTION.later(inside) - inside, axis=1)
    assert moved_by.max() > 20
    assert off.mean() < 2.5 and np.percentile(off, 95) < 6.0
    assert verdict(registration.agreement) == Verdict.GOOD


def test_the_way_back_is_the_inverse(pair):
    earlier, _, registration = pair
    inside = earlier.lungs.geometry.lps(np.argwhere(earlier.lungs.label_zyx > 0)[::500])
    assert np.abs(registration.earlier(registration.later(inside)) - inside).max() < 0.05


def test_a_chest_registered_on_itself_stays_where_it_is(pair):
    earlier, *_ = pair
    registration = register(earlier, earlier)
    inside = earlier.lungs.geometry.lps(np.argwhere(earlier.lungs.label_zyx > 0)[::50])
    assert np.abs(registration.later(inside) - inside).max() < 0.5
    assert registration.agreement.vessels > 0.99
    assert registration.agreement.surface_95_mm < 0.5


def test_the_mirrored_chest_of_another_patient_is_told(pair):
    """Its lungs can be bent into place, its vessels can't."""
    earlier, later, _ = pair
    mirrored = Chest(np.ascontiguousarray(later.hu_zyx[::-1, :, ::-1]), _mirrored(later.lungs))
    assert verdict(register(earlier, mirrored).agreement) == Verdict.FAILED


def _mirrored(lungs):
    return replace(lungs, label_zyx=np.ascontiguousarray(lungs.label_zyx[::-1, :, ::-1]))
