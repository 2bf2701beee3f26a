"""The bars and the tables."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

# (what, unit of the number, the least that is accepted, the aim); "x" is a ratio of times of one run
LOWER, HIGHER = "at most", "at least"
LAST_RELEASE = Path(__file__).with_name("last_release.json")
BARS = {
    "best CPU engine over TensorFlow float32": (HIGHER, 3.0, 4.0),
    "whole job over pure network, warm, float32": (LOWER, 1.25, 1.1),
    "lungmask R231 over ours": (HIGHER, 18.0, 25.0),
    "nnU-Net-size 3D over ours": (HIGHER, 14.0, 20.0),
    "peak memory, largest CT, the command, GB": (LOWER, 1.5, 1.0),
    "peak memory, largest CT, the child, GB": (LOWER, 1.5, 1.0),
    "several runs at once over one after the other": (LOWER, 1.3, 1.0),
    "the command's --help, CPU seconds": (LOWER, 0.3, 0.3),
    "the command's --version, CPU seconds": (LOWER, 0.3, 0.3),
    "growth with slices, off linear": (LOWER, 0.15, 0.05),
    "reading many frames, memory over pixels": (LOWER, 3.0, 3.0),
    "reading many frames, growth off linear": (LOWER, 0.15, 0.05),
    "lungs, 300 slices, seconds": (LOWER, 3.0, 3.0),
    "comparison of two CTs, 300 slices, seconds": (LOWER, 60.0, 60.0),
    "cancel, seconds": (LOWER, 1.0, 1.0),
    "200 lesions with all measures, seconds": (LOWER, 5.0, 5.0),
    "cohort: two one-thread workers over one": (HIGHER, 1.6, 1.8),
    "cohort: two one-thread workers over one of two threads": (HIGHER, 0.95, 1.0),
    "cohort: cost of a case in large cohorts, off the smallest": (LOWER, 0.05, 0.02),
    "cohort: the same, CPU seconds": (LOWER, 0.05, 0.02),
    "panel: longest gap of the event loop in a run, seconds": (LOWER, 0.05, 0.05),
    "panel: cancel to the scene as before, seconds": (LOWER, 1.0, 1.0),
    "panel: click to outline, warm child, seconds": (LOWER, 1.0, 1.0),
    "panel: threshold to table and outlines, seconds": (LOWER, 0.3, 0.3),
    "panel: longest gap while a result is taken over, four views, seconds": (LOWER, 0.05, 0.05),
}

WORKERS = ("two of one thread", "one of one thread", "one of two threads")
SECONDS = {"seconds": "s", "cpu_seconds": "s CPU"}


def bars(figures: dict) -> list[dict]:
    """Each bar with its value and verdict (miss | pass | aim); only those that were measured."""
    rows = []
    for what, value in _values(figures).items():
        sense, least, aim = BARS[what]

        def holds(limit, value=value, sense=sense):
            return value >= limit if sense == HIGHER else value <= limit

        verdict = "aim" if holds(aim) else "pass" if holds(least) else "miss"
        rows.append({"bar": what, "value": value, "sense": sense, "least": least, "aim": aim, "verdict": verdict})
    return rows


def _values(figures: dict) -> dict[str, float]:
    jobs = figures["pipeline"]
    made: dict[str, float] = {}
    if jobs:
        sizes = sorted({job["slices"] for job in jobs})
        by = {(job["engine"], job["slices"]): job for job in jobs}
        largest = [job for job in jobs if job["slices"] == sizes[-1]]
        middle = sizes[len(sizes) // 2]
        at_middle = [job for job in jobs if job["slices"] == middle]
        best = min(at_middle, key=lambda job: job["seconds"])
        reference = by.get(("tensorflow-float32", middle))
        if reference:
            speed = max(job["network_slices_per_second"] for job in at_middle)
            made["best CPU engine over TensorFlow float32"] = speed / reference["network_slices_per_second"]
        in_float32 = [job for job in at_middle if job["precision"] == "float32"]
        if in_float32:
            fastest = min(in_float32, key=lambda job: job["pure_network_seconds"])
            made["whole job over pure network, warm, float32"] = fastest["seconds"] / fastest["pure_network_seconds"]
        for name, bar in (("lungmask", "lungmask R231 over ours"), ("nnunet", "nnU-Net-size 3D over ours")):
            peer = figures["peers"].get(name)
            ours = peer and by.get((best["engine"], peer["slices"]))
            if ours:
                made[bar] = peer["seconds"] / ours["seconds"]
        chosen = next((job for job in largest if job["engine"] == best["engine"]), None)
        if chosen:
            made["peak memory, largest CT, the child, GB"] = chosen["peak_memory_mb"] / 1000
        if len(sizes) > 1 and chosen:
            first = by[(best["engine"], sizes[0])]
            made["growth with slices, off linear"] = abs(
                chosen["seconds"] / first["seconds"] / (chosen["network_work"] / first["network_work"]) - 1
            )
        if middle == 300:
            made["lungs, 300 slices, seconds"] = best["stages"]["lungs"]
    if figures.get("command"):
        made["peak memory, largest CT, the command, GB"] = figures["command"]["peak_memory_mb"] / 1000
    if figures.get("together"):
        slower = [run["at_once_seconds"] / run["in_turn_seconds"] for run in figures["together"]]
        made["several runs at once over one after the other"] = max(slower)
    for run in figures.get("start") or []:
        made[f"the command's {run['words']}, CPU seconds"] = run["cpu_seconds"]
    made |= _reading(figures.get("reading") or [])
    if figures.get("cohort"):
        made |= _cohort(figures["cohort"])
    if (compared := figures.get("follow_up")) and compared["slices"] == 300:
        made["comparison of two CTs, 300 slices, seconds"] = compared["seconds"]
    if figures.get("worker"):
        made["cancel, seconds"] = figures["worker"]["cancel_seconds"]
    live = figures.get("live")
    if live and live["lesions_measured"] == 200:
        made["200 lesions with all measures, seconds"] = live["measure_seconds"] + live["further_seconds"]
    if figures.get("panel"):
        p = figures["panel"]
        made["panel: longest gap of the event loop in a run, seconds"] = max(p["run_gaps"].values())
        made["panel: cancel to the scene as before, seconds"] = p["cancel_seconds"]
        if "click_warm_again_seconds" in p:
            made["panel: click to outline, warm child, seconds"] = p["click_warm_again_seconds"]
        made["panel: threshold to table and outlines, seconds"] = p["threshold_seconds"]
        taken_over = p["live_gaps"][f"Taking over {p['lesions']} lesions"]
        made["panel: longest gap while a result is taken over, four views, seconds"] = taken_over
    return made


def _reading(runs: list[dict]) -> dict[str, float]:
    """The worst of all compressions. Linear: CPU time, from the smallest to the largest file; faster does not count."""
    if not runs:
        return {}
    growth = []
    for packing in {run["packing"] for run in runs}:
        alike = sorted((run for run in runs if run["packing"] == packing), key=lambda run: run["frames"])
        per_frame = [run["cpu_seconds"] / run["frames"] for run in alike]
        growth.append(max(0.0, per_frame[-1] / per_frame[0] - 1))
    return {
        "reading many frames, memory over pixels": max(run["memory_over_pixels"] for run in runs),
        "reading many frames, growth off linear": max(growth),
    }


def _cohort(measured: dict) -> dict[str, float]:
    """Throughput of workers over that of others; by how much a case costs more or less than in the smallest cohort."""
    two, one, wide = (measured["workers"]["seconds"][name] for name in WORKERS)
    first, *larger = sorted(measured["growth"], key=lambda row: row["cases"])
    off = {key: max((abs(row[key] / first[key] - 1) for row in larger), default=0.0) for key in SECONDS}
    return {
        "cohort: two one-thread workers over one": one / two,
        "cohort: two one-thread workers over one of two threads": wide / two,
        "cohort: cost of a case in large cohorts, off the smallest": off["seconds"],
        "cohort: the same, CPU seconds": off["cpu_seconds"],
    }


def show(figures: dict, console: Console) -> None:
    machine = figures["machine"]
    console.print(
        f"\n{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}; {'; '.join(machine['engines'])}",
        highlight=False,
    )
    if figures["pipeline"]:
        console.print(_pipeline_table(figures))
        console.print(_precisions_table(figures))
    for title, rows in _lists(figures):
        table = Table(title=title, title_justify="left", show_header=False)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if figures["bars"]:
        console.print(_bars_table(figures["bars"]))


def _pipeline_table(figures: dict) -> Table:
    table = Table(
        title=f"Our pipeline, {figures['pixels']} x {figures['pixels']} x slices of 1 mm, warm", title_justify="left"
    )
    columns = ("slices", "engine", "job s", "CPU s", "start s", "lungs s", "views s", "classifier s", "lesions s",
               "job / network", "slices/s", "GFLOP/s", "of peak", "MB", "load")  # fmt: skip
    for column in columns:
        table.add_column(column, justify="left" if column == "engine" else "right")
    for job in figures["pipeline"]:
        table.add_row(
            str(job["slices"]),
            job["engine"],
            f"{job['seconds']:.1f}",
            f"{job['cpu_seconds']:.1f}",
            f"{job['start_seconds']:.1f}",
            f"{job['stages']['lungs']:.2f}",
            f"{job['stages']['views']:.2f}",
            f"{job['stages']['classifier']:.2f}",
            f"{job['stages']['lesions']:.2f}",
            f"{job['seconds'] / job['pure_network_seconds']:.2f}",
            f"{job['network_slices_per_second']:.1f}",
            f"{job['network_gflops']:.0f}",
            f"{job['network_gflops'] / job['peak_gflops']:.0%}" if job["precision"] != "int8" else "",
            f"{job['peak_memory_mb']:.0f}",
            "" if job["load"] is None else f"{job['load']:.1f}",
        )
    return table


def _precisions_table(figures: dict) -> Table:
    """The whole job side by side, and how many times as fast as the last release, where that ran on such a machine."""
    last = json.loads(LAST_RELEASE.read_text(encoding="utf-8"))
    names = list(dict.fromkeys(job["engine"] for job in figures["pipeline"]))
    table = Table(title="The whole job, s; of it looking from three sides", title_justify="left")
    for column in ("slices", *(name.replace("-", " ") for name in names)):
        table.add_column(column, justify="right")
    now = {(job["slices"], job["engine"]): job for job in figures["pipeline"]}
    then = {(job["slices"], job["engine"]): job["seconds"] for job in last["pipeline"]}
    alike = all(figures["machine"][key] == last["machine"][key] for key in last["machine"])
    for n in sorted({n for n, _ in now}):
        jobs = [now.get((n, name)) for name in names]
        sides = [job and job["stages"]["network"] + job["stages"]["views"] for job in jobs]
        pairs = zip(jobs, sides, strict=True)
        table.add_row(str(n), *("" if job is None else f"{job['seconds']:.1f}; {views:.1f}" for job, views in pairs))
        faster = [
            then[n, name] / now[n, name]["seconds"] if (n, name) in now and (n, name) in then else None
            for name in names
        ]
        if alike and any(faster):
            table.add_row(f"{last['version']} over this", *("" if f is None else f"{f:.2f}" for f in faster))
    return table


def _lists(figures: dict):
    """The tables of what was measured.

    Long because each table is a few lines of its own.
    """
    if figures["peers"]:
        rows = [
            (
                peer["what"],
                f"{peer['seconds']:.1f} s",
                f"{peer['cpu_seconds']:.1f} CPU s",
                f"{peer['slices']} slices",
                f"{peer['peak_memory_mb']:.0f} MB" if "peak_memory_mb" in peer else "",
                "" if peer["load"] is None else f"load {peer['load']:.1f}",
            )
            for peer in figures["peers"].values()
        ]
        yield "What users have today, the same CT and cores", rows
    if figures.get("worker"):
        w = figures["worker"]
        names = {
            "click_cold_seconds": "first click, cold child",
            "click_warm_seconds": "second click",
            "click_warm_again_seconds": "third click",
            "click_after_warming_seconds": "click, child warmed before",
            "cancel_seconds": "cancel",
        }
        yield "The child process", [(text, f"{w[key]:.2f} s") for key, text in names.items()]
    if figures.get("live"):
        v = figures["live"]
        yield (
            "Without the network",
            [
                (f"a moved threshold, {v['lesions']} lesions", f"{v['threshold_seconds'] * 1000:.0f} ms"),
                (f"{v['lesions_measured']} lesions extracted and measured", f"{v['measure_seconds'] * 1000:.0f} ms"),
                ("further measures of them, for files", f"{v['further_seconds'] * 1000:.0f} ms"),
            ],
        )
    if figures.get("reading"):
        rows = [
            (
                f"{run['frames']} frames, {run['packing']}",
                f"{run['seconds']:.1f} s",
                f"{run['cpu_seconds'] / run['frames'] * 1000:.1f} CPU ms a frame",
                f"{run['memory_over_pixels']:.2f} of {run['pixels_mb']:.0f} MB",
            )
            for run in figures["reading"]
        ]
        yield "Reading one DICOM file of many frames: seconds, and peak memory over the size of the pixels", rows
    if figures.get("cohort"):
        w = figures["cohort"]["workers"]
        rows = [(name, *(f"{w[key][name]:.1f} {unit}" for key, unit in SECONDS.items())) for name in WORKERS]
        yield f"Workers of a cohort: {w['cases']} CTs of {w['slices']} slices", rows
        rows = [
            (f"{row['cases']} cases", *(f"{row[key] * 1000:.0f} m{unit}" for key, unit in SECONDS.items()))
            for row in figures["cohort"]["growth"]
        ]
        yield "A case of a few voxels, one worker of one thread", rows
    if figures.get("panel"):
        yield "At the panel", _panel_rows(figures["panel"])
        for title, key in (("in a run", "run"), ("else", "other"), ("without the child", "live")):
            gaps, cpu = figures["panel"][f"{key}_gaps"], figures["panel"][f"{key}_cpu"]
            rows = [(name, f"{s * 1000:.0f} ms", f"{cpu[name] * 1000:.0f} ms of CPU") for name, s in gaps.items()]
            yield f"The longest gap of the event loop, {title}", rows
    if figures.get("layers"):
        shares = figures["layers"]["milliseconds_a_slice"].items()
        rows = [(name, f"{ms:.2f} ms", f"{ms / figures['layers']['all']:.0%}") for name, ms in shares]
        yield "OpenVINO's costliest layers, a slice", rows
    if figures.get("together"):
        rows = [
            (
                f"{run['engine']}, {run['runs']} runs",
                f"{run['in_turn_seconds']:.1f} s",
                f"{run['at_once_seconds']:.1f} s",
            )
            for run in figures["together"]
        ]
        yield "One after the other, and at once", rows
    if figures.get("start"):
        rows = [(f"lungtumorseg {run['words']}", f"{run['cpu_seconds']:.2f} CPU s") for run in figures["start"]]
        yield "What waits for nothing", rows
    if figures.get("command"):
        c = figures["command"]
        rows = [
            (f"{c['slices']} slices, NRRD in, results out", f"{c['seconds']:.1f} s", f"{c['peak_memory_mb']:.0f} MB")
        ]
        yield "The command", rows
    if figures.get("follow_up"):
        f = figures["follow_up"]
        name, cpu = f"two of {f['slices']} slices", f"{f['cpu_seconds']:.1f} CPU s"
        rows = [(name, f"{f['seconds']:.1f} s", cpu, f"{f['peak_memory_mb']:.0f} MB")]
        yield "A comparison of two CTs", rows


def _panel_rows(p: dict) -> list[tuple[str, str]]:
    names = {
        "run_seconds": f"Segment to {p['run_lesions']} lesions, cold child",
        "cancel_seconds": "Cancel to " + ("the scene as before" if p["scene_is_as_before"] else "ANOTHER SCENE"),
        "click_cold_seconds": "click to outline, cold child",
        "click_warm_seconds": "second click",
        "click_warm_again_seconds": "third click",
        "threshold_seconds": f"threshold to table and outlines, {p['lesions']} lesions",
        "threshold_drawing_seconds": "drawing the four views after it, by software; no bar",
        "threshold_with_surfaces_seconds": "threshold with surfaces in 3D",
        "threshold_with_surfaces_drawing_seconds": "drawing the four views after it, by software; no bar",
    }
    rows = [(text, f"{p[key]:.2f} s") for key, text in names.items() if key in p]
    return rows + ([("click", p["click_error"])] if "click_error" in p else [])


def _bars_table(rows: list[dict]) -> Table:
    table = Table(title="Bars", title_justify="left")
    for column in ("", "measured", "at least", "aim", ""):
        table.add_column(column, justify="right" if column else "left")
    colors = {"aim": "green", "pass": "yellow", "miss": "red"}
    for row in rows:
        sign = "≥" if row["sense"] == HIGHER else "≤"
        verdict = f"[{colors[row['verdict']]}]{row['verdict']}[/]"
        table.add_row(row["bar"], f"{row['value']:.2f}", f"{sign} {row['least']:g}", f"{sign} {row['aim']:g}", verdict)
    return table
