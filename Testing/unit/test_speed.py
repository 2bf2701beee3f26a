"""What makes it fast and small, by structure: slices made ahead, the choice of engine and precision."""

import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import onnx
import pytest
from LungTumorSegLib.data import Options
from LungTumorSegLib.errors import EngineError
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.inference import one_ahead
from LungTumorSegLib.model import engines
from LungTumorSegLib.model.bundle import CARD, INT8, ONNX, default_path, load_bundle, sha256
from LungTumorSegLib.model.engines import choose
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.model.engines.onnxruntime_engine import OnnxRuntimeEngine
from LungTumorSegLib.model.engines.openvino_engine import OpenVinoEngine, import_openvino
from LungTumorSegLib.sampling import slices
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms

CLICK = Options(points_lps=(phantoms.NODULE[0],))


@pytest.fixture(scope="module")
def model():
    return load_bundle()


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest()[0]


def test_batches_come_in_their_order_and_none_is_lost():
    assert list(one_ahead(iter(range(1, 50)))) == list(range(1, 50))
    assert list(one_ahead(iter(()))) == []


def test_the_next_batch_is_made_while_one_is_being_used():
    made = [threading.Event() for _ in range(3)]

    def make():
        for event in made:
            event.set()
            yield event

    for used in one_ahead(make()):
        following = made[made.index(used) + 1 : made.index(used) + 2]
        assert all(event.wait(10) for event in following), "nothing is made while the network works"


def test_no_more_than_one_batch_waits():
    begun = []

    def make():
        for i in range(100):
            begun.append(i)
            yield i

    batches = one_ahead(make())
    next(batches)
    batches.close()
    assert len(begun) <= 2


def test_an_error_in_the_making_of_slices_reaches_the_caller():
    def make():
        yield 1
        raise EngineError("broken")

    with pytest.raises(EngineError, match="broken"):
        list(one_ahead(make()))


class Recorder:
    """The real engine, with what it was given."""

    def __init__(self, engine, batch):
        self.engine, self.batch = engine, batch
        self.name, self.device, self.reason, self.precision = (
            engine.name,
            engine.device,
            engine.reason,
            engine.precision,
        )
        self.sizes, self.classifier, self.coarse = [], engine.classifier, engine.coarse

    def predict(self, given):
        self.sizes.append(given.shape)
        return self.engine.predict(given)


def test_the_result_does_not_depend_on_how_many_slices_are_run_at_a_time(chest, model):
    engine = open_engine(model, "onnxruntime", "cpu")
    blocks = []
    for batch in (1, 3, 8):
        recorder = Recorder(engine, batch)
        result = segment(chest, CLICK, engine=recorder, bundle=model)
        assert recorder.sizes[0][0] == batch
        blocks.append(result.candidates[0].block.astype(int))
    assert max(np.abs(block - blocks[0]).max() for block in blocks) <= 1


def test_only_the_slices_around_the_lungs_are_run(model):
    ct, _ = phantoms.chest((3.0, 3.0, 3.0), size_mm=(384, 288, 480), lesions=())
    recorder = Recorder(open_engine(model), 4)
    segment(ct, engine=recorder, bundle=model)
    whole = recorder.sizes[0][1:]  # the first are axial slices, the others the other views of candidates
    assert 0 < sum(shape[0] for shape in recorder.sizes if shape[1:] == whole) < 0.6 * len(ct.voxels_zyx)


def test_a_graphics_card_comes_before_the_cpu_and_the_fastest_engine_on_the_cpu_first(monkeypatch):
    there = ["tensorflow", "onnxruntime", "openvino"]
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(OnnxRuntimeEngine, "may_have_gpu", lambda: True)
    assert list(choose._auto_order(there, "auto")) == [
        ("tensorflow", "gpu"),
        ("onnxruntime", "gpu"),
        ("openvino", "cpu"),
        ("onnxruntime", "cpu"),
        ("tensorflow", "cpu"),
    ]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert next(iter(choose._auto_order(there, "auto"))) == ("onnxruntime", "gpu")
    assert [name for name, _ in choose._auto_order(["tensorflow"], "cpu")] == ["tensorflow"]
    monkeypatch.setattr(OnnxRuntimeEngine, "may_have_gpu", lambda: False)
    assert next(iter(choose._auto_order(there, "auto"))) == ("openvino", "cpu")
    assert list(choose._auto_order(there, "gpu")) == []


def test_a_new_engine_is_a_new_file(tmp_path, monkeypatch):
    source = """
from LungTumorSegLib.model.engines.base import Engine

class NewEngine(Engine):
    name = "new"
"""
    (tmp_path / "new_engine.py").write_text(source)
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    try:
        assert [*choose._every_engine()] == ["onnxruntime", "openvino", "tensorflow", "new"]
    finally:
        sys.modules.pop(f"{engines.__name__}.new_engine")


@pytest.mark.parametrize(
    ("system", "file", "able"),
    [
        ("linux", "libonnxruntime_providers_cuda.so", True),
        ("win32", "onnxruntime_providers_cuda.dll", True),
        ("win32", "DirectML.dll", True),
        ("darwin", "libonnxruntime.1.30.0.dylib", True),
        ("linux", "libonnxruntime_providers_shared.so", False),
    ],
)
def test_a_gpu_build_of_onnxruntime_is_known_by_its_files(system, file, able, tmp_path, monkeypatch):
    (tmp_path / "onnxruntime" / "capi").mkdir(parents=True)
    (tmp_path / "onnxruntime" / "__init__.py").write_text("raise AssertionError('it was imported')")
    (tmp_path / "onnxruntime" / "capi" / file).touch()
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "platform", system)
    assert OnnxRuntimeEngine.may_have_gpu() is able


