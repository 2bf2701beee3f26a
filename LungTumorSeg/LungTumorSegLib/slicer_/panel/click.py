"""Clicks in the slice views: each finds the lesion at its point, or, with the Ctrl key, rejects it."""

from slicer.i18n import tr as _

from ..scene import display
from .click_placer import ClickPlacer
from .section import Section, say


class ClickSection(Section):
    """The button that lets clicks find lesions."""

    UI = "Click"

    def connect(self):
        self._placer = ClickPlacer(self._clicked, self._reject, self._ended)
        self.ui.placeButton.connect("toggled(bool)", self._toggled)
        say(self.ui.clickStatus, "")

    def refresh(self):
        problem = self.panel.problem()
        self.ui.placeButton.enabled = problem is None or self._placer.active
        if problem is not None and self._placer.active:
            self.stop()
        if self._placer.active:
            self._placer.watch_slice_views()
        if not self.panel.logic.running and self.ui.clickStatus.text == _("Looking ..."):
            say(self.ui.clickStatus, "")  # it failed or was cancelled

    def stop(self):
        """End placing, if it is on."""
        self.ui.placeButton.checked = False

    def forget(self):
        say(self.ui.clickStatus, "")

    def close(self):
        self._placer.stop()

    def show_ended(self, run):
        """Say what a click found; other runs are not ours."""
        if not run.options.points_lps or run.error is not None:
            return
        if run.lesion_ids:
            names = ", ".join(run.findings.names[i] for i in run.lesion_ids)
            say(self.ui.clickStatus, _("Found: {0}").format(names))
        else:
            say(self.ui.clickStatus, " ".join(run.notes) or _("Nothing was found there."))

    def _toggled(self, on):
        if on:
            self._placer.start()
            say(self.ui.clickStatus, self._invitation())
        else:
            self._placer.stop()
            if self.ui.clickStatus.text == self._invitation():
                say(self.ui.clickStatus, "")

    def _invitation(self) -> str:
        return _("Click on a lesion in a slice view; with Ctrl (Mac: Command) to reject it, Esc to end.")

    def _ended(self):
        """The Esc key, or another tool was chosen in the toolbar."""
        self.ui.placeButton.checked = False

    def _in_other_ct(self) -> bool:
        """Whether the click was in the view of the other one of two CTs beside each other; says so."""
        node = self._placer.slice_node
        other = node is not None and display.shows_other_ct(node, self.panel.volume)
        if other:
            say(self.ui.clickStatus, _("This view shows the other CT. Click in the view of the chosen one."))
        return other

    def _clicked(self, point_ras):
        if self._in_other_ct():
            return
        say(self.ui.clickStatus, _("Looking ..."))
        self.panel.segment_at(point_ras)

    def _reject(self, point_ras):
        if self._in_other_ct():
            return
        findings, logic = self.panel.findings, self.panel.logic
        with self.panel.errors_shown():
            lesion_id = None if findings is None else logic.lesion_at(findings, point_ras)
            if lesion_id is None:
                say(self.ui.clickStatus, _("There is no lesion at this point."))
                return
            logic.set_status(findings, lesion_id, "rejected")
            say(
                self.ui.clickStatus,
                _("Rejected: {0}; its tick in the table takes it back").format(findings.names[lesion_id]),
            )
        self.panel.refresh()
