"""One case from its files to its lesions: the command's one CT, and each of a cohort."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .data import CT, Options, Progress, Result
from .dicom_out.export import Export
from .errors import InputError
from .findings.measuring import measures_of
from .findings.suggested import Asked, suggested_alone
from .model import limits
from .model.bundle import Bundle
from .model.engines.base import Predictor
from .readers.ct import read_ct
from .readers.dicom_series import name_the_choice
from .report.save import Report
from .segmentation import segment
from .writers import result_files

NO_OBJECT = "No DICOM object was written: no lesion is listed."


def read(path: Path, bundle: Bundle, reading: dict[str, Any]) -> tuple[CT, tuple[str, ...]]:
    """A CT, and the notes for the user on its files and on what the model was not made for.

    Args:
        reading: further arguments of `read_ct`.

    Raises:
        InputError: as of `read_ct`.
    """
    ct = read_ct(path, **reading)
    return ct, (*ct.source.get("warnings", ()), *limits.outside(ct.geometry, bundle.card))


def segmented(
    ct: CT,
    options: Options,
    bundle: Bundle,
    progress: Callable[[Progress], None] | None = None,
    engine: Predictor | None = None,
) -> Result:
    """What `segment` finds.

    Raises:
        LungTumorSegError: as of `segment`. An error of a DICOM series that was chosen among others names them.
    """
    try:
        return segment(ct, options, progress, engine=engine, bundle=bundle)
    except InputError as error:
        raise name_the_choice(error, ct.source) from error


def saved(
    result: Result,
    ct: CT,
    folder: Path,
    objects: Export | None,
    page: Report | None,
    guidelines: Asked | None = None,
    **writing: Any,
) -> tuple[list[Path], tuple[str, ...]]:
    """Write the result with its DICOM objects and its page, all or none.

    Args:
        folder: As in `result_files.save`.
        objects: What `export.prepare` made ready; None: no DICOM objects.
        page: What `report.save.prepare` made ready; None: no page.
        guidelines: What is asked of them; None: nothing.
        **writing: Further arguments of `result_files.save`.

    Returns:
        The files, and a note for the user where there is nothing that objects could speak of.

    Raises:
        OutputError: As `result_files.save` does.
    """
    measured = measures_of(result, ct)
    found = None if guidelines is None else suggested_alone(result, measured, guidelines)
    more: list[Callable[[Path], object]] = []
    if objects is not None:
        more.append(partial(objects.write, result=result))
    if page is not None:
        more.append(partial(page.write, result=result, ct=ct, measured=measured, suggestions=found))
    files = result_files.save(result, ct, folder, measured=measured, suggestions=found, also=more, **writing)
    return files, (NO_OBJECT,) if objects is not None and not result.lesions else ()
