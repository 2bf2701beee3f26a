"""One measurement of our own pipeline, in a process of its own: ``python -m benchmark.ours NAME ARGUMENTS``.

The arguments are one JSON object; the answer is one JSON object, the last line of standard output.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from LungTumorSegLib import memory
from LungTumorSegLib.comparison import compare
from LungTumorSegLib.data import CT, Options, Result
from LungTumorSegLib.findings.measuring import measures_of
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.lungs import find
from LungTumorSegLib.lungs.queries import where_to_compute
from LungTumorSegLib.model import unet
from LungTumorSegLib.model.bundle import INT8, ONNX, Bundle, load_bundle
from LungTumorSegLib.model.engines.base import Engine
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.model.engines.openvino_engine import import_openvino
from LungTumorSegLib.sampling import slices
from LungTumorSegLib.segmentation import segment

from Testing.tools.benchmark import work
from Testing.tools.benchmark.chest_ct import NOISE_HU, Stored, balls

PURE_BATCHES = 20
EVERY_LESION = Options(min_confidence=0)  # the balls are there to be counted, not to be judged
LIVE_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)


def open_variant(name: str, model: Bundle) -> Engine:
    """An engine by name on the CPU; ``openvino-float32`` is OpenVINO held to that precision."""
    engine, _, precision = name.partition("-")
    return open_engine(model, engine, "cpu", precision or "auto")


class Counted:
    """An engine, and the ``pixels`` that it was given."""

    def __init__(self, engine: Engine):
        self.engine, self.pixels, self.classifier = engine, 0, engine.classifier
        self.name, self.device, self.reason, self.batch = engine.name, engine.device, engine.reason, engine.batch
        self.precision = engine.precision

    @property
    def coarse(self) -> Engine | None:  # not opened before it is asked for: that would be timed
        return self.engine.coarse

    def predict(self, batch: np.ndarray) -> np.ndarray:
        self.pixels += batch[..., 0].size
        return self.engine.predict(batch)


def pipeline(engine: str, ct: Stored, model: str | None = None) -> dict:
    """The whole warm job; the network alone on as many pixels; its work against the engine's peak.

    ``network_work``: what the network was given, all three views, in axial slices of the run.
    """
    began = time.perf_counter()
    model = load_bundle(model)
    opened = open_variant(engine, model)
    start = time.perf_counter() - began
    given = ct.open()
    plan, a_batch = _plan(given, model, opened.batch)
    opened.predict(a_batch)
    began, cpu_began = time.perf_counter(), time.process_time()
    counted = Counted(opened)
    result = segment(given, engine=counted, bundle=model)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    peak_mb = memory.peak_mb()

    rounds = max(1, min(PURE_BATCHES, len(plan.runs) // opened.batch))
    began, cpu_began = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        opened.predict(a_batch)
    a_slice = (time.perf_counter() - began) / rounds / len(a_batch)
    cpu_a_slice = (time.process_time() - cpu_began) / rounds / len(a_batch)
    network_work = counted.pixels / (plan.shape[1] * plan.shape[2])
    gflop = work.network_gflop(model.card.architecture, plan.shape[1:])
    return {
        "engine": engine,
        "precision": opened.precision,
        "slices": len(given.voxels_zyx),
        "network_slices": len(plan.runs),
        "network_work": network_work,
        "network_pixels": list(plan.shape[1:]),
        "batch": opened.batch,
        "start_seconds": start,
        "seconds": seconds,
        "stages": result.seconds,
        "cpu_seconds": cpu_seconds,
        "pure_network_seconds": a_slice * network_work,
        "pure_network_cpu_seconds": cpu_a_slice * network_work,
        "network_slices_per_second": 1 / a_slice,
        "gflop_per_slice": gflop,
        "network_gflops": gflop / a_slice,
        "peak_gflops": work.peak_gflops(opened.name, opened.precision),
        "peak_memory_mb": peak_mb,
        "lesions": len(result.lesions),
    }


def _plan(ct: CT, model: Bundle, batch: int) -> tuple[slices.Plan, np.ndarray]:
    """What `segment` runs of this CT, and the first batch of it."""
    box = where_to_compute(find.find(ct), ct)
    plan = slices.plan_box(ct.geometry.axial(), model.card, box, unet.receptive_radius(model.card.architecture))
    return plan, next(plan.batches(ct.geometry.axial_order().view(ct.voxels_zyx), batch))[1]


def command(ct: Stored, model: str | None = None) -> dict:
    """Peak memory and seconds of ``lungtumorseg segment`` on an NRRD file, reading and writing included."""
    import SimpleITK as sitk
    from LungTumorSegLib.cli.app import app

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ct.nrrd"
        if not os.fork():  # what writing it costs must not count
            image = sitk.GetImageFromArray(np.load(ct.path))
            image.SetSpacing(ct.spacing_xyz)
            sitk.WriteImage(image, str(path))
            os._exit(0)
        os.wait()
        began = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            given = [
                "segment",
                str(path),
                "--output",
                str(Path(folder) / "out"),
                *(["--model", model] if model else []),
            ]
            app(given, standalone_mode=False)
        return {"slices": ct.open().geometry.shape_zyx[0], "seconds": time.perf_counter() - began,
                "peak_memory_mb": memory.peak_mb()}  # fmt: skip


def together(engine: str, ct: Stored, model: str | None = None, runs: int = 4) -> dict:
    """Seconds of several runs one after the other, and all at once: each in a process of its own, started for it."""
    asked = {"engine": engine, "ct": [str(ct.path), list(ct.spacing_xyz)], "model": model}
    call = [sys.executable, "-m", "Testing.tools.benchmark.ours", "once", json.dumps(asked)]
    began = time.perf_counter()
    for _ in range(runs):
        subprocess.run(call, check=True, capture_output=True)
    in_turn = time.perf_counter() - began
    began = time.perf_counter()
    started = [subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(runs)]
    codes = [process.wait() for process in started]
    at_once = time.perf_counter() - began
    if any(codes):
        raise RuntimeError(f"of {runs} runs at once {sum(map(bool, codes))} failed")
    return {"engine": engine, "runs": runs, "in_turn_seconds": in_turn, "at_once_seconds": at_once}


def follow_up(ct: Stored, model: str | None = None) -> dict:
    """Seconds of a comparison of the CT with itself a few voxels away, with noise of its own; `compare` as a whole."""
    first = ct.open()
    rng, voxels = np.random.default_rng(1), np.roll(first.voxels_zyx, (3, 9, 7), (0, 1, 2))
    for plane in voxels:
        plane += np.rint(rng.standard_normal(plane.shape, np.float32) * NOISE_HU).astype(np.int16)
    began, cpu = time.perf_counter(), time.process_time()
    options = Options(model=None if model is None else Path(model))
    followed = compare([first, replace(first, voxels_zyx=voxels, name="later")], options=options)
    return {
        "slices": len(voxels),
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "lesions": len(followed.tracks),
        "peak_memory_mb": memory.peak_mb(),
    }


def once(engine: str, ct: Stored, model: str | None = None) -> dict:
    """One run and nothing else."""
    bundle = load_bundle(model)
    return {"lesions": len(segment(ct.open(), engine=open_variant(engine, bundle), bundle=bundle).lesions)}


def start(words: str, repeats: int = 5) -> dict:
    """CPU seconds of the command with these words, the least of several processes."""
    call = [sys.executable, "-c", "from LungTumorSegLib.cli.app import main; main()", *words.split()]

    def children() -> float:
        spent = os.times()
        return spent.children_user + spent.children_system

    used = []
    for _ in range(repeats):
        before = children()
        subprocess.run(call, check=True, capture_output=True)
        used.append(children() - before)
    return {"words": words, "cpu_seconds": min(used)}


def layers(engine: str, ct: Stored, model: str | None = None, most: int = 8) -> dict:
    """Milliseconds a slice of the costliest layers, where the engine tells (OpenVINO)."""
    model = load_bundle(model)
    openvino = import_openvino()
    opened = open_variant(engine, model)
    hint = openvino.Type.bf16 if opened.precision == "bfloat16" else openvino.Type.f32
    settings = {"INFERENCE_PRECISION_HINT": hint, "PERF_COUNT": True}
    file = model.folder / (INT8 if opened.precision == "int8" else ONNX)
    request = openvino.Core().compile_model(str(file), "CPU", settings).create_infer_request()
    _, a_batch = _plan(ct.open(), model, opened.batch)
    for _ in range(3):
        request.infer([a_batch])
    spent = Counter()
    for layer in request.get_profiling_info():
        spent[f"{layer.node_name} ({layer.exec_type})"] += layer.real_time.total_seconds() * 1000 / len(a_batch)
    return {"milliseconds_a_slice": dict(spent.most_common(most)), "all": sum(spent.values())}


def worker(ct: Stored, point: tuple[float, float, float], model: str | None = None) -> dict:
    """The child process: a click cold and warm, and how long a cancelled run of the whole CT takes to end."""
    from LungTumorSegLib.worker.client import WorkerClient

    given = ct.open()
    options = Options(model=model and Path(model))
    clicked = replace(options, points_lps=(tuple(point),))
    made = {}
    with WorkerClient() as client:
        for name in ("cold", "warm", "warm_again"):
            began = time.perf_counter()
            client.segment(given, clicked)
            made[f"click_{name}_seconds"] = time.perf_counter() - began
        run = client.start(given, options)
        while not any(step.stage == "network" and step.done for step in run.poll(0.1)):
            pass
        pid = client.pid
        began = time.perf_counter()
        run.cancel()
        made["cancel_seconds"] = time.perf_counter() - began
        import psutil

        made["child_is_gone"] = not psutil.pid_exists(pid)
        client.warm(options)
        time.sleep(8)
        began = time.perf_counter()
        client.segment(given, clicked)
        made["click_after_warming_seconds"] = time.perf_counter() - began
    return made


def live(ct: Stored, lesions_shown: int = 20, lesions_measured: int = 200) -> dict:
    """A moved threshold over some lesions, from the candidates and without the network; and many lesions measured."""
    given, model = ct.open(), load_bundle()
    found = find.find(given)
    candidates = balls(given, found, lesions_measured)
    extract(candidates[:3], given, found, EVERY_LESION, model.card)
    slowest = 0.0
    for threshold in LIVE_THRESHOLDS:
        began = time.perf_counter()
        extract(candidates[:lesions_shown], given, found, replace(EVERY_LESION, threshold=threshold), model.card)
        slowest = max(slowest, time.perf_counter() - began)
    began = time.perf_counter()
    measured, masks = extract(candidates, given, found, EVERY_LESION, model.card)
    extracted = time.perf_counter()
    result = Result(
        given.geometry, tuple(candidates), found, measured, masks, EVERY_LESION, {}, "given", "CPU", "balls", {}, 0.0
    )
    measures_of(result, given)
    return {
        "lesions": lesions_shown,
        "threshold_seconds": slowest,
        "lesions_measured": len(measured),
        "measure_seconds": extracted - began,
        "further_seconds": time.perf_counter() - extracted,
    }


def panel(ct: Stored, point: tuple[float, float, float], model: str | None = None) -> dict:
    """See `benchmark.panel`, whose libraries stay out of the other measurements' memory."""
    from Testing.tools.benchmark.panel import measure

    return measure(ct, point, model)


def reading(ct: Stored, frames: int, packing: str) -> dict:
    """See `benchmark.reading`."""
    from Testing.tools.benchmark.reading import measure

    return measure(ct, frames, packing)


def cohort(ct: Stored, copies: int, rounds: int, cases: list[int]) -> dict:
    """See `benchmark.cohort`."""
    from Testing.tools.benchmark.cohort import growth, workers

    return {"workers": workers(ct, copies, rounds), "growth": growth(cases)}


MEASUREMENTS = {
    f.__name__: f
    for f in (pipeline, command, together, once, start, layers, worker, live, panel, reading, follow_up, cohort)
}


def main(name: str, arguments: str) -> None:
    given = json.loads(arguments)
    if "ct" in given:
        given["ct"] = Stored(Path(given["ct"][0]), tuple(given["ct"][1]))
    answer = MEASUREMENTS[name](**given)
    sys.stdout.flush()
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
