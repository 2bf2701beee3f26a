"""Uncertainty and heat maps: symmetries, known networks, any axis order; and the pictures and figures of `explain`."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from LungTumorSegLib import explain, segmentation
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.errors import Cancelled, GeometryError, OutOfMemoryError
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.inference import Inference, Job
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from training.bundle import export
from training.studies.explain import SCORES, Nodules, _tells_errors, draw, run, summarise

SHAPE = (21, 64, 64)
BALL = (10, 30, 20)  # zyx, and 12 mm across


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


def _opened(folder: Path):
    opened = load_bundle(folder)
    return open_engine(opened, "onnxruntime", "cpu"), opened


@pytest.fixture(scope="module")
def tissue(made):
    """A network that marks what is denser than -400 HU, pixel by pixel."""
    return _opened(made_up_pack.tissue_bundle(made, Path(made.fit.run).parent / "tissue"))


@pytest.fixture(scope="module")
def random(made):
    """A network of random weights, which has no symmetry at all."""
    import keras
    from LungTumorSegLib.model import unet

    keras.utils.set_random_seed(0)
    folder = Path(made.fit.run).parent
    unet.build(made.network.card.architecture).save_weights(folder / "random.weights.h5")
    return _opened(export.export(made, folder / "random.weights.h5", folder / "random", {"threshold": 0.5}))


def ball_ct() -> CT:
    """Noisy lung with a ball and a vessel along z; all of it fits one box of 60 mm."""
    z, y, x = np.indices(SHAPE)
    hu = np.full(SHAPE, -850.0) + np.random.default_rng(0).normal(0, 20, SHAPE)
    hu[(z - BALL[0]) ** 2 + (y - BALL[1]) ** 2 + (x - BALL[2]) ** 2 <= 36] = 40
    hu[(y - 50) ** 2 + (x - 50) ** 2 <= 9] = 40
    return CT(np.rint(hu).astype(np.int16), Geometry(SHAPE, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))


def turned(ct: CT) -> CT:
    """The same CT as a file might hold it: from head to feet, from back to front, x running slowest."""
    voxels = ct.voxels_zyx[::-1, ::-1].transpose(2, 0, 1)
    # columns: LPS directions of the array's last, middle and first axis
    direction = (0, 0, 1, -1, 0, 0, 0, -1, 0)
    origin = ct.geometry.lps((SHAPE[0] - 1, SHAPE[1] - 1, 0))
    return CT(np.ascontiguousarray(voxels), Geometry(voxels.shape, (1.0, 1.0, 1.0), tuple(origin), direction))


def middle(ct: CT) -> explain.Spot:
    return explain.Spot(tuple(ct.geometry.lps((np.array(ct.voxels_zyx.shape) - 1) / 2)))


def ball(ct: CT, network):
    """The ball as the product finds it by a click: lesion, mask and spot."""
    engine, opened = network
    point = tuple(float(v) for v in BALL[::-1])
    result = segmentation.segment(ct, Options(points_lps=(point,)), engine=engine, bundle=opened)
    return result.lesions[0], result.masks[0], explain.spot_of(ct, result.lesions[0], point)


def whole(ct: CT, box, block) -> np.ndarray:
    filled = np.full(ct.voxels_zyx.shape, np.nan)
    filled[box.slices] = block
    return filled


@pytest.mark.parametrize("axis", [0, 2], ids=["head to feet", "left to right"])
def test_a_mirrored_ct_has_the_mirrored_uncertainty(random, axis):
    ct = ball_ct()
    mirrored = replace(ct, voxels_zyx=np.ascontiguousarray(np.flip(ct.voxels_zyx, axis)))
    here, there = (explain.uncertainty(c, middle(c), Inference(*random)) for c in (ct, mirrored))
    assert here.probability.shape == SHAPE
    assert here.deviation.max() > 1e-4
    np.testing.assert_allclose(np.flip(there.probability, axis), here.probability, atol=1e-5)
    np.testing.assert_allclose(np.flip(there.deviation, axis), here.deviation, atol=1e-5)


def test_the_mean_probability_is_that_of_the_single_views(random):
    engine, opened = random
    ct = ball_ct()
    found = explain.uncertainty(ct, middle(ct), Inference(engine, opened))
    plan = explain._plan(ct, middle(ct), opened)
    (_, given), *_ = plan.batches(ct.voxels_zyx, 1, None, BALL[0])
    views = []
    for x in (1, -1):
        for z in (1, -1):
            views.append(
                engine.predict(np.concatenate([given[:, :, ::x, :5][..., ::z], given[:, :, ::x, 5:]], -1))[0, :, ::x]
            )
    np.testing.assert_allclose(found.probability[BALL[0]], np.mean(views, 0), atol=1e-5)
    np.testing.assert_allclose(found.deviation[BALL[0]], np.std(views, 0), atol=1e-5)


def test_a_network_that_looks_at_single_pixels_is_not_unsure_under_mirroring(tissue):
    found = explain.uncertainty(ball_ct(), middle(ball_ct()), Inference(*tissue))
    assert found.deviation.max() < 1e-3
    assert found.probability[BALL] > 0.99 and found.probability[10, 30, 40] < 0.01


def test_entropy_is_a_bit_where_p_is_a_half_and_nothing_where_the_network_is_sure():
    assert explain.entropy(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 1, 0], abs=1e-4)


def test_the_heat_of_such_a_network_lies_on_the_lesion_alone(tissue):
    ct = ball_ct()
    lesion, mask, spot = ball(ct, tissue)
    found = explain.heat(ct, spot, lesion, mask, Inference(*tissue))
    assert found.box.pairs[0] == (BALL[0], BALL[0] + 1) and found.probability > 0.95
    fall = whole(ct, found.box, found.fall)[BALL[0]]
    y, x = np.indices(SHAPE[1:])
    distance = np.hypot(y - BALL[1], x - BALL[2])
    assert np.nanmean(fall[distance <= 4]) > 0.15
    assert np.nanmax(np.abs(fall[distance > 20])) < 0.01  # not on the vessel either
    assert np.hypot(*np.array(np.unravel_index(np.nanargmax(fall), fall.shape)) - BALL[1:]) < 4


def test_maps_of_a_ct_stored_in_another_order_are_the_same(tissue, random):
    ct, other = ball_ct(), turned(ball_ct())
    assert np.allclose(other.geometry.lps((20, 10, 33)), ct.geometry.lps((10, 30, 20)))
    maps = []
    for c in (ct, other):
        lesion, mask, spot = ball(c, tissue)
        unsure = explain.uncertainty(c, spot, Inference(*random))
        heat = explain.heat(c, spot, lesion, mask, Inference(*tissue))
        view = c.geometry.axial_order().view
        blocks = ((unsure.box, unsure.deviation), (heat.box, heat.fall))
        maps.append([view(whole(c, box, block)) for box, block in blocks])
    for a, b in zip(*maps, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_large_lesion_gets_the_larger_box(tissue):
    ct = ball_ct()
    lesion, *_ = ball(ct, tissue)
    assert explain.spot_of(ct, lesion).side_mm == 60
    assert explain.spot_of(ct, replace(lesion, label_box=Box.whole((21, 45, 45)))).side_mm == 120
    assert explain.spot_of(ct, lesion).centre_lps == pytest.approx(BALL[::-1], abs=0.6)


def test_a_lesion_outside_the_box_is_refused(tissue):
    ct = ball_ct()
    lesion, mask, spot = ball(ct, tissue)
    far = replace(spot, centre_lps=(90.0, 90.0, 10.0))
    with pytest.raises(GeometryError, match="heat map"):
        explain.heat(ct, far, lesion, mask, Inference(*tissue))


# short of memory, cancelled, watched: as a run


class SmallMemory:
    """The real engine on a device that holds no more than ``most`` slices."""

    def __init__(self, engine, most, device="GPU"):
        self.engine, self.most, self.device, self.batch, self.sizes = engine, most, device, 8, []

    def predict(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            raise OutOfMemoryError("too little memory")
        return self.engine.predict(batch)


def maps_by(ct, network, inference):
    """Both maps of the ball, as `Inference` objects that ``inference`` makes compute them."""
    lesion, mask, spot = ball(ct, network)
    one, other = inference(), inference()
    return (explain.uncertainty(ct, spot, one).deviation, one), (
        explain.heat(ct, spot, lesion, mask, other).fall,
        other,
    )


def test_short_of_memory_a_map_is_made_with_smaller_batches_and_says_so(tissue):
    engine, opened = tissue
    plain = maps_by(ball_ct(), tissue, lambda: Inference(engine, opened))
    small = maps_by(ball_ct(), tissue, lambda: Inference(SmallMemory(engine, 2), opened))
    for (expected, _), (values, inference) in zip(plain, small, strict=True):
        assert max(size for size in inference.engine.sizes if size <= 2) == 2
        assert len(inference.notes) == 2 and "went on with 2" in inference.notes[-1]
        np.testing.assert_allclose(values, expected, atol=1e-5)


def test_a_map_that_the_gpu_has_no_room_for_is_made_on_the_cpu(tissue):
    engine, opened = tissue
    plain = maps_by(ball_ct(), tissue, lambda: Inference(engine, opened))
    on_cpu = maps_by(
        ball_ct(), tissue, lambda: Inference(SmallMemory(engine, 0), opened, options=Options(engine="onnxruntime"))
    )
    for (expected, _), (values, inference) in zip(plain, on_cpu, strict=True):
        assert inference.engine.device == "CPU" and "went on on the CPU" in inference.notes[-1]
        np.testing.assert_allclose(values, expected, atol=1e-5)


def test_a_map_that_the_cpu_has_no_room_for_is_an_error(tissue):
    engine, opened = tissue
    with pytest.raises(OutOfMemoryError):
        explain.uncertainty(ball_ct(), middle(ball_ct()), Inference(SmallMemory(engine, 0, "CPU"), opened))


@pytest.mark.parametrize("kind", ["uncertainty", "heat"])
def test_a_map_tells_its_progress_and_stops_between_batches_when_it_is_cancelled(tissue, kind):
    engine, opened = tissue
    ct = ball_ct()
    lesion, mask, spot = ball(ct, tissue)

    def make(job):
        inference = Inference(engine, opened, job)
        if kind == "heat":
            return explain.heat(ct, spot, lesion, mask, inference)
        return explain.uncertainty(ct, spot, inference)

    steps = []
    make(Job(steps.append))
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    assert {step.stage for step in steps} == {"explain"} and steps[-1].done == steps[-1].total
    assert all(step.seconds_left is not None for step in steps) and len(steps) > 2
    steps.clear()
    with pytest.raises(Cancelled):
        make(Job(steps.append, lambda: bool(steps)))
    assert len(steps) == 1


# `python -m training explain`


@pytest.fixture(scope="module")
def explained(made, tissue, tmp_path_factory):
    return run(made, tmp_path_factory.mktemp("explained"), tissue[1].folder, count=1)


def test_explain_leaves_figures_a_table_and_pictures(explained):
    figures = json.loads(explained.read_text())
    assert figures["uncertainty"]["lesions"] == 3 and figures["uncertainty"]["not_found"] == 0
    names = {path.name for path in explained.parent.iterdir()}
    assert {"best-1.png", "median-1.png", "worst-1.png", "explain-test.json"} <= names
    (table,) = explained.parent.glob("uncertainty-test-*.csv")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["dice"]) > 0.8 for row in rows)
    assert all(float(row["mean_deviation"]) < 1e-3 for row in rows)


def test_a_second_explain_reads_the_table(made, tissue, explained, monkeypatch):
    before = explained.read_text()
    monkeypatch.setattr("training.studies.explain.figures_of", None)  # calling it would fail
    assert run(made, explained.parent, tissue[1].folder, count=1).read_text() == before


def test_a_nodule_that_was_not_found_is_drawn_without_a_heat_map(made, tissue, tmp_path):
    nodule = Nodules(Path(made.data.prepared), "test").nodule(2)
    draw(nodule, None, *tissue, tmp_path / "missed.png")
    assert (tmp_path / "missed.png").read_bytes()[:4] == b"\x89PNG"


def test_a_score_that_is_the_error_tells_all_errors_and_its_opposite_none(made):
    nodule = Nodules(Path(made.data.prepared), "test").nodule(2)
    predicted = np.roll(nodule.reference, 2, axis=2)
    error = (predicted != nodule.reference).astype(float)
    assert _tells_errors(error, predicted, nodule) == 1
    assert _tells_errors(-error, predicted, nodule) == 0
    assert np.isnan(_tells_errors(error, nodule.reference, nodule))


def test_uncertainty_that_grows_with_the_error_has_a_correlation_of_1():
    rows = []
    for k in range(8):
        row = {"patient": f"P{k}", "dice": 1 - k / 10}
        for name in SCORES:
            rising = name == "deviation"
            row |= {f"mean_{name}": float(k if rising else k * (-1) ** k), f"auroc_{name}": 0.5 + k / 20}
        rows.append(row)
    missed = {"patient": "P9", "dice": 0.0} | {f"{w}_{n}": np.nan for n in SCORES for w in ("mean", "auroc")}
    made = summarise([*rows, missed])
    assert made["lesions"] == 9 and made["not_found"] == 1
    correlation = made["deviation"]["spearman_with_1_minus_dice"]
    assert correlation["value"] == pytest.approx(1) and correlation["interval95"] == pytest.approx([1, 1])
    assert made["entropy"]["spearman_with_1_minus_dice"]["value"] < 0.5
    assert made["deviation"]["auroc_of_errors_near_the_outline"]["mean"] == pytest.approx(0.675)
