"""How many processors a run takes: those that the process is bound to, and its container's share."""

import os
import subprocess
import sys

import pytest
from LungTumorSegLib import processors
from LungTumorSegLib.model.bundle import default_path, load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.model.engines.openvino_engine import OpenVinoEngine

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process has all processors")


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Files as the kernel shows them: the process is in /batch/job."""
    (tmp_path / "own").write_text("12:cpuset:/old\n0::/batch/job\n")
    (tmp_path / "groups" / "batch" / "job").mkdir(parents=True)
    monkeypatch.setattr(processors, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(processors, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    return tmp_path / "groups"


@linux
@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("max 100000", "max 100000", 16),
        ("max 100000", "400000 100000", 4),
        ("200000 100000", "max 100000", 2),  # that of the group around it
        ("800000 100000", "150000 100000", 2),  # one and a half
        ("max 100000", "20000 100000", 1),
        ("nonsense", None, 16),
    ],
)
def test_a_containers_quota_is_kept(groups, outer, inner, expected):
    (groups / "batch" / "cpu.max").write_text(outer + "\n")
    if inner:
        (groups / "batch" / "job" / "cpu.max").write_text(inner + "\n")
    assert processors.usable() == expected


@linux
def test_without_groups_of_version_2_all_count(groups, monkeypatch, tmp_path):
    for text in ("3:cpu:/old\n", ""):
        (tmp_path / "own").write_text(text)
        assert processors.usable() == 16
    monkeypatch.setattr(processors, "OWN_GROUP", tmp_path / "none")
    assert processors.usable() == 16


@linux
def test_a_process_that_is_bound_to_one_processor_takes_one():
    code = (
        "import os\nos.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
        "from LungTumorSegLib import processors\nprint(processors.usable())"
    )
    environment = {**os.environ, "PYTHONPATH": str(default_path().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "1", done.stderr


def test_the_engine_takes_as_many_threads_as_are_asked_for():
    model = load_bundle()
    opened = OpenVinoEngine(model, "cpu", threads=1)
    assert opened._model.get_property("INFERENCE_NUM_THREADS") == 1
    assert opened._model.get_property("ENABLE_CPU_PINNING") is False
    assert opened.classifier.threads == opened.coarse.threads == 1
    assert open_engine(model, "onnxruntime", "cpu", threads=1)._session.get_session_options().intra_op_num_threads == 1
