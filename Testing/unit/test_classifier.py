"""The classifier of candidates: what it is shown, and what its answer does to a run."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from LungTumorSegLib.data import Options
from LungTumorSegLib.errors import ModelMismatchError, NoWeightsError, OutOfMemoryError
from LungTumorSegLib.inference import MIRRORED, Inference
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.model.bundle import CARD, CLASSIFIER, load_bundle, sha256
from LungTumorSegLib.model.card import CUBE_SIDE
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.sampling.cubes import classifier_cubes
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms
from training import config

CUBE_CARD = config.Network().card
NODULE = ((-70.0, 10.0, 20.0), 14.0, 40.0)


# what it is shown


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (0.6, 0.9, 0.9)])
def test_a_ball_is_in_the_middle_of_its_cube_whatever_the_spacing(spacing):
    shape = tuple(round(60 / mm) for mm in spacing)
    places = np.stack(np.meshgrid(*(np.arange(n) * mm for n, mm in zip(shape, spacing, strict=True)), indexing="ij"))
    centre = np.array([28.0, 33.0, 25.0])
    view = np.where(np.linalg.norm(places - centre[:, None, None, None], axis=0) < 6, 40, -850).astype(np.int16)
    (cube,) = classifier_cubes(view, spacing, [centre], CUBE_CARD)
    assert cube.shape == (32, 32, 32, 1) and cube.dtype == np.float32
    inside = np.argwhere(cube[..., 0] > 0.4)
    np.testing.assert_allclose(inside.mean(0), CUBE_SIDE // 2, atol=0.6)
    assert np.ptp(inside, axis=0) == pytest.approx([12, 12, 12], abs=2)


def test_beyond_the_scan_is_air():
    (cube,) = classifier_cubes(np.zeros((20, 20, 20), np.int16), (1.0, 1.0, 1.0), [(0, 10, 10)], CUBE_CARD)
    assert not cube[:15].any() and cube[16, 16, 16] > 0.6


class Answers:
    """An engine of two inputs at a time whose classifier is a function."""

    batch = 2

    def __init__(self, predict):
        self.classifier = SimpleNamespace(predict=predict)


def test_the_answers_for_a_cube_and_its_mirror_images_are_averaged():
    given = np.zeros((3, 32, 32, 32, 1), np.float32)
    given[0, :, :16], given[1] = 1, 1  # half, all, nothing

    def predict(cubes):
        assert len(cubes) <= 2
        return 1 / (1 + np.exp(-cubes[:, 16:, 16:, 16:].mean((1, 2, 3, 4))))

    network = Answers(predict)
    np.testing.assert_allclose(Inference(network, None).classify(given), [0.25, 1, 0], atol=1e-6)


def test_without_a_classifier_nothing_is_rated_in_silence():
    network = Answers(None)
    network.classifier = None
    with pytest.raises(NoWeightsError, match="no classifier"):
        Inference(network, load_bundle()).classify(np.zeros((1, 32, 32, 32, 1), np.float32))


# what its answer does


class Says:
    """A classifier with one answer for all."""

    def __init__(self, p, most=1000):
        self.p, self.most, self.shown = p, most, []

    def predict(self, cubes):
        if len(cubes) > self.most:
            raise OutOfMemoryError("too little memory")
        self.shown += list(cubes)
        return np.full(len(cubes), self.p, np.float32)


@pytest.fixture(scope="module")
def model():
    return load_bundle()


PIXELS = (1.0, 1.0, 4.0)  # the network's, so that no map is interpolated
SIZE_MM = (384, 288, 52)  # 13 slices: of 60 a run took 37 s of processor time


def chest(lesions=(NODULE,)):
    return phantoms.chest(PIXELS, SIZE_MM, lesions=lesions, centre_lps=(0.0, 0.0, NODULE[0][2]))[0]


def run(model, answer, options=None):
    """The bundled U-Net with a classifier of that answer, or none; its result and what the classifier was shown."""
    engine = open_engine(model)
    engine.classifier = None if answer is None else Says(answer)
    ct = chest()
    given = replace(options or Options(), keep_probability=not (options and options.points_lps), min_confidence=0)
    return segment(ct, given, engine=engine, bundle=model), engine.classifier


@pytest.fixture(scope="module")
def plain(model):
    return run(model, None)[0]


def sure(result) -> float:
    """The confidence of the lesion nearest to where the nodule was put."""
    at = min(result.lesions, key=lambda lesion: np.linalg.norm(np.mean(lesion.axis_points_lps, 0) - NODULE[0]))
    return at.confidence


def test_each_lesion_is_shown_in_the_middle_of_a_cube(model, plain):
    result, second = run(model, 0.9)
    ratings = [rating for candidate in result.candidates for rating in candidate.ratings]
    shown = second.shown[: len(ratings)]  # then the mirror images
    assert len(second.shown) == len(MIRRORED) * len(ratings) >= len(result.lesions) > 0
    assert not any(candidate.ratings for candidate in plain.candidates)
    nearest = np.argmin([np.linalg.norm(np.subtract(rating.point_lps, NODULE[0])) for rating in ratings])
    assert np.linalg.norm(np.subtract(ratings[nearest].point_lps, NODULE[0])) < 3
    assert shown[nearest][14:18, 14:18, 14:18].mean() > 0.5


@pytest.mark.parametrize(
    ("permutation", "flips"), [((1, 0, 2), (True, False, False)), ((0, 1, 2), (True, False, True))]
)
def test_the_cube_is_right_however_the_ct_is_stored(model, permutation, flips):
    ct = chest()
    shown = []
    for stored in (ct, phantoms.reorient(ct, permutation, flips)):
        engine = open_engine(model)
        engine.classifier = Says(0.9)
        result = segment(stored, Options(min_confidence=0), engine=engine, bundle=model)
        points = [rating.point_lps for candidate in result.candidates for rating in candidate.ratings]
        nearest = np.argmin([np.linalg.norm(np.subtract(point, NODULE[0])) for point in points])
        shown.append(engine.classifier.shown[nearest])
    np.testing.assert_allclose(*shown, atol=0.02)
    assert shown[0][14:18, 14:18, 14:18].mean() > 0.5


def test_its_answer_moves_the_confidence_and_nothing_else(model, plain):
    high, low = (run(model, answer)[0] for answer in (0.999, 0.001))
    assert sure(high) > sure(low)
    for result in (high, low):
        np.testing.assert_array_equal(result.probability, plain.probability)
        assert {lesion.label_box for lesion in result.lesions} == {lesion.label_box for lesion in plain.lesions}
    logits = [np.log(p / (1 - p)) for p in (sure(high), sure(low))]
    weight = model.card.confidence_coefficients.rating
    assert logits[0] - logits[1] == pytest.approx(weight * 2 * np.log(999), rel=0.01)


def test_what_shows_only_under_the_threshold_is_rated_as_well(model):
    ct = chest()
    engine = open_engine(model)
    engine.classifier = Says(0.9)
    strict = replace(model, card=replace(model.card, run_threshold=0.999))
    result = segment(ct, Options(min_confidence=0), engine=engine, bundle=strict)
    weak = [candidate for candidate in result.candidates if candidate.block.max() < 0.999 * 255]
    assert weak and any(candidate.ratings for candidate in weak)


def test_another_threshold_gives_the_same_lesions_and_confidences_in_a_run_and_afterwards(model):
    ct = chest()
    engine = open_engine(model)
    low, high, first = (
        segment(ct, Options(threshold=t, min_confidence=0), engine=engine, bundle=model) for t in (0.06, 0.5, None)
    )
    for fresh in (low, high):
        moved, _ = extract(first.candidates, ct, first.lungs, fresh.options, model.card)
        assert moved == (*fresh.lesions, *fresh.less_likely) and len(moved) > 0


def test_a_clicked_lesion_is_rated_too(model):
    options = Options(points_lps=(NODULE[0],))
    (one,), second = (lambda made: (made[0].lesions, made[1]))(run(model, 0.999, options=options))
    (other,) = run(model, 0.001, options=options)[0].lesions
    assert len(second.shown) == len(MIRRORED)
    assert one.confidence > other.confidence and one.label_box == other.label_box


def test_short_of_memory_fewer_cubes_are_shown_at_a_time(model):
    many = tuple(((-70.0, 10.0 + 18 * k, 20.0), 7.0, 40.0) for k in range(-3, 4))
    engine = open_engine(model)
    engine.device, engine.batch, engine.classifier = "GPU", 8, Says(0.5, most=0)
    ct = chest(many)
    result = segment(ct, Options(), engine=engine, bundle=model)
    assert "went on with 4" in result.notes[0] and "went on on the CPU" in result.notes[-1]
    assert result.device == "CPU" and any(candidate.ratings for candidate in result.candidates)


# in a bundle


def test_a_bundle_without_one_rates_nothing(model, tmp_path, plain):
    folder = shutil.copytree(model.folder, tmp_path / "model")
    card = json.loads((folder / CARD).read_text())
    card.pop("classifier")
    (folder / CARD).write_text(json.dumps(card))
    opened = load_bundle(folder)
    engine = open_engine(opened)
    assert engine.classifier is None and open_engine(model).classifier is not None
    ct = chest()
    result = segment(ct, Options(keep_probability=True, min_confidence=0), engine=engine, bundle=opened)
    np.testing.assert_array_equal(result.probability, plain.probability)
    assert result.lesions == plain.lesions and not any(candidate.ratings for candidate in result.candidates)


def test_one_that_does_not_reproduce_its_stored_answer_is_refused(model, tmp_path):
    folder = shutil.copytree(model.folder, tmp_path / "model")
    given, answer = model.stored_pair(CLASSIFIER)
    np.savez(folder / CLASSIFIER.pair, input=given, output=answer - 0.4)
    card = json.loads((folder / CARD).read_text())
    card["files"][CLASSIFIER.pair] = sha256(folder / CLASSIFIER.pair)
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelMismatchError, match="does not reproduce"):
        open_engine(load_bundle(folder), "onnxruntime", "cpu")


def test_one_without_a_stored_answer_is_refused(model, tmp_path):
    folder = shutil.copytree(model.folder, tmp_path / "model")
    card = json.loads((folder / CARD).read_text())
    del card["files"][CLASSIFIER.pair]
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelMismatchError, match="no stored pair"):
        load_bundle(folder)
