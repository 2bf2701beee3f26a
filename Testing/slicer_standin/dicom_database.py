"""`slicer.dicomDatabase`, as far as the module asks it."""


class DICOMDatabase:
    """CTK's Libs/DICOM/Core/ctkDICOMDatabase.h: the path of an instance's file, "" for one that it lacks."""

    __slots__ = ("_paths",)

    def __init__(self, paths: dict[str, str]):
        self._paths = paths

    def fileForInstance(self, sopInstanceUID: str) -> str:
        return self._paths.get(sopInstanceUID, "")
