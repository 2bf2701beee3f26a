"""The module as Slicer sees it: declaration, widget, logic and self-test; what they do is in LungTumorSegLib."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - Slicer 5.8 has Python 3.9
    raise ImportError("LungTumorSeg needs 3D Slicer 5.10 or newer; this one is older. Update Slicer.")

import numpy as np
import slicer
import slicer.util
from LungTumorSegLib.errors import NotACTError
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

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.logic = LungTumorSegLogic()

    def tearDown(self):
        self.logic.close()

    def runTest(self):
        for test in (self.test_a_clicked_lesion_is_outlined_where_it_is, self.test_a_picture_is_refused):
            self.setUp()
            try:
                test()
            finally:
                self.tearDown()

    def test_a_clicked_lesion_is_outlined_where_it_is(self):
        centre, radius = np.array([30.0, -20.0, 10.0]), 9.0
        run = self.logic.segment_at(_ball_in_lung(centre, radius), centre)
        segmentation = self.logic.segmentation(run.findings)
        self.assertEqual(segmentation.GetSegmentation().GetNumberOfSegments(), 1)
        found = segmentation.GetSegmentCenterRAS(segmentation.GetSegmentation().GetNthSegmentID(0))
        self.assertLess(np.linalg.norm(found - centre), 3.0)
        self.assertEqual(self.logic.table(run.findings).GetNumberOfRows(), 1)
        self.delayDisplay(_("The lesion was found."))

    def test_a_picture_is_refused(self):
        volume = _volume(np.full((40, 40, 40), 100, np.uint8), 1.5)
        with self.assertRaises(NotACTError):
            self.logic.segment(volume)
        for kind in ("Segmentation", "Table"):
            self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node"), 0)


def _volume(voxels_kji, spacing_mm):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "phantom")
    slicer.util.updateVolumeFromArray(node, voxels_kji)
    node.SetSpacing(spacing_mm, spacing_mm, spacing_mm)
    node.SetOrigin(*(-spacing_mm * (n - 1) / 2 for n in voxels_kji.shape[::-1]))
    return node


def _ball_in_lung(centre_ras, radius_mm):
    """Lung of 144 mm a side, 1.5 mm voxels, noise of 20 HU, and in it a ball of soft tissue."""
    spacing, side = 1.5, 96
    axis = (np.arange(side) - (side - 1) / 2) * spacing
    s, a, r = np.meshgrid(axis, axis, axis, indexing="ij")
    away = np.sqrt(sum((x - c) ** 2 for x, c in zip((r, a, s), centre_ras, strict=True)))
    inside = np.clip((radius_mm - away) / spacing + 0.5, 0, 1)
    noise = np.random.default_rng(0).normal(0, 20, away.shape)
    return _volume(np.round(-850 + 890 * inside + noise).astype(np.int16), spacing)
