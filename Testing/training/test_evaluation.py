"""The evaluation: what is chosen on val, fitted confidences, and a whole run on a made-up pack."""

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.enums import Precision
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.lesions.confidence import FEATURES
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.segmentation import segment

from Testing.support import made_up_pack, phantoms

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from Testing.support.paths import PACK, ROOT
from training.bundle import card
from training.config import Config
from training.data import pack, prepare, seen
from training.evaluate import (
    automatic,
    calibration,
    click,
    detection,
    evaluation,
    froc,
    listed,
    metrics,
    patches,
    targets,
)
from training.evaluate.confidence import fit
from training.examples import recipients
from training.fitting import operating_point

# metrics


# FROC


# calibration and confidence


def test_the_confidence_that_is_fitted_is_the_one_that_the_product_computes():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        row = {name: float(rng.normal()) for name in FEATURES}
        rows.append(row | {"hits": 0 if row["mean_p"] + 0.3 * rng.normal() > 0 else -1})
    rows += [{name: 99.0 for name in FEATURES} | {"hits": -2}] * 50
    coefficients = fit(rows)
    sure = np.array([coefficients.confidence(row) for row in rows[:200]])
    right = (sure >= 0.5) == np.array([row["hits"] == 0 for row in rows[:200]])
    assert right.mean() > 0.85
    assert coefficients.mean_p > 5 * abs(coefficients.extent_z)


def test_the_operating_point_is_fitted_on_val_and_goes_into_every_card(made, tissue):
    file = operating_point.calibrate(made, tissue.parent / "tissue.weights.h5")
    found = json.loads(file.read_text())
    assert set(found) == {"threshold", "map_calibration"}
    facts = card.facts(made)
    assert facts["threshold"] == found["threshold"] and facts["map_calibration"] == found["map_calibration"]
    file.unlink()
    assert card.facts(made)["threshold"] == 0.5


def test_whole_runs_get_a_line_of_their_own_from_the_same_raw_map(made):
    file = Path(made.fit.run) / "operating.json"
    first = {"threshold": 0.4, "map_calibration": {"temperature": 0.8, "offset": -0.4}}
    file.write_text(json.dumps(first))
    counts = calibration.Histogram.empty()
    counts.voxels[:] = 1000  # of what the first line says, this is true:
    counts.target[:] = 1000 * calibration.scaled(np.arange(256) / 255, 1.25, -1.0)
    operating_point.calibrate_runs(made, counts)
    found = operating_point.operating_point(made)
    assert {k: found[k] for k in first} == first
    assert found["run_threshold"] == pytest.approx(calibration.scaled(np.array(0.4), 1.25, -1.0), abs=0.005)
    raw = np.linspace(0.02, 0.98, 49)
    after = calibration.scaled(calibration.scaled(raw, 0.8, -0.4), 1.25, -1.0)
    np.testing.assert_allclose(calibration.scaled(raw, *found["run_calibration"].values()), after, atol=0.01)
    again = file.read_text()
    operating_point.calibrate_runs(made, counts)  # a second call changes nothing
    assert file.read_text() == again
    file.unlink()
    operating_point.calibrate_runs(made, counts)  # nor does one before `calibrate`
    assert not file.exists()


def test_too_few_candidates_give_no_confidence():
    assert fit([{name: 0.0 for name in FEATURES} | {"hits": 0}] * 50) is None


# a whole run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def tissue(made):
    """A network that marks what is denser than -400 HU."""
    return made_up_pack.tissue_bundle(made, Path(made.fit.run).parent / "tissue")


@pytest.fixture(scope="module")
def evaluated(made, tissue):
    return evaluation.evaluate(made, tissue)


