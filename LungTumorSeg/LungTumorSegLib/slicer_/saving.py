"""A result of the scene, written into a folder in steps: what takes long is done lesion by lesion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from ..enums import DicomObject
from ..findings.review import Findings


@dataclass(frozen=True)
class Step:
    """How far it is.

    Attributes:
        kind: Lesions are being measured, or drawn for the report; or all files come next.
        lesions: So many are done.
    """

    kind: Literal["measuring", "drawing", "writing"]
    lesions: int = 0


def in_steps(
    findings: Findings,
    volume,
    folder: Path,
    *,
    overwrite: bool = False,
    png: bool = False,
    dicom: Sequence[str] = (),
    reviewed: bool = False,
    into_database: bool = False,
    report: bool = False,
    pdf: bool = False,
    language: str = "en",
) -> Iterator[Step | list[Path]]:
    """Write a result as it is now, whatever the user changes between the steps. The last step writes all files.

    Long because each option is described.

    Args:
        volume: The CT's volume node.
        folder: Made if need be.
        overwrite: Replace an earlier result in the folder.
        png: Also the pictures.
        dicom: Objects to write as well (``seg``, ``sr``, ``probability``), of a CT that Slicer's DICOM database has.
        reviewed: A person accepted every listed lesion; else the objects say "not reviewed".
        into_database: Copy the objects into that database.
        report: Also report.html, in ``language`` (``en`` or ``zh-CN``).
        pdf: With ``report``, also report.pdf.

    Yields:
        The next step, and at the end the files.

    Raises:
        OutputError: The folder can't be written or, without ``overwrite``, holds an earlier result.
        InputError: With ``dicom`` or ``report``, as `dicom_out.export.prepare`, `dicom_files` and
            `report.save.prepare`. Nothing is written then, save where the database does not take the objects: the
            folder holds them all the same.
    """
    # these bring packages that Slicer lacks until they are installed
    from ..findings.measuring import measured_in_turn
    from ..writers import result_files

    result, ct = findings.as_result(), findings.ct
    names, smooth_mm = dict(findings.names), findings.smooth_mm
    drawn = {lesion.id for lesion in findings.lesions if findings.is_drawn(lesion.id)}
    also = []
    if report:
        from ..report.save import prepare

        page = prepare(ct, language, pdf)
    if dicom:
        from ..dicom_out import export
        from .scene import dicom_files

        ct = replace(ct, frames=dicom_files.frames(volume))
        objects = export.prepare(ct, [DicomObject(name) for name in dicom])
        also.append(partial(objects.write, result=result, names=names, drawn=drawn, reviewed=reviewed))
    result_files.check_writable(folder, overwrite)  # before anybody waits
    measured = []
    for each in measured_in_turn(result, ct, smooth_mm, drawn):
        measured.append(each)
        yield Step("measuring", len(measured))
    changed = {"names": names, "smooth_mm": smooth_mm, "measured": measured}
    if report:
        pictures = {}
        for lesion_id, images in page.drawn(result, ct, measured):
            pictures[lesion_id] = images
            yield Step("drawing", len(pictures))
        also.append(partial(page.write, result=result, ct=ct, pictures=pictures, **changed))
    yield Step("writing")
    paths = result_files.save(result, ct, folder, overwrite, png, drawn=drawn, also=also, **changed)
    made = [path for path in paths if path.suffix == ".dcm"]
    if into_database and made:
        dicom_files.add_to_database(made)
    yield paths
