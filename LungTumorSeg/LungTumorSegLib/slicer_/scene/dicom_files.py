"""The DICOM files of a volume that was loaded from Slicer's DICOM database."""

from pathlib import Path

import slicer

from ...errors import UnreadableError
from ...readers import dicom_headers

# what DICOMScalarVolumePlugin puts on a volume: its instances' UIDs, between blanks
_ATTRIBUTE = "DICOM.instanceUIDs"


def frames(volume) -> tuple[tuple[Path, int | None], ...]:
    """`CT.frames` of a volume node; empty for one that was not loaded from the database.

    UnreadableError: the database has no such files any more.
    """
    uids = (volume.GetAttribute(_ATTRIBUTE) or "").split()
    paths = [Path(slicer.dicomDatabase.fileForInstance(uid) or "?") for uid in uids]
    if not all(path.is_file() for path in paths):
        raise UnreadableError(
            f'DICOM files of "{volume.GetName()}" are not in Slicer\'s DICOM database any more. Import the series '
            "again, or save without DICOM objects."
        )
    return tuple((s.path, s.frame) for path in paths for s in dicom_headers.slices(path))
