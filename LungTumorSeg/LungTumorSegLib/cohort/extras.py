"""What each case of a cohort gets beside segmentation, table and record: pictures, a page, DICOM objects."""

from dataclasses import dataclass
from typing import Any

from ..data import CT
from ..dicom_out import export
from ..dicom_out.export import Export
from ..enums import DicomObject
from ..errors import InputError
from ..report import save as report_files
from ..report.save import Report


@dataclass(frozen=True)
class Extras:
    """What is asked of all cases.

    Attributes:
        pictures: See `result_files.save`.
        report: ``report.html``, in English, without the patient.
        dicom: The DICOM objects of a case that was read from DICOM.
    """

    pictures: bool = False
    report: bool = False
    dicom: tuple[DicomObject, ...] = ()

    def check(self) -> None:
        """Look whether they can be made, before anything is computed.

        Raises:
            InputError: A package is missing.
        """
        if self.report:
            report_files.check()
        if self.dicom:
            export.check()

    def record(self) -> dict[str, Any]:
        """As it stands in the cohort's record, by the command's options."""
        return {"png": self.pictures, "report": self.report, "dicom": [str(kind) for kind in self.dicom]}

    def prepared(self, ct: CT) -> tuple[Export | None, Report | None, tuple[str, ...]]:
        """What is written of this CT. One of which no DICOM object can be made is segmented all the same.

        Returns:
            The objects and the page, and a sentence where there can be no objects.
        """
        page = report_files.prepare(ct) if self.report else None
        if not self.dicom:
            return None, page, ()
        try:
            return export.prepare(ct, self.dicom), page, ()
        except InputError as error:
            return None, page, (f"No DICOM object was written. {error}",)


NONE = Extras()
