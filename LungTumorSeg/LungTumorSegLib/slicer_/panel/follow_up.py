"""Another CT of the same patient: what became of each lesion, and both CTs beside each other."""

import datetime
from functools import partial

import slicer
from slicer.i18n import tr as _

from ...errors import Cancelled, InputError, LungTumorSegError
from ..following import FollowUpRun
from ..scene import dicom_files, display
from ..scene.side_by_side import Shown, SideBySide
from ..scene.volumes import lps_to_world
from .follow_up_table import FollowUpTable, doubling_text, sizes_text
from .recist import RecistBox
from .section import Section, say
from .segment import error_text, stage_text

# of a CT without a date of its own: in the scene, as the user wrote it
_DATE = "LungTumorSeg.Date"


class FollowUpSection(Section):
    """The last comparison is shown while one of its CTs is the chosen one; it is not kept in the scene."""

    UI = "FollowUp"

    def connect(self):
        ui = self.ui
        self._run: FollowUpRun | None = None  # what is shown
        self._views = SideBySide()
        self._laid_out: FollowUpRun | None = None  # what the views show
        self._dated = None  # the volumes that the dates are of
        self._progress_told = self._wrong_told = False
        self._chosen: int | None = None  # the lesion that was selected in the table of findings
        self._table = FollowUpTable(ui.followUpTable, self._look, self._targets_changed)
        self._recist = RecistBox(ui)
        ui.followUpButton.connect("clicked()", self._clicked)
        ui.otherDateEdit.connect("editingFinished()", self._keep_dates)
        ui.thisDateEdit.connect("editingFinished()", self._keep_dates)
        ui.sideBySideButton.connect("toggled(bool)", self._side_by_side)
        ui.copyFollowUpButton.connect("clicked()", self._copy)
        for label in (ui.followUpStatus, ui.followUpDetail):
            say(label, "")
        ui.followUpResult.visible = False

    def refresh(self):
        ui, running = self.ui, self._running()
        problem = None if running else self._problem()
        ui.followUpButton.text = _("Cancel") if running else _("Compare")
        ui.followUpButton.enabled = running or problem is None
        ui.followUpButton.toolTip = problem or _("Finds the lesions of both CTs and follows each from one to the other")
        self._fill_dates()
        if self._progress_told and not running:  # it was cancelled
            self._tell("")
        shown = self._shown_run()
        ui.followUpResult.visible = shown is not None
        self._views.put_right()
        if shown is None:
            self._views.hide()
        else:
            self._follow_selection(shown)
            self._views.separate()  # lines that were drawn since
            if not running and not self._wrong_told:
                self._tell(self._notes(shown))
        ui.sideBySideButton.enabled = self._views.possible
        self._press_button(self._views.shown or (self._wanted() and shown is None))

    def show_progress(self, run):
        if isinstance(run, FollowUpRun):
            self._tell(stage_text(run.progress) if run.progress else _("Waiting"), progress=True)

    def show_ended(self, run):
        """Show a comparison that has ended, or why it failed; other runs are not ours."""
        if not isinstance(run, FollowUpRun):
            return
        if run.error is not None:
            self._tell("" if isinstance(run.error, Cancelled) else error_text(run.error), wrong=True)
            return
        self._run = run
        self.ui.followUpGroup.collapsed = False
        self._recist.begin(run.follow_up)
        self._table.fill(run.follow_up, self._recist.targets)
        say(self.ui.followUpDetail, "")
        self.ui.followUpResult.visible = True
        self._tell(self._notes(run))
        if run.follow_up.tracks:
            self._table.select(0)
            self._look(0)

    def forget(self):
        self._views.hide()
        if not self._running():
            self._tell("")

    def close(self):
        self._views.hide()

    def _tell(self, text: str, progress: bool = False, wrong: bool = False):
        self._progress_told, self._wrong_told = progress, wrong and bool(text)
        say(self.ui.followUpStatus, text)

    # ---- before a comparison

    def _running(self) -> bool:
        return isinstance(self.panel.logic.queue.current, FollowUpRun)

    def _problem(self) -> str | None:
        """Why nothing can be compared now, for the user; None when it can."""
        other = self.panel.parameters.otherVolume
        if other is None:
            return _("Choose another CT of the same patient.")
        if other is self.panel.volume:
            return _("This is the CT that is looked at already. Choose one of another date.")
        return self.panel.problem()

    def _fill_dates(self):
        """Those that the user wrote for the chosen volumes, else those of their DICOM files."""
        volumes = self.panel.parameters.otherVolume, self.panel.volume
        if volumes != self._dated:
            self._dated = volumes
            if self._wrong_told:
                self._tell("")
            self.ui.samePatientCheckBox.checked = False  # it was said of others
            for edit, volume in zip((self.ui.otherDateEdit, self.ui.thisDateEdit), volumes, strict=True):
                edit.enabled = volume is not None
                edit.text = "" if volume is None else _date_text(volume)

    def _keep_dates(self):
        for edit, volume in zip((self.ui.otherDateEdit, self.ui.thisDateEdit), self._dated or (), strict=False):
            if volume is not None and edit.text.strip() != _date_text(volume):
                volume.SetAttribute(_DATE, edit.text.strip() or None)

    def _clicked(self):
        if self._running():
            self.panel.cancel()
            return
        self._keep_dates()
        self._tell("")
        panel = self.panel
        try:
            dates = [_date(edit.text.strip()) for edit in (self.ui.otherDateEdit, self.ui.thisDateEdit)]
            how = {"findings": panel.findings, "dates": dates, "same_patient": self.ui.samePatientCheckBox.checked}
            run = panel.logic.prepare_follow_up(panel.volume, panel.parameters.otherVolume, **how, **panel.options())
        except LungTumorSegError as error:  # beside the button, as the user has to change something here
            self._tell(str(error), wrong=True)
            return
        panel.start(lambda: panel.logic.start(run, wait=False))

    # ---- after it

    def _shown_run(self) -> FollowUpRun | None:
        run = self._run
        if run is not None and any(volume.GetScene() is None for volume in run.pair):
            self._run = run = None
        return run if run is not None and self.panel.volume in run.pair else None

    def _notes(self, run) -> str:
        lines = list(run.follow_up.notes)
        there = [self.panel.logic.segmentation(findings) is not None for findings in run.found]
        changed = [f.lesions != lesions for f, lesions in zip(run.found, run.compared, strict=True)]
        if not all(there) or any(changed):
            lines.append(_("The lesions have changed since they were compared: press Compare again."))
        return "\n".join(lines)

    def _targets_changed(self):
        with self.panel.errors_shown():
            self._recist.choose(self._run.follow_up, self._table.targets())
        self._table.tick(self._recist.targets)

    def _look(self, row: int):
        run = self._shown_run()
        if run is None:
            return
        track = run.follow_up.tracks[row]
        step = track.steps[0]
        words = [sizes_text(run.follow_up, track), doubling_text(step), step.evidence]
        say(self.ui.followUpDetail, " ".join(filter(None, words)))
        with self.panel.errors_shown():
            self._jump(run, track)

    def _follow_selection(self, run):
        """Go to a lesion that was chosen in the table of findings, where both CTs are beside each other."""
        before, self._chosen = self._chosen, self.panel.selected_lesion
        if self._chosen in (None, before) or not self._views.shown:
            return
        here = run.pair.index(self.panel.volume)
        for row, track in enumerate(run.follow_up.tracks):
            if track.lesions[here] == self._chosen:
                self._table.select(row)
                self._look(row)

    def _jump(self, run, track):
        """Show the place of a lesion in both CTs, else, without views beside each other, in the chosen one."""
        from ...findings.follow_up.places import places  # SimpleITK and scipy, which the panel opens without

        followed = run.follow_up
        known, compares = places(followed, track), _compares(run)
        seen = [
            place if compares or number is not None else None
            for place, number in zip(known, track.lesions, strict=True)
        ]
        lesions = [p.outline(n)[0] for p, n in zip(followed.points, track.lesions, strict=True) if n is not None]
        field_mm = max(display.LEAST_FIELD_MM, display.FIELD_OF_LESION * max(x.long_axis_mm for x in lesions))
        if self._wanted() and self._views.possible:
            if not self._views.shown or self._laid_out is not run:
                self._lay_out(run, compares)
            self._views.look(seen, field_mm)
            self._press_button(True)
            return
        here = run.pair.index(self.panel.volume)
        if seen[here] is not None:
            display.jump(slicer.mrmlScene, lps_to_world(self.panel.volume, seen[here]), field_mm)

    def _lay_out(self, run, compares: bool):
        registration = run.follow_up.registrations[0]
        results = [partial(self._segmentations, volume) for volume in run.pair]
        ways = [
            (lambda place, way=way: way([place])[0].tolist()) if compares else None
            for way in (registration.later, registration.earlier)
        ]
        self._views.show(tuple(Shown(*side) for side in zip(run.pair, results, ways, strict=True)))
        self._laid_out = run

    def _segmentations(self, volume) -> list:
        return [self.panel.logic.segmentation(findings) for findings in self.panel.logic.results(volume)]

    # ---- views beside each other

    def _wanted(self) -> bool:
        return self.ui.sideBySideButton.checked

    def _press_button(self, pressed: bool):
        self.ui.sideBySideButton.blockSignals(True)
        self.ui.sideBySideButton.checked = pressed
        self.ui.sideBySideButton.blockSignals(False)

    def _side_by_side(self, wanted: bool):
        row, run = self.ui.followUpTable.currentRow(), self._shown_run()
        if not wanted:
            self._views.hide()
            self.panel.logic.show_results_of(self.panel.volume)
        elif run is not None and not run.follow_up.tracks:
            with self.panel.errors_shown():
                self._lay_out(run, _compares(run))
        else:
            self._look(max(row, 0))

    def _copy(self):
        rows = ["\t".join(row) for row in self._table.texts()]
        slicer.app.clipboard().setText("\n".join([*rows, *self._recist.lines()]))


def _compares(run) -> bool:
    """Whether the registration went well enough to name the places of one CT in the other."""
    from ...findings.follow_up.verdict import verdict  # SimpleITK and scipy, which the panel opens without

    return verdict(run.follow_up.registrations[0].agreement).compares


def _date_text(volume) -> str:
    own = volume.GetAttribute(_DATE)
    if own is not None or not dicom_files.is_from_database(volume):  # pydicom only where it is needed
        return own or ""
    found = dicom_files.acquisition(volume).date
    return found.isoformat() if found else ""


def _date(text: str) -> datetime.date | None:
    """Raises InputError where it is none."""
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(
            _("{0} is no date. Write it as year-month-day, for example 2024-01-05.").format(text)
        ) from None
