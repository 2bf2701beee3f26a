"""Scripted modules as Slicer holds them: the module object, its widget, and the managers that load them."""

import importlib.util
import sys
import types
from pathlib import Path

import qt
import slicer
from PySide6.QtCore import Signal

from .mrml_widgets import qMRMLWidget

_TEXTS = ("title", "helpText", "acknowledgementText")
_LISTS = ("categories", "contributors", "dependencies", "associatedNodeTypes")


class qSlicerScriptedLoadableModule:
    """What a module's class gets as ``parent``: Base/QTGUI/qSlicerScriptedLoadableModule.h, and what it has from
    Base/QTCore/qSlicerAbstractCoreModule.h and Base/QTGUI/qSlicerBaseQTGUIPythonQtDecorators.h. A wrong type raises.
    """

    __slots__ = (*_TEXTS, *_LISTS, "_widget", "hidden", "icon", "index", "name", "path")

    def __init__(self, path):
        self.path, self.name, self._widget = str(path), Path(path).stem, None
        _import(self.name, self.path)
        instance = getattr(sys.modules[self.name], self.name)(self)
        setattr(slicer.modules, f"{self.name}Instance", instance)

    def __setattr__(self, name, value):
        if name in _TEXTS and not isinstance(value, str):
            raise TypeError(f"{name} is a text, not {value!r}")
        if name in _LISTS and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            raise TypeError(f"{name} is a list of texts, not {value!r}")
        object.__setattr__(self, name, value)

    def widgetRepresentation(self):
        """Made, and set up, when it is asked for first."""
        if self._widget is None:
            self._widget = qSlicerScriptedLoadableModuleWidget()
            self._widget.setMRMLScene(slicer.mrmlScene)
            self._widget._make(self.path)
            self._widget._setup()
        return self._widget


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The page of a scripted module: Base/QTGUI/qSlicerScriptedLoadableModuleWidget.h and .cxx, and what it has from
    Base/QTGUI/qSlicerAbstractModuleWidget.h. `reload` makes the Python object anew and calls its ``setup``, but not its
    ``enter``.
    """

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setLayout(qt.QVBoxLayout())
        self._path, self._python = "", None

    def self(self):
        return self._python

    def _setup(self):
        self._python.setup()

    def enter(self):
        self._call("enter")

    def exit(self):
        self._call("exit")

    def reload(self):
        self._make(self._path)
        self._setup()

    def _make(self, path):
        name = Path(path).stem
        self._path = path
        self._python = getattr(sys.modules[name], f"{name}Widget")(self)
        setattr(slicer.modules, f"{name}Widget", self._python)

    def _call(self, name):
        getattr(self._python, name, lambda: None)()  # a module need not have them


class ModuleFactoryManager:
    """Base/QTCore/qSlicerModuleFactoryManager.h, Base/QTCore/qSlicerAbstractModuleFactoryManager.h."""

    def __init__(self, manager):
        self._manager, self._paths, self._loaded = manager, {}, {}

    def registerModule(self, file):
        path = Path(file.absoluteFilePath())
        if path.suffix == ".py" and path.is_file():
            self._paths[path.stem] = path

    def isRegistered(self, name):
        return name in self._paths

    def loadModules(self, modules):
        for name in modules:
            self._loaded[name] = qSlicerScriptedLoadableModule(self._paths[name])
            setattr(slicer.modules, name.lower(), self._loaded[name])
        return True

    def isLoaded(self, name):
        return name in self._loaded

    def loadedModule(self, name):
        return self._loaded.get(name)

    def _unload(self, name):
        self._manager.moduleAboutToBeUnloaded.emit(name)
        del self._paths[name], self._loaded[name]
        delattr(slicer.modules, name.lower())


class ModuleManager(qt.QObject):
    """`slicer.app.moduleManager()`: Base/QTCore/qSlicerModuleManager.h."""

    moduleAboutToBeUnloaded = Signal(str)
    _SIGNALS = ("moduleAboutToBeUnloaded(QString)",)

    def __init__(self):
        super().__init__()
        self._factory = ModuleFactoryManager(self)

    def factoryManager(self):
        return self._factory

    def module(self, name):
        return self._factory.loadedModule(name)


CLASSES = (qSlicerScriptedLoadableModule, qSlicerScriptedLoadableModuleWidget)


def _import(name: str, path: str) -> types.ModuleType:
    if str(Path(path).parent) not in sys.path:
        sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class LoadedModule:
    """A scripted module whose real .py and .ui run and whose page is shown, as when the user has chosen it.

    module: the object of the module's own first class. panel: its page. widget: the Python object behind the page.
    """

    def __init__(self, path):
        factory = slicer.app.moduleManager().factoryManager()
        factory.registerModule(qt.QFileInfo(str(path)))
        self.name = Path(path).stem
        factory.loadModules([self.name])
        self.module = getattr(slicer.modules, f"{self.name}Instance")
        self.panel = factory.loadedModule(self.name).widgetRepresentation()
        self.panel.enter()

    @property
    def widget(self):
        return self.panel.self()

    def reload(self):
        """What Slicer's reload button does."""
        slicer.util.reloadScriptedModule(self.name)

    def close(self):
        """Another module is shown, then Slicer ends."""
        self.panel.exit()
        slicer.app.moduleManager().factoryManager()._unload(self.name)
        self.panel.deleteLater()
        qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)
