"""Small cohorts: CTs of a few voxels around a nodule, some of them broken, and the command on them."""

import csv
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import psutil

from Testing.support import phantoms
from Testing.support.command_case import MAIN, command

# 16 x 16 x 16 voxels: a case takes a fraction of a second
SPACING, SIZE = (3.0, 3.0, 3.0), (48, 48, 48)
WHOLE = {"segmentation.seg.nrrd", "lesions.csv", "result.json", "thumbnail.png", "case.json"}
FAST = ("--no-lung-mask", "--engine", "openvino")


def ct(number: int):
    """Each is another one."""
    nodule = (phantoms.NODULE[0], 10.0 + number % 7, phantoms.SOFT)
    return phantoms.chest(SPACING, SIZE, (nodule,), seed=number, centre_lps=phantoms.NODULE[0])[0]


def make(folder: Path, whole: int, broken: int = 0, alike: int = 0) -> Path:
    """A folder of images, every other one in a folder of its own; the broken ones are cut off.

    alike: after so many the same ones come again.
    """
    for number in range(whole):
        place = folder / f"group{number}" if number % 2 else folder
        place.mkdir(parents=True, exist_ok=True)
        phantoms.write_image(ct(number % alike if alike else number), place / f"ct{number:02d}.nrrd")
    for number in range(broken):
        phantoms.write_image(ct(0), file := folder / f"broken{number}.nrrd")
        file.write_bytes(file.read_bytes()[:-900])
    return folder


def run(source, output, *options, code=MAIN):
    line, environment = command("cohort", source, "--output", output, *FAST, *options, code=code)
    return subprocess.run(line, env=environment, capture_output=True, text=True)


def start(source, output, *options, code=MAIN):
    """The command in a process group of its own, as a terminal's."""
    line, environment = command("cohort", source, "--output", output, *FAST, *options, code=code)
    return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill(process) -> list[psutil.Process]:
    """End the main process as nothing can prevent; returns its workers, which are left alone."""
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return children


def table(output: Path, name: str) -> dict[str, dict[str, str]] | list[dict[str, str]]:
    """The rows of cases.csv by case, those of lesions.csv as they come."""
    with (output / name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {row["case"]: row for row in rows} if name == "cases.csv" else rows


def content(output: Path) -> dict[str, object]:
    """All that is the same in each run: files by their bytes, records without times and memory."""
    found: dict[str, object] = {}
    for file in sorted(path for path in output.rglob("*") if path.is_file()):
        name = str(file.relative_to(output))
        if file.suffix == ".json":
            values = json.loads(file.read_text("utf-8"))
            for key in ("seconds", "peak_memory_mb", "checksum", "files"):
                values.pop(key, None)
            found[name] = values
        elif file.name == "cases.csv":
            rows = table(output, "cases.csv")
            changing = ("seconds", "peak_memory_mb", "checksum")
            found[name] = {case: {k: v for k, v in row.items() if k not in changing} for case, row in rows.items()}
        elif file.name != "index.html":  # has the seconds in it
            found[name] = undated(file)
    return found


def undated(file: Path) -> bytes:
    """A file's bytes, without the comment in which pynrrd writes the time."""
    return re.sub(rb"# on \d{4}-\d\d-\d\d [\d:]+\(GMT\)\.\n", b"", file.read_bytes())
