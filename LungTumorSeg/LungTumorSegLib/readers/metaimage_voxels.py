"""The voxels of a MetaImage.

ITK (5.4, tried) is not asked for them: of compressed voxels that are too few, and of a list of too few files, it reads
what there is and fills the rest with whatever is in memory.
"""

import zlib
from math import prod
from pathlib import Path

import numpy as np

from ..errors import UnreadableError
from . import data_files
from .metaimage_header import MetaHeader
from .problems import beyond, check_size, damaged

# a long has 4 bytes there on every machine
_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip

_LETTERS = 32  # of a number that is written as text, with what lies between


def read(path: Path, header: MetaHeader, shape_zyx: tuple[int, ...]) -> tuple[np.ndarray, list[str]]:
    """The voxels of a MetaImage.

    Returns:
        (z, y, x) with the file's rescale, and warnings.

    Raises:
        UnreadableError: damaged, cut off, a file is missing, a type that can't be read.
    """
    name = header.fields.get("ElementType", "")
    if name not in _TYPES:
        raise UnreadableError(
            f"The voxels of {path.name} are of the type {name}, which can't be read. Export it again."
        )
    dtype = np.dtype(_TYPES[name])
    if header.says("BinaryDataByteOrderMSB", "ElementByteOrderMSB"):
        dtype = dtype.newbyteorder(">")
    text = "BinaryData" in header.fields and not header.says("BinaryData")
    files, count = _files(path, header), prod(shape_zyx)
    held, packed = sum(file.stat().st_size for file in files), header.says("CompressedData")
    check_size(path, count, 1 if text else dtype.itemsize, held, packed)
    try:
        size = count * (_LETTERS if text else dtype.itemsize) // len(files)
        content = b"".join(_content(path, file, header, size) for file in files)
        array = (
            np.array(content.split(), dtype) if text else np.frombuffer(content, dtype, len(content) // dtype.itemsize)
        )
    except (OSError, ValueError, zlib.error) as error:
        raise damaged(path) from error
    if array.size < count:
        raise damaged(path)
    notes = beyond(path, array.size - count, shape_zyx)
    array = array[:count].reshape(shape_zyx).astype(dtype.newbyteorder("="), copy=False)
    return _rescaled(path, header, array, notes)


def _files(path: Path, header: MetaHeader) -> list[Path]:
    if header.data.upper() == "LOCAL":
        return [path]
    listed = (
        path.read_bytes()[header.end :].decode("utf-8", "surrogateescape") if data_files.is_list(header.data) else ""
    )
    return data_files.beside(path, header.data, listed.splitlines())


def _content(path: Path, file: Path, header: MetaHeader, size: int) -> bytes:
    """Of one file, unpacked. size: how many bytes it should hold then."""
    skip = header.end if file == path else int(header.fields.get("HeaderSize", 0))
    packed = header.says("CompressedData")
    with file.open("rb") as stream:
        if skip < 0 and not packed:  # the voxels are what stands at the end
            stream.seek(-size, 2)
        else:
            stream.seek(max(skip, 0))
        if not packed:
            return stream.read()
        unpacked, whole = bytearray(), zlib.decompressobj(wbits=47)  # zlib or gzip, told by its first bytes
        # what is beyond is counted, but not for ever: a small file can unpack to a thousand times its size
        most = 2 * size + (1 << 20)
        while not whole.eof and (chunk := whole.unconsumed_tail or stream.read(1 << 20)):
            unpacked += whole.decompress(chunk, most + 1 - len(unpacked))
            if len(unpacked) > most:
                raise damaged(file)
    if not whole.eof:
        raise damaged(file)
    return bytes(unpacked)


def _rescaled(path: Path, header: MetaHeader, array: np.ndarray, notes: list[str]) -> tuple[np.ndarray, list[str]]:
    keys = ("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset")
    try:
        slope, offset = (float(header.fields.get(key, usual)) for key, usual in zip(keys, (1, 0), strict=True))
    except ValueError as error:
        raise damaged(path) from error
    if (slope, offset) in ((1.0, 0.0), (0.0, 0.0)):
        return array, notes
    note = f"The rescale of {path.name} was applied (slope {slope:g}, {offset:+g}); 3D Slicer does not apply it."
    return array.astype(np.float32) * np.float32(slope) + np.float32(offset), [*notes, note]
