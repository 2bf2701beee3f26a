"""The command ``lungtumorseg cohort``: what it writes, how it goes on, and what a death, a stop and a refusal cost."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from LungTumorSegLib.cohort import folder, kept
from LungTumorSegLib.cohort.processes import Processes
from LungTumorSegLib.cohort.work import Settings
from LungTumorSegLib.data import Options
from LungTumorSegLib.model.bundle import sha256

from Testing.support import cohort_case
from Testing.support.command_case import MAIN, command, run

WHOLE, BROKEN = 6, 2
signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A folder of 8 cases, 2 of them broken; what two workers made of it without any trouble; how that ended."""
    place = tmp_path_factory.mktemp("cohort")
    source, output = cohort_case.make(place / "in", WHOLE, BROKEN), place / "out"
    return source, output, cohort_case.run(source, output, "--workers", 2)


def inputs(source, output):
    return folder.cases(source, Options(lung_restriction=False), {"allow_partial": False, "add_hu": 0.0}, output)


# ---- what it writes


def test_each_case_has_a_row_and_a_folder_and_each_failure_its_sentence(cohort):
    _, output, ended = cohort
    assert ended.returncode == 6, ended.stderr
    assert f"{BROKEN} of {WHOLE + BROKEN} cases have no result." in ended.stderr and "Traceback" not in ended.stderr
    assert {path.name for path in output.iterdir()} == {
        "cases",
        "cases.csv",
        "lesions.csv",
        "index.html",
        "cohort.json",
    }
    rows = cohort_case.table(output, "cases.csv")
    assert sorted(rows) == sorted(path.name for path in (output / "cases").iterdir())
    for name, row in rows.items():
        files = {path.name for path in (output / "cases" / name).iterdir()}
        if name.startswith("broken"):
            assert (row["status"], row["attempts"], row["lesions"]) == ("refused", "2", "")
            assert "damaged or cut off" in row["reason"] and files == {"case.json"}
        else:
            assert (row["status"], row["attempts"], row["reason"]) == ("done", "1", "")
            assert float(row["seconds"]) > 0 and float(row["peak_memory_mb"]) > 50 and files == cohort_case.WHOLE
            assert row["engine"].startswith("openvino, CPU")


def test_the_lesions_of_all_cases_are_in_one_table(cohort):
    _, output, _ = cohort
    rows = cohort_case.table(output, "lesions.csv")
    cases = cohort_case.table(output, "cases.csv")
    for name, case in cases.items():
        listed = [row for row in rows if row["case"] == name and row["listed"] == "true"]
        assert len(listed) == int(case["lesions"] or 0)
    assert len(rows) >= WHOLE and {row["case"] for row in rows} <= cases.keys()


def test_a_case_is_what_segment_makes_of_its_ct(cohort, tmp_path):
    source, output, _ = cohort
    ended = run("segment", source / "ct02.nrrd", "-o", tmp_path / "one", *cohort_case.FAST)
    assert ended.exit_code == 0, ended.stderr
    for name in ("segmentation.seg.nrrd", "lesions.csv"):
        one, of_many = tmp_path / "one" / name, output / "cases" / "ct02" / name
        assert cohort_case.undated(one) == cohort_case.undated(of_many)


def test_the_checksums_are_those_of_the_files(cohort):
    _, output, _ = cohort
    record = json.loads((output / "cases" / "ct00" / "case.json").read_text("utf-8"))
    assert record["files"].keys() == cohort_case.WHOLE - {"case.json"}
    assert all(sha256(output / "cases" / "ct00" / name) == digest for name, digest in record["files"].items())


# ---- how it goes on


def test_what_is_there_is_not_done_again(cohort):
    source, output, _ = cohort
    before = cohort_case.content(output)
    times = {path: path.stat().st_mtime_ns for path in (output / "cases").rglob("*")}
    ended = run("cohort", source, "-o", output, *cohort_case.FAST, "--resume")
    assert ended.exit_code == 6
    assert f"{WHOLE + BROKEN} of {WHOLE + BROKEN} cases are there and whole." in ended.stderr
    assert times == {path: path.stat().st_mtime_ns for path in (output / "cases").rglob("*")}
    assert cohort_case.content(output) == before


