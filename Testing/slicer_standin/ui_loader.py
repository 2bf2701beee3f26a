"""`qt.QUiLoader`: Qt's own loader, made strict. What Designer's runtime would skip with a warning is an error here."""

import sys
import xml.etree.ElementTree as ET

from PySide6 import QtCore, QtUiTools

from .qt_object import PythonQtObject


class UiError(RuntimeError):
    """A .ui file names a class, property, signal or slot that does not exist."""


class _Factory(QtUiTools.QUiLoader):
    """Makes every widget from `qt`, `ctk` or `slicer`, so that all of them behave as in PythonQt."""

    def __init__(self):
        super().__init__()
        self.made, self.layouts, self.unknown = {}, [], []

    def createWidget(self, class_name, parent=None, name=""):
        for module in ("qt", "ctk", "slicer"):
            widget_class = getattr(sys.modules[module], class_name, None)
            if widget_class is not None:
                widget = widget_class(parent)
                widget.setObjectName(name)
                self.made[name] = widget
                return widget
        self.unknown.append(f"{name}: there is no widget class {class_name}")  # Qt would swallow an exception
        return None

    def createLayout(self, class_name, parent=None, name=""):
        layout = getattr(sys.modules["qt"], class_name)()
        layout.setObjectName(name)
        if parent is not None and parent.layout() is None:
            parent.setLayout(layout)
        self.layouts.append(layout)
        return layout


class StrictUiLoader:
    """``load(qfile)`` -> the root widget. Raises `UiError`."""

    def load(self, qfile, parent=None):
        root = ET.fromstring(bytes(qfile.readAll()))
        _check_names(root)
        connections = root.find("connections")
        if connections is not None:  # made below: PySide does not know vtkMRML types
            root.remove(connections)
        factory = _Factory()
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        PythonQtObject._loading_ui = True
        try:
            widget = factory.load(buffer, parent)
        finally:
            PythonQtObject._loading_ui = False
        if factory.unknown:
            raise UiError(factory.unknown[0])
        if widget is None:
            raise UiError(factory.errorString())
        for element in root.iter("widget"):
            _check_properties(element, factory.made)
        for connection in connections if connections is not None else ():
            _connect(connection, factory.made)
        vars(widget)["_made"] = factory.made  # keeps the Python halves alive
        return widget


def _check_names(root):
    names = [e.get("name") for e in root.iter("widget")]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise UiError(f"names used twice: {sorted(twice)}")


def _check_properties(element, made):
    widget = made.get(element.get("name"))
    if widget is None:
        raise UiError(f"{element.get('name')}: there is no widget class {element.get('class')}")
    meta = object.__getattribute__(widget, "metaObject")()
    for prop in element.findall("property"):
        if prop.get("stdset") != "0" and meta.indexOfProperty(prop.get("name")) < 0:
            raise UiError(f"{element.get('name')}: {element.get('class')} has no property {prop.get('name')}")


def _connect(connection, made):
    sender, signal, receiver, slot = (connection.findtext(t) for t in ("sender", "signal", "receiver", "slot"))
    missing = {sender, receiver} - set(made)
    if missing:
        raise UiError(f"a connection names {sorted(missing)}, which is not in the file")
    target = getattr(made[receiver], slot.partition("(")[0], None)
    if not callable(target):
        raise UiError(f"{receiver} has no slot {slot}")
    try:
        made[sender].connect(signal, target)
    except ValueError as error:
        raise UiError(str(error)) from error
