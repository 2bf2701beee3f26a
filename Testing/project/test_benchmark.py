"""The benchmark runs end to end on tiny CTs, and its numbers are what they claim to be. No seconds are asserted."""

import json
import sys

import numpy as np
import onnx
import pytest
from LungTumorSegLib.checks import check
from LungTumorSegLib.lungs import find
from LungTumorSegLib.lungs.queries import where_to_compute
from LungTumorSegLib.model.bundle import ONNX, load_bundle
from onnx import numpy_helper

from Testing.tools.benchmark import chest_ct, command, report, work


def job(engine, slices, seconds, **more):
    made = {
        "engine": engine,
        "precision": "float32",
        "slices": slices,
        "seconds": seconds,
        "network_slices": slices,
        "network_work": slices,
        "pure_network_seconds": 0.8 * seconds,
        "network_slices_per_second": slices / (0.8 * seconds),
        "peak_memory_mb": 900.0,
        "stages": {"lungs": 1.0},
    }
    return made | more


def test_a_tiny_run_writes_its_figures_and_its_table(tmp_path):
    arguments = [
        "--slices",
        "36",
        "--pixels",
        "96",
        "--only",
        "pipeline,live,start",
        "--engines",
        "openvino-float32",
    ]
    assert command.main([*arguments, "--output", str(tmp_path)]) == 0
    figures = json.loads((tmp_path / "benchmark.json").read_text())
    (measured,) = figures["pipeline"]
    assert measured["engine"] == "openvino-float32" and measured["precision"] == "float32" and measured["slices"] == 36
    assert measured["network_slices"] <= 36 and measured["peak_memory_mb"] > 50
    assert min(measured["network_gflops"], measured["peak_gflops"]) > 0
    assert figures["live"]["lesions_measured"] > 0
    assert [run["words"] for run in figures["start"]] == ["--help", "--version"]
    assert all(0 < run["cpu_seconds"] < 60 for run in figures["start"])
    assert (tmp_path / "benchmark.png").stat().st_size > 5000
    assert "openvino" in (tmp_path / "benchmark.txt").read_text(encoding="utf-8")


def test_the_panel_is_timed_over_a_run_a_cancelled_run_clicks_and_thresholds(tmp_path):
    arguments = ["--slices", "60", "--pixels", "96", "--only", "panel", "--output", str(tmp_path)]
    assert command.main(arguments) == 0
    measured = json.loads((tmp_path / "benchmark.json").read_text())["panel"]
    assert measured["scene_is_as_before"] and "click_error" not in measured
    assert 0 < measured["lesions"] <= 20 < measured["lesions_many"] <= 200
    assert {"Segmenting slices", "Taking over the result"} <= set(measured["run_gaps"])
    assert {"Nothing to do", "A CT is chosen", "Cancel", "Click"} == set(measured["other_gaps"])
    assert "Threshold" in measured["live_gaps"]
    bars = {row["bar"] for row in report.bars({"pipeline": [], "peers": {}, "panel": measured})}
    assert len(bars) == 5 and all(bar.startswith("panel: ") for bar in bars)
    assert "At the panel" in (tmp_path / "benchmark.txt").read_text(encoding="utf-8")


def test_reading_many_frames_is_measured_in_every_compression(tmp_path):
    arguments = [
        "--slices",
        "36",
        "--pixels",
        "64",
        "--only",
        "reading",
        "--frames",
        "18,36",
        "--output",
        str(tmp_path),
    ]
    assert command.main(arguments) == 0
    runs = json.loads((tmp_path / "benchmark.json").read_text())["reading"]
    assert {(run["packing"], run["frames"]) for run in runs} == {(p, n) for p in command.PACKINGS for n in (18, 36)}
    assert all(run["pixels_mb"] == 2 * run["frames"] * 64 * 64 / 1e6 and run["memory_over_pixels"] > 0 for run in runs)
    bars = {row["bar"]: row["value"] for row in report.bars({"pipeline": [], "peers": {}, "reading": runs})}
    assert bars["reading many frames, memory over pixels"] == max(run["memory_over_pixels"] for run in runs)
    assert "36 frames, JPEG-LS" in (tmp_path / "benchmark.txt").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_cohorts_workers_and_its_growth_are_measured(tmp_path):
    from rich.console import Console

    from Testing.tools.benchmark import cohort

    ct = chest_ct.make(tmp_path, 36, 64)
    measured = {"workers": cohort.workers(ct, copies=2, rounds=1), "growth": cohort.growth([1, 2])}
    assert measured["workers"]["slices"] == 36 and tuple(measured["workers"]["seconds"]) == report.WORKERS
    assert [row["cases"] for row in measured["growth"]] == [1, 2]
    assert all(min(row["cpu_seconds"], row["seconds"]) > 0 for row in measured["growth"])
    figures = {"machine": command.machine(), "pipeline": [], "peers": {}, "cohort": measured}
    with (tmp_path / "shown.txt").open("w", encoding="utf-8") as file:
        report.show(figures | {"bars": report.bars(figures)}, Console(file=file, width=120))
    shown = (tmp_path / "shown.txt").read_text("utf-8")
    assert "Workers of a cohort: 2 CTs of 36 slices" in shown and "cohort: two one-thread workers over one" in shown


