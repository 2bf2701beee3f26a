"""OpenVINO on the CPU, the fastest there."""

from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ... import telemetry
from ...enums import Device, Precision
from ...errors import EngineError
from ..bundle import Bundle, Part
from .base import Engine, brings_int8, native_error, onnx_file, unopened

if TYPE_CHECKING:
    import openvino


class OpenVinoEngine(Engine):
    """Runs the bundle's ONNX file, or its int8 one."""

    name = "openvino"
    cpu_rank = 1

    def _open(self, bundle: Bundle, device: Device, precision: Precision, part: Part) -> None:
        openvino = import_openvino()
        if device == Device.GPU:
            raise EngineError("OpenVINO is used on the CPU only. Choose the device 'auto' or 'cpu'.")
        core = _core()
        # asked for bfloat16 without hardware for it, OpenVINO took 170 instead of 48 ms a slice
        has = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        able = [Precision.BFLOAT16] if "BF16" in has else []
        able += [Precision.INT8] if "INT8" in has and brings_int8(bundle, part) else []
        self.precision = self._one_of(precision, [*able, Precision.FLOAT32], "OpenVINO")
        hint = openvino.Type.bf16 if self.precision == Precision.BFLOAT16 else openvino.Type.f32
        settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        # unless told OpenVINO ties its threads to processors, where two runs at once stand in each other's way
        settings |= {"INFERENCE_NUM_THREADS": self.threads, "ENABLE_CPU_PINNING": False}
        path = onnx_file(bundle, part, self.precision)
        try:
            self._model = core.compile_model(str(path), "CPU", settings)
        except (RuntimeError, MemoryError) as problem:
            raise unopened(problem, "OpenVINO", path) from problem
        self.device, self.batch = "CPU", 4
        self.reason = "OpenVINO runs on the CPU"

    @classmethod
    def _devices_and_version(cls) -> tuple[tuple[str, ...], str]:
        return tuple(_core().available_devices), import_openvino().__version__.split("-")[0]

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """As `Engine.predict`."""
        try:
            return self._model(batch)[0][..., 0]
        except (RuntimeError, MemoryError) as problem:
            raise native_error(problem, "OpenVINO", len(batch)) from problem


@cache
def _core() -> "openvino.Core":
    """The process's only one.

    Its CPU plugin gives the thread a stack for signals and takes it away with itself. Where two plugins go in the order
    in which they came, the thread is left with the first one's, which is unmapped, and the next signal ends the process
    (SIGSEGV; 2026.4).
    """
    return import_openvino().Core()


def import_openvino() -> ModuleType:
    """OpenVINO without its telemetry."""
    telemetry.silence()
    import openvino

    return openvino
