"""When a CT was taken and whose it is, as its DICOM files say. For comparing CTs alone: no result holds the patient."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pydicom

from . import dicom_file, dicom_headers, dicom_marks

_DATES = ("AcquisitionDate", "AcquisitionDateTime", "SeriesDate", "StudyDate", "ContentDate")
_TAGS = [*_DATES, "PatientBirthDate", "PatientID", "PatientName", "SeriesInstanceUID"]


@dataclass(frozen=True)
class Acquisition:
    """When and of whom a CT was taken. Patient id and birth date are to be compared, never shown.

    Attributes:
        date: of the acquisition, else of series or study; None where it is not said.
        patient_id: empty where it is not said.
        birth_date: empty where it is not said.
    """

    date: datetime.date | None = None
    patient_id: str = ""
    birth_date: str = ""

    def is_of(self, other: "Acquisition") -> bool | None:
        """Whether both are of one patient.

        Returns:
            None where the files do not tell.
        """
        births = {self.birth_date, other.birth_date} - {""}
        if len(births) > 1:
            return False
        if self.patient_id and other.patient_id:
            return self.patient_id == other.patient_id
        return None


def acquisition(source: Mapping) -> Acquisition:
    """Of a CT, by its ``source``.

    Args:
        source: `CT.source`.

    Returns:
        An empty one where it was no DICOM series, or its files are gone or damaged.
    """
    uid = str(source.get("series_uid") or "")
    if not uid:
        return Acquisition()
    for file in _files(Path(source["path"])):
        try:
            found, series = _read(file)
            if series == uid.partition("#")[0]:
                # a series of several volumes may be of several patients
                return Acquisition(found.date) if "#" in uid else found
        except Exception:  # whatever pydicom's parsers raise on damaged bytes
            continue
    return Acquisition()


def acquisition_of(file: Path) -> Acquisition:
    """Of the CT that a DICOM file is of; an empty one where it is gone or damaged."""
    try:
        return _read(file)[0]
    except Exception:  # whatever pydicom's parsers raise on damaged bytes
        return Acquisition()


def _read(file: Path) -> tuple[Acquisition, str]:
    """With the series' UID."""
    dataset = dicom_file.read(file, stop_before_pixels=True, specific_tags=_TAGS, force=True)
    patient_id, _, birth = dicom_marks.patient(dataset)
    return Acquisition(_date(dataset), patient_id, birth), str(dataset.get("SeriesInstanceUID") or "")


def _files(path: Path) -> Iterable[Path]:
    if path.is_file() and path.name.upper() != "DICOMDIR":
        return [path]
    folder = path if path.is_dir() else path.parent
    return (file for file in sorted(folder.rglob("*")) if dicom_headers.is_dicom(file))


def _date(dataset: pydicom.Dataset) -> datetime.date | None:
    for keyword in _DATES:
        digits = str(dataset.get(keyword) or "").replace(".", "").replace("-", "")[:8]
        try:
            return datetime.datetime.strptime(digits, "%Y%m%d").date()
        except ValueError:
            continue
    return None