def test_a_gpu_that_no_engine_can_use_is_refused_with_a_way_out(model, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(OnnxRuntimeEngine, "may_have_gpu", lambda: False)
    with pytest.raises(EngineError, match="can use a GPU"):
        open_engine(model, "auto", "gpu")


def test_openvino_held_to_float32_agrees_with_onnxruntime(model):
    given, _ = model.stored_pair()
    held = OpenVinoEngine(model, "cpu", "float32")
    assert held.precision == "float32"
    other = open_engine(model, "onnxruntime", "cpu")
    assert np.abs(held.predict(given) - other.predict(given)).max() <= 1e-3


def with_int8(model, folder, used):
    """A copy of the model with an int8 file: any graph will do to see which one is opened."""
    shutil.copytree(model.folder, folder)
    shutil.copy(folder / ONNX, folder / INT8)
    card = json.loads((folder / CARD).read_text())
    card["files"][INT8] = sha256(folder / INT8)
    card["int8"] = {"used": used}
    (folder / CARD).write_text(json.dumps(card))
    return load_bundle(folder)


def test_the_processor_alone_decides_the_precision_unless_one_is_asked_for(model, tmp_path, monkeypatch):
    made = with_int8(model, tmp_path / "model", used=True)
    core = import_openvino().Core
    has = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    best = "bfloat16" if "BF16" in has else "int8"
    assert open_engine(made, "openvino", "cpu").precision == best
    for asked in {"float32", "int8", best}:
        engine = open_engine(made, "openvino", "cpu", asked)
        assert engine.precision == asked
        assert engine.classifier.precision == ("float32" if asked == "int8" else asked)
    given = core.get_property

    def without_bfloat16(self, device, name):
        found = given(self, device, name)
        return [word for word in found if word != "BF16"] if name == "OPTIMIZATION_CAPABILITIES" else found

    monkeypatch.setattr(core, "get_property", without_bfloat16)
    assert open_engine(made, "openvino", "cpu").precision == "int8"
    assert open_engine(with_int8(model, tmp_path / "not", used=False), "openvino", "cpu").precision == "float32"


def test_onnxruntime_takes_the_int8_weights_when_it_is_asked_to(model, tmp_path):
    made = with_int8(model, tmp_path / "model", used=True)
    assert open_engine(made, "onnxruntime", "cpu", "int8").precision == "int8"
    assert open_engine(made, "onnxruntime", "cpu").precision == "float32"


@pytest.mark.parametrize(
    ("engine", "precision"),
    [("tensorflow", "int8"), ("tensorflow", "bfloat16"), ("onnxruntime", "bfloat16"), ("openvino", "int8")],
)
def test_an_engine_refuses_a_precision_that_it_cannot_do(model, tmp_path, engine, precision):
    made = with_int8(model, tmp_path / "model", used=False)
    with pytest.raises(EngineError, match=rf"can't compute in {precision} .* only in .*float32.*Choose"):
        open_engine(made, engine, "cpu", precision)


def test_a_precision_that_there_is_not_is_refused(model):
    with pytest.raises(EngineError, match="no precision 'int4'"):
        open_engine(model, "auto", "cpu", "int4")


def test_a_bundle_without_int8_weights_runs_without_them(model, tmp_path):
    folder = shutil.copytree(model.folder, tmp_path / "model")
    card = json.loads((folder / CARD).read_text())
    card["files"].pop(INT8, None)
    (folder / INT8).unlink(missing_ok=True)
    card["int8"] = {"used": True}
    (folder / CARD).write_text(json.dumps(card))
    assert open_engine(load_bundle(folder), "openvino", "cpu").precision != "int8"


def test_the_quantiser_gets_the_same_network_in_plain_float32(model, tmp_path):
    from training.bundle.quantise import in_float32

    plain = in_float32(onnx.load(model.folder / ONNX))
    onnx.checker.check_model(plain)
    assert not [node for node in plain.graph.node if node.op_type == "Cast"]
    onnx.save(plain, tmp_path / "plain.onnx")
    import onnxruntime

    given, _ = model.stored_pair()
    answers = [
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            None, {"slices_and_prompt": given}
        )
        for path in (tmp_path / "plain.onnx", model.folder / ONNX)
    ]
    np.testing.assert_allclose(answers[0][0], answers[1][0], atol=1e-5)


def test_the_child_asks_for_no_engine_but_the_chosen_one(model):
    """Importing TensorFlow takes seconds and 400 MB; the other engines must not bring it in."""
    code = (
        "import sys\nfrom LungTumorSegLib.model.bundle import load_bundle\n"
        "from LungTumorSegLib.model.engines.choose import open_engine\n"
        "open_engine(load_bundle(), 'openvino', 'cpu')\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'keras', 'onnxruntime', 'torch', 'jax'}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(default_path().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_scan_of_half_millimetre_slices_runs_every_second_one(model):
    axial = replace(phantoms.chest((3.0, 3.0, 3.0))[0].geometry, spacing_xyz=(0.7, 0.7, 0.5), shape_zyx=(600, 512, 512))
    plan = slices.plan_box(axial, model.card, Box.whole((600, 512, 512)), 0)
    assert len(plan.runs) == 300 and set(np.diff(plan.runs)) == {2}
