"""Masses at the product's coarser scales: what is prepared of them, and the examples that are drawn."""

from pathlib import Path

import numpy as np
import pytest
from LungTumorSegLib.coarser import BOX_MM, SCALES
from LungTumorSegLib.geometry import Box, triple
from LungTumorSegLib.model.bundle import COARSE, default_path
from LungTumorSegLib.sampling.slices import plan_around
from msgspec.structs import replace

from Testing.support import made_up_pack, phantoms
from training import config
from training.data import prepare, ready, seen
from training.errors import DataError, OrderError, SettingsError
from training.examples import coarse_sources, mass_crops, masses, prepared_masses
from training.examples.augment import make_example
from training.examples.sources import Draw, Source
from training.fitting import batches, coarse, start, unet

EACH = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> config.Config:
    """The made-up pack with a stage that has masses, of 40 to 60 mm as its lungs are small."""
    given = made_up_pack.prepared(tmp_path_factory.mktemp("pack"))
    stage = replace(given.fit.stages[0], crop=64, batch=24, ct_share=0.25, mass_share=0.3333)
    given = replace(given, fit=replace(given.fit, stages=(stage,)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared_masses, "EACH", EACH)
        patch.setattr(prepared_masses, "SIZES_MM", (40.0, 60.0))
        patch.setattr(masses, "TRIES", 5)
        with pytest.raises(OrderError, match="CT-A, LIDC-IDRI-B are missing"):
            prepared_masses.check(given)
        prepared_masses.prepare(given)
        yield given


def _written(made) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in Path(made.data.prepared, "masses").rglob("*") if file.is_file()}


def test_a_second_call_makes_nothing_anew_and_what_is_half_written_does_not_count(made):
    before = _written(made)
    assert len(before) == 2 * len(SCALES) * (EACH + 3)
    prepared_masses.prepare(made)
    assert _written(made) == before
    file = next(file for file in before if file.name == "mass-01-2.npz")
    content = file.read_bytes()
    file.unlink()
    file.with_suffix(".part").write_bytes(content[:100])  # killed in the middle of it
    with pytest.raises(OrderError, match=r"python -m training prepare"):
        prepared_masses.check(made)
    prepared_masses.prepare(made)
    after = _written(made)
    assert file.read_bytes() == content and set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == {file}


def test_nothing_is_set_onto_a_ct_that_is_asked_about(made, monkeypatch):
    assert prepared_masses.recipients(made) == ["CT-A", "LIDC-IDRI-B"]
    monkeypatch.setitem(masses.RECIPIENTS, "test", ("CT-A",))
    assert prepared_masses.recipients(made) == ["LIDC-IDRI-B"]


def test_a_stage_draws_from_the_cts_of_its_roles_alone(made):
    for role, name in (("fold-a", "CT-A"), ("fold-b", "LIDC-IDRI-B")):
        drawn = mass_crops.Masses(Path(made.data.prepared), (role,))
        assert {one.file.parent.name for kind in drawn.kinds.values() for one in kind} == {name}
    with pytest.raises(ValueError, match="No mass on a CT of the role train is prepared"):
        mass_crops.Masses(Path(made.data.prepared), ("train",)).draw(np.random.default_rng(0), 64)


def test_a_batch_has_its_masses_and_is_a_function_of_seed_and_step(made):
    (stage,) = made.fit.stages
    first, again, other = (batches.make_batch(made, stage, 3, step) for step in (0, 0, 1))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0][-8:], other[0][-8:])
    assert len(first[0]) == 24
    clicked = np.concatenate([x[-8:, ..., -1].any((1, 2)) for x in (first[0], other[0])])  # 8 of 24 each
    assert 3 < clicked.sum() < 13
    without = replace(stage, mass_share=0.0, batch=16, ct_share=0.375)
    assert np.array_equal(batches.make_batch(made, without, 3, 0)[0], first[0][:16])  # 6 of whole CTs, 10 of patches
    part = batches.make_batch(made, stage, 3, 0, part=slice(1, None, 2))
    assert np.array_equal(part[0][-4:], first[0][-7::2])
    validation = batches.make_batch(made, stage, 3, 0, "val", augment=False)
    assert len(validation[0]) == 24


