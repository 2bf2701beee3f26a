"""The network's probability as colours over the CT."""

import slicer.util
from slicer.i18n import tr as _

from . import views
from .panel_section import Section


class MapsSection(Section):
    UI = "Maps"

    def connect(self):
        self.ui.probabilityCheckBox.connect("toggled(bool)", self._toggled)
        self.ui.opacitySlider.connect("valueChanged(double)", self._opacity_changed)

    def refresh(self):
        findings = self.panel.findings
        box = self.ui.probabilityCheckBox
        box.enabled = findings is not None and bool(findings.result.candidates)
        segmentation = self.panel.logic.segmentation(findings) if findings else None
        box.blockSignals(True)
        box.checked = segmentation is not None and segmentation.GetNodeReference(views.MAP_ROLE) is not None
        box.blockSignals(False)

    def _toggled(self, on):
        findings, logic = self.panel.findings, self.panel.logic
        with self.panel.errors_shown():
            if on:
                logic.show_probability(findings, self.panel.parameters.mapOpacity, _("Tumour (%)"))
            else:
                logic.hide_probability(findings)

    def _opacity_changed(self, value):
        if self.ui.probabilityCheckBox.checked:
            slicer.util.setSliceViewerLayers(foregroundOpacity=value)
