"""Agreement of the shown result with another segmentation."""

from slicer.i18n import tr as _

from .section import Section, say


class CompareSection(Section):
    """Dice, volumes and diameters of the result beside another segmentation."""

    UI = "Compare"

    def connect(self):
        self._compared = None  # lesions and the other segmentation that the figures are of
        self.ui.compareButton.connect("clicked()", self._compare)
        say(self.ui.compareResult, "")

    def refresh(self):
        findings, other = self.panel.findings, self.panel.parameters.compareSegmentation
        if (findings and findings.lesions, other) != self._compared:
            say(self.ui.compareResult, "")
        own = findings is not None and other is self.panel.logic.segmentation(findings)
        self.ui.compareButton.enabled = findings is not None and other is not None and not own
        self.ui.compareButton.toolTip = (
            _("Computes Dice, volumes and diameters")
            if self.ui.compareButton.enabled
            else _("Needs a result and another segmentation")
        )

    def _compare(self):
        findings, other = self.panel.findings, self.panel.parameters.compareSegmentation
        with self.panel.errors_shown():
            found = self.panel.logic.compare(findings, other)
            text = _(
                "Dice {0:.3f}\nVolume: {1:.2f} ml here, {2:.2f} ml in the other\n"
                "Longest diameter: {3:.1f} mm here, {4:.1f} mm in the other"
            )
            numbers = found.dice, found.volume_ml, found.other_volume_ml, found.diameter_mm, found.other_diameter_mm
            self._compared = findings.lesions, other
            say(self.ui.compareResult, text.format(*numbers))