def test_the_click_of_a_network_that_marks_tissue_finds_every_ball(evaluated):
    figures = json.loads((evaluated / "figures-test.json").read_text())
    everyone = figures["click"]["all"]
    assert everyone["dice"]["n"] == 3
    assert everyone["dice"]["mean"] > 0.9
    assert everyone["dice"]["mean"] == everyone["dice_without_prompt"]["mean"]  # this network ignores the prompt
    assert everyone["missed_or_below_0.3"]["mean"] == 0
    assert abs(everyone["diameter_error_mm"]["mean"]) < 1
    assert everyone["diameter_bias_mm"] == {"mean": abs(everyone["diameter_error_mm"]["mean"]), "n": 3}
    assert 0 <= everyone["volume_bias_percent"]["mean"] < 10


def test_the_share_of_nodules_that_are_listed_without_a_click_is_told_by_texture(evaluated, made, tissue):
    figures = json.loads((evaluated / "figures-test.json").read_text())
    assert figures["listed_without_a_click"]["all"]["mean"] == 1 == figures["listed_without_a_click"]["solid"]["mean"]
    nodules, model = click.Nodules(Path(made.data.prepared), "test"), load_bundle(tissue)
    own = load_bundle().card.confidence_coefficients
    for intercept, expected in ((50, {True}), (-50, {False})):
        card = replace(model.card, min_confidence=0.5, confidence_coefficients=replace(own, intercept=intercept))
        judged = replace(model, card=card)
        maps = patches.run(nodules, open_engine(judged), judged, "Maps")
        assert len(maps.listed) == 3 and set(maps.listed.values()) == expected
    halved = dict.fromkeys(nodules.patches.whole, False) | {nodules.patches.whole[0]: True}
    assert patches.share_listed(halved, nodules)["all"]["mean"] == pytest.approx(1 / 3)


def test_the_real_tumour_of_each_ct_is_judged_on_its_own_grid(evaluated):
    real = json.loads((evaluated / "figures-test.json").read_text())["automatic"]["real"]
    assert real["n"] == real["found"] == 2
    assert all(case["dice"] > 0.8 for case in real["cases"])


def test_the_test_nodules_are_planted_once_more_into_the_cts_that_were_read(evaluated):
    figures = json.loads((evaluated / "figures-test.json").read_text())["automatic"]
    everywhere, read = figures["inserted"], figures["inserted_in_annotated_cts"]
    assert read["inserted"] == everywhere["inserted"] == 2 and read["scans"] == 2  # one a run
    assert read["by_size"]["all"]["found_at_all"] == {"mean": 1.0, "n": 2, "interval95": [1.0, 1.0]}
    assert "read by four radiologists" in (evaluated / "report-test.html").read_text()


def test_the_exams_features_are_the_products():
    model = load_bundle()
    engine = open_engine(model)
    ct, _ = phantoms.chest((1.0, 1.0, 4.0), (384, 288, 60))
    result = segment(ct, Options(min_confidence=0), engine=engine, bundle=model)
    rows = automatic._lesion_rows(result, ct, automatic.Model(model, engine, Path(), True), [], [])
    sure = [model.card.confidence_coefficients.confidence(row) for row in rows]
    assert sure == pytest.approx([lesion.confidence for lesion, _ in result.outlines]) and len(set(sure)) > 1


def test_a_patients_scans_are_drawn_together():
    def scan(patient, hits):
        return froc.Scan(np.linspace(0.9, 0.1, len(hits)), np.array(hits, bool), 4, patient)

    apart = [scan(str(k), [k % 2] * 4) for k in range(20)]
    together = [froc.Scan(s.scores, s.hits, 4, "ab"[k % 2]) for k, s in enumerate(apart)]

    def at_four(scans):
        return froc.sensitivity_at(scans, 4)

    assert froc.interval(together, at_four) == [0, 1]
    low, high = froc.interval(apart, at_four)
    assert 0.2 < low < 0.4 and 0.6 < high < 0.8


