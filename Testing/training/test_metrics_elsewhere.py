"""The metrics against other implementations: SimpleITK, scikit-learn and SciPy."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage, stats
from sklearn.metrics import roc_curve

from training.evaluate import froc, metrics
from training.evaluate.froc import Scan

SPACING_ZYX = (2.5, 0.7, 0.9)


def blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two rough masks that overlap, with parts that do not, one at the array's end."""
    noise = np.random.default_rng(seed).standard_normal((2, 24, 40, 36))
    shared, own = ndimage.gaussian_filter(noise[0], 3), ndimage.gaussian_filter(noise[1], 2)
    first = shared > 0.02
    return first, (shared + 0.2 * own) > 0.018


def image(mask: np.ndarray) -> sitk.Image:
    made = sitk.GetImageFromArray(mask.astype(np.uint8))
    made.SetSpacing(SPACING_ZYX[::-1])
    return made


@pytest.mark.parametrize("seed", range(5))
def test_overlap_is_simpleitks(seed):
    predicted, reference = blobs(seed)
    theirs = sitk.LabelOverlapMeasuresImageFilter()
    theirs.Execute(image(predicted), image(reference))
    ours = metrics.overlap(predicted, reference)
    assert 0.2 < ours["dice"] < 0.98
    assert ours["dice"] == pytest.approx(theirs.GetDiceCoefficient())
    assert ours["iou"] == pytest.approx(theirs.GetJaccardCoefficient())
    # SimpleITK's source is the predicted mask, its target the reference
    assert ours["recall"] == pytest.approx(1 - theirs.GetFalseNegativeError())


@pytest.mark.parametrize("seed", range(5))
def test_surface_distances_are_simpleitks(seed):
    masks = [np.pad(mask, 1) for mask in blobs(seed)]
    images = [image(mask) for mask in masks]
    borders = [sitk.GetArrayFromImage(sitk.LabelContour(one, fullyConnected=False)) > 0 for one in images]
    distances = [
        np.abs(
            sitk.GetArrayFromImage(
                sitk.SignedMaurerDistanceMap(image(border), squaredDistance=False, useImageSpacing=True)
            )
        )
        for border in borders
    ]
    pooled = np.concatenate([distances[1][borders[0]], distances[0][borders[1]]])
    hd95, mean = metrics.surface_distances(*masks, SPACING_ZYX)
    assert hd95 == pytest.approx(np.percentile(pooled, 95), abs=1e-4)
    assert mean == pytest.approx(pooled.mean(), abs=1e-4)
    assert hd95 > 0.5


def test_the_froc_curve_is_scikit_learns_roc_curve_on_another_scale():
    rng = np.random.default_rng(3)
    scans = []
    for _ in range(7):
        hits = rng.random(30) < 0.3
        scores = np.round(np.where(hits, rng.normal(1, 1, 30), rng.normal(0, 1, 30)), 1)  # rounded: ties
        scans.append(Scan(scores, hits, int(hits.sum()) + 2))
    hits, scores = (np.concatenate([getattr(s, name) for s in scans]) for name in ("hits", "scores"))
    false_share, true_share, thresholds = roc_curve(hits, scores, drop_intermediate=False)
    false, found, kept_from = froc.curve(scans)
    np.testing.assert_allclose(kept_from, thresholds)
    np.testing.assert_allclose(false, false_share * (~hits).sum() / len(scans))
    np.testing.assert_allclose(found, true_share * hits.sum() / sum(s.references for s in scans))
    for rate in (0.5, 1, 2, 4):
        below = false_share * (~hits).sum() / len(scans) <= rate
        theirs = (true_share * hits.sum())[below].max() / sum(s.references for s in scans)
        assert froc.sensitivity_at(scans, rate) == pytest.approx(theirs)


def test_the_interval_by_patient_is_scipys_bootstrap_of_patients():
    rng = np.random.default_rng(4)
    values = rng.beta(8, 2, 60)
    low, high = metrics.bootstrap(values, np.arange(60), times=20000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20000, method="percentile", random_state=1)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.03 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.03 * width)


def test_the_interval_of_several_lesions_a_patient_is_scipys_of_a_ratio_of_sums():
    rng = np.random.default_rng(5)
    patients = np.repeat(np.arange(40), rng.integers(1, 6, 40))
    values = rng.normal(0.8, 0.1, len(patients)) - 0.2 * (patients % 3 == 0)
    sums, counts = np.bincount(patients, values), np.bincount(patients).astype(float)
    theirs = stats.bootstrap(
        (sums, counts),
        lambda s, n, axis: s.sum(axis) / n.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=20000,
        method="percentile",
        random_state=2,
    ).confidence_interval
    low, high = metrics.bootstrap(values, patients, times=20000)
    assert low == pytest.approx(theirs.low, abs=0.03 * (theirs.high - theirs.low))
    assert high == pytest.approx(theirs.high, abs=0.03 * (theirs.high - theirs.low))
