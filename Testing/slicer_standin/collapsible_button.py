"""`ctkCollapsibleButton`, after CTK's source: sizes, folding and drawing are the same.

Kept from there because layouts depend on it: a folded section is as high as its button plus ``collapsedHeight``; what
is hidden by name stays hidden when the section opens; what is shown while the section is folded stays out of sight.
"""

import qt
from PySide6.QtCore import Property, QEvent, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QStyle, QStyleOption, QStyleOptionButton, QStylePainter

# dynamic property of a child: whether it is shown but for the folding
_SHOWN = "visibilityToParent"


class ctkCollapsibleButton(qt.QAbstractButton):
    """A titled group that folds away: Libs/Widgets/ctkCollapsibleButton.h and .cpp."""

    contentsCollapsed = Signal(bool)
    _SIGNALS = ("contentsCollapsed(bool)",)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._collapsed, self._collapsed_height = False, 14
        self._forcing, self._was_shown = False, False
        self._open_maximum = self.maximumHeight
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(qt.QSizePolicy.Minimum, qt.QSizePolicy.Preferred)
        self.setContentsMargins(0, self._button_size().height(), 0, 0)
        self.setBackgroundRole(QPalette.ColorRole.Window)
        self.toggled.connect(lambda checked: self._collapse(not checked))

    collapsed = Property(bool, lambda s: s._collapsed, lambda s, value: s.setChecked(not value))

    def _set_collapsed_height(self, pixels):
        self._collapsed_height = pixels
        self.updateGeometry()

    collapsedHeight = Property(int, lambda s: s._collapsed_height, _set_collapsed_height)

    # ---- folding

    def _collapse(self, collapsed):
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        if collapsed:
            self._open_maximum = self.maximumHeight
            self.setMaximumHeight(self.sizeHint.height())
        else:
            self.setMaximumHeight(self._open_maximum)
        for child in self.children():
            self._show_or_hide(child)
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    def _show_or_hide(self, child):
        """Not before this widget is created: until then a child hidden here would count as hidden by name."""
        if not child.isWidgetType() or not self.testAttribute(Qt.WidgetAttribute.WA_WState_Created):
            return
        shown = QObject.property(child, _SHOWN) is not False
        visible = shown and not self._collapsed
        self._forcing = True
        if not visible or child.testAttribute(Qt.WidgetAttribute.WA_WState_Created):
            child.setVisible(visible)
        if shown:
            child.setAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)
        self._forcing = False

    def childEvent(self, event):
        child = event.child()
        if event.type() == QEvent.Type.ChildAdded and child.isWidgetType():
            by_name = child.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
            if by_name and child.testAttribute(Qt.WidgetAttribute.WA_WState_Hidden):
                QObject.setProperty(child, _SHOWN, False)
            child.installEventFilter(self)
            self._show_or_hide(child)
        super().childEvent(event)

    def setVisible(self, visible):
        self._forcing = True
        super().setVisible(visible)
        self._forcing = False
        if not self._was_shown and self.testAttribute(Qt.WidgetAttribute.WA_WState_Created):
            self._was_shown = True
            for child in self.children():
                self._show_or_hide(child)

    def eventFilter(self, child, event):
        if self._forcing:
            return False
        if event.type() == QEvent.Type.ShowToParent:
            QObject.setProperty(child, _SHOWN, True)
            self._show_or_hide(child)
        elif event.type() == QEvent.Type.HideToParent:
            QObject.setProperty(child, _SHOWN, False)
        return False

    def event(self, event):
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self.setContentsMargins(0, self._button_size().height(), 0, 0)
            if self._collapsed:
                self.setMaximumHeight(self.sizeHint.height())
        return super().event(event)

    # ---- sizes

    def _metric(self, metric):
        return self.style().pixelMetric(metric, None, self)

    def _indicator(self) -> QSize:
        metric = QStyle.PixelMetric
        return QSize(self._metric(metric.PM_IndicatorWidth), self._metric(metric.PM_IndicatorHeight))

    def _button_size(self) -> QSize:
        option = QStyleOptionButton()
        option.initFrom(self)
        text = self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, self.text or "XXXX")
        spacing = self._metric(QStyle.PixelMetric.PM_CheckBoxLabelSpacing)
        size = QSize(self._indicator().width() + spacing, max(self._indicator().height(), text.height()))
        if self.text:
            size.setWidth(size.width() + text.width())
        return self.style().sizeFromContents(QStyle.ContentsType.CT_PushButton, option, size, self)

    def _folded_size(self) -> QSize:
        return self._button_size() + QSize(0, self._collapsed_height)

    def minimumSizeHint(self):
        if self._collapsed:
            return self._folded_size()
        own = self._button_size()
        return own if self.layout() is None else super().minimumSizeHint().expandedTo(own)

    def sizeHint(self):
        return self._folded_size() if self._collapsed else super().sizeHint().expandedTo(self._folded_size())

    def hitButton(self, position):
        return position.y() < self._button_size().height()

    # ---- drawing

    def paintEvent(self, event):
        height, side = self._button_size().height(), self._indicator()
        strip = QStyleOptionButton()
        strip.initFrom(self)
        strip.rect.setHeight(height)
        strip.state |= QStyle.StateFlag.State_Sunken if self.down else QStyle.StateFlag.State_Raised
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, strip)
        arrow = QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QRect((height - side.width()) // 2, (height - side.height()) // 2, side.width(), side.height())
        shape = QStyle.PrimitiveElement
        painter.drawPrimitive(shape.PE_IndicatorArrowRight if self._collapsed else shape.PE_IndicatorArrowDown, arrow)
        left = arrow.rect.right() + self._metric(QStyle.PixelMetric.PM_CheckBoxLabelSpacing)
        area = QRect(left, 0, self.width - left, height)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawItemText(area, flags, strip.palette, self.enabled, self.text, QPalette.ColorRole.ButtonText)
        painter.end()
