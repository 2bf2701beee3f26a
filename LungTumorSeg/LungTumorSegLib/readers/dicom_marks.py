"""What a DICOM header says of the patient, the acquisition and the time of a slice: what belongs together."""

import re
from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import Dataset

# Where slices of one region differ in one of these, they are of different volumes. Each with its name in enhanced files
_PHASE = (
    ("AcquisitionNumber", "FrameAcquisitionNumber"),
    ("TemporalPositionIdentifier", "TemporalPositionIndex"),
    ("NominalPercentageOfCardiacPhase", "NominalPercentageOfCardiacPhase"),
    ("TriggerTime", "NominalCardiacTriggerDelayTime"),
    ("NominalPercentageOfRespiratoryPhase", "NominalPercentageOfRespiratoryPhase"),
    ("IrradiationEventUID", "IrradiationEventUID"),
    ("ContrastBolusAgent", "ContrastBolusAgent"),
    ("KVP", "KVP"),
    ("SliceThickness", "SliceThickness"),
    ("ImageType", "FrameType"),
    ("PatientPosition", "PatientPosition"),
    ("SeriesNumber", "SeriesNumber"),
    ("SeriesDescription", "SeriesDescription"),
    ("StackID", "StackID"),
)
_TIME = (("AcquisitionDateTime", "FrameAcquisitionDateTime"), ("AcquisitionTime", "AcquisitionTime"))
TAGS = {keyword for pair in (*_PHASE, *_TIME) for keyword in pair} | {
    "AcquisitionDate", "ConcatenationUID", "InstanceNumber", "PatientBirthDate", "PatientID", "PatientName",
}  # fmt: skip

_WORD = re.compile(r"[^\W_]+")
Mark = tuple[bool, float, str]  # is missing, number, text: of any two one is the lesser


def phase(find: Callable[[str], object], path: Path, frame: int | None, concatenation: str | None) -> tuple[Mark, ...]:
    """What may tell apart slices of one region.

    Each multi-frame file is its own volume, if it is not one of several parts of a larger one.

    Args:
        find: a keyword's value.
        frame: None in a file of one slice.
        concatenation: ConcatenationUID of a multi-frame file.
    """
    marks = tuple(_mark(find(names[frame is not None])) for names in _PHASE)
    return (*marks, _mark(None if frame is None else concatenation or path))


def moment(find: Callable[[str], object], frame: int | None) -> float | None:
    """When the slice was taken, as a number that grows with time.

    Args:
        find: a keyword's value.
        frame: None in a file of one slice.

    Returns:
        None where that is not said.
    """
    moment, time = (str(find(names[frame is not None]) or "") for names in _TIME)
    return _number(moment or (f"{find('AcquisitionDate') or ''}{time}" if time else ""))


def number(find: Callable[[str], object], frame: int | None) -> float | None:
    """Its place in the order in which the slices were stored.

    Args:
        find: a keyword's value.
        frame: None in a file of one slice.

    Returns:
        None where that is not said.
    """
    return _number(str(find("InstanceNumber") or "")) if frame is None else float(frame)


def patient(dataset: Dataset) -> tuple[str, str, str]:
    """Who the patient is. To be compared, never shown.

    Returns:
        PatientID, name in capitals and birth date; empty where they are not said.
    """
    name = str(dataset.get("PatientName") or "").replace("^", " ")
    birth = str(dataset.get("PatientBirthDate") or "")
    return str(dataset.get("PatientID") or "").strip(), " ".join(name.upper().split()), birth


def without_patient(text: str, dataset: Dataset) -> str:
    """A description, or nothing where it holds a part of the patient's name, the id or the birth date."""
    found = text.upper()
    words = set(_WORD.findall(found))
    for secret in _WORD.findall(" ".join(patient(dataset)).upper()):
        inside = (len(secret) > 3 or not secret.isascii()) and secret in found
        if len(secret) > 1 and (inside or secret in words):
            return ""
    return text


def _mark(value: object) -> Mark:
    text = "" if value is None else str(value).strip()
    return not text, _number(text) or 0.0, text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
