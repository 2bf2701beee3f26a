"""`slicer.dicomDatabase`, as far as the module and the documentation ask it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import pydicom

_KNOWN = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality")


class DICOMDatabase:
    """CTK's Libs/DICOM/Core/ctkDICOMDatabase.h: lists of identifiers, "" or an empty list for what it lacks.

    A patient's identifier is a number of the database, not the PatientID.
    """

    __slots__ = ("_files", "_paths")

    def __init__(self, paths: dict[str, str]):
        self._paths, self._files = paths, {}

    @classmethod
    def of_files(cls, files: Iterable[Path]) -> Self:
        read = {str(f): pydicom.dcmread(f, stop_before_pixels=True, specific_tags=list(_KNOWN)) for f in sorted(files)}
        made = cls({str(header.SOPInstanceUID): path for path, header in read.items()})
        made._files = read
        return made

    def fileForInstance(self, sopInstanceUID: str) -> str:
        return self._paths.get(sopInstanceUID, "")

    def patients(self) -> list[str]:
        return [str(number) for number, _ in enumerate(self._patient_ids(), 1)]

    def studiesForPatient(self, patientUID: str) -> list[str]:
        return self._values("StudyInstanceUID", "PatientID", self._patient_ids()[int(patientUID) - 1])

    def seriesForStudy(self, studyUID: str) -> list[str]:
        return self._values("SeriesInstanceUID", "StudyInstanceUID", studyUID)

    def filesForSeries(self, seriesUID: str) -> list[str]:
        return [path for path, header in self._files.items() if header.SeriesInstanceUID == seriesUID]

    def fileValue(self, fileName: str, tag: str) -> str:
        """tag: "gggg,eeee" in hexadecimal digits."""
        group, element = (int(half, 16) for half in tag.split(","))
        return str(self._files[fileName][group, element].value)

    def _patient_ids(self) -> list[str]:
        return list(dict.fromkeys(str(header.PatientID) for header in self._files.values()))

    def _values(self, keyword: str, of: str, value: str) -> list[str]:
        found = (header for header in self._files.values() if header[of].value == value)
        return list(dict.fromkeys(str(header[keyword].value) for header in found))
