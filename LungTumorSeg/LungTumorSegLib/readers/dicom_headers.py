"""DICOM files -> one record a slice: where it is, how its values become Hounsfield units, what it belongs to.

Classic files hold one slice, enhanced multi-frame files many; behind this file they look the same.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from ..errors import UnreadableError
from . import dicom_file, dicom_marks

_TAGS = [
    *sorted(dicom_marks.TAGS), "BodyPartExamined", "Columns", "ConvolutionKernel", "FrameOfReferenceUID",
    "ImageOrientationPatient", "ImagePositionPatient", "Modality", "ModalityLUTSequence", "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence", "PixelPaddingRangeLimit", "PixelPaddingValue", "PixelSpacing",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "Rows", "SOPClassUID", "SOPInstanceUID", "SamplesPerPixel",
    "SeriesInstanceUID", "SharedFunctionalGroupsSequence", "StudyInstanceUID",
]  # fmt: skip
_CT_CLASSES = (
    pydicom.uid.CTImageStorage,
    pydicom.uid.EnhancedCTImageStorage,
    pydicom.uid.LegacyConvertedEnhancedCTImageStorage,
)

_BELONGS_TO = ("StudyInstanceUID", "FrameOfReferenceUID", "ConvolutionKernel")


@dataclass(frozen=True)
class Slice:
    """One slice: where it is, how its values become Hounsfield units, what it belongs to.

    Attributes:
        frame: from 0 in a multi-frame file, else None.
        is_ct: by Modality, or by the class where an anonymiser blanked that.
        position_lps: mm; empty where the file doesn't say, as the next two.
        orientation: row, then column cosines.
        pixel_spacing: mm between rows, between columns.
        rescaled: whether the file has a rescale.
        by_table: a table stands in place of the rescale.
        padding: stored values outside of the picture, from one to the other.
        units: "HU", or another quantity that a CT scanner derives.
        phase: see `dicom_marks`, as for ``taken`` and ``number``.
        belongs_to: patient, study, frame of reference and kernel; slices that differ there make no volume together.
        words: description and region as they stand, to choose by, never to be shown: they may name the patient.
        facts: what describes the series, JSON-able, without what names the patient.
    """

    path: Path
    frame: int | None
    uid: str
    series_uid: str
    modality: str
    is_ct: bool
    image_type: tuple[str, ...]
    rows: int
    columns: int
    colour: bool
    position_lps: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    slope: float
    intercept: float
    rescaled: bool
    by_table: bool
    padding: tuple[int, int] | None
    units: str
    phase: tuple[dicom_marks.Mark, ...]
    taken: float | None
    number: float | None
    belongs_to: tuple[str, ...]
    words: str
    facts: dict


class DamagedHeaderError(UnreadableError):
    """The header of a DICOM file can't be read.

    Args:
        series_uid: of the file, as far as it can be read.
        message: where more is known than that it is damaged.
    """

    def __init__(self, path: Path, series_uid: str, message: str = "") -> None:
        super().__init__(message or f"The DICOM file {path.name} is damaged or cut off. Copy the series again.")
        self.series_uid = series_uid
        self.reason = "" if path.name in message else message.partition(". ")[0]


def is_dicom(path: Path) -> bool:
    """By the first bytes: the DICM mark, or (old files without it) a first element of group 0002 or 0008."""
    if not path.is_file():  # a link to nowhere
        return False
    with path.open("rb") as stream:
        head = stream.read(132)
    return head[128:] == b"DICM" or (head[:2] in (b"\2\0", b"\x08\0") and head[3:4] == b"\0" and len(head) == 132)


def slices(path: Path) -> list[Slice]:
    """The slices of one DICOM file.

    Returns:
        An empty list if the file is no picture.

    Raises:
        DamagedHeaderError: of a CT, or of a file that does not say what it is.
        OSError: the file can't be opened.
    """
    kind, series_uid, modality = None, "", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of harmless oddities in headers
            dataset = dicom_file.read(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
            kind = dataset.file_meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID")
            series_uid = str(dataset.get("SeriesInstanceUID") or "")
            modality = dataset.get("Modality")
            if not (dataset.preamble or kind):  # no DICOM at all
                return []
            if "Rows" not in dataset and kind and kind not in _CT_CLASSES:  # a report, a plan, contours, a DICOMDIR
                return []
            return _slices(path, dataset)
    except OSError:
        raise
    except Exception as error:  # pydicom meets damaged bytes with whatever its parsers raise
        if kind and kind not in _CT_CLASSES and modality != "CT":
            return []
        message = str(error) if isinstance(error, UnreadableError) else ""
        raise DamagedHeaderError(path, series_uid, message) from error


def _slices(path: Path, dataset: Dataset) -> list[Slice]:
    lost = next((name for name in ("SeriesInstanceUID", "Rows", "Columns") if not dataset.get(name)), None)
    if lost:
        raise UnreadableError(
            f"The DICOM file {path.name} has no {lost}: it is cut off, or a header without its picture. "
            "Copy or export the series again."
        )
    facts = {
        "series_number": _series_number(dataset),
        "description": _said(dataset, "SeriesDescription"),
        "body_part": _said(dataset, "BodyPartExamined"),
        "kernel": _said(dataset, "ConvolutionKernel"),
        "study_uid": str(dataset.get("StudyInstanceUID") or ""),
        "frame_of_reference_uid": str(dataset.get("FrameOfReferenceUID") or ""),
    }
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    frames = len(_frames(dataset))
    if frames > max(path.stat().st_size, 1):  # each takes more than a byte; the number is not believed
        raise UnreadableError(
            f"The DICOM file {path.name} says that it holds {frames} frames, more than it has room for. Export the "
            "series again."
        )
    if not groups:
        # an old multi-frame picture has frames but no groups: frames without a position
        return [_slice(path, k, dataset, [dataset], facts) for k in _frames(dataset)]
    if frames > len(groups):
        raise UnreadableError(
            f"The DICOM file {path.name} says that it holds {frames} frames and describes only {len(groups)} of them. "
            "Export the series again."
        )
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    return [_slice(path, k, dataset, [*_items([group]), *_items(shared)], facts) for k, group in enumerate(groups)]


def _said(dataset: Dataset, keyword: str) -> str:
    """For results and notes, which name no patient."""
    return dicom_marks.without_patient(str(dataset.get(keyword) or ""), dataset)


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    """The stored values that are no part of the picture, from one to the other."""
    value = dataset.get("PixelPaddingValue")
    limit = dataset.get("PixelPaddingRangeLimit")
    try:
        return None if value is None else (int(value), int(value if limit is None else limit))
    except (TypeError, ValueError):
        return None


def _series_number(dataset: Dataset) -> int:
    try:
        return int(dataset.get("SeriesNumber") or 0)
    except ValueError:  # letters are met with; the number only breaks ties
        return 0


def _frames(dataset: Dataset) -> Sequence[int | None]:
    frames = int(dataset.get("NumberOfFrames") or 1)
    return range(frames) if frames > 1 else [None]


def _items(groups: Iterable[Dataset]) -> list[Dataset]:
    """The macros of functional groups: each is a sequence of one item that holds the attributes."""
    return [element.value[0] for group in groups for element in group if element.VR == "SQ" and element.value]


def _slice(path: Path, frame: int | None, dataset: Dataset, places: list[Dataset], facts: dict) -> Slice:
    def find(keyword: str) -> object:
        return next((_loose(place, keyword) for place in places if keyword in place), None)

    def numbers(keyword: str, count: int) -> tuple[float, ...]:
        values = next((_numbers(place, keyword) for place in places if keyword in place), ())
        return values if len(values) == count else ()

    def number(keyword: str) -> float | None:
        values = numbers(keyword, 1)
        return values[0] if values else None

    slope, intercept = number("RescaleSlope"), number("RescaleIntercept")
    modality = str(dataset.get("Modality") or "").upper()
    kind = dataset.file_meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID")
    return Slice(
        path=path,
        frame=frame,
        uid=f"{dataset.get('SOPInstanceUID', path)}/{frame}",
        series_uid=str(dataset.SeriesInstanceUID),
        modality=modality,
        is_ct=modality == "CT" or (modality in ("", "OT") and kind in _CT_CLASSES),
        image_type=tuple(str(v).upper() for v in dataset.get("ImageType") or ()),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        colour=int(dataset.get("SamplesPerPixel") or 1) > 1,
        position_lps=numbers("ImagePositionPatient", 3),
        orientation=numbers("ImageOrientationPatient", 6),
        pixel_spacing=numbers("PixelSpacing", 2),
        slope=slope or 1.0,
        intercept=intercept or 0.0 if slope != 0 else 0.0,
        rescaled=intercept is not None and slope != 0,  # a slope of 0 is none
        by_table=intercept is None and bool(dataset.get("ModalityLUTSequence")),
        padding=_padding(dataset),
        units=_units(str(find("RescaleType") or "HU")),
        phase=dicom_marks.phase(find, path, frame, dataset.get("ConcatenationUID")),
        taken=dicom_marks.moment(find, frame),
        number=dicom_marks.number(find, frame),
        belongs_to=(*dicom_marks.patient(dataset), *(str(dataset.get(keyword) or "") for keyword in _BELONGS_TO)),
        words=f"{dataset.get('SeriesDescription') or ''} {dataset.get('BodyPartExamined') or ''}",
        facts={**facts, "slice_thickness_mm": _thickness(places)},
    )


def _loose(place: Dataset, keyword: str) -> object:
    """The value, or its text where it breaks the standard's rules for its type."""
    try:
        return place[keyword].value
    except (ValueError, TypeError, OverflowError):
        return place.get_item(keyword).value.decode("latin-1").strip()


