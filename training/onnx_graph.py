"""The trained network as ONNX: float16 initialisers cast to float32 in the graph, BatchNorm folded, size dynamic."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def build(model, architecture: dict) -> onnx.ModelProto:
    """The Keras model (batch, y, x, c) -> the same function as an ONNX graph with the same axes.

    Each convolution's BatchNorm is folded: w * gamma / sqrt(var + eps), beta - mean * gamma / sqrt(var + eps).
    """
    nodes, weights = [], []

    def constant(name: str, value: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(value.astype(np.float16), f"{name}_half"))
        nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(x: str, name: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        filters = constant(f"{name}_w", kernel.transpose(3, 2, 0, 1))
        pad = kernel.shape[0] // 2
        return node("Conv", [x, filters, constant(f"{name}_b", bias)], name, pads=[pad] * 4)

    def block(x: str, name: str) -> str:
        for i in (1, 2):
            kernel = np.array(model.get_layer(f"{name}_conv{i}").kernel, np.float32)
            norm = model.get_layer(f"{name}_norm{i}")
            gamma, beta, mean, variance = (
                np.array(v, np.float32) for v in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
            )
            factor = gamma / np.sqrt(variance + norm.epsilon)
            x = convolution(x, f"{name}_conv{i}", kernel * factor, beta - mean * factor)
            x = node("Relu", [x], f"{name}_relu{i}")
        return x

    levels = len(architecture["filters"])
    x, skips = node("Transpose", ["slices_and_prompt"], "channels_first", perm=[0, 3, 1, 2]), []
    for level in range(levels):
        x = block(x, f"down{level}")
        if level < levels - 1:
            skips.append(x)
            x = node("MaxPool", [x], f"pool{level}", kernel_shape=[2, 2], strides=[2, 2])
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    for level in reversed(range(levels - 1)):
        x = node(
            "Resize", [x, "", "twice"], f"upsample{level}", mode="linear", coordinate_transformation_mode="half_pixel"
        )
        x = node("Concat", [x, skips[level]], f"skip{level}", axis=1)
        x = block(x, f"up{level}")
    last = model.get_layer("probability")
    x = convolution(x, "logit", np.array(last.kernel, np.float32), np.array(last.bias, np.float32))
    x = node("Sigmoid", [x], "probability_first")
    node("Transpose", [x], "probability", perm=[0, 2, 3, 1])

    given = helper.make_tensor_value_info(
        "slices_and_prompt", TensorProto.FLOAT, ["n", "y", "x", architecture["slices"] + 1]
    )
    made = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", "y", "x", 1])
    graph = helper.make_graph(nodes, "lung_tumor_unet", [given], [made], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(proto)
    return proto
