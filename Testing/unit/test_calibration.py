"""The calibration in a model's card, and where it is applied."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib import segmentation
from LungTumorSegLib.data import Options
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.calibration import calibrated, scaled, uncalibrated
from LungTumorSegLib.model.card import Calibration, OperatingPoint
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms

LINE = Calibration(temperature=0.8, offset=-0.9)
UNCALIBRATED = OperatingPoint(threshold=0.5)
CALIBRATED = OperatingPoint(threshold=0.5, map_calibration=LINE)
LESION = ((-70.0, 10.0, 20.0), 14.0, 40.0)


def test_a_map_and_its_floats_are_calibrated_alike_and_in_their_own_type():
    p = np.arange(256, dtype=np.uint8).reshape(16, 16)
    whole, exact = (calibrated(values, CALIBRATED) for values in (p, (p / 255).astype(np.float32)))
    assert whole.dtype == np.uint8 and exact.dtype == np.float32 and whole.shape == p.shape
    np.testing.assert_allclose(whole / 255, exact, atol=0.5 / 255)
    assert (np.diff(whole.ravel().astype(int)) >= 0).all()
    assert exact[8, 0] == pytest.approx(scaled(np.array(128 / 255), 0.8, -0.9), abs=1e-6)


@pytest.mark.parametrize("chest", [True, False])
def test_the_networks_own_answer_comes_back(chest):
    card = replace(CALIBRATED, run_calibration=Calibration(temperature=0.6, offset=-1.1))
    p = np.linspace(0.05, 0.95, 19).reshape(1, 19)
    np.testing.assert_allclose(uncalibrated(calibrated(p, card, chest), card, chest), p, atol=1e-6)
    stored = np.arange(256, dtype=np.uint8)
    back = uncalibrated(stored, card, chest)
    assert back.dtype == np.float32 and (np.diff(back) >= 0).all()
    np.testing.assert_allclose(back[[20, 128, 240]], uncalibrated(stored[[20, 128, 240]] / 255, card, chest), atol=1e-6)
    np.testing.assert_array_equal(uncalibrated(stored, UNCALIBRATED, chest), (stored / 255).astype(np.float32))


def test_a_card_without_calibration_leaves_p_as_it_is():
    p = np.arange(256, dtype=np.uint8)
    assert calibrated(p, UNCALIBRATED) is p


@pytest.mark.parametrize("options", [Options(points_lps=(LESION[0],)), Options(keep_probability=True)])
def test_a_run_is_calibrated_after_the_mean_of_the_views(options):
    ct, _ = phantoms.chest((1.0, 1.0, 2.0), size_mm=(112, 112, 80), lesions=(LESION,), centre_lps=LESION[0])
    options = replace(options, lung_restriction=False, threshold=0.5)
    model = load_bundle()
    plain = replace(model, card=replace(model.card, map_calibration=None))
    moved = replace(model, card=replace(model.card, map_calibration=Calibration(temperature=1.0, offset=-1.0)))
    engine = open_engine(model)
    raw, after = (segment(ct, options, engine=engine, bundle=b) for b in (plain, moved))
    if options.points_lps:
        raw, after = (result.candidates[0].block for result in (raw, after))
    else:
        # what is under p = 0.3 on the calibrated scale has not been looked at again
        seen = after.probability >= 77
        assert seen.any()
        raw, after = raw.probability[seen], after.probability[seen]
    assert (raw > 200).any()
    # pixels and voxels are the same here, so that nothing is interpolated
    off = np.abs(after / 255 - scaled(raw / 255, 1.0, -1.0))
    # on the calibrated scale candidates are smaller, and their other views are given a little less around them
    assert off.mean() <= (0.003 if options.points_lps else 0.02)
    assert np.percentile(off, 90) <= (0.005 if options.points_lps else 0.06)


def test_a_run_over_a_chest_has_a_calibration_of_its_own(monkeypatch):
    # every candidate is looked at whole: which of them a glance leaves depends on the calibration
    monkeypatch.setattr(segmentation, "LEAST_P", 0)
    # pixels and voxels are the same here, so that nothing is interpolated
    ct, _ = phantoms.chest((1.0, 1.0, 4.0), size_mm=(384, 288, 52), lesions=(LESION,), centre_lps=(0, 0, LESION[0][2]))
    part, _ = phantoms.chest((1.0, 1.0, 4.0), size_mm=(112, 112, 80), lesions=(LESION,), centre_lps=LESION[0])
    model = load_bundle()
    own, engine = Calibration(temperature=1.0, offset=-1.5), open_engine(model)
    plain = replace(model.card, map_calibration=None, run_calibration=None, run_threshold=None)
    cards = (plain, replace(plain, run_calibration=own))

    def runs(ct=ct, **options):
        return [segment(ct, Options(**options), engine=engine, bundle=replace(model, card=card)) for card in cards]

    raw, after = (result.probability for result in runs(keep_probability=True))
    assert (raw > 200).any()
    np.testing.assert_array_equal(after, calibrated(raw, replace(UNCALIBRATED, map_calibration=own)))
    clicked = [result.candidates[0].block for result in runs(points_lps=(LESION[0],))]
    np.testing.assert_array_equal(*clicked)
    free = [result.probability for result in runs(part, keep_probability=True, lung_restriction=False)]
    np.testing.assert_array_equal(*free)
