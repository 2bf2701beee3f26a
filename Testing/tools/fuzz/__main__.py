"""``python -m Testing.tools.fuzz [--inputs N] [--seed N] [--keep FOLDER] [FORMAT ...]``: exit code 1 with findings."""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from . import formats
from .judge import Outcome, put


def run(name: str, seed: int, inputs: int) -> dict[int, Outcome]:
    """The outcomes of a format's inputs, by their numbers."""
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < inputs:
        first = len(outcomes)
        with tempfile.TemporaryFile("w+") as log:
            arguments = [sys.executable, "-m", "Testing.tools.fuzz.worker", name, str(seed), str(first), str(inputs)]
            process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, text=True)
            for line in process.stdout:
                number, kind, text = json.loads(line)
                outcomes[number] = Outcome(kind, text)
            code = process.wait()
            if code and len(outcomes) < inputs:
                log.seek(0)
                said = log.read()[-4000:]
                if code > 0 and not outcomes:
                    raise SystemExit(f"{name}: {said}")
                outcomes[len(outcomes)] = Outcome("hang" if code == -27 else "crash", f"code {code}\n{said}")
    return outcomes


def _processor_seconds() -> float:
    """Of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def place(outcome: Outcome) -> str:
    """What makes two findings the same: the last line of the library, and the kind of error."""
    lines = re.findall(r'LungTumorSegLib/([\w/]+\.py)", line (\d+)', outcome.text)
    last = outcome.text.strip().splitlines()[-1:] or [""]
    where = ":".join(lines[-1]) if lines else ""
    return f"{outcome.kind} {where} {re.sub(r'[0-9]+', 'N', last[0])[:100]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(formats.FILES)}; all by default")
    parser.add_argument("--inputs", type=int, default=2000, help="of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where findings are left")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.formats if name not in formats.FILES]:
        parser.error(f"{', '.join(unknown)}: no such format; choose of {', '.join(formats.FILES)}")
    if arguments.inputs < 1:
        parser.error("--inputs: give 1 or more")
    found = 0
    for name in arguments.formats or formats.FILES:
        began, before = time.perf_counter(), _processor_seconds()
        outcomes = run(name, arguments.seed, arguments.inputs)
        count = Counter(outcome.kind for outcome in outcomes.values())
        findings = {number: outcome for number, outcome in outcomes.items() if not outcome.explained}
        seconds, processor = time.perf_counter() - began, _processor_seconds() - before
        print(f"{name:10}{dict(count)} in {seconds:.0f} s, {processor:.0f} s of a processor", flush=True)
        kept: dict[str, int] = {}
        for number, outcome in findings.items():
            if kept.setdefault(place(outcome), number) == number:
                folder = arguments.keep / name / f"{arguments.seed}-{number}"
                put(formats.named(name).input(arguments.seed, number), folder)
                (folder / "outcome.txt").write_text(f"{outcome.kind}\n{outcome.text}")
                print(f"  {place(outcome)}  {folder}")
        found += len(findings)
    print(f"{found} unexplained outcomes")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
