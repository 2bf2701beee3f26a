"""The module `ctk` for tests: the CTK widgets that the panel uses, with the properties and signals of the originals."""

import sys
import types

import qt
from PySide6.QtCore import Property, QRect, Signal
from PySide6.QtWidgets import QStyle, QStyleOption, QStyleOptionButton, QStylePainter


def _of(inner: str, name: str, kind):
    """A property that is the inner widget's."""
    return Property(kind, lambda s: getattr(getattr(s, inner), name), lambda s, v: setattr(getattr(s, inner), name, v))


class _Title(qt.QPushButton):
    """Drawn as CTK does: a strip with the arrow on its left, the text beside it."""

    ARROW, MARGIN = 8, 7

    def paintEvent(self, event):
        strip = QStyleOptionButton()
        self.initStyleOption(strip)
        area, strip.text = QRect(strip.rect), ""
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, strip)
        arrow = QStyleOption(strip)
        arrow.rect = QRect(self.MARGIN, (area.height() - self.ARROW) // 2, self.ARROW, self.ARROW)
        folded = self.parent().collapsed
        shape = QStyle.PrimitiveElement
        painter.drawPrimitive(shape.PE_IndicatorArrowRight if folded else shape.PE_IndicatorArrowDown, arrow)
        area.setLeft(2 * self.MARGIN + self.ARROW)
        color = qt.QPalette.ButtonText
        painter.drawItemText(area, qt.Qt.AlignVCenter, strip.palette, self.enabled, self.text, color)
        painter.end()


class ctkCollapsibleButton(qt.QWidget):
    """A titled group that folds away. Its contents lie in the layout that the .ui file gives it."""

    contentsCollapsed = Signal(bool)
    SIGNALS = ("contentsCollapsed(bool)",)
    TITLE_HEIGHT = 26

    def __init__(self, parent=None):
        super().__init__(parent)
        self._collapsed = False
        self._title = _Title(self)
        self._title.clicked.connect(lambda *_: self._collapse(not self._collapsed))
        self.setContentsMargins(2, self.TITLE_HEIGHT, 2, 2)

    def _contents(self):
        return [c for c in self.children() if isinstance(c, qt.QWidget) and c is not self._title]

    def _collapse(self, collapsed):
        changed, self._collapsed = collapsed != self._collapsed, collapsed
        self._sync()
        if changed:
            self.contentsCollapsed.emit(collapsed)

    def _sync(self):
        self._title.update()
        self._title.resize(max(self.width, 100), self.TITLE_HEIGHT - 4)
        for widget in self._contents():
            if self._collapsed and not widget.isHidden():
                widget.setProperty("foldedAway", True)
                widget.hide()
            elif not self._collapsed and widget.property("foldedAway"):
                widget.setProperty("foldedAway", False)
                widget.show()
        self.setMaximumHeight(self.TITLE_HEIGHT if self._collapsed else 16777215)

    def showEvent(self, event):
        self._sync()

    def resizeEvent(self, event):
        self._title.resize(self.width, self.TITLE_HEIGHT - 4)

    text = _of("_title", "text", str)
    collapsed = Property(bool, lambda s: s._collapsed, _collapse)


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
