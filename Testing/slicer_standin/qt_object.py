"""What PythonQt, the Qt binding inside Slicer, does otherwise than PySide6, as a class to mix in.

Qt properties are attributes, ``connect`` takes a C++ signature, arguments of slots are trimmed. A misspelt signal or
property raises, where PythonQt prints or ignores.
"""

import inspect
import sys
import types
from functools import cache

from PySide6 import QtCore

_ARGUMENTS = {"bool": bool, "int": int, "double": float, "QString": str}
_reading: set[tuple[int, str]] = set()


def positional_count(function) -> int | None:
    """How many positional arguments a slot takes (those with a default too, as PythonQt counts); None: any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


@cache  # asked at every access: it was a third of what a filled table took
def is_python_property(cls: type, name: str) -> bool:
    return any(isinstance(vars(c).get(name), (QtCore.Property, property)) for c in cls.__mro__)


class PythonQtObject:
    """Mixed into every QObject class of `qt`."""

    _loading_ui = False  # PySide's loader gives a form its children as attributes, which PythonQt's does not

    def __getattribute__(self, name):
        if name.startswith("_"):
            return super().__getattribute__(name)
        if name in ("connect", "disconnect"):  # PySide puts its own into every instance
            return types.MethodType(vars(PythonQtObject)[name], self)
        plain = object.__getattribute__
        if name == "name":
            return plain(self, "property")("objectName")
        if is_python_property(type(self), name):
            return super().__getattribute__(name)
        meta = plain(self, "metaObject")()
        index = meta.indexOfProperty(name)
        # The guard: a virtual getter (sizeHint) comes back here from C++ while its property is being read.
        if index >= 0 and (id(self), name) not in _reading:
            _reading.add((id(self), name))
            try:
                return meta.property(index).read(self)
            finally:
                _reading.discard((id(self), name))
        if name in _dynamic_properties(self):
            return plain(self, "property")(name)
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        if name == "name":
            name = "objectName"
        private = name.startswith("_") and type(self).__module__ != "qt"  # of a class of the stand-in or of a module
        if private or is_python_property(type(self), name):
            super().__setattr__(name, value)
            return
        meta = object.__getattribute__(self, "metaObject")()
        index = meta.indexOfProperty(name)
        if index >= 0:
            if not meta.property(index).write(self, value):
                raise ValueError(f"{type(self).__name__}.{name} cannot be set to {value!r}")
        elif name in _dynamic_properties(self):
            self.setProperty(name, value)
        elif type(self).__module__ == "qt" or type(self).__module__.startswith(__package__):
            if PythonQtObject._loading_ui:
                return
            raise AttributeError(f"{type(self).__name__} has no property {name} (PythonQt lets nobody add one)")
        else:
            super().__setattr__(name, value)

    def _signal(self, signature: str):
        name = signature.partition("(")[0]
        if signature in getattr(type(self), "_SIGNALS", ()):  # signals of ctk and qMRML stand-ins with C++ types
            return getattr(self, name)
        normalized = QtCore.QMetaObject.normalizedSignature(signature).data().decode()
        meta = object.__getattribute__(self, "metaObject")()
        index = meta.indexOfSignal(normalized)
        if index < 0:
            raise ValueError(f"{self.className()} has no signal {signature}")
        signal = object.__getattribute__(self, name)
        parameters = [t.data().decode() for t in meta.method(index).parameterTypes()]
        try:
            return signal[tuple(_ARGUMENTS[p] for p in parameters)] if parameters else signal
        except (KeyError, IndexError, TypeError):
            return signal

    def connect(self, signature: str, *target) -> bool:
        """``connect("clicked(bool)", function)`` or ``connect("clicked()", receiver, "slot()")``."""
        slot = target[0] if len(target) == 1 else getattr(target[0], target[1].partition("(")[0])
        if not callable(slot):
            raise TypeError(f"{slot!r} cannot be called")
        count = positional_count(slot)
        trimmed = slot if count is None else (lambda *a: slot(*a[:count]))
        self._signal(signature).connect(trimmed)
        self.__dict__.setdefault("_connections", []).append((signature, slot, trimmed))
        return True

    def disconnect(self, signature: str | None = None, slot=None) -> bool:
        kept, found = [], False
        for known, target, trimmed in self.__dict__.get("_connections", []):
            if signature in (None, known) and slot in (None, target):
                self._signal(known).disconnect(trimmed)
                found = True
            else:
                kept.append((known, target, trimmed))
        self.__dict__["_connections"] = kept
        return found

    def className(self) -> str:
        return type(self).__name__

    def findChildren(self, kind=QtCore.QObject, name=""):
        if isinstance(kind, str):
            kind = next(k for m in ("qt", "ctk", "slicer") if (k := getattr(sys.modules[m], kind, None)) is not None)
        children = QtCore.QObject.findChildren(self, QtCore.QObject)
        return [c for c in children if isinstance(c, kind) and name in ("", QtCore.QObject.objectName(c))]

    def delete(self):
        self.deleteLater()

    def exec_(self, *arguments):
        return super().exec(*arguments)


def _dynamic_properties(item) -> set[str]:
    return {bytes(n).decode() for n in object.__getattribute__(item, "dynamicPropertyNames")()}
