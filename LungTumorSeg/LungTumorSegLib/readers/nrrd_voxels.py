"""The voxels of an NRRD file that ITK cannot read: a space whose name it does not know, an encoding that it lacks."""

import bz2
import gzip
import io
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np

from .nrrd_header import NrrdHeader, item_bytes
from .problems import damaged

# pynrrd unpacks only the first part of a file that was packed in parts, and skips bytes before it unpacks
_UNPACK: dict[str, Callable] = {"gz": gzip.open, "gzip": gzip.open, "bz2": bz2.open, "bzip2": bz2.open}


def read(path: Path, header: NrrdHeader) -> np.ndarray:
    """The voxels of an NRRD file.

    Returns:
        (z, y, x).

    Raises:
        UnreadableError: damaged or cut off.
    """
    files = header.files or [path]
    fields = {k: v for k, v in header.fields.items() if k not in ("data file", "datafile")}
    fields |= {"sizes": np.array([prod(header.shape_zyx) // len(files)]), "dimension": 1}
    try:
        parts = [_part(file, 0 if header.files else header.end, dict(fields)) for file in files]
        return np.concatenate(parts).reshape(header.shape_zyx)
    except Exception as error:  # NRRDError, or whatever unpacking damaged bytes raises
        raise damaged(path) from error


def _part(file: Path, start: int, fields: dict) -> np.ndarray:
    """The voxels in one file, in their order."""
    import nrrd  # not part of Slicer, which reads files itself

    with file.open("rb") as stream:
        stream.seek(start)
        unpack = _UNPACK.get(fields["encoding"])
        if unpack is None:
            return nrrd.read_data(fields, stream, str(file), index_order="C")
        for _ in range(fields.pop("line skip", fields.pop("lineskip", 0))):
            if not stream.readline():
                break
        skipped = fields.get("byte skip", fields.get("byteskip", 0))
        if skipped < 0:  # NRRD has that for raw voxels alone
            raise damaged(file)
        # no more than is wanted: a small file can unpack to a thousand times its size
        wanted = int(fields["sizes"][0]) * item_bytes(fields) + min(skipped, file.stat().st_size)
        unpacked = io.BytesIO(unpack(stream).read(wanted))
        return nrrd.read_data(fields | {"encoding": "raw"}, unpacked, str(file), index_order="C")
