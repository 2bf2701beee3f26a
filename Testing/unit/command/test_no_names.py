"""The patient's name is in no line, no temporary name and no file but DICOM objects, whatever the command.

`compare` is looked at in `test_compare`, where two CTs are at hand. The demonstration reads files that name nobody.
"""

import signal
import sys
import time
from subprocess import STDOUT, Popen

import psutil
import pytest
from LungTumorSegLib.cohort import kept
from pydicom.uid import CTImageStorage

from Testing.support import cohort_case, names, orthanc, phantoms, watch_case
from Testing.support.cohort_case import FAST
from Testing.support.command_case import command, run, run_process
from Testing.support.dicom_case import SMALL
from Testing.support.dicom_server import Archive, server


@pytest.fixture
def temporary(tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


def test_segment_names_nobody(small, tmp_path, temporary):
    phantoms.write_dicom(small, tmp_path / "in", **names.TAGS)
    output = tmp_path / "out"
    more = ("--png", "--report", "--dicom", "seg,sr", "--log", output / "run.log")
    with names.appearing(temporary) as seen:
        ended = run_process("segment", tmp_path / "in", "--output", output, *more, *FAST, TMPDIR=str(temporary))
    assert ended.returncode == 0, ended.stderr
    assert seen, "no temporary file was seen"
    assert names.stand_in(ended.stdout, ended.stderr, *seen, folder=output, but=".dcm") == []
    assert len(names.stand_in(folder=output)) == 2  # seg.dcm and sr.dcm


def test_a_cohort_names_nobody_and_neither_does_the_reason_of_a_refusal(tmp_path, temporary):
    phantoms.write_dicom(cohort_case.ct(0), tmp_path / "in" / "one", **names.TAGS)
    lone = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.99"} | names.TAGS
    phantoms.write_dicom(cohort_case.ct(1), tmp_path / "in" / "two", [0], "1.2.826.0.1.3680043.8.498.99.1", **lone)
    line, environment = command("cohort", tmp_path / "in", "-o", tmp_path / "out", "--png", "--report", *FAST)
    with names.appearing(temporary) as seen, (tmp_path / "said").open("wb") as said:
        process = Popen(line, env=environment | {"TMPDIR": str(temporary)}, stdout=said, stderr=STDOUT)
        assert process.wait() == 6
    assert seen, "no temporary file was seen"
    rows = cohort_case.table(tmp_path / "out", "cases.csv")
    assert sorted(row["status"] for row in rows.values()) == ["done", "refused"]
    assert names.stand_in((tmp_path / "said").read_text("utf-8"), *seen, folder=tmp_path / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_the_service_names_nobody_and_ends_in_order_by_sigterm(tmp_path, temporary):
    """The signal goes to all of its processes, as systemd sends it."""
    port, said = orthanc.free_port(), tmp_path / "said"
    options = ("--from", watch_case.SENDER, "--port", port, "--complete-after", 1, *FAST)
    line, environment = command("watch", tmp_path / "in", "--output", tmp_path / "out", *options)
    with names.appearing(temporary) as seen, said.open("wb") as log:
        process = Popen(line, env=environment | {"TMPDIR": str(temporary)}, stdout=log, stderr=STDOUT)

        def until(holds):
            end = time.monotonic() + 150
            while not holds():
                assert process.poll() is None and time.monotonic() < end, said.read_text("utf-8")
                time.sleep(0.01)

        try:
            until(lambda: b"openvino, CPU" in said.read_bytes())
            watch_case.send(port, watch_case.study(tmp_path / "lone", 1, **names.TAGS)[:1])
            until(lambda: said.read_bytes().count(b"at least 3 slices") == 2)  # it was tried twice
            watch_case.send(port, watch_case.study(tmp_path / "whole", 2, **names.TAGS))
            (lone,) = [path.name for path in (tmp_path / "out" / "cases").iterdir()]
            work = tmp_path / "out" / kept.IN_WORK
            until(lambda: [path for path in work.glob("study_*") if not path.name.startswith(lone)])
            children = psutil.Process(process.pid).children(recursive=True)
            for each in (*children, process):
                each.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, said.read_text("utf-8")
        finally:
            process.kill()
    assert psutil.wait_procs(children, 10)[1] == []
    assert seen, "no temporary file was seen"
    text = said.read_text("utf-8")
    assert "The study in work is finished, then the service ends." in text and "1 lesion" in text
    for folder, objects in (("in", 17), ("out", 2)):
        assert names.stand_in(text, *seen, folder=tmp_path / folder, but=".dcm") == []
        assert len(names.stand_in(folder=tmp_path / folder)) == objects
        assert [path for path in (tmp_path / folder).rglob(".*")] == []


def test_sending_names_nobody(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "objects", [0], **names.TAGS)
    with server(*Archive().handlers, kinds=[CTImageStorage]) as to:
        ended = run("send", tmp_path / "objects", "--to", f"{to.title}@{to.host}:{to.port}")
    assert ended.exit_code == 0, ended.stderr
    (tmp_path / "nothing").mkdir()
    assert names.stand_in(ended.stdout, ended.stderr, folder=tmp_path / "nothing") == []