def test_the_cohorts_bars_are_throughput_and_cost_a_case():
    seconds = dict(zip(report.WORKERS, (10.0, 17.0, 9.0), strict=True))
    growth = [
        {"cases": 10, "seconds": 0.50, "cpu_seconds": 0.40},
        {"cases": 40, "seconds": 0.46, "cpu_seconds": 0.40},
        {"cases": 160, "seconds": 0.51, "cpu_seconds": 0.44},
    ]
    cohort = {"workers": {"seconds": seconds, "cpu_seconds": seconds}, "growth": growth}
    made = {row["bar"]: row for row in report.bars({"pipeline": [], "peers": {}, "cohort": cohort})}
    values = [round(row["value"], 3) for row in made.values()]
    assert values == [1.7, 0.9, 0.08, 0.1]
    assert [row["verdict"] for row in made.values()] == ["pass", "miss", "miss", "miss"]


def test_what_blocks_the_event_loop_is_found_and_named(standin_app):
    import time

    import qt

    from Testing.tools.benchmark.panel import Loop

    loop, blocked = Loop(), []
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.connect("timeout()", lambda: (time.sleep(0.3), blocked.append(1)))
    timer.start(20)
    loop.until(lambda: bool(blocked), lambda: "blocked" if blocked else "quiet")
    assert loop.gaps["blocked"] >= 0.3 > loop.cpu["blocked"]  # it slept


def test_a_measurement_that_fails_is_left_out_and_said(capsys):
    from rich.console import Console

    assert command.run([sys.executable, "-c", "raise SystemExit('no room')"], Console()) is None
    assert "no room" in capsys.readouterr().out


def test_the_timed_chest_is_a_ct_with_lungs_and_grows_with_its_slices(tmp_path):
    for slices in (60, 90):
        chest = chest_ct.make(tmp_path, slices, 96).open()
        check(chest)
        assert chest.voxels_zyx.shape == (slices, 96, 96)
        box = where_to_compute(find.find(chest), chest)
        assert box.shape[0] > 0.8 * slices


def test_the_networks_work_is_that_of_the_convolutions_in_its_graph():
    """Counted a second time, from the shapes in the exported graph."""
    model = load_bundle()
    graph = onnx.shape_inference.infer_shapes(_at_size(onnx.load(model.folder / ONNX), 64, 96)).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.value_info}
    weights = {w.name.removesuffix("_half"): numpy_helper.to_array(w).shape for w in graph.initializer}
    counted = 0
    for node in graph.node:
        if node.op_type == "Conv":
            _, _, height, width = shapes[node.output[0]]
            counted += 2 * np.prod(weights[node.input[1]]) * height * width
    assert work.network_gflop(model.card.architecture, (64, 96)) == pytest.approx(counted / 1e9, rel=1e-9)


def _at_size(model, height, width):
    for dimension, value in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, height, width), strict=False):
        dimension.dim_value = value
    return model


def test_the_bars_compare_times_of_one_run():
    figures = {
        "pipeline": [
            job("tensorflow-float32", 100, 10.0),
            job("tensorflow-float32", 300, 30.0),
            job("tensorflow-float32", 600, 60.0),
            job("openvino-float32", 100, 2.5),
            job("openvino-float32", 300, 7.5),
            job("openvino-float32", 600, 15.9, peak_memory_mb=1200.0),
        ],
        "peers": {"lungmask": {"seconds": 30.0, "slices": 300}, "nnunet": {"seconds": 300.0, "slices": 300}},
        "worker": {"cancel_seconds": 2.0},
        "together": [
            {"engine": "openvino", "runs": 4, "in_turn_seconds": 20.0, "at_once_seconds": 22.0},
            {"engine": "onnxruntime", "runs": 4, "in_turn_seconds": 40.0, "at_once_seconds": 60.0},
        ],
        "follow_up": {"slices": 300, "seconds": 61.0},
        "start": [{"words": "--help", "cpu_seconds": 0.2}, {"words": "--version", "cpu_seconds": 0.4}],
        "live": {"lesions_measured": 200, "measure_seconds": 1.5, "further_seconds": 4.0},
    }
    made = {row["bar"]: row for row in report.bars(figures)}

    def verdict(name):
        return made[name]["verdict"]

    assert made["best CPU engine over TensorFlow float32"]["value"] == pytest.approx(4)
    assert verdict("best CPU engine over TensorFlow float32") == "aim"
    assert made["whole job over pure network, warm, float32"]["value"] == pytest.approx(1.25)
    assert verdict("whole job over pure network, warm, float32") == "pass"
    assert verdict("lungmask R231 over ours") == "miss"
    assert verdict("nnU-Net-size 3D over ours") == "aim"
    assert verdict("peak memory, largest CT, the child, GB") == "pass"
    assert made["growth with slices, off linear"]["value"] == pytest.approx(0.06)
    assert verdict("cancel, seconds") == "miss"
    assert made["200 lesions with all measures, seconds"]["value"] == 5.5
    assert made["several runs at once over one after the other"]["value"] == 1.5
    assert verdict("comparison of two CTs, 300 slices, seconds") == "miss"
    assert verdict("the command's --help, CPU seconds") == "aim"
    assert verdict("the command's --version, CPU seconds") == "miss"


def test_what_was_not_measured_has_no_bar():
    assert report.bars({"pipeline": [], "peers": {}}) == []
