"""Targets and examples: what the network learns from."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from Testing.support.paths import ROOT
from training import config
from training.data import prepare, seen
from training.examples import hard_negatives, reformat, sources, whole_ct
from training.examples.augment import make_example
from training.examples.patches import HARD_PATCHES, Patches, patch_batch
from training.examples.transplant import RIM_MM, centre_of, draw_negative_control, transplant
from training.fitting import batches


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> config.Config:
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


# targets


def test_half_of_the_readers_is_the_consensus_of_the_target():
    readers = np.array([[[0, 1, 2, 3, 4]]], np.uint8)
    soft, weight, bits = prepare.patch_targets(readers, (readers > 0).astype(np.uint8), 4)
    assert soft.ravel().tolist() == [0, 64, 128, 191, 255]
    assert weight.all()
    assert (bits & prepare.TARGET > 0).ravel().tolist() == [False, True, True, True, True]
    assert not (bits & prepare.DEEP)[soft < 127].any()


def test_a_lesion_that_one_reader_marked_has_no_weight_and_a_neighbour_counts_by_its_own_most_readers():
    readers = np.array([[[3, 0, 1, 1, 0, 2, 1]]], np.uint8)
    lesion = np.array([[[1, 0, 2, 2, 0, 3, 3]]], np.uint8)
    soft, weight, _ = prepare.patch_targets(readers, lesion, 3)
    assert weight.ravel().tolist() == [1, 1, 0, 0, 1, 1, 1]
    assert soft.ravel().tolist() == [255, 0, 0, 0, 0, 255, 128]


def test_a_patient_with_two_roles_is_refused(tmp_path):
    (tmp_path / "split.csv").write_text("patient,role\nA,train\nB,test\nA,test\n")
    with pytest.raises(ValueError, match="A has two roles"):
        seen.roles(tmp_path / "split.csv")


def test_the_committed_split_has_each_patient_once():
    roles = seen.roles(ROOT / "training" / "splits" / "split.csv")
    assert set(roles.values()) == {"train", "val", "test", "fold-a", "fold-b"}


# examples


def test_a_slab_is_the_mean_of_what_it_covers():
    mixing = sources.slab_matrix(20, 1.0, np.array([8.0, 10.5]), 4.0)
    assert np.allclose(mixing.sum(1), 1)
    assert np.allclose(mixing @ np.arange(20), [8.0, 10.5])
    assert np.count_nonzero(mixing[1]) == 4 and np.allclose(mixing[1][mixing[1] > 0], 0.25)


def test_a_slab_thinner_than_a_slice_interpolates_linearly():
    mixing = sources.slab_matrix(5, 2.0, np.array([3.0]), 1.0)
    assert np.allclose(mixing, [[0, 0.5, 0.5, 0, 0]])


def test_examples_are_a_function_of_seed_and_step(made):
    stage = replace(made.fit.stages[0], ct_share=0.5, batch=8)
    for step in (0, 1):  # a batch of patches, one of whole CTs
        first, again = (batches.make_batch(made, stage, 3, step) for _ in range(2))
        other = batches.make_batch(made, stage, 3, step + 2)
        assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
        assert not np.array_equal(first[0], other[0])


def test_an_example_without_augmentation_shows_the_nodule_where_the_target_says(made):
    patches = Patches(Path(made.data.prepared), "train")
    x, y, weight = patch_batch(patches, made.network.card, 1, 0, 8, 32, augment=False)
    dense = x[..., 2] > (-200 + 1024) / 1624
    marked = y[..., 0] >= 0.75
    assert marked.sum() > 100
    assert dense[marked].mean() > 0.9
    assert set(np.unique(weight)) <= {0, 1}
    background = x[3::4]
    assert (background[..., -1] == 0).all() and (y[3::4] == 0).all()


def test_half_of_the_lesions_carry_a_prompt_on_the_nodule(made):
    patches = Patches(Path(made.data.prepared), "train")
    prompted = []
    for step in range(12):
        x, y, _ = patch_batch(patches, made.network.card, 5, step, 4, 32, augment=False)
        for channel, target in zip(x[:3, ..., -1], y[:3, ..., 0], strict=True):
            prompted.append(channel.max() > 0)
            if channel.max() > 0.9 and target.any():
                peak = np.unravel_index(channel.argmax(), channel.shape)
                assert np.linalg.norm(np.argwhere(target > 0) - peak, axis=1).min() <= 6
    assert 0.25 < np.mean(prompted) < 0.75


def _corner(mirrored: bool, point=None):
    """Input, target and weight (61, 61) of a crop whose middle is the corner of a patch with a lesion at the corner."""
    hu = np.full((50, 50, 50), -850, np.int16)
    hu[:, :8, :12] = 40
    source = sources.Source(hu, (hu > 0).astype(np.uint8) * 255, np.ones(hu.shape, np.uint8), 1.0, mirrored)
    draw = sources.Draw((25.0, 0.0, 0.0), 61, point_zyx_mm=point)
    card = config.Network().card
    return make_example(np.random.default_rng(0), source, draw, card, augment=False)


def test_a_mirrored_patch_goes_on_beyond_its_edges_with_its_labels():
    x, target, weight = _corner(mirrored=True)
    assert np.array_equal(x, x[::-1, ::-1]) and np.array_equal(target, target[::-1, ::-1])
    assert target[30 - 7, 30 - 11] == 1 and x[0, 0, 2] == x[60, 60, 2] > 0
    assert weight.all()


def test_beyond_the_edges_of_any_other_patch_is_air_without_a_lesion():
    x, target, weight = _corner(mirrored=False)
    assert not x[:29].any() and not target[:29].any()
    assert weight.all()


def test_the_mirror_image_of_a_clicked_lesion_does_not_count():
    _, target, weight = _corner(mirrored=True, point=(25.0, 3.0, 3.0))
    assert weight[31:, 31:].all() and target[33, 33] == 1
    assert not weight[:29].any() and not weight[:, :29].any()


def test_the_share_of_mirrored_patches_is_what_the_stage_says(made, monkeypatch):
    seen, make = [], make_example
    monkeypatch.setattr(
        "training.examples.patches.make_example",
        lambda rng, source, *rest: (seen.append(source.mirrored), make(rng, source, *rest))[1],
    )
    for share, least, most in ((0.0, 0, 0), (0.5, 8, 24), (1.0, 32, 32)):
        seen.clear()
        batches.make_batch(made, replace(made.fit.stages[0], mirrored_share=share, batch=32), 1, 0)
        assert least <= sum(seen) <= most


def test_no_nodule_of_another_role_is_drawn(made):
    for role in made_up_pack.ROLES:
        rows = Patches(Path(made.data.prepared), role).rows
        assert {made_up_pack.ROLES[i % 3] for i in rows} == {role} and len(rows) == 3


def _recipient():
    rng = np.random.default_rng(0)
    hu = (-850 + rng.normal(0, 20, (30, 80, 80))).astype(np.int16)
    return sources.Source(hu, np.zeros(hu.shape, np.uint8), np.ones(hu.shape, np.uint8), 2.5)


@pytest.mark.parametrize("control", [False, True])
def test_a_transplant_brings_density_and_target_and_a_control_the_blend_alone(made, control):
    patches = Patches(Path(made.data.prepared), "train")
    largest = max(patches.size, key=patches.size.get)
    donor, shape = patches.source(largest), patches.arrays["target_lesion"][largest] & prepare.TARGET > 0
    recipient, place = _recipient(), np.array([37.5, 30.0, 50.0])
    before = recipient.hu.copy()
    centre = np.array([4.0, 24.5, 24.5]) if control else centre_of(shape)
    source, local = transplant(
        np.random.default_rng(1), recipient, place, 37.5, donor, shape, centre, 1.0, control, along_mm=30
    )
    assert np.array_equal(recipient.hu, before) and not recipient.target.any()
    z, y, x = (round(v) for v in local / (2.5, 1, 1))
    part = before[15 - z : 15 - z + len(source.hu)]
    assert part.shape == source.hu.shape
    if control:
        assert not source.target.any()
        assert source.hu[z, y, x] < -700
        changed = np.argwhere(source.hu != part) * (2.5, 1, 1)
        assert len(changed) > 100
        assert np.linalg.norm(changed - local, axis=1).max() <= 7.5 + RIM_MM + 2.5
    else:
        assert source.target[z, y, x] == 255 and source.hu[z, y, x] > -50
        volume = (source.target >= 128).sum() * 2.5
        assert volume == pytest.approx(np.pi / 6 * 15**3, rel=0.15)


def test_crops_of_whole_cts_hold_tumours_and_background(made):
    cts = whole_ct.WholeCTs(Path(made.data.prepared), ("fold-a",))
    assert [c.name for c in cts.cases] == ["CT-A"]
    patches = Patches(Path(made.data.prepared), "train")
    x, y, w = whole_ct.ct_batch(cts, patches, made.network.card, 1, 0, 16, 64)
    assert x.shape == (16, 64, 64, 6) and y.shape == w.shape == (16, 64, 64, 1)
    tumour, prompted = y.any((1, 2, 3)), x[..., -1].any((1, 2))
    assert (tumour & prompted).any() and (tumour & ~prompted).any() and (~tumour & ~prompted).any()


def test_a_role_without_whole_cts_or_without_tumours_is_named(made):
    prepared, rng = Path(made.data.prepared), np.random.default_rng(0)
    cts, patches = whole_ct.WholeCTs(prepared, ("Fold-a", "train")), Patches(prepared, "train")
    with pytest.raises(ValueError, match="No whole CT of the role Fold-a or train"):
        cts.draw_background(rng, 64)
    with pytest.raises(ValueError, match="No whole CT of the role Fold-a or train"):
        cts.draw_inserted(rng, 64, patches, control=False)
    for draw in (cts.draw_tumour, cts.draw_prompted):
        with pytest.raises(ValueError, match="No whole CT with a tumour of the role Fold-a or train"):
            draw(rng, 64)


def test_a_role_without_nodules_is_named(made):
    patches, rng = Patches(Path(made.data.prepared), "Train"), np.random.default_rng(0)
    for _ in range(20):
        with pytest.raises(ValueError, match=r"No (solid )?nodule of .* of the role Train"):
            patches.draw_lesion(rng, 64, False)
    with pytest.raises(ValueError, match=r"No slice without a label .* of the role Train"):
        patches.draw_background(rng, 64)
    with pytest.raises(ValueError, match=r"No nodule .* of the role Train"):
        draw_negative_control(rng, patches)


def test_a_control_is_not_sought_for_ever(made, monkeypatch):
    patches = Patches(Path(made.data.prepared), "train")
    patches.arrays["ct"] = np.full_like(patches.arrays["ct"], (40 + 1024) // 8)
    monkeypatch.setattr("training.examples.transplant.CONTROL_TRIES", 20)
    with pytest.raises(ValueError, match="No patch of the role train has enough lung without a nodule"):
        draw_negative_control(np.random.default_rng(0), patches)


# coronal and sagittal examples


def _long_lesion():
    """A CT (2.5 mm slices) with a lesion of 20 mm along z, 10 along y and 30 along x, around (50, 60, 70) mm."""
    z, y, x = np.meshgrid(np.arange(40) * 2.5, np.arange(120), np.arange(140), indexing="ij")
    inside = (abs(z - 50) <= 10) & (abs(y - 60) <= 5) & (abs(x - 70) <= 15)
    hu = np.where(inside, 40, -850).astype(np.int16)
    return sources.Source(hu, inside.astype(np.uint8) * 255, np.ones(hu.shape, np.uint8), 2.5)


@pytest.mark.parametrize(
    ("axes", "extent"), [(reformat.CORONAL, (20, 30)), (reformat.SAGITTAL, (20, 10))], ids=["coronal", "sagittal"]
)
def test_a_turned_crop_shows_the_lesion_from_the_front_or_the_side(axes, extent):
    draw = sources.Draw((50.0, 60.0, 70.0), 64, point_zyx_mm=(52.0, 61.0, 66.0))
    source, turned = reformat.turned(_long_lesion(), draw, axes)
    card = config.Network().card
    x, target, weight = make_example(np.random.default_rng(0), source, turned, card, augment=False)
    rows, columns = (np.ptp(np.flatnonzero((target >= 0.5).any(axis))) + 1 for axis in (1, 0))
    assert rows == pytest.approx(extent[0], abs=3) and columns == pytest.approx(extent[1], abs=2)
    assert (x[..., 2][target >= 0.99] > 0.6).all() and (x[..., 2][target == 0] < 0.2).all()
    across = {0: 2.0, 1: 1.0, 2: -4.0}
    peak = np.unravel_index(x[..., -1].argmax(), target.shape)
    np.testing.assert_allclose(np.array(peak) - 31.5, [across[axes[1]], across[axes[2]]], atol=1.0)
    assert weight.all() and source.sideways


def test_turned_examples_are_the_same_place_as_the_axial_ones_and_never_thick(made, monkeypatch):
    cts = whole_ct.WholeCTs(Path(made.data.prepared), ("fold-a",))
    patches = Patches(Path(made.data.prepared), "train")
    seen, make = [], whole_ct.make_example
    monkeypatch.setattr(
        whole_ct, "make_example", lambda rng, source, *rest: (seen.append(source.sideways), make(rng, source, *rest))[1]
    )
    x, y, _ = whole_ct.ct_batch(cts, patches, made.network.card, 1, 0, 24, 64, turned_share=1.0)
    assert all(seen)
    marked = y[..., 0].max((1, 2)) >= 0.9
    assert marked.sum() >= 6
    for shown, target in zip(x[marked, ..., 2], y[marked, ..., 0], strict=True):
        assert shown[target >= 0.9].mean() > shown[target == 0].mean() + 0.05
    seen.clear()
    whole_ct.ct_batch(cts, patches, made.network.card, 1, 0, 24, 64, turned_share=0.0)
    assert not any(seen)


def test_a_thickened_patch_is_blurred_along_z_alone():
    hu = np.full((50, 50, 50), -850, np.int16)
    hu[24:26, 20:30, 20:30] = 150
    source = sources.Source(hu, (hu > 0).astype(np.uint8) * 255, np.ones(hu.shape, np.uint8), 1.0)
    for seed in range(5):
        made = reformat.thickened(np.random.default_rng(seed), source)
        assert made.hu.shape == hu.shape and made.hu.dtype == np.int16 and made.target.dtype == np.uint8
        assert (made.hu[:, :20] == -850).all() and (made.hu[:, :, 30:] == -850).all()
        inside = made.hu[:, 25, 25].astype(float) + 850
        assert inside.max() < 1000 and np.count_nonzero(inside) > 2
        assert inside.sum() == pytest.approx(2000, rel=0.35)
        assert np.average(np.arange(50), weights=inside) == pytest.approx(24.5, abs=2.5)


def test_the_shares_of_background_and_of_what_is_turned_are_what_the_stage_says(made, monkeypatch):
    patches, card = Patches(Path(made.data.prepared), "train"), made.network.card
    for share, expected in ((0.0, 0), (0.25, 6), (0.3333, 7), (0.5, 12), (1.0, 24)):
        drawn, draw = [], patches.draw_background
        with monkeypatch.context() as patched:
            patched.setattr(patches, "draw_background", lambda *rest, d=draw, n=drawn: (n.append(1), d(*rest))[1])
            patch_batch(patches, card, 1, 0, 24, 32, background_share=share)
        assert len(drawn) == expected
    for share, least, most in ((0.0, 0, 0), (0.5, 4, 20), (1.0, 24, 24)):
        seen, make = [], make_example
        with monkeypatch.context() as patched:
            patched.setattr(
                "training.examples.patches.make_example",
                lambda g, s, *rest, m=make, n=seen: (n.append(s.sideways), m(g, s, *rest))[1],
            )
            patch_batch(patches, card, 1, 0, 24, 32, background_share=1.0, turned_share=share)
        assert least <= sum(seen) <= most


# false positives in the patches


def test_mining_the_patches_finds_tissue_in_train_patches_away_from_labels(made):
    """With a network that marks all tissue: a bar of it in one patch is found, the nodules are not."""
    prepared = Path(made.data.prepared)
    tissue = made_up_pack.tissue_bundle(made, prepared.parent / "tissue")
    train = sorted(Patches(prepared, "train").rows)
    stored = np.load(prepared / "ct.npy", mmap_mode="r+")
    before = stored[train[0]].copy()
    stored[train[0], :, 44:48, 4:8] = (40 + 1024) // 8
    stored.flush()
    try:
        file = hard_negatives.mine_patches(made, tissue)
        found = json.loads(file.read_text())
        file.unlink()
        patches = Patches(prepared, "train")
        assert set(found) <= {str(i) for i in train} and found[str(train[0])]
        for i, points in found.items():
            source = patches.source(int(i))
            gaps = np.linalg.norm(np.argwhere(source.target > 0)[None] - np.array(points)[:, None], axis=2)
            assert gaps.min() > hard_negatives.AWAY_MM
            assert all(source.hu[tuple(np.rint(point).astype(int))] > -400 for point in points)
    finally:
        stored[train[0]] = before
        stored.flush()


def test_mined_background_lies_mostly_around_the_false_positives_even_turned(made):
    prepared = Path(made.data.prepared)
    index = min(Patches(prepared, "train").rows)
    point = [3.0, 45.0, 5.0]  # at a corner: a turned slice that was shifted across would miss the patch
    (prepared / HARD_PATCHES).write_text(json.dumps({index: [point]}))
    try:
        patches = Patches(prepared, "train")
        rng = np.random.default_rng(0)
        drawn = [patches.draw_background(rng, 64, mined=True)[2].centre_zyx_mm for _ in range(200)]
        assert 0.6 < np.mean([centre == tuple(point) for centre in drawn]) < 0.8
        rest = {"background_share": 1.0, "turned_share": 1.0}
        x, _, _ = patch_batch(patches, made.network.card, 1, 0, 48, 64, mined=True, **rest)
        assert np.isfinite(x).all() and not x[..., -1].any() and x[..., 2].any((1, 2)).all()
        assert not Patches(prepared, "val").hard
    finally:
        (prepared / HARD_PATCHES).unlink()
