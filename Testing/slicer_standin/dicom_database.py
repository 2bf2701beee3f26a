"""`slicer.dicomDatabase`, as far as the module and the documentation ask it."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pydicom

_KNOWN = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality")


class DICOMDatabase:
    """CTK's Libs/DICOM/Core/ctkDICOMDatabase.h and .cpp: lists of identifiers, "" or an empty list for what it lacks.

    A patient's identifier is a number of the database, not the PatientID. A path is a QString: PythonQt takes a str, no
    Path. `insert` copies the file into the database's folder and keeps the copy; what it can't read, copy or place it
    logs, and returns nothing. Stricter: a patient's ID is needed, where CTK takes the study's UID; inserting without
    `prepareInsert` before, which CTK's header asks for, raises, as does `databaseChanged` with displayed fields that
    are out of date.
    """

    __slots__ = ("_fields_current", "_files", "_folder", "_paths", "_prepared", "isOpen")

    def __init__(self, paths: dict[str, str], folder: Path | None = None):
        self._paths, self._files, self._folder, self.isOpen = dict(paths), {}, folder, True
        self._prepared, self._fields_current = False, True

    def fileForInstance(self, sopInstanceUID: str) -> str:
        self._check(sopInstanceUID)
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

    def prepareInsert(self):
        self._prepared = True

    def insert(self, filePath: str):
        self._check(filePath)
        if not self._prepared:
            raise RuntimeError("prepareInsert comes first")
        self._fields_current = False
        try:
            header = pydicom.dcmread(filePath, stop_before_pixels=True)
            if not all(header.get(name) for name in _KNOWN):
                return
            copy = self._folder / "dicom" / f"{header.SOPInstanceUID}.dcm"
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(filePath, copy)
        except (OSError, pydicom.errors.InvalidDicomError):
            return
        self._paths[header.SOPInstanceUID] = str(copy)
        self._files[str(copy)] = header

    def updateDisplayedFields(self):
        self._fields_current = True

    def databaseChanged(self):
        if not self._fields_current:
            raise RuntimeError("the browser would show the new series without its fields")

    def _check(self, text):
        if not self.isOpen:
            raise RuntimeError("the database is closed")
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no QString")

    def _patient_ids(self) -> list[str]:
        return list(dict.fromkeys(str(header.PatientID) for header in self._files.values()))

    def _values(self, keyword: str, of: str, value: str) -> list[str]:
        found = (header for header in self._files.values() if header[of].value == value)
        return list(dict.fromkeys(str(header[keyword].value) for header in found))


def database_of(files: Iterable[Path]) -> DICOMDatabase:
    """The database with these files, which stay where they are."""
    read = {str(f): pydicom.dcmread(f, stop_before_pixels=True, specific_tags=list(_KNOWN)) for f in sorted(files)}
    made = DICOMDatabase({str(header.SOPInstanceUID): path for path, header in read.items()})
    made._files = read
    return made
