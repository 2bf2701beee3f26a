"""The files that a user gets from a run, all of them or none."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from .. import record
from ..data import CT, Result
from ..errors import OutputError
from ..findings.measures import Measures
from ..findings.suggestions.nodule import Suggestion
from . import json_record, lesion_table, output_folder, seg_nrrd, suggestion_table

SEGMENTATION, TABLE, RECORD, PROBABILITY = "segmentation.seg.nrrd", "lesions.csv", "result.json", "probability.nrrd"
PICTURES = ("overview.png", "lesion_*.png")
REPORT = ("report.html", "report.pdf")
DICOM = ("seg.dcm", "probability.dcm", "sr.dcm")
ALWAYS = (SEGMENTATION, TABLE, RECORD)
# in the order in which they move into the folder: where result.json is, the result is whole
FILES = (SEGMENTATION, TABLE, suggestion_table.FILE, PROBABILITY, *PICTURES, *REPORT, *DICOM, RECORD)


def holds_result(folder: Path) -> bool:
    """Whether a run has recorded a result there, which `save` can overwrite."""
    return bool(output_folder.earlier(folder, FILES))


def check_writable(folder: Path, overwrite: bool = False) -> None:
    """Raise now what `save` would raise of ``folder`` after minutes of work. Leaves nothing behind.

    Raises:
        OutputError: `save` could not write to ``folder``.
    """
    output_folder.check_writable(Path(folder), FILES, ALWAYS, overwrite)


def reserved(folder: Path, overwrite: bool = False, also: Collection[str] = ()) -> AbstractContextManager[None]:
    """Keep ``folder`` for a run until `save` has written into it.

    Args:
        overwrite: As in `save`.
        also: What it will write beside `ALWAYS`.

    Raises:
        OutputError: As `check_writable`, and where another run has the folder.
    """
    return output_folder.reserved(Path(folder), FILES, (*ALWAYS, *also), overwrite)


def save(
    result: Result,
    ct: CT,
    folder: Path,
    overwrite: bool = False,
    with_pictures: bool = False,
    *,
    names: Mapping[int, str] | None = None,
    smooth_mm: float = 0.0,
    drawn: Collection[int] = (),
    identify: bool = False,
    measured: Sequence[Measures] | None = None,
    suggestions: Mapping[int, Sequence[Suggestion]] | None = None,
    also: Sequence[Callable[[Path], object]] = (),
) -> list[Path]:
    """Write the result into a folder, all of its files or none.

    ``segmentation.seg.nrrd`` (see `seg_nrrd`), ``lesions.csv`` (`lesion_table`), ``result.json`` (`json_record`);
    ``probability.nrrd`` (uint8, round(255 p), on the CT's grid) if the result has the map; ``*.png`` if asked for;
    ``suggestions.csv`` of suggestions. names, smooth_mm and drawn are what the user did: a `Result` does not know them.

    Long because each option is described.

    Args:
        folder: Made if need be.
        overwrite: Replace an earlier result in ``folder``; without it such a result is an error.
        with_pictures: Write the ``*.png``.
        names: By lesion id.
        smooth_mm: The sigma with which the probability was smoothed, mm.
        drawn: The ids of the lesions drawn by hand.
        identify: ``result.json`` names the CT by its path too.
        measured: `Measures` of each of ``result.outlines``, where they are known already.
        suggestions: Of `suggested`, by lesion id; also in ``result.json``.
        also: Each writes further files of `FILES` into the folder that it gets (see `dicom_out`, `report`).

    Returns:
        The files.

    Raises:
        OutputError: No permission, disk full, path too long, a file of that name, an earlier result and not
            ``overwrite``, a run that writes there. The folder is then as it was.
    """
    from ..findings.measuring import measures_of  # brings packages that Slicer lacks until they are installed

    folder = Path(folder)
    with output_folder.all_or_nothing(folder, FILES, overwrite) as part:
        if measured is None:
            measured = measures_of(result, ct, smooth_mm, drawn)
        seg_nrrd.write(part / SEGMENTATION, result, names, drawn)
        lesion_table.write_csv(part / TABLE, result, ct.name, measured, names)
        if result.probability is not None:
            content = {"content": "probability of tumour times 255"}
            seg_nrrd.write_nrrd(part / PROBABILITY, result.probability, seg_nrrd.grid_header(result.geometry) | content)
        if suggestions is not None:
            suggestion_table.write_csv(part / suggestion_table.FILE, suggestions)
        if with_pictures:
            _write_pictures(part, result, ct, names)
        for write in also:
            write(part)
        written = sorted([*(path.name for path in part.iterdir()), RECORD])
        about = names, smooth_mm, written, identify, suggestions
        record.write(part / RECORD, json_record.user_record(result, ct, measured, *about))
    return [folder / name for name in written]


def _write_pictures(folder: Path, result: Result, ct: CT, names: Mapping[int, str] | None) -> None:
    try:
        from . import pictures  # here, since Slicer does not bring matplotlib along
    except ModuleNotFoundError as error:
        raise OutputError(
            f"The pictures need {error.name}, which is not installed. Install it, or save without."
        ) from None
    pictures.write(folder, result, ct, names)
