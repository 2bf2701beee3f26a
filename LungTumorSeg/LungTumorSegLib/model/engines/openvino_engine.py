"""OpenVINO on the CPU, the fastest there."""

from types import ModuleType

import numpy as np

from ... import telemetry
from ...enums import Device
from ...errors import EngineError
from ..bundle import INT8, UNET, Bundle, Part
from .base import Engine, native_error, onnx_file


class OpenVinoEngine(Engine):
    """Runs the bundle's ONNX file, or its int8 one.

    ``precision``, unless given: int8 where processor and bundle have it, else bfloat16 where the processor has it.
    """

    name = "openvino"
    cpu_rank = 1

    def __init__(self, bundle: Bundle, device: Device = Device.AUTO, precision: str | None = None, part: Part = UNET):
        self._wanted_precision = precision
        super().__init__(bundle, device, part)

    def _open(self, bundle: Bundle, device: Device, part: Part) -> None:
        openvino = import_openvino()
        if device == Device.GPU:
            raise EngineError("OpenVINO is used on the CPU only. Choose the device 'auto' or 'cpu'.")
        core = openvino.Core()
        # asked for bfloat16 without hardware for it, OpenVINO took 170 instead of 48 ms a slice
        able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        int8 = part is UNET and "INT8" in able and uses_int8(bundle)
        self.precision = self._wanted_precision or ("int8" if int8 else "bfloat16" if "BF16" in able else "float32")
        hint = openvino.Type.bf16 if self.precision == "bfloat16" else openvino.Type.f32
        settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        file = bundle.folder / INT8 if self.precision == "int8" else onnx_file(bundle, part)
        self._model = core.compile_model(str(file), "CPU", settings)
        self.device, self.batch = "CPU", 4
        self.reason = f"OpenVINO runs on the CPU, here in {self.precision}"

    @classmethod
    def _devices_and_version(cls) -> tuple[tuple[str, ...], str]:
        openvino = import_openvino()
        return tuple(openvino.Core().available_devices), openvino.__version__.split("-")[0]

    def predict(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self._model(batch)[0][..., 0]
        except (RuntimeError, MemoryError) as problem:
            raise native_error(problem, "OpenVINO", len(batch)) from problem


def uses_int8(bundle: Bundle) -> bool:
    """Whether the bundle brings int8 weights that were measured to cost no accuracy."""
    return bundle.has(INT8) and bundle.card.int8 is not None and bundle.card.int8.used


def import_openvino() -> ModuleType:
    """OpenVINO without its telemetry."""
    telemetry.silence()
    import openvino

    return openvino
