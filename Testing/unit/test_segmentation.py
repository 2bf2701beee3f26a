"""The main job on phantoms, with the bundled model: places, axis orders, slice thickness, progress, cancel, memory."""

import json
from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib import segmentation
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.errors import Cancelled, InputError, NoLungsFoundError, OutOfMemoryError
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.model import unet
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.card import SizeRange
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.sampling import slices
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms

NODULE = ((-70.0, 10.0, 20.0), 18.0, 40.0)


@pytest.fixture(scope="module")
def model():
    return load_bundle()


@pytest.fixture(scope="module")
def engine(model):
    return open_engine(model)


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest(lesions=(NODULE,))


def centre_lps(ct, lesion, mask):
    index = np.argwhere(mask).mean(0) + lesion.label_box.start
    return ct.geometry.lps(index)


def click(ct, engine, model, point=NODULE[0]):
    result = segment(ct, Options(points_lps=(point,)), engine=engine, bundle=model)
    assert len(result.lesions) == 1, result.notes
    return result.lesions[0], result.masks[0]


@pytest.fixture(scope="module")
def straight(chest, engine, model):
    return click(chest[0], engine, model)[0]


@pytest.mark.parametrize(("permutation", "flips"), phantoms.ORDERS)
def test_a_lesion_comes_out_at_its_place_in_every_axis_order(chest, straight, engine, model, permutation, flips):
    ct = phantoms.reorient(chest[0], permutation, flips)
    lesion, mask = click(ct, engine, model)
    np.testing.assert_allclose(centre_lps(ct, lesion, mask), NODULE[0], atol=1.5)  # half a voxel
    assert lesion.volume_mm3 == pytest.approx(straight.volume_mm3, rel=1e-6)
    assert lesion.side == ""  # a click does not look for lungs


@pytest.mark.parametrize(
    "spacing", [(0.9, 0.9, 0.5), (0.7, 0.7, 1.0), (0.8, 0.8, 2.5), (0.98, 0.98, 5.0), (0.8, 0.8, 8.0)]
)
def test_slices_of_half_a_millimetre_to_eight_are_read_alike(engine, model, spacing):
    ct, reference = phantoms.chest(spacing, size_mm=(160, 128, 96), lesions=(NODULE,), centre_lps=NODULE[0])
    lesion, mask = click(ct, engine, model)
    np.testing.assert_allclose(centre_lps(ct, lesion, mask), NODULE[0], atol=max(0.75, spacing[2] / 2))
    found = np.zeros(reference.shape, bool)
    found[lesion.label_box.slices] |= mask
    dice = 2 * (found & reference).sum() / (found.sum() + reference.sum())
    assert dice > 0.75, f"Dice {dice:.2f}"


class Ideal:
    """An engine whose p is the density of the middle slice, from 0 at -850 HU to 1 at 40 HU."""

    name, device, reason, precision, batch = "ideal", "CPU", "", "float32", 8
    classifier = coarse = None

    def predict(self, given):
        return np.clip((given[..., 2] * 1624 - 174) / 890, 0, 1)


def ball_at_the_end(count, step):
    """A CT of ``count`` slices with a ball, dense within, 3 mm before the last one; and the ball's centre."""
    z = (count - 1) * step - 3.0
    places = np.meshgrid(np.arange(count) * step, np.arange(80.0), np.arange(80.0), indexing="ij")
    away = np.linalg.norm(np.stack(places, -1) - (z, 40, 40), axis=-1)
    hu = -850 + 890 * np.clip((12 - away) / 6, 0, 1)
    return CT(np.round(hu).astype(np.int16), Geometry(hu.shape, (1.0, 1.0, step), (0.0, 0.0, 0.0))), (40.0, 40.0, z)


@pytest.mark.parametrize(("step", "counts"), [(0.5, (121, 120)), (0.3, (199, 200, 201))])
def test_a_click_at_the_end_of_thin_slices_finds_the_same_however_many_they_are(model, step, counts):
    volumes = []
    for count in counts:
        ct, point = ball_at_the_end(count, step)
        lesion, _ = click(ct, Ideal(), model, point)
        assert lesion.label_box.stop[0] == count
        assert lesion.threshold == pytest.approx(model.card.threshold, abs=0.01)
        volumes.append(lesion.volume_mm3)
    assert volumes == pytest.approx([volumes[0]] * len(counts), rel=0.03)


