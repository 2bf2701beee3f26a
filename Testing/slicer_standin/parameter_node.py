"""`slicer.parameterNodeWrapper` for tests: node references, float, int, bool, str, enums, ranges, choices, connectGui.

After Slicer's own `Base/Python/slicer/parameterNodeWrapper/` (wrapper, serializers, validators, default). As there, the
wrapper is no MRML node: it has the declared fields and the few methods of `_Wrapper`, nothing else. Making it writes
the default of every field that the node lacks into the node, so that ``parameterNode.HasParameter`` is true for all of
them from then on. Values are cached; only a ModifiedEvent of the node refreshes them.

Stricter than Slicer: a field of any other type raises, and so does setting an attribute that is no field.
"""

import enum
import weakref
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import slicer

from .gui_connectors import Connector


@dataclass(frozen=True)
class WithinRange:
    minimum: float
    maximum: float

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass(frozen=True)
class Choice:
    choices: list

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


@dataclass(frozen=True)
class Default:
    value: Any


class _Field:
    """One declared field: how its value is checked, written and read. A node's name is also written as a text."""

    def __init__(self, name, hint, own_default):
        self.name, self.hint = name, hint
        self.kind, *self.annotations = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if not isinstance(self.kind, type):
            raise TypeError(f"Unable to create serializer for member {name}: {hint}")
        self.is_node = issubclass(self.kind, slicer.vtkMRMLNode)
        self.is_enum = issubclass(self.kind, enum.Enum)
        if not (self.is_node or self.is_enum or self.kind in (float, int, bool, str)):
            raise TypeError(f"Unable to create serializer for member {name}: {hint}")
        self.default = self._own(own_default)

    def _own(self, own_default):
        if own_default is not ...:
            return own_default
        if (annotation := self.annotation(Default)) is not None:
            return annotation.value
        if self.is_node:
            return None
        return next(iter(self.kind)) if self.is_enum else self.kind()

    def annotation(self, kind):
        return next((a for a in self.annotations if isinstance(a, kind)), None)

    def validate(self, value):
        if value is None:
            if not (self.is_node or self.is_enum):  # an enum's None fails a line later, as in Slicer: it has no name
                raise ValueError("Value must not be None")
        elif not isinstance(value, (int, float) if self.kind is float else self.kind):
            raise TypeError(f"Value of {self.name} must be of type '{self.kind}', is type '{type(value)}' '{value}'")
        for annotation in self.annotations:
            if isinstance(annotation, WithinRange | Choice):
                annotation.validate(value)

    def write(self, node, value):
        self.validate(value)
        if self.is_node:
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            node.SetParameter(self.name, value.name if self.is_enum else str(value))

    def read(self, node):
        if not node.HasParameter(self.name):
            self.write(node, self.default)
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.kind is bool:
            return text == "True"
        return self.kind[text] if self.is_enum else self.kind(text)


class _Cached:
    """A field's value in one node, as of the node's last ModifiedEvent."""

    def __init__(self, field, node):
        self.field, self.node, self.writing = field, node, False
        self.value = field.read(node)
        me = weakref.ref(self)
        self._tag = node.AddObserver("ModifiedEvent", lambda caller, event: me()._on_modified())

    def __del__(self):
        self.node.RemoveObserver(self._tag)

    def _on_modified(self):
        if not self.writing:
            self.value = self.field.read(self.node)

    def write(self, value):
        self.writing = True
        try:
            with slicer.util.NodeModify(self.node):
                self.field.write(self.node, value)
                self.value = self.field.read(self.node)
        finally:
            self.writing = False


class _Wrapper:
    """What `parameterNodeWrapper` adds to a class. There is no way to the node's methods but ``parameterNode``."""

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._connectors, self._observers, self._updating_gui = {}, {}, False
        for field in self.allParameters.values():
            if not parameterNode.HasParameter(field.name):
                field.write(parameterNode, field.default)
        self._cached = {name: _Cached(field, parameterNode) for name, field in self.allParameters.items()}

    def __setattr__(self, name, value):
        if not (name.startswith("_") or name == "parameterNode" or name in self.allParameters):
            raise AttributeError(f"{type(self).__name__} has no field {name}")
        super().__setattr__(name, value)

    def _field(self, name):
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}; found {list(self.allParameters)}")
        return self.allParameters[name]

    def default(self, name):
        return Default(self._field(name).default)

    def dataType(self, name):
        return self._field(name).hint

    def isCached(self, name):
        return self._field(name) is not None

    def getValue(self, name):
        return self._cached[self._field(name).name].value

    def setValue(self, name, value):
        self._cached[self._field(name).name].write(value)

    def connectGui(self, gui) -> int:
        """gui: a widget, whose children are looked through, or an object whose every attribute is a widget."""
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren("QWidget") if is_widget else vars(gui).values()
        names = {widget: widget.property("SlicerParameterName") for widget in widgets}
        return self.connectParametersToGui({name: widget for widget, name in names.items() if name})

    def connectParametersToGui(self, mapping) -> int:
        fields = {name: self._field(name) for name in mapping}
        connectors = {name: Connector(widget, fields[name]) for name, widget in mapping.items()}
        tag = len(self._observers) and max(self._observers) + 1
        self._connectors[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.connect(lambda name=name, connector=connector: self._gui_changed(name, connector))
        self._observers[tag] = self.AddObserver("ModifiedEvent", lambda caller, event: self._update_gui())
        return tag

    def disconnectGui(self, tag):
        for connector in self._connectors.pop(tag, {}).values():
            connector.disconnect()
        if tag in self._observers:
            self.RemoveObserver(self._observers.pop(tag))

    def _gui_changed(self, name, connector):
        with slicer.util.NodeModify(self):
            if not self._updating_gui:
                self.setValue(name, connector.read())

    def _update_gui(self):
        """Writes every connected parameter into its widget, whichever was changed."""
        if self._updating_gui:
            return
        self._updating_gui = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._connectors.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updating_gui = False

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, was_modified):
        return self.parameterNode.EndModify(was_modified)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        return self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        return self.parameterNode.Modified()


def parameterNodeWrapper(cls):
    """Class decorator: typed fields become properties kept in a vtkMRMLScriptedModuleNode."""
    hints = get_type_hints(cls, include_extras=True)
    if reserved := set(hints) & {name for name in vars(_Wrapper) if not name.startswith("__")}:
        raise ValueError(f"Cannot use reserved name '{min(reserved)}' in a parameterNodeWrapper")
    fields = {name: _Field(name, hint, vars(cls).get(name, ...)) for name, hint in hints.items()}

    def as_property(name):
        return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))

    members = {name: as_property(name) for name in fields}
    return type(cls.__name__, (_Wrapper, cls), {**members, "allParameters": fields, "__module__": cls.__module__})
