"""A cohort whose main process is killed at random moments and resumed is, in the end, what it is without a kill."""

import json
import random
import sys
import time
from collections import Counter

import psutil
import pytest
from LungTumorSegLib.cohort import kept

from Testing.support import cohort_case

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills as Linux and macOS do")

START, INSIDE, AT_END = "while workers start", "inside a case", "as a case becomes whole"
START_SECONDS = 3.0


def _there(output):
    return {path.name for path in (output / kept.CASES).glob("*")}


def _in_work(output):
    """The files and folders of cases in work."""
    return {str(path.relative_to(output / kept.IN_WORK)) for path in (output / kept.IN_WORK).rglob("*")}


def _moments(cases, kills, chance):
    """How many cases shall be there at each kill, spread over the whole job; and in which phase it shall fall."""
    each = max(1, kills // 5)
    phases = [START] * each + [AT_END] * each + [INSIDE] * (kills - 2 * each)
    chance.shuffle(phases)
    return [(int(chance.uniform(k, k + 1) / kills * (cases - 3)), phase) for k, phase in enumerate(phases)]


def _until(process, holds):
    """Waits; whether it came to that before the process ended."""
    while not holds():
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    return True


def _seconds_of_a_case(output):
    records = [json.loads((output / kept.CASES / name / kept.CASE_RECORD).read_text()) for name in _there(output)]
    return max((values["seconds"] for values in records if values["status"] == "done"), default=1.0)


def _killed(source, output, least, phase, chance):
    """Start or go on, and kill the main process there; what lay in work, None if it had ended before."""
    left = _in_work(output)  # by the kill before
    process = cohort_case.start(source, output, "--workers", 2, "--resume")
    try:
        if phase == START:
            time.sleep(chance.uniform(0, START_SECONDS))
        else:
            _until(process, lambda: len(_there(output)) >= least and _in_work(output) - left)
            before = len(_there(output))
            if phase == INSIDE:
                time.sleep(chance.uniform(0, _seconds_of_a_case(output)))
            else:
                _until(process, lambda: len(_there(output)) > before)
        if process.poll() is not None:
            return None
        orphans = cohort_case.kill(process)
        assert psutil.wait_procs(orphans, 30)[1] == [], "workers outlive the process that gave them work"
        return sorted(_in_work(output))
    finally:
        process.stdout.close()


def _killed_and_resumed(tmp_path, whole, broken, kills):
    """The phases in which kills fell."""
    source, killed = cohort_case.make(tmp_path / "in", whole, broken), tmp_path / "killed"
    straight = cohort_case.run(source, tmp_path / "straight", "--workers", 2)
    assert straight.returncode == 6, straight.stderr
    chance, fell = random.Random(0), Counter()
    for least, phase in _moments(whole + broken, kills, chance):
        before = _there(killed)
        in_work = _killed(source, killed, least, phase, chance)
        assert before <= _there(killed), "a kill has cost a case that was whole"
        if in_work is not None:
            fell[phase] += 1
            there = f"{len(_there(killed))} of {whole + broken} cases have a folder"
            print(f"kill {fell.total()} {phase}: {there}; in work: {', '.join(in_work) or 'nothing'}")
    ended = cohort_case.run(source, killed, "--workers", 2, "--resume")
    assert ended.returncode == 6, ended.stderr
    print(ended.stderr)
    assert cohort_case.content(killed) == cohort_case.content(tmp_path / "straight")
    rows = cohort_case.table(killed, "cases.csv").values()
    assert sum(row["status"] == "done" for row in rows) == whole
    assert sum(row["status"] == "refused" and bool(row["reason"]) for row in rows) == broken
    assert [path for path in killed.rglob("*") if path.name.startswith(".")] == [], "temporary files"
    return fell


def test_three_kills_cost_nothing(tmp_path):
    assert _killed_and_resumed(tmp_path, whole=6, broken=2, kills=3).total() > 0


@pytest.mark.long
def test_twenty_kills_cost_nothing(tmp_path):
    fell = _killed_and_resumed(tmp_path, whole=35, broken=5, kills=20)
    assert fell.total() >= 18 and fell.keys() == {START, INSIDE, AT_END}
