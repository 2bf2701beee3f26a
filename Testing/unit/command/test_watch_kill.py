"""The service killed in the middle of a study: the next start does what lies in the inbox. And Ctrl-C, then SIGTERM."""

import signal
import sys
import time
from subprocess import STDOUT, Popen

import psutil
import pytest
from LungTumorSegLib.cohort import kept

from Testing.support import cohort_case, orthanc, watch_case
from Testing.support.command_case import command

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals as Linux and macOS do"),
]


def _started(place, port):
    folders = (place / "in", "--output", place / "out")
    options = ("--from", watch_case.SENDER, "--port", port, "--complete-after", 1, *cohort_case.FAST)
    line, environment = command("watch", *folders, *options)
    with (place / "said.txt").open("w") as log:
        process = Popen(line, env=environment, stdout=log, stderr=STDOUT)
    _until(process, place, lambda: "openvino, CPU" in (place / "said.txt").read_text())
    return process


def _until(process, place, holds):
    end = time.monotonic() + 200
    while not holds():
        assert process.poll() is None and time.monotonic() < end, (place / "said.txt").read_text()
        time.sleep(0.01)


def _in_work(place):
    return list((place / "out" / kept.IN_WORK).glob("study_*"))


def test_what_was_in_work_when_it_was_killed_is_done_after_the_next_start(tmp_path):
    port = orthanc.free_port()
    process = _started(tmp_path, port)
    assert watch_case.send(port, watch_case.study(tmp_path / "one")) == [0] * 16
    _until(process, tmp_path, lambda: _in_work(tmp_path))
    workers = cohort_case.kill(process)
    assert psutil.wait_procs(workers, 30)[1] == []
    assert not list((tmp_path / "out").glob("cases/*"))

    process = _started(tmp_path, port)
    _until(process, tmp_path, lambda: list((tmp_path / "out").glob("cases/*/seg.dcm")))
    assert watch_case.send(port, watch_case.study(tmp_path / "two", 1)) == [0] * 16
    _until(process, tmp_path, lambda: _in_work(tmp_path))
    workers = psutil.Process(process.pid).children(recursive=True)
    for worker in workers:
        if "spawn_main" in " ".join(worker.cmdline()):
            worker.suspend()  # its study stays in work between the two
    process.send_signal(signal.SIGINT)
    _until(process, tmp_path, lambda: "is finished, then" in (tmp_path / "said.txt").read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
    assert psutil.wait_procs(workers, 20)[1] == []
    said = (tmp_path / "said.txt").read_text()
    assert "Ended at once." in said and "Traceback" not in said
    # both studies lie in the inbox, one result is whole, nothing temporary is left
    assert len(list((tmp_path / "in").glob("study_*"))) == 2
    assert len(list((tmp_path / "out").glob("cases/*/case.json"))) == 1
    assert [path for folder in ("in", "out") for path in (tmp_path / folder).rglob(".*")] == []
