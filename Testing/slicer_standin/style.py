"""Slicer's look: metrics and palettes of Base/QTGUI/qSlicerStyle.cxx, on Qt's Fusion as there."""

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QProxyStyle, QStyle, QStyleFactory

_MARGINS = {getattr(QStyle.PixelMetric, f"PM_Layout{side}Margin") for side in ("Left", "Top", "Right", "Bottom")}
_METRICS = {
    QStyle.PixelMetric.PM_LayoutHorizontalSpacing: 3,
    QStyle.PixelMetric.PM_LayoutVerticalSpacing: 3,
    QStyle.PixelMetric.PM_SliderLength: 12,
    QStyle.PixelMetric.PM_ButtonIconSize: 24,
}
# role: colour, then that of what is disabled
_LIGHT = {
    "Window": ("#ffffff",), "WindowText": ("#000000", "#bebebe"), "Base": ("#ffffff",), "AlternateBase": ("#e4e4fe",),
    "ToolTipBase": ("#ffffdc",), "ToolTipText": ("#000000",), "Text": ("#000000", "#bebebe"),
    "PlaceholderText": ("#808080",), "Button": ("#fcfcfc",), "ButtonText": ("#000000", "#bebebe"),
    "BrightText": ("#ff0000",), "Light": ("#c8c8c8",), "Midlight": ("#e6e6e6",), "Dark": ("#aaaaaa",),
    "Mid": ("#c8c8c8",), "Shadow": ("#5a5a5a",), "Highlight": ("#308cc6", "#919191"),
    "HighlightedText": ("#ffffff",), "Link": ("#0000ff",),
}  # fmt: skip
_DARK = {
    "Window": ("#323232",), "WindowText": ("#ffffff", "#6d6d6d"), "Base": ("#1e1e1e",), "AlternateBase": ("#323232",),
    "ToolTipBase": ("#ffffff",), "ToolTipText": ("#323232",), "Text": ("#ffffff", "#6d6d6d"),
    "PlaceholderText": ("#c0c0c0",), "Button": ("#323232",), "ButtonText": ("#ffffff", "#b4b4b4"),
    "BrightText": ("#ff4444",), "Light": ("#828284",), "Midlight": ("#5a5a5b",), "Dark": ("#232323",),
    "Mid": ("#2b2b2b",), "Shadow": ("#141414",), "Highlight": ("#3ca4ff", "#505050"),
    "HighlightedText": ("#ffffff", "#6d6d6d"), "Link": ("#3ca4ff",),
}  # fmt: skip


class SlicerStyle(QProxyStyle):
    def __init__(self):
        super().__init__(QStyleFactory.create("fusion"))

    def pixelMetric(self, metric, option=None, widget=None):
        if metric in _MARGINS:
            return 4 if widget is not None and type(widget).__name__ == "ctkCollapsibleButton" else 6
        return _METRICS[metric] if metric in _METRICS else super().pixelMetric(metric, option, widget)


def set_theme(dark: bool):
    """Slicer's dark or light style."""
    application = QApplication.instance()
    application.setStyle(SlicerStyle())
    palette = QPalette(application.style().standardPalette())
    for role, colors in (_DARK if dark else _LIGHT).items():
        palette.setColor(getattr(QPalette.ColorRole, role), QColor(colors[0]))
        disabled = QPalette.ColorGroup.Disabled
        palette.setColor(disabled, getattr(QPalette.ColorRole, role), QColor(colors[-1]))
    application.setPalette(palette)
