"""A fit in two processes on JAX, on this machine's processor: really trained, and held against one process."""

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from Testing.support.paths import MODULE, ROOT
from training import config
from training.fitting import batches, distribute


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> config.Config:
    return made_up_pack.prepared(tmp_path_factory.mktemp("pack"))


def test_the_parts_of_a_batch_are_the_batch(made):
    stage = replace(made.fit.stages[0], ct_share=0.5, batch=8)
    whole = batches.make_batch(made, stage, 3, 1)
    parts = [batches.make_batch(made, stage, 3, 1, part=slice(k, None, 2)) for k in (0, 1)]
    for name, together, (a, b) in zip("xy", whole, zip(*parts, strict=True), strict=True):
        assert len(a) == len(b) == 4, name
        assert np.array_equal(together[0:4:2], a[:2]) and np.array_equal(together[1:4:2], b[:2])  # patches
        assert np.array_equal(together[4::2], a[2:]) and np.array_equal(together[5::2], b[2:])  # whole CTs


def test_several_processes_without_jax_are_refused(monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setenv(distribute.PROCESSES, "2")
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        distribute.start()


def _written(settings: config.Config, folder: Path) -> Path:
    """The configuration as a TOML file with a run of its own."""
    stage = settings.fit.stages[0]
    path = folder / "config.toml"
    path.write_text(
        f'[data]\nprepared = "{settings.data.prepared}"\nsplit = "{settings.data.split}"\n'
        f"[network]\nfilters = [2, 4]\n"
        f'[fit]\nrun = "{folder / "run"}"\nprecision = "float32"\nepoch_steps = 2\n'
        f"[[fit.stages]]\nsteps = 4\nlearning_rate = 1e-2\nwarmup_steps = 1\n"
        f"crop = {stage.crop}\nbatch = 4\n"
    )
    return path


def _fit(settings: Path, outputs: list[Path]) -> list[list[np.ndarray]]:
    """Fit in as many processes as there are outputs; returns the weights that each ended with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    common = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    common["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # four steps take less time than to optimise them
    common["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(MODULE)])
    if len(outputs) > 1:
        common |= {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, distribute.PROCESSES: str(len(outputs))}
    running = []
    for k, output in enumerate(outputs):
        mine = common | ({"KERAS_DISTRIBUTION_PROCESS_ID": str(k)} if len(outputs) > 1 else {})
        command = [sys.executable, "-m", "Testing.support.fit_process", str(settings), str(output)]
        running.append(subprocess.Popen(command, env=mine, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    try:
        said = [process.communicate()[0] for process in running]
    finally:
        for process in running:
            process.kill()
    assert all(process.returncode == 0 for process in running), "\n".join(said)
    made = []
    for output in outputs:
        with np.load(output) as arrays:
            made.append([arrays[name] for name in arrays.files])
    return made


@pytest.mark.skipif(
    not find_spec("jax") and "CI" not in os.environ, reason="JAX is not installed (it comes with the extra `test`)"
)
def test_two_processes_end_with_the_same_weights_as_one_with_the_whole_batch(made, tmp_path):
    for name in ("two", "one"):
        (tmp_path / name).mkdir()
    two = _written(made, tmp_path / "two")
    first, second = _fit(two, [tmp_path / "0.npz", tmp_path / "1.npz"])
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b)
    (alone,) = _fit(_written(made, tmp_path / "one"), [tmp_path / "alone.npz"])
    largest = max(float(np.abs(a - b).max()) for a, b in zip(first, alone, strict=True))
    # four steps of up to 1e-2 each; Adam enlarges rounding where a gradient is nearly nothing
    assert largest < 1e-4, largest
    files = {path.name for path in (tmp_path / "two" / "run" / "stage1").iterdir()}
    assert files == {"best.weights.h5", "last.weights.h5", "log.csv", "done.json"}  # once, by the first process
    logs = [(tmp_path / name / "run" / "stage1" / "log.csv").read_text().splitlines() for name in ("two", "one")]
    losses = [[float(line.split(",")[2]) for line in log[1:]] for log in logs]
    assert len(losses[0]) == 2 and np.allclose(losses[0], losses[1], atol=2e-5)
