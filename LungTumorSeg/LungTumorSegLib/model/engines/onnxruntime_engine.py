"""ONNX Runtime: CUDA, DirectML (Windows), CoreML (macOS) or the CPU. Only the CPU path was run by us."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np

from ... import telemetry
from ...enums import Device, Precision
from ...errors import EngineError
from ..bundle import Bundle, Part
from .base import Engine, brings_int8, native_error, onnx_file, unopened

GPU_PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider")


class OnnxRuntimeEngine(Engine):
    """Runs the bundle's ONNX file."""

    name = "onnxruntime"
    cpu_rank = 2
    gpu_rank = 2

    def _open(self, bundle: Bundle, device: Device, precision: Precision, part: Part) -> None:
        onnxruntime = import_onnxruntime()
        gpus = _gpu_providers(onnxruntime)
        if device == Device.GPU and not gpus:
            raise EngineError("ONNX Runtime has no GPU provider here. Choose the device 'auto' or 'cpu'.")
        if gpus and device != Device.CPU:
            providers = [gpus[0], "CPUExecutionProvider"]
            self.device, self.batch = _provider_name(gpus[0]), 16
            self.reason = "ONNX Runtime offers this provider"
        else:
            providers = ["CPUExecutionProvider"]
            self.device, self.batch = "CPU", 4
            asked = device == Device.CPU
            self.reason = "the CPU was asked for" if asked else "this ONNX Runtime has no GPU provider"
        able = [Precision.FLOAT32]
        if self.device == "CPU" and brings_int8(bundle, part):
            able.append(Precision.INT8)
        self.precision = self._one_of(precision, able, f"ONNX Runtime on {self.device}")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self.threads
        # threads without work would keep their processors busy, waiting, from other programs
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = onnx_file(bundle, part, self.precision)
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as problem:  # ONNX Runtime's exceptions share no public base class
            raise unopened(problem, "ONNX Runtime", path) from problem
        self._input = self._session.get_inputs()[0].name

    @classmethod
    def may_have_gpu(cls) -> bool:
        """Whether the installed build has a GPU provider: told by its files, CoreML by the system."""
        spec = find_spec(cls.name)
        places = spec.submodule_search_locations if spec else None
        files = [path.name for place in places or () for path in Path(place, "capi").glob("*")]
        return bool(files) and (
            sys.platform == "darwin" or any("providers_cuda" in name or name == "DirectML.dll" for name in files)
        )

    @classmethod
    def _devices_and_version(cls) -> tuple[tuple[str, ...], str]:
        onnxruntime = import_onnxruntime()
        return ("CPU", *map(_provider_name, _gpu_providers(onnxruntime))), onnxruntime.__version__

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """As `Engine.predict`."""
        try:
            return self._session.run(None, {self._input: batch})[0][..., 0]
        except Exception as problem:  # ONNX Runtime's exceptions share no public base class
            raise native_error(problem, f"ONNX Runtime on {self.device}", len(batch)) from problem


def import_onnxruntime() -> ModuleType:
    """ONNX Runtime without its telemetry. Builds that report through Windows itself know only the call."""
    telemetry.silence()
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _gpu_providers(onnxruntime: ModuleType) -> list[str]:
    available = onnxruntime.get_available_providers()
    return [provider for provider in GPU_PROVIDERS if provider in available]


def _provider_name(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")
