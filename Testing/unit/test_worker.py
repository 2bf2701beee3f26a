"""The child process: the real one, on a small phantom, with the bundled model."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from LungTumorSegLib import errors, explain
from LungTumorSegLib.data import Options
from LungTumorSegLib.inference import Inference
from LungTumorSegLib.model.bundle import CARD, default_path, load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.segmentation import segment
from LungTumorSegLib.worker import protocol
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import phantoms, results
from Testing.support.paths import MODULE, ROOT

# a probability map and no lungs: whatever the model's quality, there are voxels to compare
OPTIONS = Options(lung_restriction=False, keep_probability=True)
# for what has to happen, not how fast: two cores may be busy with other things
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def ct():
    return phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])[0]


@pytest.fixture(scope="module")
def long_ct():
    """So many slices that a run can be interrupted."""
    return phantoms.chest((1.5, 1.5, 1.5), (240, 240, 240))[0]


@pytest.fixture(scope="module")
def warm():
    with WorkerClient() as client:
        yield client


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder in which a run makes its own; it has to be empty in the end, or once all is written."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    _wait_for(lambda: list(folder.iterdir()) == [])


def _wait_for(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def _until_network_runs(run):
    steps = []
    _wait_for(lambda: steps.extend(run.poll(0.1)) or any(s.stage == "network" and s.done for s in steps))


def test_the_child_and_this_process_give_identical_voxels(warm, ct):
    steps = []
    there = warm.segment(ct, OPTIONS, steps.append)
    here = segment(ct, OPTIONS)
    assert there.probability.any()
    machine = {"seconds": {}, "peak_memory_mb": 0.0}
    results.assert_same(replace(there, **machine), replace(here, **machine))
    assert set(there.seconds) == set(here.seconds)
    assert steps[0].stage == "engine"
    network = [s for s in steps if s.stage == "network"]
    assert network[-1].done == network[-1].total


def test_the_child_stays_for_the_next_run_and_takes_another_model_when_asked(warm, ct, tmp_path):
    warm.segment(ct, OPTIONS)
    before = warm.pid
    other = tmp_path / "other model"
    _copy_bundle(other, name="other")
    assert warm.segment(ct, replace(OPTIONS, model=other)).model["name"] == "other"
    assert warm.segment(ct, OPTIONS).model["name"] == load_bundle().name
    assert warm.pid == before


def _copy_bundle(folder, **changes):
    folder.mkdir()
    for file in default_path().iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    card = json.loads((folder / CARD).read_text("utf-8")) | changes
    (folder / CARD).write_text(json.dumps(card), "utf-8")


def test_an_error_of_the_library_arrives_as_what_it_is_and_the_child_lives_on(warm, ct):
    not_a_ct = replace(ct, voxels_zyx=np.zeros_like(ct.voxels_zyx))
    with pytest.raises(errors.NotACTError, match="same value") as caught:
        warm.segment(not_a_ct, OPTIONS)
    assert "Traceback" in caught.value.log
    before = warm.pid
    with pytest.raises(errors.ModelError, match="no model"):
        warm.segment(ct, replace(OPTIONS, model=Path("nowhere")))
    assert warm.segment(ct, OPTIONS).engine
    assert warm.pid == before


def test_an_error_that_nobody_foresaw_arrives_as_a_worker_error(warm, ct):
    text_for_a_number = replace(OPTIONS, min_diameter_mm="three")
    with pytest.raises(errors.WorkerError, match="unexpectedly"):
        warm.segment(ct, text_for_a_number)


@pytest.fixture(scope="module")
def clicked(ct):
    """A lesion, its mask and the click that found it."""
    result = segment(ct, Options(points_lps=(phantoms.NODULE[0],)))
    return result.lesions[0], result.masks[0], phantoms.NODULE[0]


def _explained(client, ct, clicked, kind):
    lesion, mask, point = clicked
    run, steps = client.explain(ct, lesion, mask, kind, point), []
    _wait_for(lambda: steps.extend(run.poll(0.1)) or run.done)
    return run.result, steps


def test_the_child_and_this_process_make_identical_maps(warm, ct, clicked):
    lesion, mask, point = clicked
    spot, opened = explain.spot_of(ct, lesion, point), load_bundle()
    engine = open_engine(opened)
    here = explain.heat(ct, spot, lesion, mask, Inference(engine, opened))
    there, steps = _explained(warm, ct, clicked, "heat")
    assert there.kind == "heat" and there.box == here.box and there.probability == pytest.approx(here.probability)
    np.testing.assert_allclose(there.values, here.fall, atol=1e-5)
    assert np.abs(there.values).max() > 0.01
    assert steps[0].stage == "engine" and steps[-1].stage == "explain" and steps[-1].done == steps[-1].total
    here = explain.uncertainty(ct, spot, Inference(engine, opened))
    there, steps = _explained(warm, ct, clicked, "uncertainty")
    assert there.kind == "uncertainty" and there.box == here.box and there.values.shape == here.deviation.shape
    np.testing.assert_allclose(there.values, here.deviation, atol=1e-5)
    assert there.values.max() > 0.01
    assert steps[-1].stage == "explain" and steps[-1].done == steps[-1].total


def test_a_lesion_without_a_voxel_cannot_be_explained_and_the_child_lives_on(warm, ct, clicked):
    lesion, mask, point = clicked
    assert _explained(warm, ct, clicked, "heat")[0].values.any()  # may be what starts the child
    before = warm.pid
    with pytest.raises(errors.GeometryError, match="heat map"):
        _explained(warm, ct, (lesion, np.zeros_like(mask), point), "heat")
    assert _explained(warm, ct, clicked, "heat")[0].values.any()
    assert warm.pid == before


def test_a_map_that_is_cancelled_leaves_no_child_and_no_file(ct, clicked, temporary):
    lesion, mask, point = clicked
    with WorkerClient() as client:
        run = client.explain(ct, lesion, mask, "heat", point)
        with pytest.raises(errors.WorkerError, match="at work already"):
            client.start(ct, OPTIONS)
        _wait_for(lambda: run.poll(0.1))
        child = psutil.Process(client.pid)
        run.cancel()
        assert not child.is_running() and run.result is None
        assert list(temporary.iterdir()) == []
        assert _explained(client, ct, clicked, "heat")[0].values.any()


def test_a_second_run_at_the_same_time_is_refused(warm, ct):
    run = warm.start(ct, OPTIONS)
    with pytest.raises(errors.WorkerError, match="at work already"):
        warm.start(ct, OPTIONS)
    _wait_for(lambda: run.poll(0.1) is not None and run.done)
    assert run.result.engine


def test_polling_never_waits_and_ends_with_the_result(warm, ct, temporary):
    run = warm.start(ct, OPTIONS)
    assert len(list(temporary.iterdir())) == 1
    _wait_for(lambda: run.poll() is not None and run.done)
    assert run.result.probability.shape == ct.geometry.shape_zyx
    assert run.poll() == []


@pytest.fixture
def slow_disk(monkeypatch):
    """The voxels are written once the event is set."""
    ready, hand_over = threading.Event(), protocol.hand_over
    monkeypatch.setattr(protocol, "hand_over", lambda *given: ready.wait(PATIENCE_SECONDS) and hand_over(*given))
    return ready


def test_nobody_waits_while_the_voxels_are_written(warm, ct, slow_disk):
    run = warm.start(ct, OPTIONS)
    assert run.poll() == [] and run.poll(0.2) == [] and not run.done
    with pytest.raises(errors.WorkerError, match="at work already"):
        warm.start(ct, OPTIONS)
    slow_disk.set()
    _wait_for(lambda: run.poll(0.1) is not None and run.done)
    assert run.result.engine


def test_a_run_cancelled_while_the_voxels_are_written_leaves_no_file(ct, slow_disk, temporary):
    with WorkerClient() as client:
        run = client.start(ct, OPTIONS)
        assert len(list(temporary.iterdir())) == 1
        threading.Timer(0.3, slow_disk.set).start()
        run.cancel()
        assert run.done and run.result is None and client.pid is None and not slow_disk.is_set()
        _wait_for(lambda: list(temporary.iterdir()) == [])
        assert client.segment(ct, OPTIONS).engine


def test_a_disk_that_is_full_is_said_by_the_poll_and_the_next_run_works(warm, ct, temporary, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(protocol, "hand_over", full)
        run = warm.start(ct, OPTIONS)
        with pytest.raises(errors.OutputError, match="No space left"):
            _wait_for(lambda: run.poll(0.1) is None)
    assert run.done and list(temporary.iterdir()) == []
    assert warm.segment(ct, OPTIONS).engine


def test_a_warmed_up_child_is_the_one_that_runs(ct):
    with WorkerClient() as client:
        client.warm(OPTIONS)
        before = client.pid
        client.segment(ct, OPTIONS)
        assert client.pid == before


def test_cancel_ends_the_child_and_the_next_run_works(ct, long_ct, temporary):
    with WorkerClient() as client:
        run = client.start(long_ct, OPTIONS)
        _until_network_runs(run)
        child = psutil.Process(client.pid)
        run.cancel()
        assert not child.is_running()
        assert list(temporary.iterdir()) == []
        assert client.segment(ct, OPTIONS).engine


def test_cancelling_while_waiting_raises_cancelled(long_ct):
    seen = []
    with WorkerClient() as client, pytest.raises(errors.Cancelled):
        client.segment(long_ct, OPTIONS, seen.append, lambda: bool(seen))


def test_a_child_ended_from_outside_is_a_clear_error_and_the_next_run_works(ct, long_ct, temporary):
    with WorkerClient() as client:
        run = client.start(long_ct, OPTIONS)
        _until_network_runs(run)
        psutil.Process(client.pid).kill()
        with pytest.raises(errors.WorkerError, match="ended unexpectedly"):
            _wait_for(lambda: run.poll(0.1) is None)
        assert list(temporary.iterdir()) == []
        assert client.segment(ct, OPTIONS).engine


def test_an_idle_child_goes_away_and_the_next_run_starts_another(ct):
    with WorkerClient(idle_minutes=0.02) as client:
        client.segment(ct, OPTIONS)
        _wait_for(lambda: client.pid is None)
        assert client.segment(ct, OPTIONS).engine


def test_closing_ends_the_child_and_the_run_in_progress(long_ct, temporary):
    client = WorkerClient()
    client.start(long_ct, OPTIONS)
    child = psutil.Process(client.pid)
    client.close()
    assert not child.is_running()
    _wait_for(lambda: list(temporary.iterdir()) == [])


_CALLER = """
import sys, tempfile, time
sys.path[:0] = {paths!r}
tempfile.tempdir = sys.argv[1]
from Testing.support import phantoms
from LungTumorSegLib.data import Options
from LungTumorSegLib.worker.client import WorkerClient
client = WorkerClient()
run = client.start(phantoms.chest((1.5, 1.5, 1.5), (240, 240, 240))[0], Options(lung_restriction=False))
while not any(step.stage == "network" for step in run.poll(0.1)):
    pass