def test_what_one_ct_counts_and_what_is_too_small_to_count_stand_apart():
    def row(hits, confidence, long_axis_mm=8.0, control=-1):
        return {"hits": hits, "confidence": confidence, "long_axis_mm": long_axis_mm, "control": control, "dice": 0.7}

    def record(case, *rows):
        references = [{"diameter_mm": 8.0, "patient": case}]
        kinds = {"left": [case == "A"], "step_mm": 2.5, "kernel": "B41f"}
        return {"case": case, "lesions": list(rows), "references": references, "controls": 1} | kinds

    crowded = record("A", *(row(-1, 0.9 - 0.01 * k, 5.0) for k in range(6)), row(0, 0.5))
    quiet = record("B", row(-1, 0.7, 20.0), row(0, 0.6), row(-1, 0.55, control=0))
    records = [crowded, quiet]
    made = detection._inserted(records, [froc.scan(r) for r in records])
    assert made["by_ct"]["A"]["false_positives_at_2"] == 4 and made["by_ct"]["B"]["false_positives_at_2"] == 0
    assert made["sensitivity_at"]["2"]["sensitivity"] == 0
    assert made["controls"] == 2 and [made["sensitivity_at"][r]["controls_marked"] for r in ("2", "8")] == [0, 1]
    assert (
        made["by_ct"]["A"]["sensitivity_without_it"]["1"] == 1
        and made["by_ct"]["B"]["sensitivity_without_it"]["4"] == 0
    )
    assert {name: (of["n"], of["mean"]) for name, of in made["by_kind"].items()} == {
        "kernel B41f": (2, 0), "left lung": (1, 0), "right lung": (1, 0), "slices up to 3 mm": (2, 0),
    }  # fmt: skip
    assert made["sensitivity_if_false_from_6_mm"]["1"] == 1 and made["sensitivity_if_false_from_6_mm"]["0.5"] == 1


def test_the_demonstrations_cts_are_judged_where_they_are(evaluated):
    demo = json.loads((evaluated / "figures-test.json").read_text())["demo"]
    assert set(demo) == {"lung1", "lung2"}
    assert all(case["found"] and case["dice"] > 0.8 for case in demo.values())
    facts = json.loads((evaluated / "facts-test.json").read_text())
    assert any("lung2" in bar["what"] for bar in facts["figures"]["bars"])


def test_nothing_is_chosen_on_the_demonstrations_cts(made, tissue):
    folder = evaluation.evaluate(made, tissue, role="val", whole_cts=False)
    assert json.loads((folder / "figures-val.json").read_text())["demo"] is None


def test_while_choosing_on_val_nobody_looks_at_test(made, tissue, evaluated):
    before = {path: path.stat().st_mtime_ns for path in evaluated.iterdir() if "test" in path.name}
    other = made_up_pack.tissue_bundle(made, Path(made.fit.run).parent / "for_val", threshold=0.4)
    folder = evaluation.evaluate(made, other, role="val")
    assert {json.loads(p.read_text())["exam"] for p in (folder / "automatic").iterdir()} == {"real", "val"}
    figures = json.loads((folder / "figures-val.json").read_text())["automatic"]
    assert figures["inserted"]["inserted"] == 2 and figures["inserted_in_annotated_cts"] is None
    assert not [path for path in folder.rglob("*") if "test" in path.name]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_a_role_that_nobody_has_is_refused(made, tissue):
    with pytest.raises(ValueError, match='No nodule has the role "tset"'):
        evaluation.evaluate(made, tissue, role="tset")


def _with_seen(bundle: Path, folder: Path, seen_by_it: dict | None) -> Path:
    """The bundle with another ``seen`` in its card."""
    shutil.copytree(bundle, folder)
    known = json.loads((folder / "model.json").read_text())
    del known["seen"]
    (folder / "model.json").write_text(json.dumps(known | ({"seen": seen_by_it} if seen_by_it else {})))
    return folder


def test_a_model_is_asked_about_the_cts_alone_that_it_has_not_seen(made, tissue, tmp_path):
    def asked(fitted: dict):
        of = _with_seen(tissue, tmp_path / "-".join(["seen", *fitted]), {"fitted": fitted, "chosen": {}})
        opened = automatic.models(made, load_bundle(of))
        return opened, {name for model in opened.values() for name in model.cts}

    opened, names = asked({"CT-A": None})
    assert names == {"LIDC-IDRI-B"} and all(model.unseen for model in opened.values())
    runs = [job for exam, job in automatic.jobs(made, opened, "val") if exam == "real"]
    assert len(runs) == 1
    with pytest.raises(ValueError, match=r"has seen CT-A, LIDC-IDRI-B: .* Run `folds` first"):
        asked({"CT-A": None, "LIDC-IDRI-B": None})
    silent = automatic.models(made, load_bundle(_with_seen(tissue, tmp_path / "silent", None)))
    assert not any(model.unseen for model in silent.values())  # its figures are marked


