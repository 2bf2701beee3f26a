"""Slicer's real MRML libraries (slicer-core) without the application: scene, logics, and views drawn off-screen."""

import os
import tempfile
import types

# before VTK's first render window: one that needs no display
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import slicer
import slicer.util
import vtk
from LungTumorSegLib.geometry import RAS_FROM_LPS

# removed when the process ends
_temporary = tempfile.TemporaryDirectory(prefix="headless-")
_LOGICS = {
    "Volumes": slicer.vtkSlicerVolumesLogic,
    "Segmentations": slicer.vtkSlicerSegmentationsModuleLogic,
    "SubjectHierarchy": slicer.vtkSlicerSubjectHierarchyModuleLogic,
    "Tables": slicer.vtkSlicerTablesLogic,
    "Markups": slicer.vtkSlicerMarkupsLogic,
    "Models": slicer.vtkSlicerModelsLogic,
    "Transforms": slicer.vtkSlicerTransformLogic,
}


class _Module:
    """What ``slicer.modules.<name>`` is in Slicer, as far as scripts use it."""

    def __init__(self, name, logic):
        self.name, self._logic = name, logic

    def logic(self):
        return self._logic


def start():
    """Make a scene with the application's logics; sets ``slicer.mrmlScene`` and ``slicer.modules``.

    Returns (scene, application logic). Once a process; then `clear` between tests.
    """
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    application.SetTemporaryPath(_temporary.name)
    colors = application.GetColorLogic()
    colors.SetMRMLScene(scene)
    application.SetModuleLogic("Colors", colors)
    application.SetSliceLogics(vtk.vtkCollection())
    application.SetViewLogics(vtk.vtkCollection())
    views = (slicer.vtkMRMLThreeDViewDisplayableManagerFactory, slicer.vtkMRMLSliceViewDisplayableManagerFactory)
    for factory in views:
        factory.GetInstance().SetMRMLApplicationLogic(application)
    slicer.mrmlScene = scene
    slicer.modules = types.SimpleNamespace()
    for name, logic_class in _LOGICS.items():
        logic = logic_class()
        # before SetMRMLScene: the logics look for one another there
        application.SetModuleLogic(name, logic)
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        setattr(slicer.modules, name.lower(), _Module(name, logic))
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())  # Slicer's module Colors does
    _add_singletons(scene, colors)
    return scene, application


def clear(scene, application):
    """Empty the scene, singletons too, which File > Close in Slicer keeps, and put the application's own nodes back."""
    scene.Clear(True)
    for node in (application.GetSelectionNode(), application.GetInteractionNode()):
        scene.AddNode(node)
    _add_singletons(scene, application.GetColorLogic())


def _add_singletons(scene, colors):
    colors.AddDefaultColorNodes()
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)


def add_volume(ct, name=None, study=None, node_class="vtkMRMLScalarVolumeNode"):
    """A `CT` as a volume node, with its place in the subject hierarchy (study: an item)."""
    node = slicer.mrmlScene.AddNewNodeByClass(node_class, name or ct.name)
    slicer.util.updateVolumeFromArray(node, ct.voxels_zyx)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(RAS_FROM_LPS @ ct.geometry.affine))
    node.CreateDefaultDisplayNodes()
    place_in_hierarchy(node, study)
    return node


def place_in_hierarchy(node, parent=None):
    """What Slicer does by itself for each new node; ``parent`` is a subject hierarchy item. Returns the node's item."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy.CreateItem(parent or hierarchy.GetSceneItemID(), node)


def scene_xml(scene, folder) -> str:
    """The scene as Slicer would write it into an .mrml file (nodes only, no voxels)."""
    path = os.path.join(folder, "scene.mrml")  # noqa: PTH118 - MRML wants a plain string
    scene.SetURL(path)
    scene.Commit(path)
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read()
