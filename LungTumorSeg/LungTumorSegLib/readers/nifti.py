"""The header of a NIfTI-1 file, as it is written: ITK hands out a repaired one (a spacing of 0 or NaN becomes 1).

Offsets: nifti1.h, https://nifti.nimh.nih.gov/nifti-1
"""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIZE = 348


@dataclass(frozen=True)
class NiftiHeader:
    """spacing_xyz: as stored, of any sign, in ``unit_mm``. qform, sform: whether there is one. sform_lps: 4x4, mm."""

    data_bytes: int
    spacing_xyz: tuple[float, float, float]
    unit_mm: float
    qform: bool
    sform: bool
    sform_lps: np.ndarray


def open_unpacked(path: Path):
    """The file as a stream of bytes, unzipped if need be."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def size_of(path: Path) -> int:
    """Bytes in the unzipped file, read to its end. OSError, EOFError or zlib.error where it is damaged."""
    with open_unpacked(path) as stream:
        return sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))


def read(path: Path) -> NiftiHeader | None:
    """None if the file has no NIfTI-1 header."""
    try:
        with open_unpacked(path) as stream:
            head = stream.read(SIZE)
    except (OSError, EOFError, zlib.error):
        return None
    order = next((o for o in "<>" if head[:4] == struct.pack(o + "i", SIZE)), None)
    if order is None or len(head) < SIZE:
        return None

    def field(form, offset):
        return struct.unpack_from(order + form, head, offset)

    axes, *shape = field("8h", 40)
    voxels = math.prod(max(1, n) for n in shape[: max(axes, 0)])
    unit = {1: 1000.0, 3: 0.001}.get(head[123] & 7, 1.0)  # metres, micrometres, else millimetres
    sform = np.vstack([np.reshape(field("12f", 280), (3, 4)), (0, 0, 0, 1)])
    return NiftiHeader(
        data_bytes=int(field("f", 108)[0]) + voxels * field("h", 72)[0] // 8,
        spacing_xyz=field("3f", 80),
        unit_mm=unit,
        qform=field("h", 252)[0] > 0,
        sform=field("h", 254)[0] > 0,
        sform_lps=np.diag([-unit, -unit, unit, 1]) @ sform,
    )
