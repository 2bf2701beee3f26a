"""A cohort on a Dask cluster: the same results, also where a worker is ended in mid-run."""

import os
import signal
import sys
import threading
import time
from importlib.util import find_spec

import pytest

from Testing.support import cohort_case
from Testing.support.command_case import assert_refused, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills as Linux and macOS do")
WHOLE, BROKEN = 4, 1


@pytest.fixture(scope="module")
def cluster():
    """Two workers in processes of their own, which are started again when they die."""
    if find_spec("distributed") is None:
        pytest.skip("distributed is not installed")
    from distributed import LocalCluster

    with LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=None) as made:
        yield made


def _end_one_that_works(cluster, output, ended):
    """End a worker as soon as a case is in work, as nothing can prevent."""
    while not list((output / ".in-work").glob("*/.partial-*")):
        time.sleep(0.005)
    # the cluster's own state: a second client in this thread once met the first one's event loop
    working = [worker for worker in list(cluster.scheduler.workers.values()) if worker.processing]
    process = cluster.workers[working[0].name].pid
    os.kill(process, signal.SIGKILL)
    ended.append(process)


def test_a_cluster_one_of_whose_workers_is_ended_makes_what_one_computer_makes(cluster, tmp_path):
    source = cohort_case.make(tmp_path / "in", WHOLE, BROKEN)
    ended = []
    killer = threading.Thread(target=_end_one_that_works, args=(cluster, tmp_path / "dask", ended), daemon=True)
    killer.start()
    far = run(
        "cohort",
        source,
        "-o",
        tmp_path / "dask",
        *cohort_case.FAST,
        "--threads",
        1,
        "--dask",
        cluster.scheduler_address,
    )
    killer.join(5)
    assert far.exit_code == 6, far.stderr
    assert len(ended) == 1
    near = cohort_case.run(source, tmp_path / "here", "--workers", 1, "--threads", 1)
    assert near.returncode == 6, near.stderr
    assert cohort_case.content(tmp_path / "dask") == cohort_case.content(tmp_path / "here")
    assert [path for path in (tmp_path / "dask").rglob("*") if path.name.startswith(".")] == []


def test_where_no_scheduler_answers_is_said_and_nothing_is_left(tmp_path, monkeypatch):
    from LungTumorSegLib.cohort import dask_workers

    monkeypatch.setattr(dask_workers, "SECONDS_TO_CONNECT", 1)
    source = cohort_case.make(tmp_path / "in", 1)
    ended = run("cohort", source, "-o", tmp_path / "out", *cohort_case.FAST, "--dask", "tcp://127.0.0.1:9")
    assert_refused(ended, 3, "No Dask scheduler answers at tcp://127.0.0.1:9.")
    ended = run("cohort", source, "-o", tmp_path / "out", "--dask", "tcp://127.0.0.1:9", "--workers", 2)
    assert ended.exit_code == 2
