"""The DICOM files of a volume that was loaded from Slicer's DICOM database, and new ones for that database."""

from collections.abc import Sequence
from pathlib import Path

import slicer

from ...errors import OutputError, UnreadableError

# what DICOMScalarVolumePlugin puts on a volume: its instances' UIDs, between blanks
_ATTRIBUTE = "DICOM.instanceUIDs"


def is_from_database(volume) -> bool:
    """Whether a volume node was loaded from the database. Its files may have left it since."""
    return bool((volume.GetAttribute(_ATTRIBUTE) or "").split())


def frames(volume) -> tuple[tuple[Path, int | None], ...]:
    """`CT.frames` of a volume node.

    Returns:
        Files and frames; empty for a volume that was not loaded from the database.

    Raises:
        UnreadableError: The database is closed, or has no such files any more.
    """
    if not is_from_database(volume):
        return ()
    from ...readers import dicom_headers  # pydicom, which the panel can do without

    database = _open_database()
    paths = [Path(database.fileForInstance(uid) or "?") for uid in volume.GetAttribute(_ATTRIBUTE).split()]
    if not all(path.is_file() for path in paths):
        raise UnreadableError(
            f'DICOM files of "{volume.GetName()}" are not in Slicer\'s DICOM database any more. Import the series '
            "again, or save without DICOM objects."
        )
    return tuple((s.path, s.frame) for path in paths for s in dicom_headers.slices(path))


def acquisition(volume):
    """When a volume node was taken and of whom, as the database's files say: a `readers.acquisition.Acquisition`.

    It is empty where the volume was not loaded from the database, or the database is closed or has lost the files.
    """
    from ...readers.acquisition import Acquisition, acquisition_of  # pydicom, which the panel can do without

    database = getattr(slicer, "dicomDatabase", None)
    if not is_from_database(volume) or database is None or not database.isOpen:
        return Acquisition()
    path = database.fileForInstance(volume.GetAttribute(_ATTRIBUTE).split()[0])
    return acquisition_of(Path(path)) if path else Acquisition()


def add_to_database(paths: Sequence[Path]):
    """Copy DICOM files into the database; the DICOM browser shows them.

    The calls are those of Slicer's Modules/Scripted/DICOMPlugins/DICOMSegmentationPlugin.py (insert) and
    Modules/Scripted/DICOM/DICOM.py (databaseChanged). `insert` of CTK's ctkDICOMDatabase only logs what it can't do, so
    the database is asked afterwards.

    Raises:
        OutputError: The database lacks one of the files.
        UnreadableError: The database is closed.
    """
    import pydicom

    database = _open_database()
    database.prepareInsert()
    for path in paths:
        database.insert(str(path))
    database.updateDisplayedFields()
    database.databaseChanged()
    uids = [pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID for path in paths]
    lacking = [path for path, uid in zip(paths, uids, strict=True) if not database.fileForInstance(uid)]
    if lacking:
        raise OutputError(
            f"The results are saved in {paths[0].parent}, but Slicer's DICOM database did not take "
            f"{', '.join(path.name for path in lacking)} (a full disk?). Import that folder in the module DICOM."
        )


def _open_database():
    database = getattr(slicer, "dicomDatabase", None)  # the module DICOM makes it
    if database is None or not database.isOpen:
        raise UnreadableError(
            "Slicer's DICOM database is not open. Open the module DICOM once, or save without DICOM objects."
        )
    return database
