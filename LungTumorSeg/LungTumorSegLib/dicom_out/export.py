"""The DICOM objects of a result: checked before a run, written after it."""

import logging
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pydicom.dataset import Dataset

from ..data import CT, Result
from ..enums import DicomObject
from ..errors import InputError
from ..readers import dicom_sources
from ..readers.dicom_sources import Sources
from ..writers import result_files

FILES = dict(zip((DicomObject.SEG, DicomObject.PROBABILITY, DicomObject.SR), result_files.DICOM, strict=True))


@dataclass(frozen=True)
class Export:
    """Objects to be written.

    Attributes:
        ct: What was segmented.
        kinds: Which objects; ``seg`` is always written.
        sources: What they refer to, read before the run.
    """

    ct: CT
    kinds: frozenset[DicomObject]
    sources: Sources

    def write(
        self,
        folder: Path,
        result: Result,
        names: Mapping[int, str] | None = None,
        drawn: Collection[int] = (),
        reviewed: bool = False,
    ) -> list[Path]:
        """Write ``seg.dcm``, ``probability.dcm``, ``sr.dcm``.

        Nothing is written where no lesion is listed and accepted: a report without lesions would read as "none".

        Args:
            folder: An existing one.
            names: As in `result_files.save`.
            drawn: As in `result_files.save`.
            reviewed: A person accepted every listed lesion.

        Returns:
            The files.
        """
        # not before `prepare` has found highdicom
        from . import identity, probability_object, report, segmentation_object, source_images

        if not segmentation_object.reported(result):
            return []
        remark = identity.REVIEWED if reviewed else identity.REMARK
        paths = []
        with _in_silence():
            images = source_images.of(self.sources, self.ct)
            segmentation = segmentation_object.make(result, self.ct, images, names, drawn, remark)
            objects: dict[DicomObject, Dataset | None] = {DicomObject.SEG: segmentation}
            if DicomObject.PROBABILITY in self.kinds:
                objects[DicomObject.PROBABILITY] = probability_object.make(result, self.ct, images, remark)
            if DicomObject.SR in self.kinds:
                objects[DicomObject.SR] = report.make(result, images, segmentation, remark)
            for kind, made in objects.items():
                if made is not None:
                    path = folder / FILES[kind]
                    made.save_as(path, enforce_file_format=True)
                    paths.append(path)
        return paths


def check() -> None:
    """Look whether objects can be made at all.

    Raises:
        InputError: highdicom is not installed.
    """
    if find_spec("highdicom") is None:
        raise InputError("DICOM objects need highdicom, which is not installed. Install it with: pip install highdicom")


def prepare(ct: CT, kinds: Collection[DicomObject]) -> Export:
    """Everything that can stop the objects of a CT, before its segmentation: minutes of work are not lost to it.

    Args:
        kinds: The objects that are wanted.

    Raises:
        InputError: highdicom is not installed, the CT was not read from DICOM, its files lack what objects refer to or
            hold what no object can hold.
        UnreadableError: A file is gone, or another one than that which was read.
        GeometryError: The CT's grid is not made of the files' planes.
    """
    check()
    from . import segmentation_object, source_images

    with _in_silence():
        sources = dicom_sources.read(ct)
        images = source_images.of(sources, ct)
        segmentation_object.trial(ct, images)
    return Export(ct, frozenset(kinds), sources)


@contextmanager
def _in_silence() -> Iterator[None]:
    """pydicom and highdicom warn of odd values, with the patient's name among them."""
    log = logging.getLogger("highdicom")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