def test_lesions_are_listed_from_two_false_positives_a_scan_also_where_all_is_known():
    def run(case, *false):
        rows = [{"hits": -1, "confidence": p, "control": -1, "listed": True} for p in false]
        rows += [{"hits": -1, "confidence": 0.99, "control": -1, "listed": False}]  # in the fold whatever it is
        rows += [{"hits": 0, "confidence": 0.15, "control": -1, "listed": True}]
        return {"case": case, "references": [{}], "lesions": rows}

    anywhere = run("QIN-1", 0.9, 0.8, 0.2, 0.1, 0.05), run("QIN-2")
    assert listed.least_confidence([*anywhere]) == 0.1
    assert listed.least_confidence([*anywhere, run("LIDC-IDRI-1", 0.3, 0.25, 0.12)]) == 0.15
    assert listed.least_confidence([run("QIN-3", 0.5, 0.5, 0.5)]) is None and listed.least_confidence([]) is None


def test_of_the_inserted_nodules_those_count_as_listed_that_are_in_the_table():
    rows = [
        {"hits": 0, "confidence": 0.5, "listed": True},
        {"hits": 1, "confidence": 0.05, "listed": True},
        {"hits": 2, "confidence": 0.9, "listed": False},  # under 4 mm
        {"hits": -1, "confidence": 0.9, "listed": True},
    ]
    run = {"lesions": rows, "references": [{"patient": name} for name in "abcd"]}
    found = listed.share_listed([run, run], 0.1)
    assert (found["mean"], found["n"]) == (0.25, 8)


def test_the_rows_of_a_table_tell_the_known_tumours_from_the_others():
    def row(hits, confidence, long_axis_mm, listed=True):
        return {"hits": hits, "confidence": confidence, "long_axis_mm": long_axis_mm, "listed": listed}

    def run(case, *rows, located=False, tumours=0):
        return {"case": case, "located": located, "references": [{}] * tumours, "lesions": list(rows)}

    found = listed.figures(
        [
            run("LIDC-IDRI-1", row(-1, 0.65, 9), row(-2, 0.9, 8), row(-1, 0.05, 9), row(-1, 0.9, 3, listed=False)),
            run("LIDC-IDRI-2", row(0, 0.61, 8), row(-1, 0.65, 20), row(-1, 0.65, 21), tumours=1),
            run("QIN-1", row(-2, 0.9, 30), row(-2, 0.2, 9), located=True),
            run("QIN-2", row(0, 0.08, 50), tumours=1),
        ],
        0.1,
    )
    assert [case["tumour_rows"] for case in found["cases"]] == [[], [3], [1], []]
    assert [case["false_rows"] for case in found["cases"]] == [1, 2, 0, 0]
    listed_ones, first = found["tumours_listed"], found["tumours_in_first_rows"]
    assert listed_ones["n"] == first["n"] == 3 and 3 * listed_ones["mean"] == 2 and 3 * first["mean"] == 1
    assert found["false_rows_a_scan"]["mean"] == 0.75 and found["false_rows_a_scan_where_read"]["mean"] == 1.5
    assert found["false_rows_a_scan_in_negatives"]["mean"] == 1
    assert listed.figures([], 0.1) is None


def test_an_evaluation_leaves_tables_plots_a_page_and_facts_for_the_card(evaluated):
    names = {p.name for p in evaluated.iterdir()}
    assert {"click-test.csv", "lesions-test.csv", "real-test.csv", "froc-test.png", "cases-test.png"} <= names
    page = (evaluated / "report-test.html").read_text()
    assert "not a medical device" in page and "reliability-test.png" in page
    facts = json.loads((evaluated / "facts-test.json").read_text())
    assert facts["figures"]["bars"][0]["what"] == targets.BARS[0][0]


