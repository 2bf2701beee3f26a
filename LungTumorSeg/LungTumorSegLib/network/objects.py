"""The DICOM files of a folder, as they are sent."""

from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.uid import UID, ImplicitVRLittleEndian

from ..errors import UnreadableError
from ..readers.dicom_headers import is_dicom

# service classes beside storage
VERIFICATION = UID("1.2.840.10008.1.1")
COMMITMENT = UID("1.2.840.10008.1.20.1")


@dataclass(frozen=True)
class Object:
    """A file, and what a server has to know of it before it comes.

    Attributes:
        class_uid: Of its SOP class.
        uid: Of its SOP instance.
        transfer_syntax: In which it is stored.
    """

    path: Path
    class_uid: UID
    uid: UID
    transfer_syntax: UID

    @property
    def syntaxes(self) -> list[UID]:
        """In which it can be sent: its own, and if that is not compressed the one that each server has to know."""
        own = [self.transfer_syntax]
        return own if self.transfer_syntax.is_encapsulated else list(dict.fromkeys([*own, ImplicitVRLittleEndian]))


def of(folder: Path) -> list[Object]:
    """The DICOM files that lie in the folder itself, by name.

    Raises:
        UnreadableError: No folder, none there, or a damaged one.
    """
    if not folder.is_dir():
        raise UnreadableError(f"There is no folder {folder}. Give the folder of a result with DICOM objects.")
    try:
        paths = [path for path in sorted(folder.iterdir()) if path.is_file() and is_dicom(path)]
    except OSError as error:
        raise UnreadableError(f"{folder} can't be read ({error.strerror or error}).") from error
    if not paths:
        raise UnreadableError(
            f"No DICOM object lies in {folder}. Write some with lungtumorseg segment and its option --dicom seg,sr."
        )
    return [_object(path) for path in paths]


def _object(path: Path) -> Object:
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        return Object(path, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID)
    except Exception as error:  # pydicom meets damaged bytes with whatever its parsers raise
        raise UnreadableError(f"{path.name} is a damaged DICOM file. Nothing was sent.") from error
