"""The module `ctk` for tests: the CTK widgets that the panel uses, with the properties and signals of the originals.

Written after the sources of CTK (github.com/commontk/CTK); each class names its file there. A property or method that
the original has and the panel does not use is left out, and raises.
"""

import sys
import types

import qt
from PySide6.QtCore import Property, Signal

from .collapsible_button import ctkCollapsibleButton


def _of(inner: str, name: str, kind):
    """A property that is the inner widget's."""
    return Property(kind, lambda s: getattr(getattr(s, inner), name), lambda s, v: setattr(getattr(s, inner), name, v))


class ctkSliderWidget(qt.QWidget):
    """A slider with a spin box: Libs/Widgets/ctkSliderWidget.h and .cpp.

    A value is rounded to the decimals. Without ``tracking`` a slider that is held tells `valueIsChanging` and keeps
    its value; `valueChanged` comes when it is let go. A step of 0 or less, or wider than the range, raises, where CTK
    prints and ignores it (isValidStep in Libs/Widgets/ctkDoubleSlider.cpp).
    """

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    _SIGNALS = ("valueChanged(double)", "valueIsChanging(double)")
    _STEPS = 1000

    def __init__(self, parent=None):
        super().__init__(parent)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._tracking, self._held, self._before, self._moving = True, False, 0.0, False
        self._slider, self._spin = qt.QSlider(qt.Qt.Horizontal), qt.QDoubleSpinBox()
        self._slider.maximum = self._STEPS
        self._spin.setRange(0.0, 99.0)
        self._exact = self._spin.value
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._spin)
        self._spin.valueChanged.connect(self._spin_changed)
        self._slider.valueChanged.connect(self._slider_moved)
        self._slider.sliderPressed.connect(self._start_changing)
        self._slider.sliderReleased.connect(self._stop_changing)

    def _spin_changed(self, value):
        if not self._moving and value != self._exact:
            self._exact = value
            self._tell()

    def _slider_moved(self, position):
        value = self.minimum + (self.maximum - self.minimum) * position / self._STEPS
        if not self._moving and value != self._exact:
            self._exact = value
            self._tell()

    def _tell(self):
        self._place()
        if not self._tracking:
            self.valueIsChanging.emit(self._exact)
        if not self._held:
            self.valueChanged.emit(self._exact)

    def _place(self):
        """Spin box and slider where the value is."""
        self._moving = True
        self._spin.value = self._exact
        span = self.maximum - self.minimum
        self._slider.value = round(self._STEPS * (self._exact - self.minimum) / (span or 1))
        self._moving = False

    def _start_changing(self):
        if not self._tracking:
            self._before, self._held = self._exact, True

    def _stop_changing(self):
        if not self._tracking:
            self._held = False
            if self._exact != self._before:
                self.valueChanged.emit(self._exact)

    def setValue(self, value):
        held, self._held = self._held, False
        self._spin.value = value
        self._held = held

    def _set_limit(self, name, limit):
        self._moving = True
        setattr(self._spin, name, limit)
        self._moving = False
        kept = min(max(self._exact, self.minimum), self.maximum)
        if kept != self._exact:
            self._exact = kept
            self._tell()
        else:
            self._place()

    def _set_step(self, step):
        if not (0 < step <= self.maximum - self.minimum or self.maximum == self.minimum):
            raise ValueError(f"a step of {step} is out of bounds: {self.minimum} to {self.maximum}")
        self._spin.singleStep = step

    value = Property(float, lambda s: s._before if s._held else s._exact, setValue)
    minimum = Property(float, lambda s: s._spin.minimum, lambda s, v: s._set_limit("minimum", v))
    maximum = Property(float, lambda s: s._spin.maximum, lambda s, v: s._set_limit("maximum", v))
    singleStep = Property(float, lambda s: s._spin.singleStep, _set_step)
    decimals = _of("_spin", "decimals", int)
    suffix = _of("_spin", "suffix", str)
    tracking = Property(bool, lambda s: s._tracking, lambda s, v: setattr(s, "_tracking", v))


class ctkMessageBox(qt.QMessageBox):
    """Libs/Widgets/ctkMessageBox.h: `slicer.util.messageBox` shows this one."""


ctk = types.ModuleType("ctk", __doc__)
for _class in (ctkCollapsibleButton, ctkSliderWidget, ctkMessageBox):
    setattr(ctk, _class.__name__, _class)
sys.modules["ctk"] = ctk
