"""Slice views that take clicks: Slicer's own interactor style and markups on a window that is never drawn."""

import slicer
import vtk

_SIDE = 200  # pixels, and mm


class SliceView:
    """Libs/MRML/Widgets/qMRMLSliceView.h, and of CTK Libs/Visualization/VTK/Widgets/ctkVTKAbstractView.h."""

    def __init__(self, interactor, node):
        self._interactor, self._node = interactor, node

    def interactor(self):
        return self._interactor

    def mrmlSliceNode(self):
        return self._node


class SliceWidget:
    """One axial view, 1 mm a pixel around the origin: Libs/MRML/Widgets/qMRMLSliceWidget.h."""

    def __init__(self, name, application_logic, node=None):
        """node: what a layout has made already."""
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
        if node is None:
            self._node = self._logic.AddSliceNode(name)
            self._node.SetOrientationToAxial()
        else:
            self._node = node
            self._logic.SetSliceNode(node)
        self._style.SetSliceLogic(self._logic)
        self._node.SetDimensions(_SIDE, _SIDE, 1)
        self._node.SetFieldOfView(_SIDE, _SIDE, 1)
        self._node.UpdateMatrices()
        self._group.SetMRMLDisplayableNode(self._node)

    def sliceView(self):
        return SliceView(self._interactor, self._node)

    def mrmlSliceNode(self):
        return self._node

    def _close(self):
        """Let the managers go of the scene, which lives on."""
        self._group.SetMRMLDisplayableNode(None)
        self._style.SetInteractor(None)
        self._logic.SetMRMLScene(None)
        self._window.Finalize()


class LayoutManager:
    """`slicer.app.layoutManager()` with these views: Libs/MRML/Widgets/qMRMLLayoutManager.h.

    A layout is Slicer's own vtkMRMLLayoutLogic, which makes the view nodes that it names; each gets a view, as
    qMRMLLayoutManager.cxx does when the layout node is modified. Of a layout only slice views are made.
    """

    def __init__(self, application_logic, names=("Red", "Green")):
        self._views = {name: SliceWidget(name, application_logic) for name in names}
        self._application_logic, self._logic, self._tag = application_logic, None, None

    def layoutLogic(self):
        if self._logic is None:
            self._logic = slicer.vtkMRMLLayoutLogic()
            self._logic.SetMRMLScene(slicer.mrmlScene)
            node = self._logic.GetLayoutNode()
            node.SetViewArrangement(node.SlicerLayoutFourUpView)
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._lay_out)
        return self._logic

    def _lay_out(self, caller, event):
        nodes = self._logic.GetViewNodes()
        for node in [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]:
            if node.IsA("vtkMRMLSliceNode") and node.GetLayoutName() not in self._views:
                name = node.GetLayoutName()
                self._views[name] = SliceWidget(name, self._application_logic, node)

    def sliceViewNames(self):
        return tuple(self._views)

    def sliceWidget(self, name):
        return self._views[name]


def close(layout_manager: LayoutManager):
    if layout_manager._logic is not None:
        layout_manager._logic.GetLayoutNode().RemoveObserver(layout_manager._tag)
        layout_manager._logic.SetMRMLScene(None)
    for view in layout_manager._views.values():
        view._close()


def click(widget: SliceWidget, ras, control=False, shift=False):
    """The mouse goes to a point (RAS mm; the view scrolls there) and its left button is pressed and released."""
    widget.mrmlSliceNode().JumpSliceByOffsetting(*ras)
    to_pixel = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(widget.mrmlSliceNode().GetXYToRAS(), to_pixel)
    x, y = (round(v) for v in to_pixel.MultiplyPoint((*ras, 1.0))[:2])
    interactor = widget.sliceView().interactor()
    interactor.SetEventInformation(x, y, control, shift)
    for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.InvokeEvent(event)
