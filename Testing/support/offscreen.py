"""Slice and 3D pictures of the scene, drawn off-screen by Slicer's own displayable managers (EGL and Mesa)."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from Testing.support import headless  # noqa: F401 - chooses VTK's off-screen window

_PROBE = """
import vtk
window = vtk.vtkRenderWindow(); window.OffScreenRenderingOn(); window.SetSize(8, 8)
window.AddRenderer(vtk.vtkRenderer()); window.Render()
raise SystemExit(window.GetRenderingBackend() == 0 or not window.SupportsOpenGL())
"""
_SLICE_MANAGERS = ("vtkMRMLSegmentationsDisplayableManager2D", "vtkMRMLMarkupsDisplayableManager")
_VIEW_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)


def available() -> bool:
    """Whether VTK can draw here without a display. Asked of a child: a failing EGL may end the process."""
    return subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, check=False).returncode == 0


class _View:
    """A render window with the displayable managers that a view node asks for."""

    def __init__(self, application_logic, view_node, factory, managers, size, background=None):
        self.window = vtk.vtkRenderWindow()
        self.window.OffScreenRenderingOn()
        self.window.SetSize(*size)
        self.window.SetMultiSamples(4)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        if background is not None:
            # before the managers add theirs: what is translucent must find it drawn already
            self.renderer.AddViewProp(background)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        factory.SetMRMLApplicationLogic(application_logic)
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.group = factory.InstantiateDisplayableManagers(self.renderer)
        self.group.SetMRMLDisplayableNode(view_node)

    def picture(self) -> np.ndarray:
        """uint8 (rows, columns, 3), first row on top."""
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        columns, rows, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3].copy()

    def close(self):
        """Let the managers go of the scene, which lives on."""
        self.group.SetMRMLDisplayableNode(None)
        self.window.Finalize()


def slice_picture(
    application_logic, volume, world_ras, size=(800, 800), field_mm=None, orientation="Axial"
) -> np.ndarray:
    """The slice view through a point (RAS mm): the CT as its display node says, segments and line markups.

    field_mm: width of the picture around the point; None fits the whole slice. orientation: Axial, Coronal or Sagittal.
    Returns uint8 (rows, columns, 3).
    """
    view = None
    scene = volume.GetScene()
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(scene)
    node = logic.AddSliceNode("Red")
    try:
        logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        node.SetOrientation(orientation)
        node.SetDimensions(*size, 1)
        logic.FitSliceToAll(*size)
        if field_mm:
            node.SetFieldOfView(field_mm, field_mm * size[1] / size[0], node.GetFieldOfView()[2])
            node.JumpSliceByCentering(*world_ras)
        else:
            node.JumpSliceByOffsetting(*world_ras)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        mapper = vtk.vtkImageMapper()
        mapper.SetInputConnection(logic.GetImageDataConnection())
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        background = vtk.vtkActor2D()
        background.SetMapper(mapper)
        background.GetProperty().SetDisplayLocationToBackground()
        view = _View(application_logic, node, factory, _SLICE_MANAGERS, size, background)
        return view.picture()
    finally:
        if view is not None:
            view.close()
        composite = logic.GetSliceCompositeNode()
        logic.SetMRMLScene(None)
        for added in (node, composite):
            scene.RemoveNode(added)


def view_picture(application_logic, scene, size=(800, 800), zoom=1.0) -> np.ndarray:
    """The 3D view from the front: what is shown of segmentations and models. Returns uint8 (rows, columns, 3).

    zoom: 1 leaves the margin that VTK puts around the scene's bounding sphere.
    """
    view = None
    node = slicer.vtkMRMLViewNode()
    node.SetLayoutName("1")
    node.SetBoxVisible(False)
    node.SetAxisLabelsVisible(False)
    scene.AddNode(node)
    try:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        view = _View(application_logic, node, factory, _VIEW_MANAGERS, size)
        view.renderer.SetBackground(0.76, 0.76, 0.91)
        view.renderer.SetBackground2(0.45, 0.47, 0.72)
        view.renderer.GradientBackgroundOn()
        camera = view.renderer.GetActiveCamera()
        view.window.Render()
        camera.SetPosition(0, 500, 0)
        camera.SetFocalPoint(0, 0, 0)
        camera.SetViewUp(0, 0, 1)
        view.renderer.ResetCamera()
        camera.Zoom(zoom)
        return view.picture()
    finally:
        if view is not None:
            view.close()
        scene.RemoveNode(node)


def save(picture: np.ndarray, path: Path):
    from PIL import Image

    Image.fromarray(picture).save(path)
