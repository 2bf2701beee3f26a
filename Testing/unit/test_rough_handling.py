"""Rough handling: a full disk, a locale with decimal commas, inputs that may not be written, a stopped child."""

import locale
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from LungTumorSegLib import memory, record
from LungTumorSegLib.data import Options
from LungTumorSegLib.errors import Cancelled, WorkerError
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.worker.client import WorkerClient
from LungTumorSegLib.writers import result_files

from Testing.support import phantoms, results
from Testing.support.command_case import run_process, without_roots_rights
from Testing.support.dicom_case import SMALL, same
from Testing.support.paths import MODULE, ROOT

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts and rights of Linux")
OPTIONS = Options(lung_restriction=False)
FAST = ("--no-lung-mask", "--engine", "openvino", "--threads", "1")


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    return phantoms.write_image(SMALL, tmp_path_factory.mktemp("ct") / "ct.nrrd")


def contents(folder: Path) -> dict[str, bytes]:
    """Of all files; without the second in which pynrrd says that it wrote a file."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: re.sub(rb"\n# on [^\n]*", b"", content, count=1) for name, content in files.items()}


# Disk

# the disk has room for one result, and so not for the next beside it
_FULL = """
import sys
from pathlib import Path
from LungTumorSegLib import errors
from LungTumorSegLib.writers import result_files
from Testing.support import results
disk = Path(sys.argv[1])
ct = results.make_ct()
result = results.make_result(ct)
result_files.save(result, ct, disk / "out", with_pictures=True)
before = {path.name: path.read_bytes() for path in (disk / "out").iterdir()}
(disk / "filler").touch()
with (disk / "filler").open("wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
for overwrite in (True, True):
    try:
        result_files.save(result, ct, disk / "out", with_pictures=True, overwrite=overwrite)
        print("written")
    except errors.OutputError as error:
        print(error)
assert before == {path.name: path.read_bytes() for path in (disk / "out").iterdir()}, "the old result changed"
print(sorted(path.name for path in disk.iterdir()))
"""


@linux
def test_on_a_full_disk_the_old_result_stays_and_the_reason_is_said(tmp_path):
    mount = f'mount -t tmpfs -o size=1m full "{tmp_path}" && exec "$@"'
    python = ["sh", "-c", mount, "sh", sys.executable, "-c", _FULL, str(tmp_path)]
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(MODULE), str(ROOT))), "PYTHONUTF8": "1"}
    done = subprocess.run(["unshare", "-rm", *python], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    *sentences, left = done.stdout.splitlines()
    assert len(sentences) == 2 and all("the disk is full" in sentence for sentence in sentences)
    assert left == "['filler', 'out']"


# Inputs


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nii", "ct.mha", "dicom"])
def test_a_locale_with_decimal_commas_changes_no_number_that_is_read(tmp_path, monkeypatch, name):
    made = shutil.which("localedef") and subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], check=False
    )
    if not made or made.returncode:
        pytest.skip("this machine cannot make a German locale")
    ct, _ = phantoms.chest((3.25, 3.5, 2.75), (91, 84, 55), centre_lps=(-100.25, 10.5, 20.125))
    path = tmp_path / name
    if name == "dicom":
        phantoms.write_dicom(ct, path)
    else:
        phantoms.write_image(ct, path)
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    try:
        assert locale.localeconv()["decimal_point"] == ","
        assert same(read_ct(path), ct)
    finally:
        locale.setlocale(locale.LC_ALL, "C.UTF-8")


@linux
def test_inputs_that_may_not_be_written_are_read_and_stay_as_they_are(tmp_path):
    folder = tmp_path / "read only"
    phantoms.write_dicom(SMALL, folder / "dicom", PatientName="Zebra^Quagga", PatientID="ID-4711")
    for name in ("ct.nrrd", "ct.nii.gz", "ct.mha"):
        phantoms.write_image(SMALL, folder / name)
    before = contents(folder)
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = (
        "import sys\nfrom pathlib import Path\nfrom LungTumorSegLib.readers.ct import read_ct\n"
        "for path in Path(sys.argv[1]).iterdir():\n    print(read_ct(path).geometry.shape_zyx)\n"
    )
    done = run_process(folder, prefix=without_roots_rights(), code=code)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(SMALL.geometry.shape_zyx)] * 4
    assert contents(folder) == before


def test_two_runs_at_once_on_one_input_give_the_same_result(small_file, tmp_path):
    ended = {}

    def segment_into(name):
        ended[name] = run_process("segment", small_file, "--output", tmp_path / name, *FAST)

    both = [threading.Thread(target=segment_into, args=(name,)) for name in ("one", "other")]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert [done.returncode for done in ended.values()] == [0, 0], [done.stderr for done in ended.values()]
    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert one.keys() == other.keys()
    assert one["lesions.csv"] == other["lesions.csv"]
    assert one["segmentation.seg.nrrd"] == other["segmentation.seg.nrrd"]


# The child process


def program(folder: Path, code: str) -> Path:
    """Something in the child's place, that `WorkerClient` starts."""
    (folder / "program.py").write_text(code)
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{folder}/program.py"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_child_that_was_stopped_can_be_cancelled(tmp_path, temporary):
    client = WorkerClient(program(tmp_path, "import time\ntime.sleep(1000)\n"))
    client.warm()
    child = psutil.Process(client.pid)
    child.send_signal(signal.SIGSTOP)
    with pytest.raises(Cancelled):
        client.segment(results.make_ct(), cancelled=lambda: True)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert list(temporary.iterdir()) == []


def test_a_slow_child_that_writes_letter_by_letter_is_understood(tmp_path, temporary):
    ct = results.make_ct()
    record.save(results.make_result(ct), ct, tmp_path)
    code = f"""
import json, shutil, sys, time
request = json.loads(sys.stdin.readline())
for name in ("result.json", "voxels.npz", "probability.npy"):
    shutil.copy({str(tmp_path)!r} + "/" + name, request["folder"])
for letter in json.dumps({{"v": 1, "id": request["id"], "type": "result"}}) + chr(10):
    sys.stdout.write(letter)
    sys.stdout.flush()
    time.sleep(0.005)
sys.stdin.readline()
"""
    with WorkerClient(program(tmp_path, code)) as client:
        assert len(client.segment(ct).lesions) == len(results.make_result(ct).lesions)
    assert list(temporary.iterdir()) == []


def test_a_line_without_an_end_takes_no_memory_and_the_end_of_the_child_is_said(tmp_path, temporary):
    code = "import sys\nsys.stdin.readline()\nfor _ in range(300):\n    sys.stdout.write('x' * 1_000_000)\n"
    memory.forget_peak()
    before = memory.peak_mb()
    with WorkerClient(program(tmp_path, code)) as client, pytest.raises(WorkerError, match="ended unexpectedly"):
        client.segment(results.make_ct())
    assert memory.peak_mb() - before < 100
    assert list(temporary.iterdir()) == []


# Many runs


_SIGNAL_AFTER_MODELS = """
import gc
import signal
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.openvino_engine import OpenVinoEngine
opened = [OpenVinoEngine(load_bundle(), "cpu", "float32", 1) for _ in range(2)]
while opened:
    del opened[0]
    gc.collect()
signal.signal(signal.SIGTERM, lambda number, _: print("came", number))
signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_after_two_models_have_gone_reaches_its_handler():
    done = subprocess.run([sys.executable, "-c", _SIGNAL_AFTER_MODELS], capture_output=True, text=True, cwd=MODULE)
    assert (done.returncode, done.stdout.strip()) == (0, f"came {int(signal.SIGTERM)}")


@pytest.mark.long
@linux
def test_50_runs_in_a_row_leave_no_memory_no_file_and_no_process(small_file, tmp_path, temporary):
    me, ct = psutil.Process(), read_ct(small_file)
    taken, files, children = [], [], []
    with WorkerClient() as client:
        for number in range(50):
            result = client.segment(ct, OPTIONS)
            result_files.save(result, ct, tmp_path / "out", overwrite=number > 0)
            child = psutil.Process(client.pid)
            taken.append((me.memory_info().rss / 1e6, child.memory_info().rss / 1e6))
            files.append((me.num_fds(), child.num_fds(), me.num_threads(), child.num_threads()))
            children.append(len(me.children(recursive=True)))
    print(f"MB at run 10: {taken[9]}, at run 50: {taken[-1]}; files and threads: {files[9]}, {files[-1]}")
    assert list(temporary.iterdir()) == []
    assert set(children) == {1} and me.children() == []
    grown = np.subtract(taken[-1], taken[9])
    assert (grown < 20).all(), taken
    assert (np.subtract(files[-1], files[9]) <= 0).all(), files
