"""The module `qt` for tests: all of PySide6 in PythonQt's one flat namespace, with PythonQt's behaviour."""

import contextlib
import sys
import types

from PySide6 import QtCore, QtGui, QtNetwork, QtWidgets

from .qt_object import PythonQtObject
from .ui_loader import StrictUiLoader


class PythonQtType(type(QtCore.QObject)):
    """So that ``isinstance(label, qt.QWidget)`` holds, although our QLabel does not inherit from our QWidget."""

    def __instancecheck__(cls, instance):
        return (
            isinstance(instance, vars(cls)["PYSIDE"]) if "PYSIDE" in vars(cls) else super().__instancecheck__(instance)
        )


def _make_module() -> types.ModuleType:
    module = types.ModuleType("qt", __doc__)
    module.Qt = QtCore.Qt
    for part in (QtCore, QtGui, QtNetwork, QtWidgets):
        for name in dir(part):
            found = getattr(part, name)
            if not name.startswith("Q") or name in ("QCoreApplication", "QApplication", "QGuiApplication", "Qt"):
                continue
            if isinstance(found, type) and issubclass(found, QtCore.QObject):
                with contextlib.suppress(TypeError):  # final classes
                    members = {"__module__": "qt", "PYSIDE": found}
                    found = PythonQtType(name, (PythonQtObject, found), members)
            setattr(module, name, found)
    module.QApplication, module.QCoreApplication = QtWidgets.QApplication, QtCore.QCoreApplication
    return module


qt = _make_module()
sys.modules["qt"] = qt


class QTableWidget(qt.QTableWidget):
    """With headers, viewport and scroll bar of our kind: those that C++ makes would be PySide's, and not strict."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.setViewport(qt.QWidget())
        self.setHorizontalScrollBar(qt.QScrollBar())
        for orientation, place in (
            (QtCore.Qt.Orientation.Horizontal, self.setHorizontalHeader),
            (QtCore.Qt.Orientation.Vertical, self.setVerticalHeader),
        ):
            header = qt.QHeaderView(orientation, self)
            header.setSectionsClickable(True)
            header.setHighlightSections(True)
            place(header)


QTableWidget.__module__, QTableWidget.PYSIDE = "qt", QtWidgets.QTableWidget
qt.QTableWidget = QTableWidget
qt.QUiLoader = StrictUiLoader
