"""Threshold and clean-up, changed live from the candidates without the network."""

import qt
from slicer.i18n import tr as _

from .panel_section import Section

# long enough to gather the steps of a drag, too short to be noticed
DEBOUNCE_MS = 40


class AdjustSection(Section):
    UI = "Adjust"

    def connect(self):
        self._own: dict[int, float] = {}
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.connect("timeout()", self._apply)
        ui = self.ui
        for slider in (ui.thresholdSlider, ui.minDiameterSlider, ui.minConfidenceSlider, ui.smoothSlider):
            slider.connect("valueChanged(double)", self._changed)
        self.ui.lungCheckBox.connect("toggled(bool)", self._changed)
        self.ui.lesionThresholdSlider.connect("valueChanged(double)", self._lesion_changed)
        self.ui.resetButton.connect("clicked()", self._reset)

    def refresh(self):
        findings, lesion = self.panel.findings, self.panel.lesion
        self.ui.lesionThresholdSlider.enabled = lesion is not None and lesion.status != "edited"
        self.ui.lesionThresholdLabel.text = (
            _("Selected lesion:") if lesion is None else _("{0}:").format(findings.names[lesion.id])
        )
        if lesion is not None:
            self.ui.lesionThresholdSlider.blockSignals(True)
            self.ui.lesionThresholdSlider.value = lesion.threshold
            self.ui.lesionThresholdSlider.blockSignals(False)

    def adopt(self, findings):
        """Show what holds for a result that was chosen."""
        parameters = self.panel.parameters
        parameters.threshold = float(min(max(findings.threshold, 0.05), 0.95))
        parameters.minDiameterMm = float(findings.options.min_diameter_mm)
        parameters.minConfidence = float(findings.min_confidence)
        parameters.smoothMm = float(findings.smooth_mm)
        parameters.lungRestriction = bool(findings.options.lung_restriction)

    def close(self):
        self._timer.stop()

    def _changed(self):
        self._timer.start()

    def _lesion_changed(self, value):
        lesion = self.panel.lesion
        if lesion is not None:
            self._own = {lesion.id: round(value, 4)}
            self._timer.start()

    def _apply(self):
        findings, p = self.panel.findings, self.panel.parameters
        own, self._own = self._own, {}
        if findings is None or self.panel.logic.running:
            return
        wanted = {
            "threshold": round(p.threshold, 4),
            "min_diameter_mm": round(p.minDiameterMm, 4),
            "min_confidence": round(p.minConfidence, 4),
            "lung_restriction": p.lungRestriction,
            "smooth_mm": round(p.smoothMm, 4),
        }
        now = {
            "threshold": round(findings.threshold, 4),
            "min_diameter_mm": round(findings.options.min_diameter_mm, 4),
            "min_confidence": round(findings.min_confidence, 4),
            "lung_restriction": findings.options.lung_restriction,
            "smooth_mm": round(findings.smooth_mm, 4),
        }
        changes = {name: value for name, value in wanted.items() if value != now[name]}
        if own:
            changes["thresholds"] = own
        if changes:
            with self.panel.errors_shown():
                self.panel.logic.update(findings, **changes)
            self.panel.refresh()

    def _reset(self):
        p, findings = self.panel.parameters, self.panel.findings
        self.panel.take_model_defaults()
        p.minDiameterMm, p.smoothMm, p.lungRestriction = 3.0, 0.0, True
        if findings is not None:
            self._own = {lesion.id: None for lesion in findings.lesions if lesion.status != "edited"}
            self._timer.start()