def test_an_oblique_volume_is_read_on_its_own_grid(engine, model):
    ct, _ = phantoms.chest((1.5, 1.5, 3.0), size_mm=(180, 160, 120), lesions=(NODULE,), centre_lps=NODULE[0])
    turned = phantoms.oblique(ct, 20)
    point = turned.geometry.lps(ct.geometry.index(NODULE[0]))
    lesion, mask = click(turned, engine, model, tuple(point))
    np.testing.assert_allclose(centre_lps(turned, lesion, mask), point, atol=1.5)


def test_a_box_and_a_whole_slice_give_the_same_numbers(chest, model):
    engine = open_engine(model, "tensorflow", "cpu")
    ct = chest[0]
    axial, view = ct.geometry.axial(), ct.geometry.axial_order().view(ct.voxels_zyx)
    radius = unet.receptive_radius(model.card.architecture)
    whole = slices.plan_box(axial, model.card, Box((30, 0, 0), (31, *axial.shape_zyx[1:])), radius)
    part = slices.plan_box(axial, model.card, Box((30, 4, 4), (31, 12, 12)), radius)
    assert part.shape[2] < whole.shape[2]
    (_, large), (_, small) = next(whole.batches(view, 1)), next(part.batches(view, 1))
    p, q = engine.predict(large)[0], engine.predict(small)[0]
    inner = (slice(0, 36), slice(0, 36))
    np.testing.assert_allclose(q[inner], p[inner], atol=1e-5)


def test_progress_counts_every_slice_once(chest, engine, model):
    seen = []
    segment(chest[0], Options(), progress=seen.append, engine=engine, bundle=model)
    network = [p for p in seen if p.stage == "network" and p.seconds_left is not None]
    assert [p.stage for p in seen if p.done == 0] == ["lungs", "engine", "network", "views", "classifier", "lesions"]
    assert network[-1].done == network[-1].total
    assert [p.done for p in network] == sorted({p.done for p in network})


def test_cancel_stops_between_batches(chest, engine, model):
    calls = []
    with pytest.raises(Cancelled):
        segment(
            chest[0],
            Options(),
            lambda p: calls.append(p),
            lambda: any(p.done for p in calls),
            engine=engine,
            bundle=model,
        )
    assert max(p.done for p in calls) <= engine.batch


