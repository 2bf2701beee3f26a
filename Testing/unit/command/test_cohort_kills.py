"""A cohort whose main process is killed at random moments and resumed is, in the end, what it is without a kill."""

import random
import subprocess
import sys
import time

import psutil
import pytest
from LungTumorSegLib.cohort import kept

from Testing.support import cohort_case

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills as Linux and macOS do")


def _killed(source, output, chance):
    """Start or go on, and kill the main process at a random moment; whether it was still there."""
    process = cohort_case.start(source, output, "--workers", 2, "--resume")
    try:
        if chance.random() < 0.75:  # else while libraries and workers start
            while process.poll() is None and not list((output / kept.IN_WORK).glob("*")):
                time.sleep(0.01)
        process.wait(chance.uniform(0, 1.5))
        return False
    except subprocess.TimeoutExpired:
        orphans = cohort_case.kill(process)
        assert psutil.wait_procs(orphans, 30)[1] == [], "workers outlive the process that gave them work"
        return True
    finally:
        process.stdout.close()


def _killed_and_resumed(tmp_path, whole, broken, kills):
    source, killed = cohort_case.make(tmp_path / "in", whole, broken), tmp_path / "killed"
    straight = cohort_case.run(source, tmp_path / "straight", "--workers", 2)
    assert straight.returncode == 6, straight.stderr
    chance, done = random.Random(0), 0
    for _ in range(kills):
        done += _killed(source, killed, chance)
        there = len(list((killed / kept.CASES).glob("*")))
        print(f"kill {done}: {there} of {whole + broken} cases have a folder")
    ended = cohort_case.run(source, killed, "--workers", 2, "--resume")
    assert ended.returncode == 6, ended.stderr
    print(ended.stderr)
    assert cohort_case.content(killed) == cohort_case.content(tmp_path / "straight")
    rows = cohort_case.table(killed, "cases.csv").values()
    assert sum(row["status"] == "done" for row in rows) == whole
    assert sum(row["status"] == "refused" and bool(row["reason"]) for row in rows) == broken
    assert [path for path in killed.rglob("*") if path.name.startswith(".")] == [], "temporary files"
    return done


def test_three_kills_cost_nothing(tmp_path):
    assert _killed_and_resumed(tmp_path, whole=6, broken=2, kills=3) > 0


@pytest.mark.long
def test_twenty_kills_cost_nothing(tmp_path):
    assert _killed_and_resumed(tmp_path, whole=35, broken=5, kills=20) >= 15
