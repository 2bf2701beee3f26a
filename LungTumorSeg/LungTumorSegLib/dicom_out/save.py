"""A result's files with its DICOM objects among them, all or none."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..data import CT, Result
from ..enums import DicomObject
from ..writers import result_files
from .export import prepare


def save_dicom(
    result: Result,
    ct: CT,
    folder: Path,
    objects: Collection[DicomObject | str] = (DicomObject.SEG, DicomObject.SR),
    *,
    names: Mapping[int, str] | None = None,
    drawn: Collection[int] = (),
    reviewed: bool = False,
    **options: Any,
) -> list[Path]:
    """`result_files.save` with DICOM objects among the files.

    Where no lesion is listed and accepted there is no object.

    Args:
        folder: As in `result_files.save`.
        objects: Of ``seg``, which is always written, ``sr`` and ``probability``.
        names: As in `result_files.save`.
        drawn: As in `result_files.save`.
        reviewed: A person accepted every listed lesion; else the objects say "not reviewed".
        **options: As in `result_files.save`.

    Returns:
        The files.

    Raises:
        OutputError: As `result_files.save` does. Nothing is written then.
        InputError: As `export.prepare` does. Nothing is written then.
        GeometryError: As `export.prepare` does. Nothing is written then.
    """
    export = prepare(ct, [DicomObject(name) for name in objects])
    also = partial(export.write, result=result, names=names, drawn=drawn, reviewed=reviewed)
    return result_files.save(result, ct, folder, names=names, drawn=drawn, also=[also], **options)