class SmallMemory:
    """The real engine on a device that holds no more than ``most`` slices."""

    def __init__(self, engine, most, device="GPU"):
        self.engine, self.most, self.device = engine, most, device
        self.name, self.precision, self.reason, self.batch = engine.name, engine.precision, engine.reason, 8
        self.sizes, self.classifier, self.coarse = [], engine.classifier, engine.coarse

    def predict(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            raise OutOfMemoryError("too little memory")
        return self.engine.predict(batch)


def test_short_of_memory_the_batch_is_halved_and_the_result_says_so(chest, engine, model):
    options = Options(points_lps=(NODULE[0],))
    plain = segment(chest[0], options, engine=engine, bundle=model)
    small = SmallMemory(engine, 2)
    result = segment(chest[0], options, engine=small, bundle=model)
    assert small.sizes[:3] == [8, 4, 2] and len(result.notes) == 2 and "went on with 2" in result.notes[-1]
    np.testing.assert_allclose(result.candidates[0].block, plain.candidates[0].block, atol=8)


def test_a_gpu_without_room_for_one_slice_gives_way_to_the_cpu(chest, engine, model):
    result = segment(chest[0], Options(points_lps=(NODULE[0],)), engine=SmallMemory(engine, 0), bundle=model)
    assert result.device == "CPU" and "CPU" in result.notes[-1] and len(result.lesions) == 1


def test_a_cpu_out_of_memory_is_an_error(chest, engine, model):
    with pytest.raises(OutOfMemoryError):
        segment(chest[0], Options(points_lps=(NODULE[0],)), engine=SmallMemory(engine, 0, "CPU"), bundle=model)


def test_a_click_into_nothing_is_said(chest, engine, model):
    result = segment(chest[0], Options(points_lps=((-190.0, -140.0, 0.0),)), engine=engine, bundle=model)
    assert result.lesions == () and "Nothing was found" in result.notes[0]


def test_a_heart_on_the_other_side_than_the_header_says_is_a_note_of_the_run(engine, model):
    ct, _ = phantoms.chest((3.0, 3.0, 10.0))
    inverse = replace(ct, voxels_zyx=np.ascontiguousarray(ct.voxels_zyx[:, :, ::-1]))
    for volume, said in ((inverse, True), (ct, False)):
        notes = segment(volume, Options(), engine=engine, bundle=model).notes
        assert any("orientation or situs inversus: check" in note for note in notes) == said


def test_a_click_outside_the_ct_is_refused(chest, engine, model):
    with pytest.raises(InputError, match="outside the CT"):
        segment(chest[0], Options(points_lps=((0.0, 0.0, 900.0),)), engine=engine, bundle=model)


def test_an_abdomen_without_lungs_is_refused_and_can_be_run_unrestricted(engine, model):
    ct, _ = phantoms.chest(lesions=())
    abdomen = CT(
        np.where(ct.voxels_zyx < -600, np.where(ct.voxels_zyx < -950, ct.voxels_zyx, 40), ct.voxels_zyx), ct.geometry
    )
    small = replace(
        abdomen,
        voxels_zyx=abdomen.voxels_zyx[:6],
        geometry=abdomen.geometry.crop(Box.whole((6, 96, 128))),
    )
    with pytest.raises(NoLungsFoundError):
        segment(abdomen, Options(), engine=engine, bundle=model)
    assert segment(small, Options(lung_restriction=False), engine=engine, bundle=model).lungs is None


def test_a_crop_of_sixteen_millimetres_is_enough(engine, model):
    ct, _ = phantoms.chest(
        (1.0, 1.0, 2.0), size_mm=(18, 18, 18), lesions=((NODULE[0], 8.0, 40.0),), centre_lps=NODULE[0]
    )
    result = segment(ct, Options(lung_restriction=False), engine=engine, bundle=model)
    assert result.geometry == ct.geometry


def test_the_full_map_lies_on_the_ct_and_agrees_with_the_candidates(engine, model):
    ct, _ = phantoms.chest((2.0, 2.0, 4.0), lesions=(NODULE,))
    ct = phantoms.reorient(ct, (2, 0, 1), (True, False, True))
    result = segment(ct, Options(keep_probability=True), engine=engine, bundle=model)
    assert result.probability.shape == ct.voxels_zyx.shape and result.probability.dtype == np.uint8
    assert result.candidates
    for candidate in result.candidates:
        whole = result.probability[candidate.box.slices]
        high = candidate.block >= 26  # p >= 0.1, where no neighbour was cut out
        np.testing.assert_allclose(candidate.block[high], whole[high], atol=1)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 1.5, -0.2, 0.049, float("nan")])
def test_a_threshold_that_is_no_probability_or_under_that_of_candidates_is_refused(chest, engine, model, threshold):
    with pytest.raises(InputError, match=r"between 0\.05 and 1"):
        segment(chest[0], Options(threshold=threshold), engine=engine, bundle=model)


def test_a_result_takes_what_the_card_says_of_sizes_and_keeps_it_through_json(model):
    assert set(segmentation._model(model)) == {"name", "version", "checksum"}
    ranges = (SizeRange(from_mm=0.0, volume=(0.8, 1.3), diameter=(0.9, 1.1)),)
    told = segmentation._model(replace(model, card=replace(model.card, size_ranges=ranges)))
    assert [SizeRange(**each) for each in told["size_ranges"]] == list(ranges)
    assert json.loads(json.dumps(told))["size_ranges"][0]["volume"] == [0.8, 1.3]