def test_a_cohort_that_is_there_is_not_touched_unasked(cohort):
    source, output, _ = cohort
    before = cohort_case.content(output)
    ended = run("cohort", source, "-o", output, *cohort_case.FAST)
    assert ended.exit_code == 3 and "already holds a cohort. Go on with it (--resume)" in ended.stderr
    ended = run("cohort", source, "-o", output, *cohort_case.FAST, "--resume", "--png")
    assert ended.exit_code == 3 and "was made with another --png" in ended.stderr
    assert cohort_case.content(output) == before


def test_what_is_no_cohort_and_no_input_is_refused(cohort, tmp_path):
    source, _, _ = cohort
    (tmp_path / "lesions.csv").write_text("mine")
    ended = run("cohort", source, "-o", tmp_path, *cohort_case.FAST)
    assert ended.exit_code == 3 and "holds lesions.csv, which is of no cohort" in ended.stderr
    for given in (source / "ct00.nrrd", source / "nowhere", source / "nowhere.csv"):
        ended = run("cohort", given, "-o", tmp_path / "out", *cohort_case.FAST)
        assert ended.exit_code == 3 and "given" not in ended.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["lesions.csv"]


# ---- deaths and stops


@pytest.fixture
def one_worker(cohort, tmp_path):
    """A worker that is ready, its cases, and their output folder."""
    source, output, _ = cohort
    options = Options(lung_restriction=False, engine="openvino")
    workers = Processes(Settings(tmp_path, options), 1)
    yield workers, inputs(source, output), tmp_path
    workers.close()


@signals
def test_a_worker_that_dies_costs_one_attempt_and_is_replaced(one_worker):
    workers, cases, output = one_worker
    (process,) = (worker.process for worker in workers._free)
    workers.start(cases[-1], 1)
    os.kill(process.pid, signal.SIGSEGV)
    ((case, sentence),) = workers.ended(60)
    assert case == cases[-1]
    assert sentence == (
        "The worker process was ended by SIGSEGV in this case: a library crashed. Try another engine (--engine)."
    )
    workers.start(cases[-1], 2)
    ((case, record),) = workers.ended(60)
    assert (record["status"], record["attempts"]) == ("done", 2)
    assert kept.whole(output, record)


@signals
def test_a_worker_whose_answer_cannot_be_read_is_ended_and_replaced(one_worker):
    workers, cases, _ = one_worker
    worker = workers._free.pop()
    answer = "type('Answer', (), {'__reduce__': lambda self: (int, ('no number',))})()"  # can be sent, not received
    workers._busy[worker.pool.submit(eval, answer)] = worker, cases[-1]
    ((case, sentence),) = workers.ended(60)
    assert case == cases[-1]
    assert sentence == "The worker process sent an answer that cannot be read in this case, and was ended."
    worker.pool.shutdown()
    assert not worker.process.is_alive()
    assert workers.free == 1


def in_work(output, process):
    """Waits until a case is in work."""
    while process.poll() is None and not list((output / kept.IN_WORK).glob("ct*")):
        time.sleep(0.005)
    return {path.name.rpartition("-")[0] for path in (output / kept.IN_WORK).iterdir()}


# signals that come while a worker starts: to the main process before, to the new one at once
_HIRED = """
import multiprocessing, os, signal
from LungTumorSegLib.cohort import processes
came, submit, numbers = [], processes.ProcessPoolExecutor.submit, processes.signals.STOP_SIGNALS

def submitted(pool, work):
    for number in numbers:
        os.kill(os.getpid(), number)
    future = submit(pool, work)
    for number in numbers:
        os.kill(multiprocessing.active_children()[0].pid, number)
    return future

for number in numbers:
    signal.signal(number, lambda number, _: came.append(number))
processes.ProcessPoolExecutor.submit = submitted
worker = processes._hired()
assert sorted(came) == sorted(numbers), came
for number in numbers:
    os.kill(worker.process.pid, number)
assert submit(worker.pool, os.getpid).result() == worker.process.pid
worker.pool.shutdown()
"""


