"""The module `ctk` for tests: the CTK widgets that the panel uses, with the properties and signals of the originals."""

import sys
import types

import qt
from PySide6.QtCore import Property, Signal

from .collapsible_button import ctkCollapsibleButton


def _of(inner: str, name: str, kind):
    """A property that is the inner widget's."""
    return Property(kind, lambda s: getattr(getattr(s, inner), name), lambda s, v: setattr(getattr(s, inner), name, v))


class ctkSliderWidget(qt.QWidget):
    """A slider with a spin box. As in CTK, `valueChanged` comes while dragging when `tracking` is on."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    SIGNALS = ("valueChanged(double)", "valueIsChanging(double)")
    STEPS = 1000

    def __init__(self, parent=None):
        super().__init__(parent)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._tracking = True
        self._slider, self._spin = qt.QSlider(qt.Qt.Horizontal), qt.QDoubleSpinBox()
        self._slider.maximum = self.STEPS
        self._spin.setRange(0.0, 99.0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._spin)
        self._spin.valueChanged.connect(self._spin_changed)
        self._slider.sliderMoved.connect(self._slider_moved)

    def _range(self):
        return self._spin.maximum - self._spin.minimum

    def _spin_changed(self, value):
        self._slider.value = round(self.STEPS * (value - self._spin.minimum) / (self._range() or 1))
        self.valueChanged.emit(value)

    def _slider_moved(self, position):
        self._spin.value = self._spin.minimum + self._range() * position / self.STEPS

    def setValue(self, value):
        self._spin.value = value

    value = _of("_spin", "value", float)
    minimum = _of("_spin", "minimum", float)
    maximum = _of("_spin", "maximum", float)
    singleStep = _of("_spin", "singleStep", float)
    decimals = _of("_spin", "decimals", int)
    suffix = _of("_spin", "suffix", str)
    tracking = Property(bool, lambda s: s._tracking, lambda s, v: setattr(s, "_tracking", v))


class ctkPathLineEdit(qt.QWidget):
    """A path with a browse button; ``filters`` is read by the dialog only."""

    currentPathChanged = Signal(str)
    SIGNALS = ("currentPathChanged(QString)",)
    Files, Dirs = 2, 1

    def __init__(self, parent=None):
        super().__init__(parent)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._edit, browse = qt.QLineEdit(), qt.QToolButton()
        browse.text = "…"
        layout.addWidget(self._edit, 1)
        layout.addWidget(browse)
        self._edit.textChanged.connect(self.currentPathChanged.emit)
        self._filters = self.Files

    currentPath = _of("_edit", "text", str)
    filters = Property(int, lambda s: s._filters, lambda s, v: setattr(s, "_filters", v))


class ctkMessageBox(qt.QMessageBox):
    """`slicer.util.messageBox` shows this one."""


ctk = types.ModuleType("ctk", __doc__)
for _class in (ctkCollapsibleButton, ctkSliderWidget, ctkPathLineEdit, ctkMessageBox):
    setattr(ctk, _class.__name__, _class)
sys.modules["ctk"] = ctk
