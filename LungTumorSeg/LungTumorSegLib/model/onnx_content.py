"""What an ONNX file may hold: a plain graph of a few operators, with its numbers inside.

ONNX can also point to other files, call operators of other libraries, and loop. The engines refuse some of that, in
some versions. So the file is looked through before one of them opens it. Neither ONNX Runtime nor OpenVINO brings the
package ``onnx``; the fields are those of onnx.proto3 (ONNX 1.19), the coding that of Protocol Buffers.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path

from ..errors import ModelMismatchError

# what the export writes, the int8 one too; none of them loops, branches, or reads anything
OPERATORS = {
    "Cast", "Concat", "Conv", "DequantizeLinear", "Flatten", "Gemm", "GlobalAveragePool", "MaxPool", "QuantizeLinear",
    "Relu", "Resize", "Sigmoid", "Slice", "Transpose",
}  # fmt: skip
MOST_NODES = 10_000  # the bundled networks have 90 to 153
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # how a field is coded
_FUNCTIONS, _TRAINING = 25, 20  # fields of ModelProto
_SPARSE = 15  # of GraphProto
_GRAPH_ATTRIBUTES = (6, 11, 22, 23)  # of AttributeProto: graphs and sparse tensors, one or several
_EXTERNAL = (13, 14)  # of TensorProto: external_data, data_location


class _Refused(Exception):
    """Why."""


def check(path: Path) -> None:
    """Refuse a file that is more than a plain graph.

    Args:
        path: An ONNX file.

    Raises:
        ModelMismatchError: It is no ONNX file, points to other files, has an operator or a size that is not allowed.
    """
    try:
        _model(memoryview(path.read_bytes()))
    except (_Refused, OSError) as why:
        raise ModelMismatchError(
            f"The model file {path} is refused: {why}. Choose another model, or export this one again."
        ) from why


def _model(data: memoryview) -> None:
    graphs = 0
    for number, value in _fields(data):
        if number in (_FUNCTIONS, _TRAINING):
            raise _Refused("it brings functions or a training of its own")
        if number == 7:
            graphs += 1
            _graph(_part(value))
    if not graphs:
        raise _Refused("it is no ONNX file")


def _graph(data: memoryview) -> None:
    nodes = 0
    for number, value in _fields(data):
        if number == 1:
            nodes += 1
            _node(_part(value))
        elif number == 5:
            _tensor(_part(value))
        elif number == _SPARSE:
            raise _Refused("it holds sparse numbers")
    if not 0 < nodes <= MOST_NODES:
        raise _Refused(f"it has {nodes} steps")


def _node(data: memoryview) -> None:
    operator, domain = "", ""
    for number, value in _fields(data):
        if number == 4:
            operator = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5:
            _attribute(_part(value))
    if operator not in OPERATORS or domain not in ("", "ai.onnx"):
        raise _Refused(f"it has the operator {'.'.join(filter(None, (domain, operator)))!r:.60}, which is not allowed")


def _attribute(data: memoryview) -> None:
    for number, value in _fields(data):
        if number in _GRAPH_ATTRIBUTES:
            raise _Refused("it has a graph within a graph")
        if number in (5, 10):
            _tensor(_part(value))


def _tensor(data: memoryview) -> None:
    dims: list[int] = []
    for number, value in _fields(data):
        if number in _EXTERNAL and value != 0:
            raise _Refused("it points to numbers in another file")
        if number == 1:
            dims += [value] if isinstance(value, int) else _varints(value)
    # half a byte is the smallest number that ONNX knows
    if prod(dims) > 2 * len(data):
        raise _Refused("it says that it holds more numbers than it does")


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind not in (_FIXED64, _BYTES, _FIXED32):
            raise _Refused("it is damaged")
        size, at = _varint(data, at) if kind == _BYTES else (8 if kind == _FIXED64 else 4, at)
        if size > len(data) - at:
            raise _Refused("it is damaged or cut off")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        number |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return number, at
    raise _Refused("it is damaged")


def _varints(data: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        numbers.append(number)
    return numbers


def _part(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise _Refused("it is damaged")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_part(value)).decode("utf-8", "replace")
