"""The DICOM studies among many files, in any nesting."""

import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.filereader import read_partial

from . import dicom_headers

_UID = pydicom.tag.Tag(pydicom.datadict.tag_for_keyword("StudyInstanceUID"))  # type: ignore[arg-type]  # it is one


@dataclass(frozen=True)
class Study:
    """One study of a folder.

    Attributes:
        folder: the deepest that holds all of it.
        only: what `dicom_folder.look` is to look at, where the folder holds other studies too: its own files, and those
            that say nothing of their study.
    """

    uid: str
    folder: Path
    only: tuple[Path, ...] = ()


def studies(root: Path, files: Iterable[Path], tables: Sequence[Path] = ()) -> list[Study]:
    """The studies of files in ``root``, by folder and UID.

    Files without a study's UID make one with the others of their folder. Files that can't be read belong to the studies
    of their folder; in a folder without any they are a study, so that somebody hears of them.

    Args:
        files: those to look at.
        tables: the DICOMDIRs there.
    """
    by_uid, silent = defaultdict(list), defaultdict(list)
    for file in files:
        uid = study_uid(file)
        if uid is None:
            silent[file.parent].append(file)
        else:
            by_uid[uid or f"without a UID in {file.parent}"].append(file)
    known = {file.parent for members in by_uid.values() for file in members}
    for folder, members in silent.items():
        if folder not in known and any(map(dicom_headers.is_dicom, members)):
            by_uid[f"unreadable in {folder}"] = members
    under = _under(root, by_uid)
    found = [_study(root, uid, members, under, silent, tables) for uid, members in by_uid.items()]
    return sorted(found, key=lambda study: (study.folder, study.uid))


def _under(root: Path, by_uid: dict[str, list[Path]]) -> dict[Path, set[str]]:
    """The studies that lie in each folder or in the folders in it."""
    under = defaultdict(set)
    for uid, members in by_uid.items():
        for folder in {file.parent for file in members}:
            for above in (folder, *folder.parents):
                under[above].add(uid)
                if above == root:
                    break
    return under


def _study(
    root: Path,
    uid: str,
    members: list[Path],
    under: dict[Path, set[str]],
    silent: dict[Path, list[Path]],
    tables: Sequence[Path],
) -> Study:
    folders = {file.parent for file in members}
    folder = Path(os.path.commonpath(folders))
    # what a DICOMDIR names and is missing is told only by that table: it may lie above the pictures
    above = [table for table in tables if folder.is_relative_to(table.parent)]
    alone = [table.parent for table in above if len(under[table.parent]) == 1]
    if alone:
        return Study(uid, min(alone, key=lambda place: len(place.parts)))
    if len(under[folder]) == 1 and not above:
        return Study(uid, folder)
    others = [file for place in sorted(folders) for file in silent[place] if file not in members]
    return Study(uid, folder, (*members, *others, *above))


def study_uid(file: Path) -> str | None:
    """A file's StudyInstanceUID.

    Returns:
        Empty where the header has none; None for what is no DICOM or can't be read.
    """
    if not dicom_headers.is_dicom(file):
        return None
    try:
        with warnings.catch_warnings(), file.open("rb") as stream:
            warnings.simplefilter("ignore")  # of harmless oddities in headers
            # force: old files have no mark; nothing behind the UID is read
            header = read_partial(stream, lambda tag, vr, length: tag > _UID, force=True, specific_tags=[_UID])
            return str(header.get("StudyInstanceUID") or "").strip()
    except Exception:  # pydicom meets damaged bytes with whatever its parsers raise
        return None
