"""Threshold and clean-up, changed live from the candidates without the network."""

from contextlib import contextmanager

import qt
from slicer.i18n import tr as _
from slicer.util import NodeModify

from ...data import Options
from .section import Section

# long enough to gather the steps of a drag, too short to be noticed
DEBOUNCE_MS = 40


class AdjustSection(Section):
    """The sliders show what holds for the shown result, without one what the model's card says.

    The next run is asked for what they show; threshold and minimum confidence only where the user set them.
    """

    UI = "Adjust"

    def connect(self):
        self._own: dict[int, float] = {}
        self._followed = None  # what held for the shown result when the sliders were set to it
        self._start: dict = {}  # where the sliders stood before the user moved them
        self._following = False  # the panel moves the sliders, not the user
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.connect("timeout()", self._apply)
        ui = self.ui
        ui.thresholdSlider.connect("valueChanged(double)", self._threshold_changed)
        ui.minConfidenceSlider.connect("valueChanged(double)", self._min_confidence_changed)
        for slider in (ui.minDiameterSlider, ui.smoothSlider):
            slider.connect("valueChanged(double)", self._changed)
        self.ui.lungCheckBox.connect("toggled(bool)", self._changed)
        self.ui.lesionThresholdSlider.connect("valueChanged(double)", self._lesion_changed)
        self.ui.resetButton.connect("clicked()", self._reset)

    def refresh(self):
        if self._in_force() != self._followed:
            self.adopt()
        # a run is asked for what they show when it starts, and its result sets them anew
        self.ui.adjustGroup.enabled = not self.panel.logic.running
        findings, lesion = self.panel.findings, self.panel.lesion
        self.ui.lesionThresholdSlider.enabled = lesion is not None and not findings.is_drawn(lesion.id)
        self.ui.lesionThresholdLabel.text = (
            _("Selected lesion:") if lesion is None else _("{0}:").format(findings.names[lesion.id])
        )
        if lesion is not None:
            self.ui.lesionThresholdSlider.blockSignals(True)
            self.ui.lesionThresholdSlider.value = lesion.threshold
            self.ui.lesionThresholdSlider.blockSignals(False)

    @contextmanager
    def following(self):
        """What is changed inside is set by the panel: no slider counts as moved by the user."""
        before, self._following = self._following, True
        try:
            with NodeModify(self.panel.parameters):
                yield self.panel.parameters
        finally:
            self._following = before
        self._start = self._standing()

    def adopt(self):
        """Let the sliders show what holds for the shown result; without one what the user set, else the model's."""
        findings, ui = self.panel.findings, self.ui
        self._own = {}
        self._followed = self._in_force()
        if findings is None:
            self.show_model_defaults()
            return
        with self.following() as p:
            p.threshold = within(ui.thresholdSlider, findings.threshold)
            p.thresholdSet = findings.options.threshold is not None
            p.minDiameterMm = within(ui.minDiameterSlider, findings.options.min_diameter_mm)
            p.minConfidence = within(ui.minConfidenceSlider, findings.min_confidence)
            p.minConfidenceSet = findings.options.min_confidence is not None
            p.smoothMm = within(ui.smoothSlider, findings.smooth_mm)
            p.lungRestriction = bool(findings.options.lung_restriction)

    def show_model_defaults(self):
        """Let threshold and minimum confidence show what the chosen model's card says, where the user set nothing."""
        card = self.panel.card()
        with self.following() as p:
            if not p.thresholdSet:
                p.threshold = within(self.ui.thresholdSlider, card.operating_threshold(Options(), True))
            if not p.minConfidenceSet:
                p.minConfidence = within(self.ui.minConfidenceSlider, card.operating_min_confidence(Options()))

    def take_model_defaults(self):
        """The same for what the user set: it belonged to another model. The shown result stays as it is."""
        with self.following() as p:
            p.thresholdSet = p.minConfidenceSet = False
        self.show_model_defaults()

    def close(self):
        self._timer.stop()

    def _in_force(self) -> tuple | None:
        findings = self.panel.findings
        return None if findings is None else (findings, findings.options, findings.smooth_mm)

    def _standing(self) -> dict:
        """Where the sliders stand, by the names of `Findings.change`."""
        p = self.panel.parameters
        return {
            "threshold": round(p.threshold, 4),
            "min_diameter_mm": round(p.minDiameterMm, 4),
            "min_confidence": round(p.minConfidence, 4),
            "lung_restriction": p.lungRestriction,
            "smooth_mm": round(p.smoothMm, 4),
        }

    def _threshold_changed(self, value):
        self._set_by_user("threshold", value)
        self._changed()

    def _min_confidence_changed(self, value):
        self._set_by_user("minConfidence", value)
        self._changed()

    def _set_by_user(self, name, value):
        """Value and flag together: between the two the other sliders would be set back to what the node holds."""
        p = self.panel.parameters
        if not self._following and p is not None:
            with NodeModify(p):
                p.setValue(name, value)
                p.setValue(f"{name}Set", True)

    def _changed(self):
        self._timer.start()

    def _lesion_changed(self, value):
        lesion = self.panel.lesion
        if lesion is not None:
            self._own = {lesion.id: round(value, 4)}
            self._timer.start()

    def _apply(self):
        findings = self.panel.findings
        own, self._own = self._own, {}
        if findings is None:
            return
        changes = {name: value for name, value in self._standing().items() if value != self._start[name]}
        if own:
            changes["thresholds"] = own
        if changes:
            with self.panel.errors_shown():
                self.panel.logic.update(findings, **changes)
                self._followed = self._in_force()
                self._start = self._standing()
            self.panel.refresh()

    def _reset(self):
        p, findings = self.panel.parameters, self.panel.findings
        start = {"min_diameter_mm": 3.0, "smooth_mm": 0.0, "lung_restriction": True}
        p.minDiameterMm, p.smoothMm, p.lungRestriction = start.values()
        self.take_model_defaults()
        if findings is not None:
            self.panel.logic.take_over_edits(findings)
            own = {lesion.id: None for lesion in findings.lesions if not findings.is_drawn(lesion.id)}
            with self.panel.errors_shown():
                self.panel.logic.update(findings, threshold=None, min_confidence=None, thresholds=own, **start)
            self.adopt()
        self.panel.refresh()


def within(slider, value: float) -> float:
    """The value, or the end of the slider: a model, or a result made in the console, can have others."""
    return float(min(max(value, slider.minimum), slider.maximum))
