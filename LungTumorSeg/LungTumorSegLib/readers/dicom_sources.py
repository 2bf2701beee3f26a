"""The DICOM instances that a CT was read from, without their pixels: what an object made from it refers to."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydicom import valuerep
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ..data import CT
from ..errors import InputError, UnreadableError
from . import dicom_file, dicom_headers
from .dicom_headers import Slice

_TYPES: dict[str, Callable[[str], object]] = {vr: getattr(valuerep, vr) for vr in ("DA", "TM", "DT", "IS", "DS")}
_TAGS = ["SOPClassUID", "SOPInstanceUID", "NumberOfFrames"]
_NEEDED = {
    "StudyInstanceUID": "of no study",
    "FrameOfReferenceUID": "in no frame of reference",
    "SOPClassUID": "of no known kind",
    "SOPInstanceUID": "without an identity",
}


@dataclass(frozen=True)
class Instance:
    """One file.

    Attributes:
        slices: those of the CT in it, in the file's order.
        frames: how many it holds; None if it is no multi-frame file.
    """

    class_uid: str
    uid: str
    frames: int | None
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Sources:
    """What a CT was read from.

    Attributes:
        header: of one file, without pixels, functional groups of frames, private elements, and values that break rules.
        instances: all of them.
    """

    header: Dataset
    instances: tuple[Instance, ...]


def read(ct: CT) -> Sources:
    """The instances of ``ct.frames``, each once. They hold the patient's name: nothing of them may be printed.

    Raises:
        InputError: the CT was not read from DICOM, or its files lack what an object has to refer to.
        UnreadableError: a file is gone, or another one than that which was read.
    """
    if not ct.frames:
        raise InputError(
            f"DICOM objects refer to the DICOM files of the CT, and {ct.name} was not read from DICOM "
            f"({ct.source.get('format', 'another source')}). Give the DICOM series, or write no DICOM objects."
        )
    wanted: dict[Path, set[int | None]] = {}
    for path, frame in ct.frames:
        wanted.setdefault(path, set()).add(frame)
    instances: dict[str, Instance] = {}
    for path, frames in wanted.items():
        instance = _instance(path, frames)
        instances.setdefault(instance.uid, instance)
    header = _header(next(iter(wanted)))
    for keyword, fault in _NEEDED.items():
        if not header.get(keyword):
            raise InputError(
                f"No DICOM object can be made from {ct.name}: its files are {fault} (no {keyword}). Export the series "
                "again, or write no DICOM objects."
            )
    return Sources(header, tuple(instances.values()))


def _instance(path: Path, frames: set[int | None]) -> Instance:
    slices = tuple(s for s in _reading(dicom_headers.slices, path) if s.frame in frames)
    if len(slices) != len(frames):
        raise UnreadableError(f"{path.name} has changed since the CT was read. Run the segmentation again.")
    dataset = _reading(dicom_file.read, path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
    count = None if slices[0].frame is None else int(dataset.NumberOfFrames)
    return Instance(str(dataset.get("SOPClassUID", "")), str(dataset.get("SOPInstanceUID", "")), count, slices)


def _header(path: Path) -> Dataset:
    header = _reading(dicom_file.read, path, stop_before_pixels=True, force=True)
    header.pop("PerFrameFunctionalGroupsSequence", None)
    return _readable(header)


def _readable(dataset: Dataset) -> Dataset:
    """The public elements whose values keep the rules of their type; the same of the items of sequences."""
    kept = Dataset()
    for tag in list(dataset.keys()):
        if tag.is_private:
            continue
        # a broken value is left out: an object that needs it is refused by the trial before the run
        with suppress(ValueError, TypeError, OverflowError, NotImplementedError):
            element = dataset[tag]
            if element.VR == "SQ":
                element = DataElement(tag, "SQ", Sequence(map(_readable, element.value)))
            elif element.VR in _TYPES:
                for value in element.value if element.VM > 1 else [element.value]:
                    _TYPES[element.VR](str(value or ""))
            kept.add(element)
    return kept


def _reading(reader, path: Path, **options):  # type: ignore[no-untyped-def]  # whatever the reader gives
    try:
        return reader(path, **options)
    except OSError as error:
        raise UnreadableError(
            f"{path.name} can't be read any more ({error.strerror or error}). Is the disc still in the drive?"
        ) from error