def _numbers(place: Dataset, keyword: str) -> tuple[float, ...]:
    """With a decimal comma or a unit too, as some write them. UnreadableError, naming the tag, for anything else."""
    value = _loose(place, keyword)
    values = value.split("\\") if isinstance(value, str) else value if isinstance(value, Iterable) else [value]
    numbers = []
    for text in (str(v).strip() for v in values if v not in (None, "")):
        match = re.fullmatch(r"([-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*[A-Za-z]*", text)
        try:
            numbers.append(float(match[1].replace(",", ".") if match else ""))
        except ValueError:
            raise UnreadableError(f"{keyword} is {text!r}, which is no number. Export the series again.") from None
    return tuple(numbers)


def _thickness(places: list[Dataset]) -> float | None:
    """Nobody needs it: a thickness that is no number is none."""
    place = next((place for place in places if "SliceThickness" in place), None)
    try:
        return next(iter(_numbers(place, "SliceThickness")), None) if place is not None else None
    except UnreadableError:
        return None


def _units(text: str) -> str:
    """ "HU" however it is spelt, also where the type is not said; else the type in capitals."""
    letters = re.sub("[^A-Z]", "", text.upper())
    is_hu = letters in ("", "HU", "US", "HUMOD", "UNSPECIFIED") or re.match("HOU?N?D?S?FI", letters)
    return "HU" if is_hu else text.strip().upper()
