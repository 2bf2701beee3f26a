"""How the classifier of candidates is fitted and exported."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from LungTumorSegLib.model.bundle import CLASSIFIER, load_bundle
from LungTumorSegLib.model.classifier import build
from LungTumorSegLib.model.engines.choose import open_engine
from msgspec.structs import replace

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
from training import config
from training.bundle import export
from training.data.prepare import TARGET
from training.examples import classifier_cubes
from training.examples.patches import Patches
from training.examples.transplant import centre_of
from training.fitting import classifier


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Iterator[config.Config]:
    own = config.Classifier(filters=(2, 4), patch_steps=3, ct_steps=2, batch=4)
    with pytest.MonkeyPatch.context() as patch:
        made_up_pack.take_few_cubes(patch)
        yield replace(made_up_pack.prepared(tmp_path_factory.mktemp("pack")), classifier=own)


def test_spots_are_balls_and_rods_but_not_plain_tissue():
    z, y, x = np.meshgrid(*[np.arange(50.0)] * 3, indexing="ij")
    hu = np.full(z.shape, -850.0)
    hu[(z - 15) ** 2 + (y - 20) ** 2 + (x - 30) ** 2 < 25] = 30
    hu[(y - 38) ** 2 + (x - 12) ** 2 < 5] = 30
    places, response = classifier_cubes.spots(hu, 1.0)
    assert np.linalg.norm(places - (15, 20, 30), axis=1).min() < 2
    assert np.linalg.norm(places[:, 1:] - (38, 12), axis=1).min() < 2
    assert (response > classifier_cubes.SPOT_HU).all()
    noise = np.random.default_rng(0).normal(0, 30, z.shape)
    assert not len(classifier_cubes.spots(-850 + noise, 1.0)[0]) and not len(classifier_cubes.spots(40 + noise, 1.0)[0])


def test_a_nodules_cube_has_it_in_the_middle(made):
    pool = classifier_cubes.of_patches(made)
    assert pool["x"].dtype == np.uint8 and pool["x"].shape[1:] == (40, 40, 40) and 1 in pool["y"]
    patches = Patches(made_up_pack.Path(made.data.prepared), "train")
    source = patches.source(next(iter(patches.rows)))
    tissue = 255 * (np.median(source.hu[source.target > 127]) + 1024) / 1624
    nodules = pool["x"][pool["y"] == 1][:, 18:22, 18:22, 18:22].mean((1, 2, 3))
    lung = 255 * (-850 + 1024) / 1624
    assert (nodules > lung + 30).all() and (np.abs(nodules[-3:] - tissue) < 15).all()  # the last has 15 mm


def test_spots_keep_away_from_every_label(made):
    patches = Patches(made_up_pack.Path(made.data.prepared), "train")
    index = next(iter(patches.rows))
    source, shape = patches.source(index), patches.arrays["target_lesion"][index] & TARGET > 0
    centre = centre_of(shape)
    far = np.array([[z, y, x] for z in (2, 47) for y in (2, 47) for x in (2, 47)], float)
    assert (
        not classifier_cubes._away(source, centre[None])[0]
        and not classifier_cubes._away(source, centre[None] + (0, 0, 6))[0]
    )
    assert classifier_cubes._away(source, far).all()


def test_a_batch_is_half_nodules_and_of_each_pool_alike_and_the_same_again():
    pools = [{"x": np.full((6, 40, 40, 40), value, np.uint8), "y": np.arange(6) % 2} for value in (50, 200)]
    x, y = next(classifier.batches(pools, 8, 3))
    again, _ = next(classifier.batches(pools, 8, 3))
    assert x.shape == (8, 32, 32, 32, 1) and y.sum() == 4
    np.testing.assert_array_equal(x, again)
    bright = x.mean((1, 2, 3, 4)) > 0.5
    assert bright.sum() == 4 and y[bright].sum() == 2


def test_the_fit_leaves_a_classifier_without_each_fold_and_one_with_both(made):
    assert classifier.fitted(made) is None
    weights = classifier.fit(made)
    assert weights == classifier.fitted(made)
    each = [classifier.fitted(made, name) for name in ("fold-a", "fold-b", "bundled")]
    contents = [path.read_bytes() for path in each]
    assert len(set(contents)) == 3
    kept = [path.stat().st_mtime_ns for path in each]
    each[2].unlink()
    classifier.fit(made)
    assert [path.stat().st_mtime_ns for path in each[:2]] == kept[:2] and each[2].exists()


@pytest.mark.parametrize("name", ["tensorflow", "onnxruntime", "openvino"])
def test_every_engine_gives_what_the_exported_classifier_gave(made, name, tmp_path):
    import keras
    from LungTumorSegLib.model import unet

    keras.utils.set_random_seed(0)
    unet.build(made.network.card.architecture).save_weights(tmp_path / "u.weights.h5")
    network = build(made.classifier.card)
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if layer.name.endswith("norm"):
            layer.set_weights(
                [v * rng.uniform(0.5, 1.5, v.shape) + rng.uniform(0, 0.3, v.shape) for v in layer.get_weights()]
            )
    network.save_weights(tmp_path / "c.weights.h5")
    folder = export.export(
        made, tmp_path / "u.weights.h5", tmp_path / "b", {"threshold": 0.5}, tmp_path / "c.weights.h5"
    )
    opened = load_bundle(folder)
    given, expected = opened.stored_pair(CLASSIFIER)
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(network.predict(given, verbose=0)[:, 0], expected, atol=2e-3)  # halves
    second = open_engine(opened, name, "cpu").classifier
    assert np.abs(second.predict(given) - expected).max() <= (0.001 if second.precision == "float32" else 0.02)
