"""A 'Slicer' for panel tests: slicer-core's real scene and logics under stand-ins for the Qt application layer."""

import os
import sys
import tempfile
import types
from pathlib import Path

import qt

from .style import set_theme

_SIGNALS = ("aboutToQuit()", "startupCompleted()", "lastWindowClosed()")


class CommandOptions:
    """`slicer.app.commandOptions()`: Base/QTCore/qSlicerCoreCommandOptions.h."""

    __slots__ = ("runPythonAndExit",)

    def __init__(self):
        self.runPythonAndExit = False


class Application:
    """`slicer.app`: what the panel and `slicer.util` use of it. Any other name is an AttributeError.

    Names as in Base/QTCore/qSlicerCoreApplication.h, Base/QTGUI/qSlicerApplication.h and, for what Python gets besides,
    Base/QTCore/qSlicerBaseQTCorePythonQtDecorators.h; the rest is Qt's QApplication.
    """

    applicationName, majorVersion, minorVersion, applicationVersion, revision = "Slicer", 5, 12, "5.12.3", "0"
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"

    def __init__(self, qt_application, application_logic):
        from .io_manager import CoreIOManager
        from .modules import ModuleManager

        self._qt, self._logic = qt_application, application_logic
        self.temporaryPath = tempfile.mkdtemp(prefix="standin")
        for scope in (qt.QSettings.UserScope, qt.QSettings.SystemScope):
            qt.QSettings.setPath(qt.QSettings.IniFormat, scope, self.temporaryPath)
        qt.QSettings.setDefaultFormat(qt.QSettings.IniFormat)
        self._settings = qt.QSettings(str(Path(self.temporaryPath) / "settings.ini"), qt.QSettings.IniFormat)
        self.applicationLocaleName = "en_US"  # of the setting "language", read at start-up
        self._options, self._modules, self._io = CommandOptions(), ModuleManager(), CoreIOManager(application_logic)
        self._layout_manager = None  # as in `Slicer --no-main-window`; tests that need views set one

    def testingEnabled(self):
        return False

    def commandOptions(self):
        return self._options

    def applicationLogic(self):
        return self._logic

    def moduleManager(self):
        return self._modules

    def coreIOManager(self):
        return self._io

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

    def exit(self, status=0):
        self._qt.exit(status)

    def clipboard(self):
        return self._qt.clipboard()

    def keyboardModifiers(self):
        return self._qt.keyboardModifiers()

    def moduleDocumentationUrl(self, moduleName):
        return self.documentationBaseUrl + moduleName

    def startupEnvironment(self):
        return qt.QProcessEnvironment.systemEnvironment()

    def layoutManager(self):
        return self._layout_manager

    def setLayoutManager(self, layoutManager):
        self._layout_manager = layoutManager

    def topLevelWidgets(self):
        return self._qt.topLevelWidgets()

    def connect(self, signal, slot):
        if signal not in _SIGNALS:
            raise ValueError(f"qSlicerApplication has no signal {signal} that the stand-in knows")
        return True

    def disconnect(self, signal, slot):
        return self.connect(signal, slot)


def install(scene, application_logic) -> Application:
    """Puts qt, ctk and the missing parts of `slicer` in place; once in a process.

    With a checkout of Slicer in the environment variable SLICER_FILES its own Python files take the place of ours.
    """
    import slicer

    for node in (application_logic.GetSelectionNode(), application_logic.GetInteractionNode()):
        if node.GetScene() is None:  # taken out when the scene was cleared
            scene.AddNode(node)
    if hasattr(slicer, "app") and isinstance(slicer.app, Application):
        return slicer.app
    qt_application = qt.QApplication.instance() or qt.QApplication(["slicer-standin"])
    set_theme(dark=False)
    from . import modules, mrml_widgets, own_files

    slicer.app = Application(qt_application, application_logic)
    for widget in (mrml_widgets.qMRMLWidget, mrml_widgets.qMRMLNodeComboBox, *modules.CLASSES):
        setattr(slicer, widget.__name__, widget)
    checkout = os.environ.get("SLICER_FILES")
    for name, module in own_files.load(Path(checkout)) if checkout else _ours():
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    return slicer.app


def _ours() -> list[tuple[str, types.ModuleType]]:
    from . import i18n

    sys.modules["slicer.i18n"] = i18n  # the next ones import it
    from . import parameter_node, scripted_module

    return [("i18n", i18n), ("ScriptedLoadableModule", scripted_module), ("parameterNodeWrapper", parameter_node)]
