"""How much a network has to compute, and how fast an engine computes at best."""

import tempfile
import time
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.card import Architecture

PEAK_CHANNELS, PEAK_PIXELS, PEAK_BATCH = 256, 64, 4


def network_gflop(architecture: Architecture, shape_yx: tuple[int, int]) -> float:
    """10^9 floating-point operations of the U-Net's convolutions for one slice (a multiply-add counts as two)."""
    filters = architecture.filters
    total = 0

    def convolution(inputs: int, outputs: int, level: int, side: int = 3) -> int:
        pixels = shape_yx[0] * shape_yx[1] // 4**level
        return 2 * side * side * inputs * outputs * pixels

    inputs = architecture.slices + 1
    for level, n in enumerate(filters):
        total += convolution(inputs, n, level) + convolution(n, n, level)
        inputs = n
    for level in reversed(range(len(filters) - 1)):
        n = filters[level]
        total += convolution(filters[level + 1] + n, n, level) + convolution(n, n, level)
    return (total + convolution(filters[0], 1, 0, side=1)) / 1e9


def peak_gflops(engine: str, precision: str, repeats: int = 5) -> float:
    """GFLOP/s of one large 3x3 convolution (256 channels, 4 x 64 x 64) in an engine: what it reaches at best."""
    run = {"tensorflow": _tensorflow, "onnxruntime": _onnxruntime, "openvino": _openvino}[engine](precision)
    gflop = 2 * 9 * PEAK_CHANNELS**2 * PEAK_PIXELS**2 * PEAK_BATCH / 1e9
    run()
    best = np.inf
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return gflop / best


def _picture(channels_first: bool) -> np.ndarray:
    shape = [PEAK_BATCH, PEAK_PIXELS, PEAK_PIXELS]
    shape.insert(1 if channels_first else 3, PEAK_CHANNELS)
    return np.random.default_rng(0).random(shape, np.float32)


def _tensorflow(_):
    import tensorflow as tf

    given = tf.constant(_picture(channels_first=False))
    weights = tf.random.normal((3, 3, PEAK_CHANNELS, PEAK_CHANNELS))
    convolve = tf.function(lambda x: tf.nn.conv2d(x, weights, 1, "SAME"))
    return lambda: convolve(given).numpy()[0, 0, 0, 0]


def _convolution_file(folder: Path) -> Path:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(1).standard_normal((PEAK_CHANNELS, PEAK_CHANNELS, 3, 3), np.float32) / 50
    picture = [PEAK_BATCH, PEAK_CHANNELS, PEAK_PIXELS, PEAK_PIXELS]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 4)],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, picture)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, picture)],
        [numpy_helper.from_array(weights, "w")],
    )
    path = folder / "convolution.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def _onnxruntime(_):
    from LungTumorSegLib.model.engines.onnxruntime_engine import import_onnxruntime

    onnxruntime = import_onnxruntime()
    with tempfile.TemporaryDirectory() as folder:
        session = onnxruntime.InferenceSession(_convolution_file(Path(folder)), providers=["CPUExecutionProvider"])
    given = _picture(channels_first=True)
    return lambda: session.run(None, {"x": given})


def _openvino(precision: str):
    from LungTumorSegLib.model.engines.openvino_engine import import_openvino

    openvino = import_openvino()
    # of int8 no peak is measured: the report leaves it out
    hint = openvino.Type.bf16 if precision == "bfloat16" else openvino.Type.f32
    settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    with tempfile.TemporaryDirectory() as folder:
        model = openvino.Core().compile_model(str(_convolution_file(Path(folder))), "CPU", settings)
    given = _picture(channels_first=True)
    return lambda: model(given)
