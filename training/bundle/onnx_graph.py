"""The trained networks as ONNX: float16 initialisers cast to float32 in the graph, BatchNorm folded."""

from collections.abc import Callable

import numpy as np
import onnx
from LungTumorSegLib.model.card import Architecture
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper


class _Graph:
    """Nodes and weights of a graph in the making; every method returns the name of what it adds."""

    def __init__(self, model):
        self.model, self.nodes, self.weights = model, [], []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(value.astype(np.float16), f"{name}_half"))
        self.nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        return name

    def whole(self, name: str, values: ArrayLike) -> str:
        """Numbers that are no weights and stay as they are."""
        self.weights.append(numpy_helper.from_array(np.array(values), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, x: str, name: str, kernel: np.ndarray, bias: np.ndarray, stride: int = 1) -> str:
        """Keras's kernel (..., in, out), with its padding "same": what is left over goes to the end."""
        sizes = kernel.shape[:-2]
        filters = self.constant(f"{name}_w", np.moveaxis(kernel, (-1, -2), (0, 1)))
        left = [size - stride for size in sizes]
        pads = [n // 2 for n in left] + [n - n // 2 for n in left]
        steps = {"strides": [stride] * len(sizes)} if stride > 1 else {}
        return self.node("Conv", [x, filters, self.constant(f"{name}_b", bias)], name, pads=pads, **steps)

    def block(self, x: str, convolution: str, norm: str, output: str) -> str:
        """Convolution, BatchNorm, ReLU; folded: w * gamma / sqrt(var + eps), beta - mean * gamma / sqrt(var + eps)."""
        layer, folded = self.model.get_layer(convolution), self.model.get_layer(norm)
        gamma, beta, mean, variance = (
            np.array(v, np.float32) for v in (folded.gamma, folded.beta, folded.moving_mean, folded.moving_variance)
        )
        factor = gamma / np.sqrt(variance + folded.epsilon)
        kernel, stride = np.array(layer.kernel, np.float32), layer.strides[0]
        x = self.convolution(x, convolution, kernel * factor, beta - mean * factor, stride)
        return self.node("Relu", [x], output)

    def proto(self, name: str, given: tuple[str, list], made: tuple[str, list]) -> onnx.ModelProto:
        ends = [helper.make_tensor_value_info(label, TensorProto.FLOAT, shape) for label, shape in (given, made)]
        graph = helper.make_graph(self.nodes, name, ends[:1], ends[1:], self.weights)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(proto)
        return proto


def unet(architecture: Architecture) -> Callable[..., onnx.ModelProto]:
    """What turns the Keras model into the same function as an ONNX graph with the same axes, (batch, y, x, c).

    Args:
        architecture: Of the model.
    """

    def build(model) -> onnx.ModelProto:
        graph, levels = _Graph(model), len(architecture.filters)

        def block(x: str, name: str) -> str:
            for i in (1, 2):
                x = graph.block(x, f"{name}_conv{i}", f"{name}_norm{i}", f"{name}_relu{i}")
            return x

        x, skips = graph.node("Transpose", ["slices_and_prompt"], "channels_first", perm=[0, 3, 1, 2]), []
        for level in range(levels):
            x = block(x, f"down{level}")
            if level < levels - 1:
                skips.append(x)
                x = graph.node("MaxPool", [x], f"pool{level}", kernel_shape=[2, 2], strides=[2, 2])
        twice = graph.whole("twice", np.array([1, 1, 2, 2], np.float32))
        for level in reversed(range(levels - 1)):
            how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            x = graph.node("Resize", [x, "", twice], f"upsample{level}", **how)
            x = graph.node("Concat", [x, skips[level]], f"skip{level}", axis=1)
            x = block(x, f"up{level}")
        last = model.get_layer("probability")
        x = graph.convolution(x, "logit", np.array(last.kernel, np.float32), np.array(last.bias, np.float32))
        x = graph.node("Sigmoid", [x], "probability_first")
        graph.node("Transpose", [x], "probability", perm=[0, 2, 3, 1])
        given = ("slices_and_prompt", ["n", "y", "x", architecture.slices + 1])
        return graph.proto(model.name, given, ("probability", ["n", "y", "x", 1]))

    return build


def classifier(model) -> onnx.ModelProto:
    """The Keras model as the same function in an ONNX graph with the same axes.

    Args:
        model: (batch, z, y, x, 1) to (batch, 1).
    """
    graph, side = _Graph(model), model.input_shape[1]
    x = graph.node("Transpose", ["cube"], "channels_first", perm=[0, 4, 1, 2, 3])
    level = 0
    while f"level{level}a_conv" in {layer.name for layer in model.layers}:
        if level:
            x = graph.node("MaxPool", [x], f"pool{level}", kernel_shape=[2] * 3, strides=[2] * 3)
        for name in (f"level{level}a", f"level{level}b"):
            x = graph.block(x, f"{name}_conv", f"{name}_norm", f"{name}_relu")
        level += 1
    size = side >> level
    edge, axes = size // 4, graph.whole("axes", [2, 3, 4])
    ends = [graph.whole("first", [edge] * 3), graph.whole("last", [size - edge] * 3)]
    inner = graph.node("Slice", [x, *ends, axes], "inner")
    means = [graph.node("GlobalAveragePool", [part], name) for part, name in ((x, "all"), (inner, "middle"))]
    x = graph.node("Flatten", [graph.node("Concat", means, "both", axis=1)], "flat")
    last = model.get_layer("nodule")
    kernel, bias = (np.array(v, np.float32) for v in (last.kernel, last.bias))
    x = graph.node("Gemm", [x, graph.constant("logit_w", kernel), graph.constant("logit_b", bias)], "logit")
    graph.node("Sigmoid", [x], "nodule")
    return graph.proto(model.name, ("cube", ["n", side, side, side, 1]), ("nodule", ["n", 1]))