def test_masses_are_clicked_inside_their_target_or_seen_without_a_click_and_soft_tissue_has_none(made):
    drawn = mass_crops.Masses(Path(made.data.prepared), config.FOLDS)
    assert drawn.kinds["mass"] and drawn.kinds["soft"] and not drawn.kinds["own"]  # a tumour of 3 ml is too small
    for kind in ("mass", "soft"):
        for one in drawn.kinds[kind]:
            source = one.source(Box.whole(one.ct.shape))
            for deep in one.deep[::50]:
                assert source.target[tuple(deep)] == (255 if kind == "mass" else 0)
                assert source.weight[tuple(deep)] == 1 and source.hu[tuple(deep)] > -200
            assert source.target.any() == (kind == "mass")
    rng, turned, unclicked = np.random.default_rng(1), 0, []
    for _ in range(60):
        source, draw = drawn.draw(rng, 64)
        turned += source.sideways
        if draw.point_zyx_mm is None:
            unclicked.append(source.target.any())
            continue
        z, y, x = np.rint(np.array(draw.point_zyx_mm) / (source.step_mm, 1, 1)).astype(int)
        near = source.target[max(z - 2, 0) : z + 3, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        assert near.any() == source.target.any()
        assert np.abs(np.array(draw.centre_zyx_mm) - draw.point_zyx_mm)[1:].max() <= 64 / 12
    assert 10 < turned < 50
    assert 15 < len(unclicked) < 45 and 0 < sum(unclicked) < len(unclicked)


def test_a_model_has_seen_the_cts_of_its_masses(made):
    for role, name in (("fold-a", "CT-A"), ("fold-b", "LIDC-IDRI-B")):
        stage = replace(made.fit.stages[0], ct_share=0.0, ct_roles=(role,))
        known = seen.of(replace(made, fit=replace(made.fit, stages=(stage,))))[seen.FITTED]
        assert known.keys() & {"CT-A", "LIDC-IDRI-B"} == {name}


def test_a_draw_holds_all_of_the_ct_that_its_example_shows(made, monkeypatch):
    drawn, card = mass_crops.Masses(Path(made.data.prepared), config.FOLDS), made.network.card
    near = mass_crops.mass_batch(drawn, card, 2, 0, 12, 32)
    monkeypatch.setattr(mass_crops, "SEEN", 1000)
    monkeypatch.setattr(mass_crops, "SEEN_ACROSS_MM", 1e4)
    for part, whole in zip(near, mass_crops.mass_batch(drawn, card, 2, 0, 12, 32), strict=True):
        np.testing.assert_allclose(part, whole, atol=1e-5)


def masses_for_coarse_alone(made, run):
    """The configuration whose [fit] has patches alone, and [coarse] the stage with masses."""
    stage = made.fit.stages[0]
    plain = replace(stage, ct_share=0.0, mass_share=0.0)
    fit = replace(made.fit, run=str(run), stages=(plain,))
    return replace(made, fit=fit, coarse=config.Coarse(filters=(3, 3), stages=(stage,)))


def test_the_network_of_the_coarser_scales_is_fitted_with_them_and_counts_as_having_seen_their_cts(made, tmp_path):
    given = masses_for_coarse_alone(made, tmp_path)
    own = coarse.own(given)
    assert own.network.card.architecture.filters == (3, 3) and own.fit.stages == made.fit.stages[:1]
    assert {"CT-A", "LIDC-IDRI-B"} <= set(seen.of(given)[seen.FITTED])
    assert coarse.fitted(given) is None
    without = replace(given, coarse=config.Coarse(stages=()))
    assert coarse.fit(without) is None and coarse.fitted(without) is None
    assert "CT-A" not in seen.of(without)[seen.FITTED]


def test_each_fit_asks_for_the_masses_alone_that_it_draws(made, tmp_path, monkeypatch):
    monkeypatch.setattr(prepared_masses, "EACH", EACH + 1)
    given = masses_for_coarse_alone(made, tmp_path)
    ready.check(given)
    with pytest.raises(OrderError, match="The masses on CT-A, LIDC-IDRI-B are missing"):
        coarse.fit(given)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(unet, "fit_stage", lambda *_: tmp_path)
    assert unet.fit(given) == tmp_path


def test_a_fit_that_goes_on_from_a_bundle_keeps_its_network_of_the_coarser_scales(made):
    goes_on = replace(made, network=config.Network(), fit=replace(made.fit, start=str(default_path())))
    without = replace(goes_on, coarse=config.Coarse(stages=()))
    assert coarse.fit(without) == default_path() / COARSE.keras
    with pytest.raises(SettingsError, match=r"has the filters \[16, 32, 48, 64, 64\], not those of \[coarse\]"):
        start.weights(replace(without, coarse=config.Coarse(filters=(3, 3), stages=())))


def test_no_fit_sees_what_is_kept_aside(made):
    stage = replace(made.fit.stages[0], ct_share=0.25, ct_roles=("fold-a", "fold-b"))
    aside = replace(made, data=replace(made.data, kept_aside=("CT-A",)), fit=replace(made.fit, stages=(stage,)))
    assert "CT-A" in seen.of(replace(aside, data=made.data))[seen.FITTED]
    assert "CT-A" not in seen.of(aside)[seen.FITTED]
    assert "CT-A" in prepared_masses.recipients(made) and "CT-A" not in prepared_masses.recipients(aside)
    with pytest.raises(DataError, match="No whole CT of the role fold-a"):
        batches.make_batch(aside, replace(stage, ct_roles=("fold-a",), mass_share=0.0), 1, 0)
    with pytest.raises(DataError, match="No mass on a CT of the role fold-a"):  # although one is prepared
        batches.make_batch(aside, replace(stage, ct_roles=("fold-a",), ct_share=0.0), 1, 0)


def test_the_own_tumour_is_clicked_alone():
    target = np.zeros((40, 40, 40), np.uint8)
    target[10:22, 10:22, 10:22] = 255  # 1,728 voxels of 8 mm3
    target[30:34, 30:34, 30:34] = 255
    source = Source(np.where(target, 40, -850).astype(np.int16), target, np.ones_like(target), 1.0)
    ground = coarse_sources.background(source)
    assert not ground["target"].any() and not ground["weight"][target > 0].any()
    own = coarse_sources.own_tumour(source, ground, 2)
    assert own["block"].shape == (18, 18, 18) and own["start"].tolist() == [7, 7, 7]
    assert own["block"]["target"].sum() == 1728 * 255 and own["block"]["weight"].all()
    assert (own["every"].min(0) == 10).all() and (own["every"].max(0) == 21).all()
    assert (own["deep"].min(0) > 10).all()
    assert len(coarse_sources.own_tumour(source, ground, 1)["deep"]) == 0  # 1.7 ml


@pytest.mark.parametrize("scale", SCALES)
def test_an_example_shows_what_the_product_shows_the_network(made, tmp_path, scale):
    """Within 0.015 of the window: the prepared CT's pixels of 1 mm blur a border a little more (0.011 at most)."""
    ct, mask = phantoms.chest((0.8, 0.8, 2.0), (190, 190, 60), noise=0, centre_lps=(-86.0, 12.0, 21.0))
    here = replace(made, data=replace(made.data, prepared=str(tmp_path)))
    folder = prepare.write_case(here, ct, mask, np.ones(mask.shape, np.uint8), "fold-a")
    arrays = (np.load(folder / f"{what}.npy") for what in ("hu", "target", "weight"))
    source = coarse_sources.at_scale(Source(*arrays, 2.0), scale)
    point = (-80.0, 14.0, 22.0)
    smaller, small = _smaller(ct.geometry, scale), triple(mm / scale for mm in point)
    card = made.network.card
    plan = plan_around(smaller, card, small, BOX_MM / scale)
    shown = np.concatenate([x for _, x in plan.batches(ct.voxels_zyx, 32, small)])
    # the pixels of an example lie half a pixel beside those of an odd picture
    crop, index = 32, ct.geometry.index(point)
    run = int(np.argmin(abs(plan.runs - index[0]) + 100 * (plan.runs * 2.0 / scale % source.step_mm > 1e-3)))
    start = np.rint(index[1:] * 0.8 / scale).astype(int) - crop // 2
    centre = (plan.runs[run] * 2.0 / scale, *(start + (crop - 1) / 2))
    click = triple((index * np.array([2.0, 0.8, 0.8]) / scale).tolist())
    draw = Draw(triple(float(mm) for mm in centre), crop, point_zyx_mm=click)
    x, _, weight = make_example(np.random.default_rng(0), source, draw, card, augment=False)
    y0, x0 = start - plan.box_yx.start
    expected = shown[run, y0 : y0 + crop, x0 : x0 + crop]
    assert weight.all() and np.ptp(expected[..., 2]) > 0.3
    np.testing.assert_allclose(x[..., -1], expected[..., -1], atol=1e-4)
    np.testing.assert_allclose(x, expected, atol=0.015)


def _smaller(geometry, scale):
    from dataclasses import replace

    return replace(
        geometry,
        spacing_xyz=triple(mm / scale for mm in geometry.spacing_xyz),
        origin_lps=triple(mm / scale for mm in geometry.origin_lps),
    )


@pytest.mark.parametrize("network", ["fit", "coarse"])
@pytest.mark.parametrize(("setting", "words"), [('pack = ""', "There is no pack"), ("", "no prompt")])
def test_masses_without_a_pack_or_without_clicks_are_refused(tmp_path, network, setting, words):
    (tmp_path / "c.toml").write_text(
        f'[model]\nname = "a"\nversion = "1"\ndata = "ours"\nlicence = "ours"\n[data]\n{setting}\n'
        f"[[{network}.stages]]\nsteps = 200\nlearning_rate = 1e-3\nmass_share = 0.2\n"
        + "prompt = false\n"
        * (not setting)
    )
    with pytest.raises(SettingsError, match=words):
        config.load(tmp_path / "c.toml")
