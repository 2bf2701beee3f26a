"""Slice views that take clicks: Slicer's own interactor style and markups on a window that is never drawn."""

import slicer
import vtk

_SIDE = 200  # pixels, and mm


class SliceView:
    """One axial view, 1 mm a pixel around the origin. Stands for qMRMLSliceWidget and for its sliceView()."""

    def __init__(self, name, application_logic):
        self._window = vtk.vtkRenderWindow()
        self._window.OffScreenRenderingOn()
        self._window.SetSize(_SIDE, _SIDE)
        renderer = vtk.vtkRenderer()
        self._window.AddRenderer(renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._user = vtk.vtkInteractorStyleUser()  # the interactor holds no reference to it
        self._interactor.SetInteractorStyle(self._user)
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetSize(_SIDE, _SIDE)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application_logic)
        if not factory.IsDisplayableManagerRegistered("vtkMRMLMarkupsDisplayableManager"):
            factory.RegisterDisplayableManager("vtkMRMLMarkupsDisplayableManager")
        self._group = factory.InstantiateDisplayableManagers(renderer)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetInteractor(self._interactor)
        self._style.SetDisplayableManagers(self._group)
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._node = self._logic.AddSliceNode(name)
        self._style.SetSliceLogic(self._logic)
        self._node.SetOrientationToAxial()
        self._node.SetDimensions(_SIDE, _SIDE, 1)
        self._node.SetFieldOfView(_SIDE, _SIDE, 1)
        self._node.UpdateMatrices()
        self._group.SetMRMLDisplayableNode(self._node)

    def sliceView(self):
        return self

    def interactor(self):
        return self._interactor

    def mrmlSliceNode(self):
        return self._node

    def click(self, ras, control=False, shift=False):
        """The mouse goes to a point (RAS mm; the view scrolls there) and its left button is pressed and released."""
        self._node.JumpSliceByOffsetting(*ras)
        to_pixel = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._node.GetXYToRAS(), to_pixel)
        x, y = (round(v) for v in to_pixel.MultiplyPoint((*ras, 1.0))[:2])
        self._interactor.SetEventInformation(x, y, control, shift)
        for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
            self._interactor.InvokeEvent(event)

    def close(self):
        """Let the managers go of the scene, which lives on."""
        self._group.SetMRMLDisplayableNode(None)
        self._style.SetInteractor(None)
        self._logic.SetMRMLScene(None)
        self._window.Finalize()


class LayoutManager:
    """`slicer.app.layoutManager()` with these views."""

    def __init__(self, application_logic, names=("Red", "Green")):
        self._views = {name: SliceView(name, application_logic) for name in names}

    def sliceViewNames(self):
        return tuple(self._views)

    def sliceWidget(self, name):
        return self._views[name]

    def close(self):
        for view in self._views.values():
            view.close()
