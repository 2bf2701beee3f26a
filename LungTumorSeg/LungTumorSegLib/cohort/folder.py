"""The cases of a folder: each image is one, and each DICOM study, in any nesting."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..data import Options
from ..errors import UnreadableError
from ..readers import dicom_folder, dicom_studies, image_files
from ..readers.dicom_studies import Study
from ..readers.paths import shown
from ..writers import result_files
from . import kept
from .cases import Case, clean_name, mark, stem, with_own_names


def cases(folder: Path, options: Options, reading: dict[str, Any], output: Path) -> list[Case]:
    """One case for each NRRD, NIfTI or MetaImage file, and for each DICOM study; `read_ct` chooses its series.

    What is of the cohort in ``output``, lies in the folder of a result or is a segmentation (``.seg.nrrd``) is no case,
    nor what is of another kind.

    Args:
        folder: With its subfolders.
        options: Of all cases.
        reading: Of all cases, further arguments of `read_ct`.
        output: The cohort's folder.

    Returns:
        The cases, sorted by name.

    Raises:
        UnreadableError: Not one is there.
    """
    files, tables = dicom_folder.files_in(folder)
    images: list[Path] = []
    others: list[Path] = []
    for file in _no_results(files, output):
        (images if _is_image(file) else others).append(file)
    found = [_of_image(folder, file, options, reading) for file in images]
    found += [_of_study(folder, study, options, reading) for study in dicom_studies.studies(folder, others, tables)]
    if not found:
        raise UnreadableError(f"There is no CT in {folder}: no NRRD, NIfTI or MetaImage file and no DICOM study.")
    return sorted(with_own_names(found), key=lambda case: case.name)


def _no_results(files: list[Path], output: Path) -> Iterator[Path]:
    own = [output.resolve() / name for name in (kept.CASES, kept.IN_WORK)]
    records = (file.parent for file in files if file.name == result_files.RECORD)
    results = {place for place in records if result_files.holds_result(place)}
    for file in files:
        ours = file.parent in results or any(map(file.resolve().is_relative_to, own))
        if not (ours or file.name.endswith(".seg.nrrd")):
            yield file


def _is_image(file: Path) -> bool:
    if file.suffix.lower() == ".img" and file.with_suffix(".hdr").is_file():  # the header is the case
        return False
    try:
        return image_files.kind(file) is not None
    except OSError:  # a link to nowhere, or no permission
        return file.name.lower().endswith(tuple(image_files.SUFFIXES))


def _of_image(folder: Path, file: Path, options: Options, reading: dict[str, Any]) -> Case:
    inside = file.relative_to(folder)
    name = clean_name("_".join((*inside.parts[:-1], stem(inside.name))))
    return Case(name, file, shown(inside), options, reading)


def _of_study(folder: Path, study: Study, options: Options, reading: dict[str, Any]) -> Case:
    inside = study.folder.relative_to(folder)
    name, label = "_".join(inside.parts) or study.folder.resolve().name, shown(inside)
    if study.only:
        name, label = f"{name}_{mark(study.uid)}", f"{label} ({study.uid})"
    return Case(clean_name(name), study.folder, label, options, {**reading, "only": study.only})
