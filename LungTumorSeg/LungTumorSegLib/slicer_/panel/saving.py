"""*Save...*: into which folder, and what is written as DICOM beside the other files."""

from importlib.util import find_spec
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ..scene import dicom_files
from .section import say


class Saving:
    """The button, and below it the fold with the boxes for DICOM. No box is remembered by Slicer's settings.

    The objects hold the patient's name: each sitting begins without them.
    """

    def __init__(self, panel, ui):
        self._panel, self._ui = panel, ui
        self._lesions = None  # those that the user said to have reviewed
        ui.saveButton.connect("clicked()", self.save)
        self._seg, self._sr = ui.saveSegCheckBox, ui.saveSrCheckBox
        self._reviewed, self._into_database = ui.saveReviewedCheckBox, ui.saveIntoDatabaseCheckBox
        self._tips = {box: box.toolTip for box in (self._seg, self._sr, self._reviewed, self._into_database)}
        self._seg.connect("toggled(bool)", self._seg_toggled)
        self._sr.connect("toggled(bool)", self._sr_toggled)

    def refresh(self):
        findings = self._panel.findings
        lesions = findings.lesions if findings is not None else None
        if lesions is not self._lesions:
            self._lesions = lesions
            self._reviewed.checked = False
            say(self._ui.saveDicomStatus, "")
        self._enable()

    def _enable(self):
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

    def _seg_toggled(self, checked):
        if not checked:
            self._sr.checked = False
        self._enable()

    def _sr_toggled(self, checked):
        if checked:  # a report refers to the segmentation
            self._seg.checked = True

    def save(self):
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
        say(self._ui.saveDicomStatus, "")
        options = {}
        if self._seg.enabled and self._seg.checked:
            options = {
                "dicom": ["seg", "sr"] if self._sr.checked else ["seg"],
                "reviewed": self._reviewed.checked,
                "into_database": self._into_database.checked,
            }
        paths = logic.save(findings, folder, overwrite=overwrite, **options)
        said = _("Results were saved in {0}").format(folder)
        if options:
            names = [path.name for path in paths if path.suffix == ".dcm"]
            about_dicom = self._written(names, **options)
            say(self._ui.saveDicomStatus, about_dicom)
            said = f"{said}. {about_dicom}"
        slicer.util.showStatusMessage(said, 5000)

    def _written(self, names: list[str], dicom, reviewed: bool, into_database: bool) -> str:
        if not names:
            return _("No lesion is accepted, so no DICOM object was written.")
        listed = ", ".join(names)
        said = _('Written, marked "reviewed": {0}.') if reviewed else _('Written, marked "not reviewed": {0}.')
        also = " " + _("They are in Slicer's DICOM database.") if into_database else ""
        return said.format(listed) + also
