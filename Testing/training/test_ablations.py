"""The ablations: what the variants differ in, how differences are paired, and a whole small run that resumes."""

import json
import os

import numpy as np
import pytest
from msgspec.structs import asdict, replace

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from training import config
from training.fitting import batches, unet
from training.studies import ablations


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> config.Config:
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def both_stages(made) -> config.Config:
    """The pack's one stage on patches, and one with whole CTs."""
    patch = made.fit.stages[0]
    return replace(made, fit=replace(made.fit, stages=(patch, replace(patch, ct_share=0.5))))


def test_each_pair_differs_in_one_thing(both_stages):
    variants = ablations.variants(both_stages, 10)
    differences = []
    for pair in ablations.PAIRS:
        a, b = (variants[name] for name in (pair.a, pair.b))
        assert a.fit.seed == b.fit.seed and a.data == b.data
        settings = [asdict(v.network) | asdict(v.fit.stages[0]) for v in (a, b)]
        differences.append([key for key in settings[0] if settings[0][key] != settings[1][key]])
    assert differences == [["offsets_mm"], ["hard_labels"], ["inserted_nodules"], ["prompt"]]
    assert all(v.fit.stages[0].steps == 10 for v in variants.values())


def test_hard_labels_are_the_consensus_of_the_same_pictures(made):
    stage = made.fit.stages[0]
    soft, hard = (batches.make_batch(made, s, 5, 0) for s in (stage, replace(stage, hard_labels=True)))
    assert np.array_equal(soft[0], hard[0])
    target = soft[1][..., 0]
    assert ((target > 0.05) & (target < 0.95)).any()
    assert np.array_equal(hard[1][..., 0], target >= 0.5)
    assert np.array_equal(soft[1][..., 1], hard[1][..., 1])


def test_without_the_prompt_no_example_carries_a_click(made):
    stage = replace(made.fit.stages[0], ct_share=0.5, batch=24)
    with_click, without = (batches.make_batch(made, s, 5, 0)[0] for s in (stage, replace(stage, prompt=False)))
    clicked = with_click[..., -1].any((1, 2))
    assert clicked[:12].any() and clicked[12:].any()
    assert not without[..., -1].any()


def test_differences_are_paired_by_example_and_their_interval_drawn_by_patient():
    def row(kind, patient, value):
        return {"kind": kind, "patient": patient, "value": value}

    first = [row("click", p, v + 0.1) for p, v in zip("abcd", (0.1, 0.5, 0.6, 0.8), strict=True)]
    second = [row("click", p, v) for p, v in zip("abcd", (0.1, 0.5, 0.6, 0.8), strict=True)]
    first.append(row("click", "e", None))
    second.append(row("click", "e", None))
    pair = ablations.Pair("x", "one", "two", ("s",))
    (found,) = ablations.compare(pair, {"one": {"s": first}, "two": {"s": second}})
    assert found["n"] == found["patients"] == 4
    assert found["first"] == pytest.approx(0.6) and found["second"] == pytest.approx(0.5)
    # the nodules differ widely, the differences do not
    assert found["difference"] == pytest.approx(0.1) and found["interval95"] == pytest.approx([0.1, 0.1])
    assert "+0.100 to +0.100" in ablations.as_markdown([found])


def test_without_a_patch_stage_the_ablations_say_so(both_stages, tmp_path):
    with pytest.raises(FileNotFoundError, match="training fit"):
        ablations.run(replace(both_stages, fit=replace(both_stages.fit, run=str(tmp_path))), 2)


def test_a_small_run_compares_all_pairs_and_a_second_call_fits_nothing(both_stages, tmp_path, monkeypatch):
    from LungTumorSegLib.model.unet import build

    monkeypatch.setattr(unet, "VALIDATION_EXAMPLES", 16)
    monkeypatch.setattr(ablations, "VAL_EXAMPLES", 12)
    monkeypatch.setattr(ablations, "CT_EXAMPLES", 6)
    settings = replace(both_stages, fit=replace(both_stages.fit, run=str(tmp_path)))
    (tmp_path / "stage1").mkdir()
    build(settings.network.card.architecture).save_weights(tmp_path / "stage1" / "best.weights.h5")
    table = ablations.run(settings, 2)
    rows = json.loads((table.parent / "ablations.json").read_text())["rows"]
    # three measures for each pair on patches, and for the inserted nodules' on whole CTs
    assert len(rows) == 15 and len(table.read_text().splitlines()) == 17
    assert {row["pair"] for row in rows} == {pair.what for pair in ablations.PAIRS}
    assert all(0 <= row[k] <= 1 for row in rows for k in ("first", "second"))
    written = table.read_text()

    def never(*_):
        raise AssertionError("fitted again")

    monkeypatch.setattr(ablations, "fit_stage", never)
    table.unlink()
    assert ablations.run(settings, 2).read_text() == written
