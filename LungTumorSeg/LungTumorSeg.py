"""The module as Slicer sees it: declaration, widget, logic and self-test; what they do is in LungTumorSegLib."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - Slicer 5.8 has Python 3.9
    raise ImportError("LungTumorSeg needs 3D Slicer 5.10 or newer; this one is older. Update Slicer.")

import slicer
from LungTumorSegLib.slicer_.install.installer import Installer
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from LungTumorSegLib.slicer_.panel.panel import Panel
from LungTumorSegLib.slicer_.sample_data import register_at_startup
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class LungTumorSeg(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        slicer.app.loadTranslations(self.resourcePath("Translations"))  # for the language that Slicer is set to
        parent.title = _("Lung Tumor Segmentation")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["LungTumorSeg developers"]
        parent.helpText = _(
            "Finds, outlines and measures lung tumours in chest CT. Nothing leaves this computer. "
            "For research; not a medical device."
        )
        parent.helpText += self.getDefaultModuleDocumentationLink()
        parent.acknowledgementText = _(
            "The bundled model is trained on public chest CTs; its card (Resources/Models/default/model.json) lists "
            "the data sets and their licences."
        )
        register_at_startup(self.resourcePath("Icons/LungTumorSeg.svg"))


class LungTumorSegWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        installer = Installer(self.resourcePath("requirements.txt"))
        self.logic = LungTumorSegLogic()
        self.panel = Panel(self.layout, self.logic, installer, self.resourcePath)

    def enter(self):
        self.panel.enter()

    def exit(self):
        self.panel.exit()

    def cleanup(self):
        self.panel.close()


class LungTumorSegLogic(LungTumorSegLogicBase, ScriptedLoadableModuleLogic):
    """``LungTumorSegLogic().segment(volume)``: see `LungTumorSegLogicBase` for all that it can do."""

    def __init__(self, client=None):
        LungTumorSegLogicBase.__init__(self, client)
        ScriptedLoadableModuleLogic.__init__(self)


class LungTumorSegTest(ScriptedLoadableModuleTest):
    """Needs no network and no data. Clears the scene."""

    def runTest(self):
        self.test_every_step_of_a_users_work()

    def test_every_step_of_a_users_work(self):
        from LungTumorSegLib.slicer_ import self_test

        lines = []

        def say(line):
            lines.append(line)
            self.delayDisplay(line)

        _passed, failed = self_test.run(say)
        self.assertEqual(failed, 0, "\n".join(lines))