def test_a_second_evaluation_reads_the_records_and_runs_no_network(made, tissue, evaluated, monkeypatch):
    before = json.loads((evaluated / "figures-test.json").read_text())
    table = (evaluated / "click-test.csv").read_text()
    monkeypatch.setattr("training.evaluate.page.draw_cases", lambda path, *_: path)

    def never(*_, **__):
        raise AssertionError("the network ran again")

    monkeypatch.setattr("LungTumorSegLib.segmentation.segment", never)
    evaluation.evaluate(made, tissue)
    assert json.loads((evaluated / "figures-test.json").read_text()) == before
    assert (evaluated / "click-test.csv").read_text() == table


def test_inserted_nodules_lie_apart_and_away_from_the_recipients_own_tumour(made):
    from training.examples import whole_ct
    from training.examples.patches import Patches

    case = whole_ct.WholeCTs(Path(made.data.prepared), ("fold-a",)).cases[0]
    patches = Patches(Path(made.data.prepared), "test")
    nodules = [i for i, size in patches.size.items() if size >= recipients.LEAST_MM]
    first, again = (recipients.make(case, patches, nodules, 5) for _ in range(2))
    assert np.array_equal(first.ct.voxels_zyx, again.ct.voxels_zyx)
    assert len(first.inserted) >= 1 and len(first.controls) >= 1
    own = np.argwhere(np.asarray(case.source.target) > 0)
    for reference in first.inserted:
        middle = reference.box.middle + 0.5
        assert np.linalg.norm((own - middle) * (case.source.step_mm, 1, 1), axis=1).min() > recipients.GAP_MM
        inside = first.ct.voxels_zyx[reference.box.slices][reference.mask]
        assert inside.mean() > -300


def test_bars_that_were_not_run_are_left_out(capsys):
    click_only = {
        "role": "val",
        "model": {"name": "n", "version": "v"},
        "click": {"all": {"dice": {"mean": 0.81, "n": 3}}},
    }
    brief = targets.brief(click_only)
    assert [b["value"] for b in brief["bars"]] == [0.81]
    targets.show(click_only)
    assert "met" in capsys.readouterr().out


# the pack itself


@pytest.mark.skipif(not PACK.exists(), reason="the training pack does not lie beside the clone (../shared/data)")
def test_the_bundled_model_outlines_clicked_test_nodules():
    shard = sorted((PACK / "patches").glob("*.zip"))[0]
    with (PACK / "patches" / "lidc_nodules.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    roles = seen.roles(ROOT / "training" / "splits" / "split.csv")
    patches = pack.read_patches(shard)
    wanted = [k for k, i in enumerate(patches["index"]) if roles[table[i]["patient"]] == "test"][:12]
    opened = load_bundle()
    engine = open_engine(opened)
    dice = []
    for k in wanted:
        readers, lesion, n_readers = (patches[name][k] for name in ("readers", "lesion", "n_readers"))
        soft, weight, bits = prepare.patch_targets(readers, lesion, int(n_readers))
        hu = patches["ct"][k].astype(np.int16) * 8 - 1024
        ct = CT(hu, Geometry(hu.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
        reference, deep = (lesion == 1) & (readers >= n_readers / 2), np.argwhere(bits & prepare.DEEP)
        point = tuple(int(v) for v in deep[len(deep) // 2])
        nodule = click.Nodule(int(k), table[patches["index"][k]], ct, reference, [], soft, weight > 0, point)
        dice.append(metrics.overlap(click.mask_of(click.clicked(nodule, engine, opened)), reference)["dice"])
    assert np.mean(dice) >= 0.65


def test_a_precision_that_is_asked_for_keeps_records_of_its_own():
    bundle = load_bundle()
    plain = automatic.records(Config(), bundle)
    asked = automatic.records(Config(), bundle, Precision.INT8)
    assert asked.parent == plain.parent and asked.name == f"{plain.name}-int8"
