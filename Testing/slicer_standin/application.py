"""A 'Slicer' for panel tests: slicer-core's real scene and logics under stand-ins for the Qt application layer."""

import importlib.util
import sys
import tempfile
import types
from pathlib import Path

import qt

from .style import set_theme


class Application:
    """`slicer.app`: the calls that the panel and slicer.util make. Any other name is an AttributeError."""

    applicationName, majorVersion, minorVersion, applicationVersion, revision = "Slicer", 5, 12, "5.12.3", "0"
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"

    def __init__(self, qt_application, application_logic):
        self._qt, self._logic = qt_application, application_logic
        self.temporaryPath = tempfile.mkdtemp(prefix="standin")
        self._settings = qt.QSettings(str(Path(self.temporaryPath) / "settings.ini"), qt.QSettings.IniFormat)
        self.testing = False
        self.layout_manager = None  # as in `Slicer --no-main-window`; tests that need views put one in
        self.applicationLocaleName = "en_US"  # of the setting "language", read at start-up

    def testingEnabled(self):
        return self.testing

    def applicationLogic(self):
        return self._logic

    def userSettings(self):
        return self._settings

    settings = userSettings

    def translate(self, context, text):
        return self._qt.translate(context, text)

    def loadTranslations(self, folder):
        """The .qm files of the application's language, as Base/QTCore/qSlicerCoreApplication.cxx finds them.

        A file that cannot be loaded raises, where Slicer prints.
        """
        language = self.applicationLocaleName
        for name in (language, language.partition("_")[0]):
            endings = {name.replace("-", "_"), name.replace("_", "-")}
            found = sorted({path for ending in endings for path in Path(folder).glob(f"*{ending}.qm")})
            if found:
                break
        for path in found:
            translator = qt.QTranslator(self._qt)
            if not translator.load(str(path)):
                raise OSError(f"{path} is no translation")
            self._qt.installTranslator(translator)

    def processEvents(self, *arguments):
        self._qt.processEvents()

    def clipboard(self):
        return self._qt.clipboard()

    def keyboardModifiers(self):
        return self._qt.keyboardModifiers()

    def moduleDocumentationUrl(self, name):
        return self.documentationBaseUrl + name

    def startupEnvironment(self):
        return qt.QProcessEnvironment.systemEnvironment()

    def layoutManager(self):
        return self.layout_manager

    def mainWindow(self):
        return None

    def topLevelWidgets(self):
        return self._qt.topLevelWidgets()

    def connect(self, signal, slot):
        if signal not in ("aboutToQuit()", "startupCompleted()"):
            raise ValueError(f"qSlicerApplication has no signal {signal} that the stand-in knows")
        return True

    def disconnect(self, signal, slot):
        return self.connect(signal, slot)


class _Module:
    """`slicer.modules.<name>` of a scripted module."""

    def __init__(self, name, path, panel):
        self.name, self.path, self._panel = name, path, panel

    def widgetRepresentation(self):
        return self._panel


def install(scene, application_logic) -> Application:
    """Puts qt, ctk and the missing parts of `slicer` in place; once in a process."""
    import slicer

    for node in (application_logic.GetSelectionNode(), application_logic.GetInteractionNode()):
        if node.GetScene() is None:  # taken out when the scene was cleared
            scene.AddNode(node)
    if hasattr(slicer, "app") and isinstance(slicer.app, Application):
        return slicer.app
    qt_application = qt.QApplication.instance() or qt.QApplication(["slicer-standin"])
    set_theme(dark=False)
    from . import mrml_widgets

    slicer.app = Application(qt_application, application_logic)
    slicer.qMRMLWidget, slicer.qMRMLNodeComboBox = mrml_widgets.qMRMLWidget, mrml_widgets.qMRMLNodeComboBox
    from . import i18n

    sys.modules["slicer.i18n"] = slicer.i18n = i18n  # the next ones import it
    from . import parameter_node, scripted_module

    for name, module in (("ScriptedLoadableModule", scripted_module), ("parameterNodeWrapper", parameter_node)):
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    return slicer.app


class LoadedModule:
    """A scripted module whose real .py and .ui run: ``module`` (declaration), ``widget``, ``panel`` (its QWidget)."""

    def __init__(self, path):
        import slicer

        self.path = Path(path)
        name = self.path.stem
        if str(self.path.parent) not in sys.path:
            sys.path.insert(0, str(self.path.parent))
        self.python = self._import(name)
        self.panel = slicer.qMRMLWidget()
        self.panel.setLayout(qt.QVBoxLayout())
        self.panel.setMRMLScene(slicer.mrmlScene)
        setattr(slicer.modules, name.lower(), _Module(name, str(self.path), self.panel))
        self.module = getattr(self.python, name)(types.SimpleNamespace(path=str(self.path)))
        self.widget = None
        self._show()

    def _import(self, name):
        spec = importlib.util.spec_from_file_location(name, self.path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def _show(self):
        import slicer

        name = self.path.stem
        self.widget = getattr(self.python, name + "Widget")(self.panel)
        setattr(slicer.modules, name + "Widget", self.widget)
        self.widget.setup()
        self.widget.enter()

    def reload(self):
        """What Slicer's reload button does: clean up, import again, set up again in the same panel."""
        self.close()
        self.python = self._import(self.path.stem)
        self._show()

    def close(self):
        self.widget.exit()
        self.widget.cleanup()
        layout = self.panel.layout()
        while layout.count():
            item = layout.takeAt(0)
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)


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
