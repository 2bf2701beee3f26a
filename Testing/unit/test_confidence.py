"""How sure a lesion is: the features, the classifier's ratings among them, and their logistic regression."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.data import Rating
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions import confidence
from LungTumorSegLib.model.card import Calibration

from Testing.support import phantoms
from Testing.support.blocks import (
    CARD,
    WEIGHTS,
    ball,
    blank,
    candidate,
    cone,
    extracted,
    lungs_whose_hull_ends_at,
    rating,
)


@pytest.fixture
def ct():
    return blank()


# ---- the features


@pytest.fixture
def ball_features(ct):
    def of(ct=ct, p=None, centre=(20, 30, 30), radius=7.0):
        p = ball(ct, centre, radius) if p is None else p
        box = Box.around(p)
        return confidence.features(p[box.slices] > 0, p[box.slices], box, ct)

    return of


def test_features_of_a_ball(ct, ball_features):
    values = ball_features()
    assert tuple(values) == confidence.FEATURES
    assert (values["mean_p"], values["max_p"]) == pytest.approx((0.9, 0.9))
    assert values["log_volume"] == pytest.approx(np.log(4 / 3 * np.pi * 7**3), abs=0.03)
    assert values["elongation"] == pytest.approx(1, abs=0.02)
    assert values["extent_z"] == 15


def test_elongation_is_the_ratio_of_the_axes_in_millimetres():
    ct = blank((0.8, 0.8, 2.0))
    away = (np.stack(np.indices(ct.voxels_zyx.shape), -1) - (20, 30, 30)) * ct.geometry.spacing_zyx
    p = np.where(((away / (18, 6, 6)) ** 2).sum(-1) <= 1, 0.9, 0)
    box = Box.whole(p.shape)
    assert confidence.features(p > 0, p, box, ct)["elongation"] == pytest.approx(3, rel=0.05)


def test_a_lesion_on_one_slice_has_a_finite_elongation(ct):
    p = np.zeros(ct.voxels_zyx.shape)
    p[20, 20:30, 20:30] = 0.9
    box = Box((20, 20, 20), (21, 30, 30))
    assert confidence.features(p[box.slices] > 0, p[box.slices], box, ct)["elongation"] == pytest.approx(10, rel=0.01)


def test_lung_contact_is_the_aerated_share_of_the_shell(ct, ball_features):
    assert ball_features()["lung_contact"] == 1
    solid = blank(hu=40)
    assert ball_features(solid)["lung_contact"] == 0
    half = blank()
    half.voxels_zyx[:, :, :30] = 40
    assert ball_features(half)["lung_contact"] == pytest.approx(0.5, abs=0.05)


def test_a_lesion_at_the_edge_of_the_ct_has_features(ct, ball_features):
    values = ball_features(centre=(0, 0, 0))
    assert values["lung_contact"] == 1
    assert values["extent_z"] == 8


@pytest.mark.parametrize("order", phantoms.ORDERS[::5])
def test_features_do_not_depend_on_the_axis_order(order):
    ct = blank((0.8, 0.8, 2.5))
    ct.voxels_zyx[:, :, 33:] = 40
    p = ball(ct, (20, 30, 30), 9) + ball(ct, (16, 26, 36), 9, 0.05)
    stored = phantoms.reorient(ct, *order)
    turned = phantoms.reorient(replace(ct, voxels_zyx=p.astype(np.float32)), *order).voxels_zyx
    whole = Box.whole(p.shape), Box.whole(turned.shape)
    expected = confidence.features(p > 0, p, whole[0], ct)
    assert confidence.features(turned > 0, turned, whole[1], stored) == pytest.approx(expected, rel=1e-5)


def test_uint8_and_float_probabilities_give_the_same_features(ct):
    p = np.rint(255 * cone(ct, (20, 30, 30), 9)) / 255
    box = Box.whole(p.shape)
    mask = p > 0.3
    one, two = (confidence.features(mask, block, box, ct) for block in (p, np.rint(255 * p).astype(np.uint8)))
    assert one == pytest.approx(two, rel=1e-6)


# ---- the regression


def test_confidence_is_the_logistic_of_the_weighted_features(ct):
    card = rating(**WEIGHTS)
    p = ball(ct, (20, 30, 30), 7)
    found, masks = extracted(ct, p, card=card)
    box = found[0].label_box
    values = confidence.features(masks[0], p[box.slices], box, ct)
    logit = WEIGHTS["intercept"] + sum(WEIGHTS[name] * values[name] for name in WEIGHTS if name != "intercept")
    assert found[0].confidence == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-3)


def test_of_a_candidates_ratings_the_nearest_to_the_lesion_counts(ct):
    """One block that holds two lesions."""
    places, radii = ((20, 15, 15), (20, 45, 45)), (6, 9)
    p = np.maximum(*(ball(ct, place, radius) for place, radius in zip(places, radii, strict=True)))
    ratings = tuple(
        Rating(tuple(ct.geometry.lps(np.add(place, 1)).tolist()), logit)
        for place, logit in zip(places, (3.0, -2.0), strict=True)
    )
    found, _ = extracted(ct, candidate(ct, p, ratings=ratings), card=rating(rating=1.0))
    sure = {round(lesion.long_axis_mm): lesion.confidence for lesion in found}
    assert sure == pytest.approx({12: 1 / (1 + np.exp(-3)), 18: 1 / (1 + np.exp(2))})
    unrated, _ = extracted(ct, p, card=rating(rating=1.0))
    assert [lesion.confidence for lesion in unrated] == [0.5, 0.5]


def test_the_confidence_is_of_what_the_network_itself_said(ct):
    """Whatever the calibration, which a run over a chest has another of than a click."""
    lines = {
        "map_calibration": Calibration(temperature=0.5, offset=0.3),
        "run_calibration": Calibration(temperature=2.0, offset=-0.2),
    }
    card = rating(replace(CARD, threshold=0.3, **lines), max_p=1.0)
    chest, p, logit = lungs_whose_hull_ends_at(100), ball(ct, (20, 30, 30), 7, 0.6), np.log(0.6 / 0.4)
    clicked = candidate(ct, p, point_lps=tuple(ct.geometry.lps((20, 30, 30)).tolist()))
    for given, lungs, own in (
        (p, None, (logit - 0.3) * 0.5),
        (p, chest, (logit + 0.2) * 2.0),
        (clicked, chest, (logit - 0.3) * 0.5),
    ):
        (lesion,), _ = extracted(ct, given, lungs=lungs, card=card)
        raw = 1 / (1 + np.exp(-own))
        assert lesion.confidence == pytest.approx(1 / (1 + np.exp(-raw)), abs=1e-3)


def test_a_rating_too_far_off_does_not_count(ct):
    card = rating(rating=1.0)
    for off_mm, expected in ((15, 1 / (1 + np.exp(-3))), (17, 0.5)):
        place = np.add(ct.geometry.lps((20, 30, 30)), (off_mm, 0, 0))
        given = candidate(ct, ball(ct, (20, 30, 30), 7), ratings=(Rating(tuple(place.tolist()), 3.0),))
        assert extracted(ct, given, card=card)[0][0].confidence == pytest.approx(expected)


def test_the_rating_of_a_mass_does_not_count():
    ct = blank((2.0, 2.0, 2.0))
    card = rating(rating=1.0)
    ratings = (Rating(tuple(ct.geometry.lps((20, 30, 30)).tolist()), -4.0),)
    for radius_mm, expected in ((13, 1 / (1 + np.exp(4))), (17, 0.5)):
        given = candidate(ct, ball(ct, (20, 30, 30), radius_mm, 0.9), ratings=ratings)
        assert extracted(ct, given, card=card)[0][0].confidence == pytest.approx(expected)
