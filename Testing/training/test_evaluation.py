"""The evaluation: metrics on masks of known overlap, curves of known shape, and a whole run on a made-up pack."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.lesions.confidence import FEATURES, logistic
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.segmentation import segment

from Testing.support import made_up_pack, phantoms

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from Testing.support.paths import ROOT
from training import calibrate, card, cases, evaluate, prepare
from training.evaluate import automatic, bars, calibration, click, exam, froc, hosts, metrics
from training.evaluate import confidence as fitted
from training.evaluate.froc import Reference, Scan

PACK = ROOT.parent / "shared" / "data"


def box(z, y, x, size):
    return Box((z, y, x), (z + size, y + size, x + size))


def cube(z, y, x, size, shape=(20, 20, 20)):
    mask = np.zeros(shape, bool)
    mask[box(z, y, x, size).slices] = True
    return mask


# metrics


def test_half_shifted_cubes_overlap_by_half():
    found = metrics.overlap(cube(2, 2, 2, 4), cube(2, 2, 4, 4))
    assert found["dice"] == found["precision"] == found["recall"] == 0.5
    assert found["iou"] == pytest.approx(1 / 3)
    assert found["accuracy"] == 1 - 64 / 8000


def test_nothing_found_is_dice_0_and_two_empty_masks_agree():
    empty = np.zeros((20, 20, 20), bool)
    assert metrics.overlap(empty, cube(2, 2, 2, 4))["dice"] == 0
    assert metrics.overlap(empty, cube(2, 2, 2, 4))["precision"] == 0
    assert metrics.overlap(empty, empty)["dice"] == 1


def test_surface_distances_are_in_mm():
    one_slice_up, same = cube(3, 5, 5, 6), cube(5, 5, 5, 6)
    assert metrics.surface_distances(same, same, (5, 1, 1)) == (0, 0)
    hd95, mean = metrics.surface_distances(one_slice_up, same, (0.5, 10, 10))
    assert hd95 == pytest.approx(1.0) and 0 < mean < 1
    with pytest.raises(ValueError, match="empty"):
        metrics.surface_distances(same, ~same & same, (1, 1, 1))


def test_a_mask_at_the_arrays_end_has_its_border_there():
    assert metrics.surface_distances(cube(0, 0, 0, 20), cube(0, 0, 0, 19), (1, 1, 1))[0] == pytest.approx(1, abs=0.8)


def test_the_model_and_the_left_out_reader_are_held_against_the_same_others():
    a, b = cube(2, 2, 2, 6), cube(2, 2, 3, 6)
    # others of the first two: two of three readers; of the third and fourth: the same rule
    model, reader = metrics.leave_one_out(a, [a, a, a, b])
    assert model == 1.0
    assert reader == pytest.approx((3 + metrics.overlap(b, a)["dice"]) / 4)
    assert metrics.leave_one_out(np.zeros_like(a), [a, a, b])[0] == 0


def test_reader_masks_come_from_the_bits():
    bits = np.array([[[0b0001, 0b0101, 0b0100]]], np.uint8)
    masks = metrics.reader_masks(bits, 4)
    assert [m.ravel().tolist() for m in masks] == [[True, True, False], [False, True, True]]


def test_the_interval_is_wider_when_lesions_share_patients():
    values = np.repeat([0.0, 1.0] * 5, 10)
    alone = metrics.bootstrap(values, np.arange(100))
    shared = metrics.bootstrap(values, np.repeat(np.arange(10), 10))
    assert shared[1] - shared[0] > 2 * (alone[1] - alone[0])
    assert alone[0] < 0.5 < alone[1]


def test_what_is_not_a_number_counts_in_no_mean():
    found = metrics.summary([0.5, np.nan, 1.0], ["a", "b", "c"])
    assert found["mean"] == 0.75 and found["n"] == 2


# FROC


def _whole(mask):
    return Box.whole(mask.shape), mask


def test_a_reference_takes_one_prediction_and_what_counts_neither_way_stays_out():
    references = [
        Reference(box(2, 2, 2, 6), np.ones((6, 6, 6), bool)),
        Reference(*_whole(cube(12, 12, 12, 4)), counts=False),
    ]
    predictions = [
        _whole(cube(2, 2, 2, 5)),  # hit
        _whole(cube(3, 3, 3, 5)),  # a second one on the same lesion
        _whole(cube(13, 13, 13, 5)),  # on what counts neither way
        _whole(cube(2, 14, 2, 3)),  # on nothing
        _whole(cube(7, 7, 7, 3)),  # touches the lesion: IoU under 0.1
    ]
    matched = froc.match(predictions, [0.9, 0.8, 0.7, 0.6, 0.5], references)
    assert matched.tolist() == [0, -1, -2, -1, -1]
    better_second = froc.match(predictions, [0.7, 0.8, 0.7, 0.6, 0.5], references)
    assert better_second.tolist() == [-1, 0, -2, -1, -1]


def test_sensitivity_at_a_rate_of_false_positives():
    scans = [
        Scan(np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, False, True, False]), 3),
        Scan(np.array([0.7, 0.6]), np.array([False, True]), 1),
    ]
    assert froc.sensitivity_at(scans, 0) == 0.25
    assert froc.sensitivity_at(scans, 0.5) == 0.25
    assert froc.sensitivity_at(scans, 1) == 0.75
    assert froc.score_at(scans, 1) == 0.4
    assert froc.sensitivity_at(scans, 8) == 0.75  # one is never found


def test_predictions_of_equal_score_are_kept_or_left_together():
    scans = [Scan(np.array([0.5, 0.5]), np.array([True, False]), 1)]
    assert froc.sensitivity_at(scans, 0.5) == 0
    assert froc.sensitivity_at(scans, 1) == 1


# calibration and confidence


def _counts(temperature: float) -> calibration.Histogram:
    """A map whose true share is that of ``temperature`` times cooler logits."""
    counts = calibration.Histogram.empty()
    p = np.arange(256) / 255
    counts.voxels[:] = 1000
    counts.target[:] = 1000 * calibration.scaled(p, temperature)
    return counts


def test_a_calibrated_map_has_no_calibration_error_and_temperature_1():
    assert calibration.expected_error(_counts(1.0)) < 0.001
    assert calibration.fit_temperature(_counts(1.0)) == pytest.approx(1, abs=0.02)


def test_the_temperature_repairs_overconfidence():
    counts = _counts(2.0)
    assert calibration.expected_error(counts) > 0.05
    temperature = calibration.fit_temperature(counts)
    assert temperature == pytest.approx(2, abs=0.1)
    assert calibration.expected_error(counts, temperature) < 0.01


def test_an_offset_repairs_what_is_marked_too_much_everywhere():
    counts = calibration.Histogram.empty()
    counts.voxels[:] = 1000
    counts.target[:] = 1000 * calibration.scaled(np.arange(256) / 255, 1.0, -1.5)
    temperature = calibration.fit_temperature(counts)
    assert calibration.expected_error(counts, temperature) > 0.1
    both = calibration.fit_temperature_and_offset(counts)
    assert both == pytest.approx((1.0, -1.5), abs=0.05)
    assert calibration.expected_error(counts, *both) < 0.01


def test_voxels_of_unknown_truth_and_of_p_under_0_05_do_not_count():
    counts = calibration.Histogram.empty()
    p = np.array([12, 200, 200, 200], np.uint8)
    counts.add(p, np.array([1.0, 1.0, 0.5, 0.0]), np.array([True, True, True, False]))
    mean, share, voxels = calibration.reliability(counts)
    assert voxels.sum() == 2
    assert share[voxels > 0] == 0.75 and mean[voxels > 0] == pytest.approx(200 / 255)


def test_the_confidence_that_is_fitted_is_the_one_that_the_product_computes():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        row = {name: float(rng.normal()) for name in FEATURES}
        rows.append(row | {"hits": 0 if row["mean_p"] + 0.3 * rng.normal() > 0 else -1})
    rows += [{name: 99.0 for name in FEATURES} | {"hits": -2}] * 50
    coefficients = fitted.fit(rows)
    sure = np.array([logistic(row, coefficients) for row in rows[:200]])
    right = (sure >= 0.5) == np.array([row["hits"] == 0 for row in rows[:200]])
    assert right.mean() > 0.85
    assert coefficients["mean_p"] > 5 * abs(coefficients["extent_z"])


def test_the_operating_point_is_fitted_on_val_and_goes_into_every_card(made, tissue):
    file = calibrate.calibrate(made, tissue.parent / "tissue.weights.h5")
    found = json.loads(file.read_text())
    assert set(found) == {"threshold", "temperature", "map_calibration"}
    facts = card.facts(made)
    assert facts["threshold"] == found["threshold"] and facts["map_calibration"] == found["map_calibration"]
    file.unlink()
    assert card.facts(made)["threshold"] == 0.5


def test_whole_runs_get_a_line_of_their_own_from_the_same_raw_map(made):
    file = Path(made.fit.run) / "operating.json"
    first = {"threshold": 0.4, "temperature": 0.8, "map_calibration": {"temperature": 0.8, "offset": -0.4}}
    file.write_text(json.dumps(first))
    counts = calibration.Histogram.empty()
    counts.voxels[:] = 1000  # of what the first line says, this is true:
    counts.target[:] = 1000 * calibration.scaled(np.arange(256) / 255, 1.25, -1.0)
    calibrate.calibrate_runs(made, counts)
    found = calibrate.operating_point(made)
    assert {k: found[k] for k in first} == first
    assert found["run_threshold"] == pytest.approx(calibration.scaled(np.array(0.4), 1.25, -1.0), abs=0.005)
    raw = np.linspace(0.02, 0.98, 49)
    after = calibration.scaled(calibration.scaled(raw, 0.8, -0.4), 1.25, -1.0)
    np.testing.assert_allclose(calibration.scaled(raw, *found["run_calibration"].values()), after, atol=0.01)
    again = file.read_text()
    calibrate.calibrate_runs(made, counts)  # a second call changes nothing
    assert file.read_text() == again
    file.unlink()
    calibrate.calibrate_runs(made, counts)  # nor does one before `calibrate`
    assert not file.exists()


def test_too_few_candidates_give_no_confidence():
    assert fitted.fit([{name: 0.0 for name in FEATURES} | {"hits": 0}] * 50) is None


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
    return evaluate.evaluate(made, tissue)


def test_the_click_of_a_network_that_marks_tissue_finds_every_ball(evaluated):
    figures = json.loads((evaluated / "figures-test.json").read_text())
    everyone = figures["click"]["all"]
    assert everyone["dice"]["n"] == 3
    assert everyone["dice"]["mean"] > 0.9
    assert everyone["dice"]["mean"] == everyone["dice_without_prompt"]["mean"]  # this network ignores the prompt
    assert everyone["missed_or_below_0.3"]["mean"] == 0
    assert abs(everyone["diameter_error_mm"]["mean"]) < 1


def test_the_real_tumour_of_each_ct_is_judged_on_its_own_grid(evaluated):
    real = json.loads((evaluated / "figures-test.json").read_text())["automatic"]["real"]
    assert real["n"] == real["found"] == 2
    assert all(case["dice"] > 0.8 for case in real["cases"])


def test_the_test_nodules_are_planted_once_more_into_the_cts_that_were_read(evaluated):
    figures = json.loads((evaluated / "figures-test.json").read_text())["automatic"]
    everywhere, read = figures["transplants"], figures["transplants_in_read_cts"]
    assert read["transplants"] == everywhere["transplants"] == 2 and read["scans"] == 2  # one a run
    assert read["by_size"]["all"]["found_at_all"] == {"mean": 1.0, "n": 2, "interval95": [1.0, 1.0]}
    assert "read by four radiologists" in (evaluated / "report-test.html").read_text()


def test_the_exams_features_are_the_products():
    model = load_bundle()
    engine = open_engine(model)
    ct, _ = phantoms.chest((1.0, 1.0, 4.0))
    result = segment(ct, Options(min_confidence=0), engine=engine, bundle=model)
    rows = automatic._lesion_rows(result, ct, automatic.Model(model, engine, Path(), True), [], [])
    sure = [logistic(row, model.card["confidence_coefficients"]) for row in rows]
    assert sure == pytest.approx([lesion.confidence for lesion in result.lesions]) and len(set(sure)) > 1


def test_a_patients_scans_are_drawn_together():
    def scan(patient, hits):
        return froc.Scan(np.linspace(0.9, 0.1, len(hits)), np.array(hits, bool), 4, patient)

    apart = [scan(str(k), [k % 2] * 4) for k in range(20)]
    together = [froc.Scan(s.scores, s.hits, 4, "ab"[k % 2]) for k, s in enumerate(apart)]
    assert froc.interval(together, 4) == [0, 1]
    low, high = froc.interval(apart, 4)
    assert 0.2 < low < 0.4 and 0.6 < high < 0.8


def test_what_one_ct_counts_and_what_is_too_small_to_count_stand_apart():
    def row(hits, confidence, long_axis_mm=8.0, sham=-1):
        return {"hits": hits, "confidence": confidence, "long_axis_mm": long_axis_mm, "sham": sham, "dice": 0.7}

    def record(case, *rows):
        references = [{"diameter_mm": 8.0, "patient": case}]
        return {"case": case, "lesions": list(rows), "references": references, "shams": 1}

    crowded = record("A", *(row(-1, 0.9 - 0.01 * k, 5.0) for k in range(6)), row(0, 0.5))
    quiet = record("B", row(-1, 0.7, 20.0), row(0, 0.6), row(-1, 0.55, sham=0))
    records = [crowded, quiet]
    made = exam._transplants(records, [exam._scan(r) for r in records])
    assert made["by_ct"]["A"]["false_positives_at_2"] == 4 and made["by_ct"]["B"]["false_positives_at_2"] == 0
    assert made["sensitivity_at"]["2"]["sensitivity"] == 0
    assert made["shams"] == 2 and [made["sensitivity_at"][r]["shams_marked"] for r in ("2", "8")] == [0, 1]
    assert (
        made["by_ct"]["A"]["sensitivity_without_it"]["1"] == 1
        and made["by_ct"]["B"]["sensitivity_without_it"]["4"] == 0
    )
    assert made["sensitivity_if_false_from_6_mm"]["1"] == 1 and made["sensitivity_if_false_from_6_mm"]["0.5"] == 1


def test_the_demonstrations_cts_are_judged_where_they_are(evaluated):
    demo = json.loads((evaluated / "figures-test.json").read_text())["demo"]
    assert set(demo) == {"lung1", "lung2"}
    assert all(case["found"] and case["dice"] > 0.8 for case in demo.values())
    facts = json.loads((evaluated / "facts-test.json").read_text())
    assert any("lung2" in bar["what"] for bar in facts["figures"]["bars"])


def test_nothing_is_chosen_on_the_demonstrations_cts(made, tissue):
    folder = evaluate.evaluate(made, tissue, role="val", whole_cts=False)
    assert json.loads((folder / "figures-val.json").read_text())["demo"] is None


def test_while_choosing_on_val_nobody_looks_at_test(made, tissue, evaluated):
    before = {path: path.stat().st_mtime_ns for path in evaluated.iterdir() if "test" in path.name}
    other = made_up_pack.tissue_bundle(made, Path(made.fit.run).parent / "for_val", threshold=0.4)
    folder = evaluate.evaluate(made, other, role="val")
    assert {json.loads(p.read_text())["exam"] for p in (folder / "automatic").iterdir()} == {"real", "val"}
    figures = json.loads((folder / "figures-val.json").read_text())["automatic"]
    assert figures["transplants"]["transplants"] == 2 and figures["transplants_in_read_cts"] is None
    assert not [path for path in folder.rglob("*") if "test" in path.name]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_a_role_that_nobody_has_is_refused(made, tissue):
    with pytest.raises(ValueError, match='No nodule has the role "tset"'):
        evaluate.evaluate(made, tissue, role="tset")


def test_automatic_figures_on_cts_of_the_fit_are_marked(evaluated):
    assert json.loads((evaluated / "figures-test.json").read_text())["automatic"]["unseen"] is False


def test_an_evaluation_leaves_tables_plots_a_page_and_facts_for_the_card(evaluated):
    names = {p.name for p in evaluated.iterdir()}
    assert {"click-test.csv", "lesions-test.csv", "real-test.csv", "froc-test.png", "cases-test.png"} <= names
    page = (evaluated / "report-test.html").read_text()
    assert "not a medical device" in page and "reliability-test.png" in page
    facts = json.loads((evaluated / "facts-test.json").read_text())
    assert facts["figures"]["bars"][0]["what"] == bars.BARS[0][0]


def test_a_second_evaluation_reads_the_records_and_runs_no_network(made, tissue, evaluated, monkeypatch):
    before = json.loads((evaluated / "figures-test.json").read_text())
    table = (evaluated / "click-test.csv").read_text()
    monkeypatch.setattr(evaluate.page, "draw_cases", lambda path, *_: path)

    def never(*_, **__):
        raise AssertionError("the network ran again")

    monkeypatch.setattr("LungTumorSegLib.segmentation.segment", never)
    evaluate.evaluate(made, tissue)
    assert json.loads((evaluated / "figures-test.json").read_text()) == before
    assert (evaluated / "click-test.csv").read_text() == table


def test_transplants_lie_apart_and_away_from_the_hosts_own_tumour(made):
    from training import examples, whole_ct

    case = whole_ct.WholeCTs(Path(made.data.prepared), ("fold-a",)).cases[0]
    patches = examples.Patches(Path(made.data.prepared), "test")
    nodules = [i for i, size in patches.size.items() if size >= hosts.LEAST_MM]
    first, again = (hosts.make(case, patches, nodules, 5) for _ in range(2))
    assert np.array_equal(first.ct.voxels_zyx, again.ct.voxels_zyx)
    assert len(first.transplants) >= 1 and len(first.shams) >= 1
    own = np.argwhere(np.asarray(case.source.target) > 0)
    for reference in first.transplants:
        middle = reference.box.middle + 0.5
        assert np.linalg.norm((own - middle) * (case.source.step_mm, 1, 1), axis=1).min() > hosts.GAP_MM
        inside = first.ct.voxels_zyx[reference.box.slices][reference.mask]
        assert inside.mean() > -300


def test_bars_that_were_not_run_are_left_out(capsys):
    click_only = {
        "role": "val",
        "model": {"name": "n", "version": "v"},
        "click": {"all": {"dice": {"mean": 0.81, "n": 3}}},
    }
    brief = bars.brief(click_only)
    assert [b["value"] for b in brief["bars"]] == [0.81]
    bars.show(click_only)
    assert "met" in capsys.readouterr().out


# the pack itself


@pytest.mark.skipif(not PACK.exists(), reason="the training pack does not lie beside the clone (../shared/data)")
def test_the_bundled_model_outlines_clicked_test_nodules():
    reader = cases.pack_reader(PACK)
    shard = sorted((PACK / "patches").glob("*.zip"))[0]
    with (PACK / "patches" / "lidc_nodules.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    roles = prepare.roles(ROOT / "training" / "splits" / "split.csv")
    patches = reader.read_patches(shard)
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
