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
_SLICE_MANAGERS = (
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
_VIEW_NAMES = {"Axial": "Red", "Coronal": "Green", "Sagittal": "Yellow"}
VIEW_MANAGERS = (
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


class SliceView:
    """A slice view through a point (RAS mm) that stays open and follows the scene, as one of the application's.

    field_mm: width of the picture around the point; None fits the whole slice. orientation: Axial, Coronal or Sagittal.
    """

    def __init__(self, application_logic, volume, world_ras, size=(800, 800), field_mm=None, orientation="Axial"):
        self._scene, self._view = volume.GetScene(), None
        self._logics = application_logic.GetSliceLogics()
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        self._logic.SetMRMLScene(self._scene)
        self._node = self._logic.AddSliceNode(_VIEW_NAMES[orientation])
        self._logics.AddItem(self._logic)
        try:
            self._look(application_logic, volume, world_ras, size, field_mm, orientation)
        except BaseException:
            self.close()
            raise

    def _look(self, application_logic, volume, world_ras, size, field_mm, orientation):
        self._logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        self._node.SetOrientation(orientation)
        self._node.SetDimensions(*size, 1)
        self._logic.FitSliceToAll(*size)
        if field_mm:
            self._node.SetFieldOfView(field_mm, field_mm * size[1] / size[0], self._node.GetFieldOfView()[2])
            self._node.JumpSliceByCentering(*world_ras)
        else:
            self._node.JumpSliceByOffsetting(*world_ras)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        mapper = vtk.vtkImageMapper()
        mapper.SetInputConnection(self._logic.GetImageDataConnection())
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        background = vtk.vtkActor2D()
        background.SetMapper(mapper)
        background.GetProperty().SetDisplayLocationToBackground()
        self._view = _View(application_logic, self._node, factory, _SLICE_MANAGERS, size, background)

    @property
    def field_mm(self) -> float:
        """The picture's width."""
        return self._node.GetFieldOfView()[0]

    def picture(self) -> np.ndarray:
        """uint8 (rows, columns, 3)."""
        return self._view.picture()

    def close(self):
        """Take the view's nodes out of the scene, which lives on."""
        if self._view is not None:
            self._view.close()
        self._logics.RemoveItem(self._logic)
        composite = self._logic.GetSliceCompositeNode()
        self._logic.SetMRMLScene(None)
        for added in (self._node, composite):
            self._scene.RemoveNode(added)


def slice_picture(
    application_logic, volume, world_ras, size=(800, 800), field_mm=None, orientation="Axial"
) -> np.ndarray:
    """What a `SliceView` shows: the CT as its display node says, segments, line markups and legends of maps.

    Returns uint8 (rows, columns, 3).
    """
    view = SliceView(application_logic, volume, world_ras, size, field_mm, orientation)
    try:
        return view.picture()
    finally:
        view.close()


class SolidView:
    """A 3D view from the front that stays open and follows the scene: what is shown of segmentations and models."""

    def __init__(self, application_logic, scene, size=(800, 800), managers=VIEW_MANAGERS):
        self._scene, self._view = scene, None
        self._node = slicer.vtkMRMLViewNode()
        self._node.SetLayoutName("1")
        self._node.SetBoxVisible(False)
        self._node.SetAxisLabelsVisible(False)
        scene.AddNode(self._node)
        try:
            factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
            self._view = _View(application_logic, self._node, factory, managers, size)
            self._view.renderer.SetBackground(0.76, 0.76, 0.91)
            self._view.renderer.SetBackground2(0.45, 0.47, 0.72)
            self._view.renderer.GradientBackgroundOn()
            self._view.window.Render()
        except BaseException:
            self.close()
            raise

    def look_from_the_front(self, zoom: float):
        """zoom: 1 leaves the margin that VTK puts around the scene's bounding sphere."""
        camera = self._view.renderer.GetActiveCamera()
        camera.SetPosition(0, 500, 0)
        camera.SetFocalPoint(0, 0, 0)
        camera.SetViewUp(0, 0, 1)
        self._view.renderer.ResetCamera()
        camera.Zoom(zoom)

    def picture(self) -> np.ndarray:
        """uint8 (rows, columns, 3)."""
        return self._view.picture()

    def close(self):
        """Take the view's node out of the scene, which lives on."""
        if self._view is not None:
            self._view.close()
        self._scene.RemoveNode(self._node)


def view_picture(application_logic, scene, size=(800, 800), zoom=1.0) -> np.ndarray:
    """What a `SolidView` shows, uint8 (rows, columns, 3)."""
    view = SolidView(application_logic, scene, size)
    try:
        view.look_from_the_front(zoom)
        return view.picture()
    finally:
        view.close()


def save(picture: np.ndarray, path: Path):
    from PIL import Image

    Image.fromarray(picture).save(path)