print(client.pid, flush=True)
time.sleep(1000)
"""


def test_when_the_caller_dies_the_child_ends_and_cleans_up(temporary):
    code = _CALLER.format(paths=[str(MODULE), str(ROOT)])
    with subprocess.Popen([sys.executable, "-c", code, str(temporary)], stdout=subprocess.PIPE, text=True) as caller:
        child = psutil.Process(int(caller.stdout.readline()))
        assert len(list(temporary.iterdir())) == 1
        caller.kill()
    _wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert list(temporary.iterdir()) == []


def test_an_interpreter_that_does_not_exist_is_a_clear_error(ct):
    with pytest.raises(errors.WorkerError, match="cannot be started"):
        WorkerClient(python="/no/such/PythonSlicer").segment(ct, OPTIONS)


# What stands between: like Slicer's launcher, it starts the real interpreter as its child; and it talks a lot.
_LAUNCHER = """#!{python}
import subprocess, sys
print("a line that is no message")
sys.stdout.flush()
for _ in range(3000):
    print("x" * 100, file=sys.stderr)
sys.stderr.write("a line without an end" * 5000)
sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_talkative_launcher_neither_blocks_nor_survives(ct, long_ct, tmp_path):
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(_LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    with WorkerClient(python=launcher) as client:
        assert client.segment(ct, OPTIONS).engine
        tree = [psutil.Process(client.pid), *psutil.Process(client.pid).children(recursive=True)]
        assert len(tree) == 2
        client.start(long_ct, OPTIONS).cancel()
        _wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in tree))


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_the_last_words_of_a_child_that_cannot_start_are_in_the_error(ct, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'libpython is missing' >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(errors.WorkerError, match=r"code 3.*libpython is missing") as caught:
        WorkerClient(python=broken).segment(ct, OPTIONS)
    assert caught.value.log == "libpython is missing"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal")
def test_ctrl_c_in_the_callers_terminal_does_not_end_the_child(warm, ct):
    warm.segment(ct, OPTIONS)
    before = warm.pid
    os.kill(before, signal.SIGINT)
    assert warm.segment(ct, OPTIONS).engine
    assert warm.pid == before
