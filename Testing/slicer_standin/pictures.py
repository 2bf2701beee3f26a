"""Pictures of widgets."""

import qt


def picture(widget, path, width: int = 420, height: int | None = None, ratio: int = 1):
    """Writes a PNG of a widget at a width (and its natural height). ratio: the screen's device pixels a pixel."""
    widget.resize(width, height or 200)
    widget.show()
    for _ in range(3):
        qt.QApplication.instance().processEvents()
    widget.resize(width, height or max(widget.sizeHint.height(), 100))
    for _ in range(3):
        qt.QApplication.instance().processEvents()
    taken = qt.QPixmap(ratio * widget.size)
    taken.setDevicePixelRatio(ratio)
    taken.fill(widget.palette.window().color())
    widget.render(taken)
    if not taken.save(str(path)):
        raise OSError(f"{path} could not be written")