@signals
def test_a_signal_that_comes_while_a_worker_starts_is_not_lost_and_ends_no_worker():
    line, environment = command(code=_HIRED)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@signals
def test_sigterm_finishes_the_case_in_work_although_the_worker_gets_it_too(cohort, tmp_path):
    """As systemd and schedulers send it: to all processes at once."""
    source, _, _ = cohort
    process = cohort_case.start(source, tmp_path / "out", "--workers", 1)
    working = in_work(tmp_path / "out", process)
    children = psutil.Process(process.pid).children(recursive=True)
    for each in (*children, process):
        each.send_signal(signal.SIGTERM)
    said, _ = process.communicate()
    assert process.returncode == 130, said
    assert "The cases in work are finished" in said and "--resume goes on" in said and "Traceback" not in said
    rows = cohort_case.table(tmp_path / "out", "cases.csv")
    assert working and all(rows[name]["status"] == "done" for name in working)
    assert sum(row["status"] == "missing" for row in rows.values()) > 0
    assert psutil.wait_procs(children, 20)[1] == []
    assert [path for path in (tmp_path / "out").rglob(".*")] == []


@signals
@pytest.mark.parametrize("nohup", [False, True], ids=["alone", "with nohup"])
def test_a_terminal_that_is_closed_ends_a_run_in_order_unless_nohup_started_it(cohort, tmp_path, nohup):
    source, _, _ = cohort
    mine, its = os.openpty()
    shown = (tmp_path / "nohup.out").open("wb") if nohup else its
    before = f"signal.signal(signal.SIGHUP, signal.{'SIG_IGN' if nohup else 'SIG_DFL'})"  # the tests' own is inherited
    own_terminal = f"import fcntl, os, signal, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); {before}"
    line, environment = command(
        "cohort", source, "-o", tmp_path / "out", *cohort_case.FAST, code=f"{own_terminal}\n{MAIN}"
    )
    process = subprocess.Popen(line, env=environment, stdin=its, stdout=shown, stderr=shown)
    os.close(its)
    in_work(tmp_path / "out", process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.close(mine)
    code = process.wait(120)
    rows = cohort_case.table(tmp_path / "out", "cases.csv").values()
    missing = sum(row["status"] == "missing" for row in rows)
    assert (code, missing > 0) == ((6, False) if nohup else (130, True))
    assert [row["reason"] for row in rows if row["status"] == "failed"] == []
    assert psutil.wait_procs(children, 20)[1] == []
    assert [path for path in (tmp_path / "out").rglob(".*")] == []


@signals
def test_ctrl_c_finishes_the_cases_in_work_and_twice_ends_at_once(cohort, tmp_path):
    source, reference, _ = cohort
    process = cohort_case.start(source, tmp_path / "out", "--workers", 1)
    working = in_work(tmp_path / "out", process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 130, said
    assert "The cases in work are finished" in said and "--resume goes on" in said and "Traceback" not in said
    rows = cohort_case.table(tmp_path / "out", "cases.csv")
    assert all(rows[name]["status"] == "done" for name in working)
    assert sum(row["status"] == "missing" for row in rows.values()) > 0
    there = {path.name for path in (tmp_path / "out" / "cases").iterdir()}

    process = cohort_case.start(source, tmp_path / "out", "--workers", 1, "--resume")
    in_work(tmp_path / "out", process)
    workers = psutil.Process(process.pid).children(recursive=True)
    for worker in workers:
        if "spawn_main" in " ".join(worker.cmdline()):  # not the tracker of resources
            worker.suspend()  # its case stays in work between the two
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate()
    assert process.returncode == 130, said
    assert "The cases in work are finished" in said and "Ended at once" in said and "Traceback" not in said
    assert psutil.wait_procs(workers, 20)[1] == []
    assert not (tmp_path / "out" / kept.IN_WORK).exists()
    same = cohort_case.content(reference)
    now = cohort_case.content(tmp_path / "out")
    # what was there is there, and what is there is whole
    assert there <= {path.name for path in (tmp_path / "out" / "cases").iterdir()}
    assert all(now[name] == same[name] for name in now if name.startswith("cases/"))
