"""The network on whatever is installed: TensorFlow, ONNX Runtime or OpenVINO behind one call.

Each adapter imports its library only when it is opened, says which device it uses and why, and must reproduce the
bundle's stored input/output pair before it may be used.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from ... import telemetry
from ...errors import EngineError, ModelMismatchError, OutOfMemoryError
from .. import classifier, unet
from ..bundle import CLASSIFIER, INT8, UNET, Bundle, Part

# largest difference from the stored pair; in float32 the engines agree within 1e-5, lower precision is looser
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2, "float16": 5e-2, "int8": 0.1}


class Engine(Protocol):
    """A network ready to run. ``batch``: slices a call that suit the device. ``classifier``: the second one."""

    name: str
    device: str
    precision: str
    reason: str
    batch: int
    classifier: "Engine | None"

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """(n, ..., c) float32 -> (n, ...) float32 probabilities. Raises OutOfMemoryError, EngineError."""
        ...


@dataclass(frozen=True)
class Found:
    """What `available` tells about one engine."""

    name: str
    installed: bool
    devices: tuple[str, ...]
    remark: str


class TensorFlowEngine:
    """Keras on TensorFlow, the reference; on Linux also on an NVIDIA GPU."""

    name = "tensorflow"
    precision = "float32"

    def __init__(self, bundle: Bundle, device: str, part: Part = UNET):
        if not bundle.has(part.keras):
            raise ModelMismatchError(f"The model in {bundle.folder} has no Keras weights; choose the ONNX engines.")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if device == "gpu" and not gpus:
            raise EngineError("TensorFlow sees no GPU here. Choose the device 'auto' or 'cpu'.")
        use_gpu = bool(gpus) and device != "cpu"
        if use_gpu:
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, True)
            self.device = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
            self.reason = "TensorFlow found this GPU"
        else:
            self.device = "CPU"
            self.reason = "the CPU was asked for" if device == "cpu" else "TensorFlow found no GPU"
        self.batch = 16 if use_gpu else 4
        self._place = "/GPU:0" if use_gpu else "/CPU:0"
        self._tf = tf
        with tf.device(self._place):
            model = _BUILD[part](bundle.card[part.key])
            try:
                model.load_weights(bundle.folder / part.keras)
            except (ValueError, OSError, KeyError) as problem:
                raise ModelMismatchError(
                    f"The weights in {bundle.folder} do not fit the architecture in its card. Export the model again. "
                    f"({str(problem).splitlines()[0]})"
                ) from problem
        self._model = model
        self._graphs = {}
        self.classifier = _second(TensorFlowEngine, bundle, device, part)

    def _graph(self, shape):
        """The network as a graph for pictures of this shape (Keras cannot up-sample an unknown one), any batch."""
        if shape not in self._graphs:
            signature = [self._tf.TensorSpec((None, *shape), self._tf.float32)]
            self._graphs[shape] = self._tf.function(lambda x: self._model(x, training=False), input_signature=signature)
        return self._graphs[shape]

    def predict(self, batch: np.ndarray) -> np.ndarray:
        try:
            with self._tf.device(self._place):
                return self._graph(batch.shape[1:])(batch).numpy()[..., 0]
        except self._tf.errors.ResourceExhaustedError as problem:
            raise OutOfMemoryError(f"{self.device} has too little memory for {len(batch)} slices.") from problem
        except self._tf.errors.OpError as problem:
            raise EngineError(f"TensorFlow failed on {self.device}: {str(problem).splitlines()[0]}") from problem


class OnnxRuntimeEngine:
    """ONNX Runtime: CUDA, DirectML (Windows), CoreML (macOS) or the CPU. Only the CPU path was run by us."""

    name = "onnxruntime"
    precision = "float32"
    GPU_PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider")

    def __init__(self, bundle: Bundle, device: str, part: Part = UNET):
        onnxruntime = import_onnxruntime()
        gpus = [p for p in self.GPU_PROVIDERS if p in onnxruntime.get_available_providers()]
        if device == "gpu" and not gpus:
            raise EngineError("ONNX Runtime has no GPU provider here. Choose the device 'auto' or 'cpu'.")
        use_gpu = bool(gpus) and device != "cpu"
        self.device = gpus[0].removesuffix("ExecutionProvider") if use_gpu else "CPU"
        self.reason = (
            "ONNX Runtime offers this provider"
            if use_gpu
            else ("the CPU was asked for" if device == "cpu" else "this ONNX Runtime has no GPU provider")
        )
        self.batch = 16 if use_gpu else 4
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        providers = [*gpus[:1], "CPUExecutionProvider"] if use_gpu else ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(_onnx_file(bundle, part)), options, providers=providers)
        self._input = self._session.get_inputs()[0].name
        self.classifier = _second(OnnxRuntimeEngine, bundle, device, part)

    def predict(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self._session.run(None, {self._input: batch})[0][..., 0]
        except Exception as problem:  # ONNX Runtime's exceptions share no public base class
            raise _native_error(problem, f"ONNX Runtime on {self.device}", len(batch)) from problem


class OpenVinoEngine:
    """OpenVINO on the CPU, the fastest there.

    ``precision``, unless given: int8 where processor and bundle have it, else bfloat16 where the processor has it.
    """

    name = "openvino"

    def __init__(
        self,
        bundle: Bundle,
        device: str,
        precision: str | None = None,
        part: Part = UNET,
    ):
        openvino = import_openvino()
        if device == "gpu":
            raise EngineError("OpenVINO is used on the CPU only. Choose the device 'auto' or 'cpu'.")
        core = openvino.Core()
        # asked for bfloat16 without hardware for it, OpenVINO took 170 instead of 48 ms a slice
        able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        int8 = part is UNET and "INT8" in able and uses_int8(bundle)
        low = "int8" if int8 else "bfloat16" if "BF16" in able else "float32"
        self.precision = precision or low
        hint = openvino.Type.bf16 if self.precision == "bfloat16" else openvino.Type.f32
        settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        model = bundle.folder / INT8 if self.precision == "int8" else _onnx_file(bundle, part)
        self._model = core.compile_model(str(model), "CPU", settings)
        self.device = "CPU"
        self.reason = f"OpenVINO runs on the CPU, here in {self.precision}"
        self.batch = 4
        self.classifier = _second(OpenVinoEngine, bundle, device, part)

    def predict(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self._model(batch)[0][..., 0]
        except RuntimeError as problem:
            raise _native_error(problem, "OpenVINO", len(batch)) from problem


_BUILD = {UNET: unet.build, CLASSIFIER: classifier.build}
_ENGINES = {e.name: e for e in (TensorFlowEngine, OnnxRuntimeEngine, OpenVinoEngine)}
NAMES = ("auto", *_ENGINES)


def uses_int8(bundle: Bundle) -> bool:
    """Whether the bundle brings int8 weights that were measured to cost no accuracy."""
    return bundle.has(INT8) and bool(bundle.card.get("int8", {}).get("used"))


def _onnx_file(bundle: Bundle, part: Part):
    if not bundle.has(part.onnx):
        raise ModelMismatchError(f"The model in {bundle.folder} has no {part.onnx}; choose the engine 'tensorflow'.")
    return bundle.folder / part.onnx


def import_openvino():
    """OpenVINO without its telemetry."""
    telemetry.silence()
    import openvino

    return openvino


def import_onnxruntime():
    """ONNX Runtime without its telemetry. Builds that report through Windows itself know only the call."""
    telemetry.silence()
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _native_error(problem: Exception, what: str, slices: int) -> EngineError:
    text = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    if any(
        words in str(problem).lower() for words in ("out of memory", "failed to allocate", "bad_alloc", "alloc failed")
    ):
        return OutOfMemoryError(f"{what} has too little memory for {slices} slices.")
    return EngineError(f"{what} failed: {text}")


def installed() -> list[str]:
    """Names of the engines whose library is there (found, not imported)."""
    return [name for name in _ENGINES if find_spec(name)]


def available() -> list[Found]:
    """What each engine finds on this machine; imports the installed ones, so call it in a child or a shell."""
    return [_probe(name) for name in _ENGINES]


def _probe(name: str) -> Found:
    if not find_spec(name):
        return Found(name, False, (), "not installed")
    try:
        if name == "tensorflow":
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
            import tensorflow as tf

            gpus = [
                tf.config.experimental.get_device_details(g).get("device_name", "GPU")
                for g in tf.config.list_physical_devices("GPU")
            ]
            return Found(name, True, ("CPU", *gpus), f"version {tf.__version__}")
        if name == "onnxruntime":
            onnxruntime = import_onnxruntime()
            providers = onnxruntime.get_available_providers()
            gpus = [p.removesuffix("ExecutionProvider") for p in OnnxRuntimeEngine.GPU_PROVIDERS if p in providers]
            return Found(name, True, ("CPU", *gpus), f"version {onnxruntime.__version__}")
        openvino = import_openvino()
        devices = tuple(openvino.Core().available_devices)
        return Found(name, True, devices, f"version {openvino.__version__.split('-')[0]}")
    except Exception as problem:  # a half-installed library raises anything; the sentence is what matters
        return Found(name, True, (), f"cannot be imported: {problem}")


def open_engine(bundle: Bundle, engine: str = "auto", device: str = "auto") -> Engine:
    """Open the engine that was asked for, or the best one for ``auto``, and check it against the stored pair.

    Order for auto: TensorFlow or ONNX Runtime on a GPU; then, on the CPU, OpenVINO, ONNX Runtime, TensorFlow (the
    order of their measured speed). One that does not start is passed over and named in ``reason``.

    Raises EngineError when none is installed or starts, ModelMismatchError when the weights do not fit or the stored
    pair is not reproduced.
    """
    if engine not in NAMES:
        raise EngineError(f"There is no engine {engine!r}. Choose one of {', '.join(NAMES)}.")
    there = installed()
    if engine != "auto":
        if engine not in there:
            raise EngineError(
                f"The engine {engine} is not installed. Install it in the module's Environment section, or with pip."
            )
        return _checked(_ENGINES[engine](bundle, device), bundle)
    if not there:
        raise EngineError(
            "No engine is installed to run the network: neither TensorFlow, ONNX Runtime nor OpenVINO. "
            "Install one in the module's Environment section, or with pip."
        )
    passed_over = []
    for name, wanted in _auto_order(there, device):
        try:
            opened = _checked(_ENGINES[name](bundle, wanted), bundle)
        except (EngineError, ImportError) as problem:
            if not (isinstance(problem, EngineError) and wanted == "gpu" and device == "auto"):
                passed_over.append(f"{name}: {problem}")
            continue
        except ModelMismatchError as problem:
            if "choose the" not in str(problem).lower():
                raise
            passed_over.append(f"{name}: {problem}")  # this bundle has no weights for it
            continue
        if passed_over:
            opened.reason += f" (passed over: {'; '.join(passed_over)})"
        return opened
    why = " ".join(passed_over) or "None that is installed can use a GPU. Choose the device 'auto' or 'cpu'."
    raise EngineError(f"No engine could be started. {why}")


def _auto_order(there: list[str], device: str):
    if device != "cpu":
        # a library is not imported only to hear that it has no GPU; without NVIDIA's driver TensorFlow has none
        able = {"tensorflow": bool(shutil.which("nvidia-smi")), "onnxruntime": _has_gpu_provider()}
        yield from ((name, "gpu") for name, can in able.items() if can and name in there)
    if device != "gpu":
        yield from ((name, "cpu") for name in ("openvino", "onnxruntime", "tensorflow") if name in there)


def _has_gpu_provider() -> bool:
    """Whether the installed ONNX Runtime is a build with a GPU provider: told by its files, CoreML by the system."""
    spec = find_spec("onnxruntime")
    places = spec.submodule_search_locations if spec else None
    files = [path.name for place in places or () for path in Path(place, "capi").glob("*")]
    return bool(files) and (
        sys.platform == "darwin" or any("providers_cuda" in name or name == "DirectML.dll" for name in files)
    )


def _second(kind: type, bundle: Bundle, device: str, part: Part) -> Engine | None:
    """The bundle's classifier, for the engine of its U-Net."""
    there = part is UNET and CLASSIFIER.key in bundle.card
    return kind(bundle, device, part=CLASSIFIER) if there else None


def _checked(engine: Engine, bundle: Bundle, part: Part = UNET) -> Engine:
    if engine.classifier:
        _checked(engine.classifier, bundle, CLASSIFIER)
    given, expected = bundle.stored_pair(part)
    difference = float(np.abs(engine.predict(given) - expected).max())
    if not difference <= TOLERANCE[engine.precision]:
        raise ModelMismatchError(
            f"The model in {bundle.folder} does not reproduce its stored result on {engine.name} ({engine.device}): "
            f"the probabilities differ by up to {difference:.3f}. It is refused; reinstall it or choose another engine."
        )
    return engine
