"""A DICOM file as pydicom reads it, but for files that unpack to more than any CT holds.

pydicom unpacks a deflated file as a whole, for its header too, and DEFLATE makes up to 1032 bytes out of one.
"""

import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ..errors import UnreadableError
from .problems import check_memory

MOST_UNPACKED_BYTES = 1 << 31  # 4,000 slices of 512 x 512 pixels


def read(path: Path, **options: Any) -> FileDataset:
    """What `pydicom.dcmread` reads of a file.

    Args:
        options: of `pydicom.dcmread`.

    Raises:
        UnreadableError: it unpacks to more than any CT, or to more than there is memory for.
        Exception: whatever pydicom's parsers raise on damaged bytes.
    """
    _check_unpacked(path)
    return pydicom.dcmread(path, **options)


def _check_unpacked(path: Path) -> None:
    with path.open("rb") as stream:
        try:
            pydicom.filereader.read_preamble(stream, force=True)
            meta = pydicom.filereader._read_file_meta_info(stream)
        except Exception:  # whatever pydicom's parsers raise: reading raises it again
            return
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
        unpacking, held = zlib.decompressobj(wbits=-zlib.MAX_WBITS), 0
        while not unpacking.eof and (packed := unpacking.unconsumed_tail or stream.read(1 << 16)):
            held += len(unpacking.decompress(packed, 1 << 20))
            if held > MOST_UNPACKED_BYTES:
                raise UnreadableError(
                    f"The DICOM file {path.name} unpacks to more than {MOST_UNPACKED_BYTES / 1e9:.1f} GB, more than "
                    "any CT holds. Export the series again without compression."
                )
        check_memory(path.name, held)
