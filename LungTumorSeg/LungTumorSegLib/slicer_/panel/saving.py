"""*Save...*: into which folder, and what is written beside the usual files: a report, DICOM objects."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ..saving import Step
from ..scene import dicom_files
from .section import say

# what a report needs and Slicer lacks, as it is imported and as pip names it
_OF_A_REPORT = {"jinja2": "Jinja2", "matplotlib": "matplotlib"}


class Saving:
    """The button, and below it the fold with the boxes for more files. No box is remembered by Slicer's settings.

    DICOM objects hold the patient's name: each sitting begins without them.
    """

    def __init__(self, panel, ui):
        self._panel, self._ui = panel, ui
        self._lesions = None  # those that the user said to have reviewed
        self._steps: Iterator | None = None  # of what is being written
        self._asked: dict = {}
        ui.saveButton.connect("clicked()", self.save)
        self._report, self._pdf = ui.saveReportCheckBox, ui.savePdfCheckBox
        self._report_tip = self._report.toolTip
        self._report.connect("toggled(bool)", self._report_toggled)
        self._pdf.connect("toggled(bool)", self._pdf_toggled)
        self._pdf.visible = find_spec("weasyprint") is not None
        self._seg, self._sr = ui.saveSegCheckBox, ui.saveSrCheckBox
        self._reviewed, self._into_database = ui.saveReviewedCheckBox, ui.saveIntoDatabaseCheckBox
        self._tips = {box: box.toolTip for box in (self._seg, self._sr, self._reviewed, self._into_database)}
        self._seg.connect("toggled(bool)", self._seg_toggled)
        self._sr.connect("toggled(bool)", self._sr_toggled)

    def refresh(self):
        """Let the user save what is shown, and say why not where it can't be."""
        findings = self._panel.findings
        lesions = findings.lesions if findings is not None else None
        if lesions is not self._lesions:
            self._lesions = lesions
            self._reviewed.checked = False
            if self._steps is None:
                say(self._ui.saveStatus, "")
        self._enable()
        self._ui.saveButton.enabled = findings is not None and self._steps is None

    def close(self):
        """End a saving that is under way."""
        self._end()

    def _enable(self):
        why_no_report = self._why_no_report()
        self._report.enabled = self._pdf.enabled = why_no_report is None
        self._report.toolTip = why_no_report or self._report_tip
        why_not = self._why_not()
        without_object = None if self._seg.checked else _("Tick what is to be written first.")
        for box, tip in self._tips.items():
            reason = why_not or (None if box in (self._seg, self._sr) else without_object)
            box.enabled, box.toolTip = reason is None, reason or tip

    def _why_not(self) -> str | None:
        """Why no DICOM object can be written, for the user; None when it can."""
        if self._panel.findings is None:
            return _("There is no result yet.")
        if not dicom_files.is_from_database(self._panel.volume):
            return _(
                "Only for a CT of Slicer's DICOM database: the objects refer to its files. Import the CT in the module "
                "DICOM, load it there and segment it."
            )
        if find_spec("highdicom") is None:
            return _(
                "The Python package highdicom is missing. Slicer 5.12 brings it. In an older one, type this into the "
                "Python console: {0}"
            ).format('slicer.util.pip_install("highdicom")')
        return None

    def _why_no_report(self) -> str | None:
        if self._panel.findings is None:
            return _("There is no result yet.")
        lacking = [name for package, name in _OF_A_REPORT.items() if find_spec(package) is None]
        if lacking:
            return _(
                "The report needs Python packages that Slicer lacks. Type this into the Python console: {0}"
            ).format(f'slicer.util.pip_install("{" ".join(lacking)}")')
        return None

    def _report_toggled(self, checked):
        if not checked:
            self._pdf.checked = False

    def _pdf_toggled(self, checked):
        if checked:  # it is made from the page
            self._report.checked = True

    def _seg_toggled(self, checked):
        if not checked:
            self._sr.checked = False
        self._enable()

    def _sr_toggled(self, checked):
        if checked:  # a report refers to the segmentation
            self._seg.checked = True

    def save(self):
        """Ask for a folder and write the result into it, step by step."""
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder for the results"))
        if not folder:
            return
        from ...writers import result_files  # brings packages that Slicer lacks until they are installed

        overwrite = result_files.holds_result(Path(folder))
        question = _("There is a result in {0} already. Replace it?").format(folder)
        if not overwrite or slicer.util.confirmOkCancelDisplay(question):
            with self._panel.errors_shown():
                self._write(folder, overwrite)

    def _write(self, folder: str, overwrite: bool):
        findings, logic = self._panel.findings, self._panel.logic
        logic.take_over_edits(findings)
        self.refresh()  # what was drawn a moment ago was not reviewed
        say(self._ui.saveStatus, "")
        options = {}
        if self._seg.enabled and self._seg.checked:
            options = {
                "dicom": ["seg", "sr"] if self._sr.checked else ["seg"],
                "reviewed": self._reviewed.checked,
                "into_database": self._into_database.checked,
            }
        self._asked = {"folder": folder, **options}
        if self._report.enabled and self._report.checked:
            options |= {"report": True, "pdf": self._pdf.checked, "language": _language()}
        self._steps = logic.save_in_steps(findings, folder, overwrite=overwrite, **options)
        self._ui.saveButton.enabled = False
        self._step()

    def _step(self):
        """One lesion's measures or pictures in a turn of the event loop, in the last one the files."""
        made = None
        with self._panel.errors_shown():
            made = next(self._steps)
        if isinstance(made, Step):
            say(self._ui.saveStatus, _progress(made))
            self._panel.turns.ask(self._step)
            return
        self._end()
        if made is None:  # an error, which the panel shows
            say(self._ui.saveStatus, "")
        else:
            self._tell(made, **self._asked)
        self.refresh()

    def _end(self):
        self._panel.turns.drop(self._step)
        if self._steps is not None:
            self._steps.close()
        self._steps = None

    def _tell(self, paths, folder: str, **about_dicom):
        said = _("Results were saved in {0}").format(folder)
        lines = [_("Written: {0}.").format(path.name) for path in paths if path.name.startswith("report.")]
        if about_dicom:
            lines.append(self._written([path.name for path in paths if path.suffix == ".dcm"], **about_dicom))
        say(self._ui.saveStatus, " ".join(lines))
        slicer.util.showStatusMessage(". ".join([said, *lines]), 5000)

    def _written(self, names: list[str], dicom, reviewed: bool, into_database: bool) -> str:
        if not names:
            return _("No lesion is accepted, so no DICOM object was written.")
        listed = ", ".join(names)
        said = _('Written, marked "reviewed": {0}.') if reviewed else _('Written, marked "not reviewed": {0}.')
        also = " " + _("They are in Slicer's DICOM database.") if into_database else ""
        return said.format(listed) + also


def _progress(step: Step) -> str:
    if step.kind == "measuring":
        return _("Lesions are being measured: {0}").format(step.lesions)
    if step.kind == "drawing":
        return _("The report is being drawn: lesion {0}").format(step.lesions)
    return _("The files are being written")


def _language() -> str:
    """The panel's, as the report names it."""
    return "zh-CN" if slicer.app.applicationLocaleName.replace("-", "_") == "zh_CN" else "en"
