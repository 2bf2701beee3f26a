"""What the network saw, as colours over the CT: its probability, or a map of the selected lesion."""

import slicer.util
from slicer.i18n import tr as _

from .parameters import MapChoice
from .section import Section, say


class MapsSection(Section):
    """The map that lies over the slices."""

    UI = "Maps"

    def connect(self):
        self.ui.showMapButton.connect("clicked()", self._show)
        self.ui.hideMapButton.connect("clicked()", self._hide)
        self.ui.opacitySlider.connect("valueChanged(double)", self._opacity_changed)

    def refresh(self):
        problem, about = self._problem(), self._about()
        self.ui.showMapButton.enabled = problem is None
        self.ui.showMapButton.toolTip = problem or _("Shows the chosen map over the slices")
        self.ui.hideMapButton.enabled = about is not None
        shown = [self._describe(about), *about["notes"]] if about else []
        say(self.ui.mapStatus, " ".join(filter(None, [*shown, problem])))

    def _problem(self) -> str | None:
        """Why the chosen map cannot be shown now, for the user; None when it can."""
        findings = self.panel.findings
        if findings is None:
            return _("There is no result yet.")
        if self.panel.parameters.mapChoice is MapChoice.PROBABILITY:
            return None if findings.result.candidates else _("The network saw nothing in this CT.")
        if self.panel.logic.running:
            return _("Wait until the network has ended.")
        if self.panel.lesion is None:
            return _("Select a lesion in the table of findings.")
        return self.panel.problem()

    def _about(self) -> dict | None:
        findings = self.panel.findings
        return self.panel.logic.map_shown(findings) if findings else None

    def _describe(self, about: dict) -> str:
        if about["kind"] == "probability":
            return _("Shown: the probability of tumour, in percent.")
        name = self.panel.findings.names.get(about["lesion_id"], "")
        if about["kind"] == "uncertainty":
            return _("Shown: how much the probability of {0} varies when the CT is mirrored; 0 is sure.").format(name)
        return _(
            "Shown: on what the network relies for {0}, on one slice; red speaks for a tumour, blue against it. The "
            "lesion's mean probability is {1:.0f} % there; the legend says by how much it falls without that tissue."
        ).format(name, 100 * about["probability"])

    def _show(self):
        choice, panel = self.panel.parameters.mapChoice, self.panel
        if choice is MapChoice.PROBABILITY:
            with panel.errors_shown():
                panel.logic.show_probability(panel.findings, panel.parameters.mapOpacity, _("Tumour (%)"))
            panel.refresh()
        else:
            titles = {MapChoice.UNCERTAINTY: _("Uncertainty"), MapChoice.HEAT: _("Fall of probability")}
            panel.explain(choice.value, titles[choice])

    def _hide(self):
        with self.panel.errors_shown():
            self.panel.logic.hide_map(self.panel.findings)
        self.panel.refresh()

    def _opacity_changed(self, value):
        if self._about() is not None:
            slicer.util.setSliceViewerLayers(foregroundOpacity=value)
