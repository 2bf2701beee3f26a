"""The stored pixels of DICOM slices. Each file is opened once, each frame decoded alone.

pydicom takes the files apart; the GDCM in SimpleITK decodes what is compressed. pydicom 3.0 alone has no decoder for
lossless JPEG and JPEG-LS, and is off by half the range where a JPEG 2000 stream is signed and its header is not.
"""

import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.utils import get_j2k_parameters

from ..errors import UnreadableError
from . import dicom_file
from .dicom_headers import Slice

_JPEG_2000 = (*uid.JPEG2000TransferSyntaxes, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
_COMPRESSED = (*uid.JPEGTransferSyntaxes, *uid.JPEGLSTransferSyntaxes, *_JPEG_2000, uid.RLELossless)
# what describes the pixels, and what it is where a file does not say
_DESCRIPTION = {
    "Rows": None, "Columns": None, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16, "BitsStored": None, "HighBit": None, "PixelRepresentation": 0,
}  # fmt: skip
_FLOATS = ("FloatPixelData", "DoubleFloatPixelData")
_HIGHEST_HU = 3071  # that 12 bits hold; more only in metal


def stored(slices: Sequence[Slice]) -> Iterator[tuple[int, np.ndarray | UnreadableError]]:
    """The values of slices before the rescale. File by file, so not in the order of the slices.

    Yields:
        For each slice its index and its values (y, x), or why they can't be read.
    """
    by_path = defaultdict(list)
    for i, s in enumerate(slices):
        by_path[s.path].append(i)
    with tempfile.TemporaryDirectory() as folder:
        for path, members in by_path.items():
            try:
                file = _File(path, Path(folder))
            except Exception as error:  # pydicom meets damaged bytes with whatever its parsers raise
                yield from ((i, _problem(path, error)) for i in members)
                continue
            for i in members:
                try:
                    yield i, file.pixels(slices[i])
                except Exception as error:  # as above
                    yield i, _problem(path, error)


def _problem(path: Path, error: Exception) -> UnreadableError:
    if isinstance(error, UnreadableError):
        return error
    problem = UnreadableError(
        f"The pixels of the DICOM file {path.name} can't be read: it is damaged or cut off. Copy the series again, or "
        "export it without compression."
    )
    problem.__cause__ = error
    return problem


class _File:
    """Frames of one file, as they are stored in it. folder: for the one that is decoded."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._alone = folder / "frame.dcm"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of harmless oddities in headers
            dataset = dicom_file.read(path, force=True)
            self._syntax = dataset.file_meta.get("TransferSyntaxUID") or uid.ImplicitVRLittleEndian
            compressed = self._syntax not in uid.UncompressedTransferSyntaxes
            if compressed and self._syntax not in _COMPRESSED:
                raise UnreadableError(
                    f"The pixels of the DICOM file {path.name} are compressed in a way that can't be read "
                    f"({self._syntax.name}). Export the series again without compression."
                )
            if floats := next((name for name in _FLOATS if name in dataset), None):
                raise UnreadableError(
                    f"The DICOM file {path.name} holds floating-point numbers ({floats}), which can't be read. Export "
                    "the series again as a CT with whole numbers."
                )
            self._description = {name: dataset.get(name, usual) for name, usual in _DESCRIPTION.items()}
            self._vr = dataset["PixelData"].VR
            self._encoded = _encoded(dataset) if compressed else None
            self._stored = memoryview(b"" if compressed else dataset.PixelData)
            _check_frames(path, dataset, self._encoded)

    def pixels(self, s: Slice) -> np.ndarray:
        picture, k = self._picture(), s.frame or 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self._encoded is not None:
                highest = (_HIGHEST_HU - s.intercept) / (s.slope or 1.0)
                pixels = _decoded(picture, self._encoded[k], self._alone, highest)
            else:
                size = prod((picture.Rows, picture.Columns, picture.SamplesPerPixel, picture.BitsAllocated // 8))
                data = bytes(self._stored[k * size : (k + 1) * size])
                picture.PixelData = data + bytes(len(data) % 2)
                picture["PixelData"].VR = self._vr
                pixels = _aligned_low(picture, self._description["HighBit"])
        if pixels.shape != (s.rows, s.columns):
            raise UnreadableError(f"The DICOM file {s.path.name} is damaged or cut off. Copy the series again.")
        return pixels

    def _picture(self) -> Dataset:
        """One frame as a picture of its own, without its pixels. It has no rescale, so they come as they are stored."""
        picture = Dataset()
        picture.file_meta = FileMetaDataset()
        picture.file_meta.TransferSyntaxUID = self._syntax
        picture.SOPClassUID = picture.file_meta.MediaStorageSOPClassUID = uid.SecondaryCaptureImageStorage
        picture.SOPInstanceUID = picture.file_meta.MediaStorageSOPInstanceUID = uid.UID("1.2.826.0.1.3680043.8.498")
        for name, value in self._description.items():
            setattr(picture, name, value)
        picture.BitsStored = picture.BitsStored or picture.BitsAllocated
        picture.HighBit = picture.BitsStored - 1
        return picture


def _check_frames(path: Path, dataset: Dataset, encoded: list[bytes] | None) -> None:
    """UnreadableError where a file of many frames holds more of them than it says."""
    said = int(dataset.get("NumberOfFrames") or 1)
    if encoded is not None:
        held = len(encoded)
    else:
        samples, bits = dataset.get("SamplesPerPixel", 1), dataset.get("BitsAllocated", 16)
        held = len(dataset.PixelData) // prod((dataset.Rows, dataset.Columns, samples, bits // 8))
    if held > said > 1:
        raise UnreadableError(
            f"The DICOM file {path.name} says that it holds {said} frames and holds {held}. Export the series again."
        )


def _aligned_low(picture: Dataset, high_bit: int | None) -> np.ndarray:
    """An uncompressed frame. Old scanners put 12 bits at the upper end of 16; some headers only say so."""
    beside = 0 if high_bit is None else high_bit - picture.HighBit
    if beside <= 0 or high_bit >= picture.BitsAllocated:
        return picture.pixel_array
    bits, picture.BitsStored, picture.HighBit = picture.BitsStored, picture.BitsAllocated, picture.BitsAllocated - 1
    whole = picture.pixel_array
    shifted = whole >> beside
    if not (whole & ((1 << beside) - 1)).any():
        return shifted
    above = picture.BitsAllocated - bits
    return (whole << above) >> above


def _encoded(dataset: Dataset) -> list[bytes]:
    """The compressed stream of each frame."""
    offsets = None
    if "ExtendedOffsetTable" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    frames = int(dataset.get("NumberOfFrames") or 1)
    return list(generate_frames(dataset.PixelData, number_of_frames=frames, extended_offsets=offsets))


def _decoded(picture: Dataset, stream: bytes, path: Path, highest: float) -> np.ndarray:
    """A compressed frame; ``path`` is where GDCM gets it from. JPEG 2000 says itself whether it has a sign.

    highest: stored value that is plausible.
    """
    signed, bits = bool(picture.PixelRepresentation), picture.BitsStored
    if picture.file_meta.TransferSyntaxUID in _JPEG_2000 and (said := get_j2k_parameters(stream)):
        picture.PixelRepresentation, picture.BitsStored = int(said["is_signed"]), said["precision"]
        picture.BitsAllocated = next(bits for bits in (8, 16, 32) if bits >= picture.BitsStored)
        picture.HighBit = picture.BitsStored - 1
    picture.PixelData = encapsulate([stream])
    picture["PixelData"].is_undefined_length = True
    if picture.file_meta.TransferSyntaxUID == uid.RLELossless:
        return picture.pixel_array  # 20 ms for 512 x 512, GDCM takes 55
    picture.save_as(path, enforce_file_format=True)
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path), imageIO="GDCMImageIO"))[0]
    if signed and not picture.PixelRepresentation:
        return _signed_where_needed(pixels, min(bits, picture.BitsStored), highest)
    return pixels


def _signed_where_needed(pixels: np.ndarray, bits: int, highest: float) -> np.ndarray:
    """Values of a stream without a sign whose header has one: as the stream says, unless they are too high for a CT.

    Then signed numbers were packed by their bits, and all that is below 0 came out high.
    """
    signed = (pixels.astype(np.int64) << (64 - bits) >> (64 - bits)).astype(f"i{pixels.itemsize}")
    return signed if np.count_nonzero(pixels > highest) > np.count_nonzero(signed > highest) else pixels
