"""`slicer.parameterNodeWrapper` for tests: node references, float, int, bool, str, enums, ranges, choices, connectGui.

Written after the behaviour of Slicer 5.12's. Raises for a ``SlicerParameterName`` that no parameter has, and for a
widget class that Slicer has no connector for.
"""

import enum
import functools
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import slicer


@dataclass(frozen=True)
class WithinRange:
    minimum: float
    maximum: float

    def check(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


@dataclass(frozen=True)
class Choice:
    choices: list

    def check(self, value):
        if value not in self.choices:
            raise ValueError(f"{value} is not one of {self.choices}")


@dataclass(frozen=True)
class Default:
    value: Any


class _Field:
    """One typed parameter as a property of the wrapper; stored as text, or as a node reference."""

    def __init__(self, name, hint, default):
        self.name = name
        self.notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        self.kind = get_args(hint)[0] if self.notes else hint
        self.is_node = issubclass(self.kind, slicer.vtkMRMLNode)
        explicit = [note.value for note in self.notes if isinstance(note, Default)]
        self.default = explicit[0] if explicit else default
        if self.default is None and not self.is_node:
            self.default = next(iter(self.kind)) if issubclass(self.kind, enum.Enum) else self.kind()

    def note(self, kind):
        return next((note for note in self.notes if isinstance(note, kind)), None)

    def read(self, node):
        if self.is_node:
            return node.GetNodeReference(self.name)
        if not node.HasParameter(self.name):
            return self.default
        text = node.GetParameter(self.name)
        if self.kind is bool:
            return text == "True"
        return self.kind[text] if issubclass(self.kind, enum.Enum) else self.kind(text)

    def write(self, node, value):
        if self.is_node:
            node.SetNodeReferenceID(self.name, value.GetID() if value else None)
            return
        if not isinstance(value, (int, float) if self.kind is float else self.kind):
            raise TypeError(f"{self.name} takes {self.kind.__name__}, not {value!r}")
        for note in self.notes:
            if hasattr(note, "check"):
                note.check(value)
        node.SetParameter(self.name, value.name if isinstance(value, enum.Enum) else str(self.kind(value)))


# Slicer's connectors by (widget class, type): property and signal.
_CONNECTORS = {
    ("QCheckBox", bool): ("checked", "stateChanged(int)"),
    ("QPushButton", bool): ("checked", "toggled(bool)"),
    ("QSpinBox", int): ("value", "valueChanged(int)"),
    ("QDoubleSpinBox", float): ("value", "valueChanged(double)"),
    ("ctkSliderWidget", float): ("value", "valueChanged(double)"),
    ("QLineEdit", str): ("text", "textChanged(QString)"),
}


class _Connector:
    """Keeps one widget and one parameter alike."""

    def __init__(self, widget, field):
        self.widget, self.field, name = widget, field, widget.className()
        if field.is_node and name == "qMRMLNodeComboBox":
            self.signal = "currentNodeChanged(vtkMRMLNode*)"
            self.read, self.write = widget.currentNode, widget.setCurrentNode
        elif name == "QComboBox":
            self.signal = "currentIndexChanged(int)"
            values = self._fill_combo()
            self.read = lambda: values[widget.currentIndex]
            self.write = lambda value: setattr(widget, "currentIndex", values.index(value))
        elif (name, field.kind) in _CONNECTORS:
            prop, self.signal = _CONNECTORS[name, field.kind]
            self.read = lambda: getattr(widget, prop)
            self.write = lambda value: setattr(widget, prop, value)
            limits = field.note(WithinRange)
            if limits:
                widget.minimum, widget.maximum = limits.minimum, limits.maximum
            elif name == "ctkSliderWidget":
                raise RuntimeError(f"{widget.name}: a slider needs a parameter within a range")
        else:
            raise RuntimeError(f"{widget.name}: Slicer connects no {name} to {field.kind.__name__}")

    def _fill_combo(self):
        """As Slicer does: what the .ui file lists is replaced."""
        self.widget.clear()
        choice = self.field.note(Choice)
        values = choice.choices if choice else list(self.field.kind)
        for value in values:
            self.widget.addItem(value.label() if hasattr(value, "label") else getattr(value, "name", str(value)))
        return values


class _Wrapper:
    """What `parameterNodeWrapper` adds to a class."""

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._gui = {}

    def __getattr__(self, name):
        return getattr(self.__dict__["parameterNode"], name)

    def connectGui(self, ui) -> int:
        connectors = []
        for widget in vars(ui).values():
            name = widget.property("SlicerParameterName") if hasattr(widget, "property") else None
            if name:
                if name not in self._fields:
                    raise RuntimeError(f"{widget.name}: there is no parameter {name}")
                connectors.append(_Connector(widget, self._fields[name]))
        busy = []

        def to_widgets(*_):
            if not busy:
                busy.append(True)
                try:
                    for connector in connectors:
                        connector.write(connector.field.read(self.parameterNode))
                finally:
                    busy.clear()

        def to_node(connector):
            if not busy:
                connector.field.write(self.parameterNode, connector.read())

        to_widgets()
        made = []
        for connector in connectors:
            slot = functools.partial(to_node, connector)
            connector.widget.connect(connector.signal, slot)
            made.append((connector.widget, connector.signal, slot))
        tag = self.parameterNode.AddObserver("ModifiedEvent", to_widgets)
        self._gui[tag] = made
        return tag

    def disconnectGui(self, tag):
        self.parameterNode.RemoveObserver(tag)
        for widget, signal, slot in self._gui.pop(tag):
            widget.disconnect(signal, slot)

    def AddObserver(self, *arguments):
        return self.parameterNode.AddObserver(*arguments)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)


def parameterNodeWrapper(cls):
    """Class decorator: typed fields become properties kept in a vtkMRMLScriptedModuleNode."""
    hints = get_type_hints(cls, include_extras=True)
    fields = {name: _Field(name, hint, vars(cls).get(name)) for name, hint in hints.items()}

    def as_property(field):
        return property(
            lambda self: field.read(self.parameterNode), lambda self, value: field.write(self.parameterNode, value)
        )

    members = {name: as_property(field) for name, field in fields.items()}
    return type(cls.__name__, (_Wrapper, cls), {**members, "_fields": fields, "__module__": cls.__module__})
