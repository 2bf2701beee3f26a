"""Slicer's own place mode, used to get clicks in the slice views."""

from collections.abc import Callable

import slicer
from slicer.util import VTKObservationMixin

POINT_CLASS = "vtkMRMLMarkupsFiducialNode"


class ClickPlacer(VTKObservationMixin):
    """While active each click in a view calls ``clicked`` with the point (RAS mm, world); no markup stays.

    ended: called when Slicer leaves place mode by itself.
    """

    def __init__(self, clicked: Callable, ended: Callable):
        VTKObservationMixin.__init__(self)
        self._clicked, self._ended = clicked, ended
        self._points = None

    @property
    def active(self) -> bool:
        return self._points is not None

    def start(self):
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

    def stop(self):
        if not self.active:
            return
        points, self._points = self._points, None
        self.removeObservers()
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

    def _placed(self, caller=None, event=None):
        last = self._points.GetNumberOfControlPoints() - 1
        if last < 0:
            return
        point = [0.0, 0.0, 0.0]
        self._points.GetNthControlPointPositionWorld(last, point)
        self._points.RemoveNthControlPoint(last)
        self._clicked(tuple(point))

    def _mode_changed(self, caller=None, event=None):
        interaction = self._application_logic().GetInteractionNode()
        if self.active and interaction.GetCurrentInteractionMode() != interaction.Place:
            self._ended()
