"""``python -m Testing.tools.benchmark``: what ``make benchmark`` runs.

Every measurement has a process of its own, one after the other, so that each peak of memory is its own. Writes
benchmark.json, benchmark.png and benchmark.txt, and prints the tables.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from LungTumorSegLib.enums import Precision
from LungTumorSegLib.errors import EngineError
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import available, installed, open_engine
from rich.console import Console

from Testing.support.paths import MODULE, ROOT
from Testing.tools.benchmark import chest_ct, plot, report

FOLDER = Path(__file__).resolve().parent
PEERS = ("lungmask", "nnunet")
MEASURED = (
    "pipeline", "command", "together", "start", "layers", "worker", "live", "panel", "reading", "follow_up", "cohort",
)  # fmt: skip
PACKINGS = ("none", "JPEG-LS", "JPEG lossless", "JPEG 2000")  # of the frames that are read


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Times the pipeline, its engines and what users have today.")
    parser.add_argument("--slices", type=_numbers, default=[100, 300, 600], help="CTs to time, e.g. 100,300,600")
    parser.add_argument(
        "--frames", type=_numbers, default=[100, 400, 1200], help="frames in the DICOM files that are read"
    )
    parser.add_argument("--pixels", type=int, default=512, help="columns and rows of a slice")
    parser.add_argument("--cases", type=_numbers, default=[10, 40, 160], help="cases in the cohorts that are timed")
    parser.add_argument("--engines", type=_words, help="default: all that are installed")
    parser.add_argument("--peers-on", type=int, help="slices of the CT for the peers; default: the smallest")
    parser.add_argument("--peers", type=Path, help="the Python that has peers_requirements.txt; without it no peers")
    parser.add_argument("--model", type=Path, help="a bundle's folder; default: the bundled one")
    parser.add_argument("--only", type=_words, help=f"some of {','.join(MEASURED)}")
    parser.add_argument("--output", type=Path, default=Path("benchmark-output"))
    given = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    figures = {"machine": machine(), "pixels": given.pixels}
    with tempfile.TemporaryDirectory(prefix="lts-benchmark-") as folder:
        figures |= measure(given, Path(folder), console)
    figures["bars"] = report.bars(figures)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "benchmark.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    plot.draw(figures, given.output / "benchmark.png")
    with (given.output / "benchmark.txt").open("w", encoding="utf-8") as file:
        for target in (console, Console(file=file, width=120)):
            report.show(figures, target)
    console.print(f"Written: {given.output}")
    return 0


def measure(given: argparse.Namespace, folder: Path, console: Console) -> dict:
    wanted = given.only or MEASURED
    cts = {n: chest_ct.make(folder, n, given.pixels) for n in sorted(set(given.slices))}
    sizes = list(cts)
    middle = cts[sizes[len(sizes) // 2]]
    found: dict = {"pipeline": [], "peers": {}}
    model = {"model": str(given.model.resolve())} if given.model else {}

    def ask(name: str, **arguments):
        console.print(f"[dim]{name} {' '.join(str(v) for v in arguments.values() if not isinstance(v, list))}[/]")
        return run([sys.executable, "-m", "Testing.tools.benchmark.ours", name, json.dumps(arguments)], console)

    if "pipeline" in wanted:
        for n in sizes:
            for engine in given.engines or variants(given.model):
                found["pipeline"] += filter(None, [ask("pipeline", engine=engine, ct=described(cts[n]), **model)])
    if "command" in wanted:
        found["command"] = ask("command", ct=described(cts[sizes[-1]]), **model)
    if "together" in wanted:
        asked = given.engines or installed()
        runs = (ask("together", engine=engine, ct=described(cts[sizes[0]]), **model) for engine in asked)
        found["together"] = [run for run in runs if run]
    if "start" in wanted:
        found["start"] = [answer for words in ("--help", "--version") if (answer := ask("start", words=words))]
    if "layers" in wanted and "openvino" in installed():
        found["layers"] = ask("layers", engine="openvino", ct=described(middle), **model)
    if "worker" in wanted:
        found["worker"] = ask("worker", ct=described(middle), point=_nodule(middle), **model)
    if "live" in wanted:
        found["live"] = ask("live", ct=described(middle))
    if "panel" in wanted:
        found["panel"] = ask("panel", ct=described(middle), point=_nodule(middle), **model)
    if "follow_up" in wanted:
        found["follow_up"] = ask("follow_up", ct=described(middle), **model)
    if "cohort" in wanted:
        found["cohort"] = ask("cohort", ct=described(cts[sizes[0]]), copies=4, rounds=2, cases=given.cases)
    if "reading" in wanted:
        runs = [(packing, n) for packing in PACKINGS for n in given.frames]
        answers = (ask("reading", ct=described(cts[sizes[0]]), frames=n, packing=packing) for packing, n in runs)
        found["reading"] = [answer for answer in answers if answer]
    if given.peers:
        theirs = cts[given.peers_on or sizes[0]]
        for name in PEERS:
            console.print(f"[dim]{name}[/]")
            script = [str(given.peers), str(FOLDER / "peers.py")]
            made = run([*script, name, str(theirs.path), *map(str, theirs.spacing_xyz)], console)
            if made:
                found["peers"][name] = {**made, "slices": len(theirs.open().voxels_zyx)}
    return found


def variants(model: Path | None) -> list[str]:
    """Every engine that is installed in every precision that it can do with this model and processor."""
    bundle, able = load_bundle(model), []
    for engine in installed():
        for precision in (p for p in Precision if p != Precision.AUTO):
            with contextlib.suppress(EngineError):
                open_engine(bundle, engine, "cpu", precision)
                able.append(f"{engine}-{precision}")
    return able


def described(ct: chest_ct.Stored) -> list:
    return [str(ct.path), list(ct.spacing_xyz)]


def run(command: list[str], console: Console) -> dict | None:
    """The JSON that a child prints last; None, with its last words shown, if it failed."""
    paths = [str(ROOT), str(MODULE), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        console.print(f"[red]failed:[/] {(done.stderr.strip().splitlines() or ['no message'])[-1]}", highlight=False)
        return None
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {**answer, "load": load}


def machine() -> dict:
    import psutil

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "engines": [f"{found.name} {found.remark}" for found in available() if found.installed],
    }


def _nodule(ct: chest_ct.Stored) -> list[float]:
    """Where the phantom's largest nodule lies in the enlarged chest, LPS mm."""
    x, y, z = chest_ct.NODULES[0][0]
    height = len(ct.open().voxels_zyx) * ct.spacing_xyz[2]
    return [x + chest_ct.FIELD_MM / 2, y + chest_ct.FIELD_MM / 2, (z / chest_ct.HEIGHT_MM + 0.5) * height]


def _words(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]
