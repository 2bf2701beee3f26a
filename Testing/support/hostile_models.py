"""Model bundles that try more than a model may: each is the bundled one with a file exchanged, its checksum put right.

Who can change the weights can change the card: a checksum keeps nobody out.
"""

import json
import pickle
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
from LungTumorSegLib.model.bundle import CARD, KERAS_WEIGHTS, ONNX, PAIR, default_path, sha256
from onnx import TensorProto, helper


class Runs:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def copy_in(folder: Path) -> Path:
    return shutil.copytree(default_path(), folder / "model")


def sign(folder: Path, **changes) -> Path:
    """Checksums in the card that fit the files, and other values of the card."""
    card = json.loads((folder / CARD).read_text("utf-8")) | changes
    card["files"] = {name: sha256(folder / name) for name in card["files"] if (folder / name).is_file()}
    (folder / CARD).write_text(json.dumps(card), "utf-8")
    return folder


# Weights: what `change` does to the first convolution's kernel, a dataset in `group` of this name


def weights(folder: Path, change) -> Path:
    with h5py.File(folder / KERAS_WEIGHTS, "a") as file:
        group = file["layers/conv2d/vars"]
        shape = group["0"].shape
        del group["0"]
        change(group, "0", shape)
    return sign(folder)


def external_file(group, name, shape):
    group.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, 4 * int(np.prod(shape)))])


def external_link(group, name, shape):
    group[name] = h5py.ExternalLink("/etc/passwd", "d")


def soft_link(group, name, shape):
    group[name] = h5py.SoftLink("/layers/conv2d_1/vars/0")


def virtual(group, name, shape):
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "d", shape)
    group.create_virtual_dataset(name, layout)


def bomb(group, name, shape):
    """Says 32 GB; only its chunks' index is stored."""
    group.create_dataset(name, (80_000, 100_000), "f4", chunks=(1000, 1000), compression="gzip")


def text(group, name, shape):
    group.create_dataset(name, shape, h5py.string_dtype())


# ONNX: a graph of the right ends


def onnx_file(folder: Path, nodes, tensors=(), functions=(), opsets=()) -> Path:
    given = helper.make_tensor_value_info("slices_and_prompt", TensorProto.FLOAT, ["n", "y", "x", 6])
    made = helper.make_tensor_value_info("probability", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "hostile", [given], [made], list(tensors))
    known = [helper.make_opsetid("", 17), *opsets]
    model = helper.make_model(graph, opset_imports=known, ir_version=9, functions=list(functions))
    (folder / ONNX).write_bytes(model.SerializeToString())
    return sign(folder)


def external_numbers(where: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.UINT8, dims=[16], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", where), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def external(folder: Path, where="/etc/passwd") -> Path:
    cast = helper.make_node("Cast", ["w"], ["probability"], to=TensorProto.FLOAT)
    return onnx_file(folder, [cast], [external_numbers(where)])


def external_in_attribute(folder: Path) -> Path:
    cast = helper.make_node("Cast", ["slices_and_prompt"], ["probability"], to=TensorProto.FLOAT)
    cast.attribute.append(helper.make_attribute("value", external_numbers("/etc/passwd")))
    return onnx_file(folder, [cast])


def custom_operator(folder: Path) -> Path:
    node = helper.make_node("Relu", ["slices_and_prompt"], ["probability"], domain="com.somebody")
    return onnx_file(folder, [node], opsets=[helper.make_opsetid("com.somebody", 1)])


def endless_loop(folder: Path) -> Path:
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_out"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on_out", TensorProto.BOOL, [])],
    )
    return onnx_file(folder, [helper.make_node("Loop", ["", ""], ["probability"], body=body)])


def huge_constant(folder: Path) -> Path:
    value = helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
    return onnx_file(folder, [helper.make_node("ConstantOfShape", ["shape"], ["probability"], value=value)])


def huge_tensor(folder: Path) -> Path:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[100_000, 100_000], raw_data=b"1234")
    return onnx_file(folder, [helper.make_node("Concat", ["w", "w"], ["probability"], axis=0)], [tensor])


def functions(folder: Path) -> Path:
    relu = helper.make_node("Relu", ["x"], ["y"])
    own = helper.make_function("own", "Relu", ["x"], ["y"], [relu], [helper.make_opsetid("", 17)])
    node = helper.make_node("Relu", ["slices_and_prompt"], ["probability"])
    return onnx_file(folder, [node], functions=[own], opsets=[helper.make_opsetid("own", 1)])


def no_onnx(folder: Path) -> Path:
    (folder / ONNX).write_bytes(b"<?xml version='1.0'?><net name='other' version='11'></net>")
    return sign(folder)


# The stored pair


def pickled_pair(folder: Path, mark: Path) -> Path:
    np.savez(folder / PAIR, input=np.array([Runs(mark)], object), output=np.zeros(1))
    return sign(folder)


def raw_pickle(folder: Path, mark: Path) -> Path:
    (folder / PAIR).write_bytes(pickle.dumps(Runs(mark)))
    return sign(folder)


def pair_of(folder: Path, given, made) -> Path:
    np.savez_compressed(folder / PAIR, input=given, output=made)
    return sign(folder)


def bomb_pair(folder: Path) -> Path:
    """200 MB of zeros in 200 kB."""
    with zipfile.ZipFile(folder / PAIR, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("input.npy", "output.npy"):
            with file.open(name, "w") as member:
                np.lib.format.write_array_header_1_0(
                    member, {"descr": "<f4", "fortran_order": False, "shape": (25_000_000,)}
                )
                for _ in range(100):
                    member.write(bytes(1_000_000))
    return sign(folder)


# A whole Keras model in the place of the weights


def keras_model_with_lambda(folder: Path, mark: Path) -> Path:
    """As Keras saves it: with the layer's Python code. It runs where a model is loaded with unsafe code allowed."""
    import keras

    path = str(mark)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: (open(path, "w"), x)[1])])  # noqa: PTH123, SIM115
    model.save(folder / "model.keras")
    mark.unlink(missing_ok=True)  # saving may have run it
    (folder / "model.keras").replace(folder / KERAS_WEIGHTS)
    return sign(folder)


onnx_kinds = (
    external, external_in_attribute, custom_operator, endless_loop, huge_constant, huge_tensor, functions, no_onnx,
)  # fmt: skip
weights_kinds = (external_file, external_link, soft_link, virtual, bomb, text)
