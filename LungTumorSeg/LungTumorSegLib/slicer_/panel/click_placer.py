"""Slicer's own place mode, used to get clicks in the slice views."""

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

POINT_CLASS = "vtkMRMLMarkupsFiducialNode"
_PRESS, _KEY = vtk.vtkCommand.LeftButtonPressEvent, vtk.vtkCommand.KeyPressEvent
# before the view's own interactor style, for which a press with Ctrl may begin a drag
_BEFORE_THE_VIEW = 10.0


class ClickPlacer(VTKObservationMixin):
    """While active each click in a view calls ``clicked`` with the point; no markup stays.

    Args:
        clicked: Called with the point, RAS mm, world.
        control_clicked: Called likewise for a click in a slice view with the Ctrl key, on a Mac the Command key, which
            places nothing. Not Shift: it moves the crosshair, and with it all slices.
        ended: Called when Slicer leaves place mode by itself, and for the Esc key in a slice view, which Slicer leaves
            to us.
    """

    def __init__(self, clicked: Callable, control_clicked: Callable, ended: Callable):
        VTKObservationMixin.__init__(self)
        self._clicked, self._control_clicked, self._ended = clicked, control_clicked, ended
        self._points = None
        self._slice_nodes = {}  # by the interactor of their view
        self.slice_node = None  # while a click is told of: of its view, None for a 3D view

    @property
    def active(self) -> bool:
        """Whether clicks are waited for."""
        return self._points is not None

    def start(self):
        """Let Slicer place points, one a click, until `stop`."""
        if self.active:
            return
        points = slicer.mrmlScene.AddNewNodeByClass(POINT_CLASS, "LungTumorSeg click")
        points.SetHideFromEditors(True)
        points.SetSaveWithScene(False)
        points.CreateDefaultDisplayNodes()
        points.GetDisplayNode().SetPointLabelsVisibility(False)
        self._points = points
        selection = self._application_logic().GetSelectionNode()
        selection.SetReferenceActivePlaceNodeClassName(POINT_CLASS)
        selection.SetActivePlaceNodeID(points.GetID())
        interaction = self._application_logic().GetInteractionNode()
        interaction.SetPlaceModePersistence(1)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self.addObserver(points, points.PointPositionDefinedEvent, self._placed)
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self._mode_changed)
        self.watch_slice_views()

    def stop(self):
        """Let Slicer place none any more, and remove the node of the points."""
        if not self.active:
            return
        points, self._points = self._points, None
        self.removeObservers()
        self._slice_nodes, self.slice_node = {}, None
        interaction = self._application_logic().GetInteractionNode()
        if interaction.GetCurrentInteractionMode() == interaction.Place:
            interaction.SetPlaceModePersistence(0)
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        if points.GetScene() is not None:
            display = points.GetDisplayNode()
            slicer.mrmlScene.RemoveNode(points)
            slicer.mrmlScene.RemoveNode(display)

    def _application_logic(self):
        return slicer.app.applicationLogic()

    def watch_slice_views(self):
        """Place mode itself leaves clicks with a modifier to the view, so they are taken before it gets them.

        To be called again when there may be new views.
        """
        layout = slicer.app.layoutManager()
        for name in layout.sliceViewNames() if layout else ():
            interactor = layout.sliceWidget(name).sliceView().interactor()
            if interactor in self._slice_nodes:
                continue
            self._slice_nodes[interactor] = layout.sliceWidget(name).mrmlSliceNode()
            self.addObserver(interactor, _PRESS, self._pressed, priority=_BEFORE_THE_VIEW)
            self.addObserver(interactor, _KEY, self._key_pressed)

    def _pressed(self, interactor, event):
        self.slice_node = self._slice_nodes[interactor]
        if not interactor.GetControlKey():
            return
        _, tag, _ = self.getObserver(interactor, _PRESS, self._pressed)
        interactor.GetCommand(tag).SetAbortFlag(True)
        slice_node = self._slice_nodes[interactor]
        views, xyz, point = slicer.vtkMRMLAbstractSliceViewDisplayableManager, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
        views.ConvertDeviceToXYZ(interactor, slice_node, *interactor.GetEventPosition(), xyz)
        views.ConvertXYZToRAS(slice_node, xyz, point)
        self._control_clicked(tuple(point))

    def _key_pressed(self, interactor, event):
        if interactor.GetKeySym() == "Escape":
            self._ended()

    def _placed(self, caller=None, event=None):
        last = self._points.GetNumberOfControlPoints() - 1
        if last < 0:
            return
        point = [0.0, 0.0, 0.0]
        self._points.GetNthControlPointPositionWorld(last, point)
        self._points.RemoveNthControlPoint(last)
        self._clicked(tuple(point))
        self.slice_node = None  # the next one may be in a 3D view

    def _mode_changed(self, caller=None, event=None):
        interaction = self._application_logic().GetInteractionNode()
        if self.active and interaction.GetCurrentInteractionMode() != interaction.Place:
            self._ended()
