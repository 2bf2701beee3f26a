"""DICOM files compressed as archives do it, frame by frame. imagecodecs encodes, pydicom encapsulates."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels.encoders import RLELosslessEncoder


def _jpeg_2000(signed: bool | None = None, **how) -> Callable:
    """signed: what the stream says of itself; without it what the values are."""

    def encode(frame, bits):
        kind = frame.dtype.kind if signed is None else "i" if signed else "u"
        values = frame if kind == "i" else _bits(frame, bits)
        values = values.astype(f"{kind}{frame.itemsize}")
        return imagecodecs.jpeg2k_encode(values, level=0, codecformat="j2k", bitspersample=bits, **how)

    return encode


def _unsigned(encode: Callable) -> Callable:
    """Streams that know no sign hold the bits."""
    return lambda frame, bits: encode(_bits(frame, bits), bits)


def _bits(frame, bits):
    return (frame.astype(np.int64) & ((1 << bits) - 1)).astype(f"u{frame.itemsize}")


def _rle(frame, bits):
    return RLELosslessEncoder.encode(
        frame.tobytes(),
        rows=frame.shape[0], columns=frame.shape[1], number_of_frames=1, samples_per_pixel=1,
        bits_allocated=8 * frame.itemsize, bits_stored=8 * frame.itemsize,
        pixel_representation=int(frame.dtype.kind == "i"), photometric_interpretation="MONOCHROME2",
    )  # fmt: skip


# name -> transfer syntax, how a frame is encoded (array, bits stored). All without loss
LOSSLESS = {
    "RLE": (uid.RLELossless, _rle),
    "JPEG lossless": (uid.JPEGLosslessSV1, _unsigned(lambda f, b: imagecodecs.ljpeg_encode(f, bitspersample=b))),
    "JPEG lossless 14": (uid.JPEGLossless, _unsigned(lambda f, b: imagecodecs.ljpeg_encode(f, bitspersample=b))),
    "JPEG-LS": (uid.JPEGLSLossless, _unsigned(lambda f, b: imagecodecs.jpegls_encode(f))),
    "JPEG-LS near": (uid.JPEGLSNearLossless, _unsigned(lambda f, b: imagecodecs.jpegls_encode(f, level=0))),
    "JPEG 2000": (uid.JPEG2000Lossless, _jpeg_2000(reversible=True)),
    "JPEG 2000 lossy": (uid.JPEG2000, _jpeg_2000(reversible=True)),
    "HTJ2K": (uid.HTJ2KLossless, _unsigned(lambda f, b: imagecodecs.htj2k_encode(f, reversible=True))),
}
# the same with loss; of 12 bits at most
LOSSY = {
    "JPEG extended": (uid.JPEGExtended12Bit, lambda f, b: imagecodecs.jpeg_encode(f, bitspersample=12, level=98)),
    "JPEG-LS near": (uid.JPEGLSNearLossless, lambda f, b: imagecodecs.jpegls_encode(f, level=2)),
    "JPEG 2000": (uid.JPEG2000, lambda f, b: imagecodecs.jpeg2k_encode(f, 60, codecformat="j2k", bitspersample=b)),
}
JPEG_2000_SIGNED, JPEG_2000_UNSIGNED = (
    (uid.JPEG2000Lossless, _jpeg_2000(signed, reversible=True)) for signed in (True, False)
)


def compress(path: Path, syntax: uid.UID, encode: Callable, table: str = "basic", fragments: int = 1) -> Path:
    """Rewrite a file, one frame or many, in place.

    table: of the frames' offsets: basic, none, or extended. fragments: the parts that each frame is cut into.
    """
    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    streams = [encode(frame, dataset.BitsStored) for frame in frames]
    if table == "extended":
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(
            streams
        )
    else:
        dataset.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=table == "basic")
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)
    return path


def stored_as(path: Path, bits: int, signed: bool) -> Path:
    """Rewrite a file of 16 signed bits in place: the same values in so many bits, with a sign or without."""
    dataset = pydicom.dcmread(path)
    values = dataset.pixel_array
    top = (1 << (bits - signed)) - 1
    if values.min() < (-top - 1 if signed else 0) or values.max() > top:
        raise ValueError(f"{values.min()} to {values.max()} does not fit into {bits} bits.")
    dataset.PixelData = values.astype(np.int16 if signed else np.uint16).tobytes()
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, int(signed)
    dataset.save_as(path)
    return path
