"""What a folder or a disc holds: slices, and files that should be slices and can't be read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom

from ..errors import UnreadableError
from . import dicom_file, dicom_headers
from .dicom_headers import DamagedHeaderError, Slice


@dataclass(frozen=True)
class Contents:
    """What a folder or a disc holds.

    Attributes:
        slices: of the pictures.
        files: all that were looked at.
        damaged: those that can't be read, also those that only a DICOMDIR names.
    """

    slices: list[Slice]
    files: list[Path]
    damaged: dict[Path, DamagedHeaderError]


def look(path: Path, only: Sequence[Path] = ()) -> Contents:
    """What a folder holds, or the folder of a DICOMDIR, or that of a file as far as it belongs to the file's series.

    Args:
        only: the files of the folder that are looked at; all of them unless given.

    Raises:
        UnreadableError: no DICOM picture there, or none whose header is whole.
    """
    if path.is_file() and (path.name.upper() == "DICOMDIR" or _is_table(path)):
        path = path.parent
    alone = not path.is_dir()
    files, tables = (_beside(path), []) if alone else _apart(only) if only else files_in(path)
    own = _own(path) if alone else []
    slices, damaged, error = list(own), {}, None
    for file in files:
        if (alone and file == path) or not dicom_headers.is_dicom(file):
            continue
        try:
            slices += [s for s in dicom_headers.slices(file) if not own or s.series_uid == own[0].series_uid]
        except DamagedHeaderError as problem:
            damaged[file] = problem
            error = error or problem
    if not slices:
        if error:
            raise error
        what = f"none of its {len(files)} files is a DICOM picture" if files else "it is empty"
        if tables and not files:
            what = "the files that its DICOMDIR names are missing"
        raise UnreadableError(f"No DICOM series in the folder {path}: {what}. Choose the folder of a chest CT.")
    missing = {file: e for table in tables for file, e in _missing(table, slices, files).items()}
    return Contents(slices, [*files, *missing], damaged | missing)


def _own(path: Path) -> list[Slice]:
    slices = dicom_headers.slices(path) if dicom_headers.is_dicom(path) else []
    if not slices:
        raise UnreadableError(
            f"{path.name} is of an unknown kind, or no picture. A chest CT can be given as a DICOM folder, NRRD, NIfTI "
            "or MetaImage file."
        )
    return slices


def _beside(path: Path) -> list[Path]:
    """The files in the folder of a file and, if it is a link, in that of what it links to, but each only once."""
    real = path.resolve()
    files = [f for f in path.parent.iterdir() if f.is_file() or f.is_symlink()]
    known = {f.resolve() for f in files}
    return sorted(files) + sorted(f for f in real.parent.iterdir() if f.is_file() and f.resolve() not in known)


def files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """All files in a folder and the folders in it, behind links too, each folder once.

    Links to nowhere are files that are missing.

    Returns:
        The files, and the DICOMDIRs among them.
    """
    seen, files = set(), []
    for here, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(here)) in seen:
            folders.clear()
            continue
        seen.add(real)
        files += [Path(here, name) for name in names if not name.startswith(".")]
    return _apart(sorted(f for f in files if f.is_file() or (f.is_symlink() and not f.exists())))


def _apart(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Other files, and the DICOMDIRs."""
    tables = [f for f in files if f.name.upper() == "DICOMDIR"]
    return [f for f in files if f not in tables], tables


def _is_table(path: Path) -> bool:
    """A DICOMDIR of another name."""
    try:
        kind = pydicom.filereader.read_file_meta_info(path).get("MediaStorageSOPClassUID")
    except Exception:  # no DICOM, or damaged: whatever pydicom's parsers raise
        return False
    return kind == pydicom.uid.MediaStorageDirectoryStorage


def _missing(table: Path, slices: list[Slice], files: list[Path]) -> dict[Path, DamagedHeaderError]:
    """The pictures that a DICOMDIR names and that are not there, neither by their UID nor by their path.

    A table that can't be read names none: it can be out of date, and the files beside it are looked at anyway.
    """
    try:
        records = list(dicom_file.read(table).DirectoryRecordSequence)
    except Exception:  # whatever pydicom's parsers raise
        return {}
    there = {s.uid.partition("/")[0] for s in slices}
    paths = {str(f).lower() for f in files}
    missing, series_uid = {}, ""
    for record in records:
        if record.get("DirectoryRecordType") == "SERIES":
            series_uid = str(record.get("SeriesInstanceUID") or "")
        name = record.get("ReferencedFileID")
        if not name or record.get("ReferencedSOPInstanceUIDInFile") in there:
            continue
        file = table.parent.joinpath(*([name] if isinstance(name, str) else name))
        if str(file).lower() not in paths:
            missing[file] = DamagedHeaderError(file, series_uid)
    return missing
