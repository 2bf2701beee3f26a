"""Two CTs beside each other in views of their own, which show the same anatomical place after a registration.

No CT is bent and nothing is put under a transform: where one view goes, the other one is sent, to the place that the
registration names. The views of Slicer's own layouts stay as they were.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import slicer
import slicer.util
import vtk

from . import markups
from .display import SIDE_BY_SIDE as NAMES
from .volumes import lps_to_world, world_to_lps

# of our own: Slicer's stop at 100
LAYOUT = 7401
_VIEW = """<item><view class="vtkMRMLSliceNode" singletontag="{0}">
 <property name="orientation" action="default">Axial</property>
 <property name="viewlabel" action="default">{1}</property>
 <property name="viewcolor" action="default">{2}</property>
</view></item>"""
_VIEWS = _VIEW.format(NAMES[0], "1", "#6E4B7C") + _VIEW.format(NAMES[1], "2", "#3C7A89")
_DESCRIPTION = f'<layout type="horizontal" split="true">{_VIEWS}</layout>'

# a place (x, y, z), LPS mm, of one CT -> where it is in the other
Way = Callable[[Sequence[float]], Sequence[float]]


@dataclass(frozen=True)
class Shown:
    """One of the two CTs.

    Attributes:
        volume: Its volume node.
        segmentation: The result that is drawn on it, and not on the other; None without one.
        to_other: From its places to those of the other CT; None where that is not known.
    """

    volume: object
    segmentation: object
    to_other: Way | None


class SideBySide:
    """One at a time in Slicer's window; without a main window there are no views."""

    def __init__(self):
        self._sides: tuple[Shown, Shown] | None = None
        self._observed: list = []
        self._before = slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView
        self._moving = False
        # what a display node was drawn in before, by the node
        self._drawn_in: dict = {}

    @property
    def possible(self) -> bool:
        return _layout() is not None

    @property
    def shown(self) -> bool:
        return self._sides is not None

    def show(self, sides: tuple[Shown, Shown]):
        """Lay both CTs out, the earlier on the left, at the places that the views had before or in the middle."""
        self._let_go()
        layout = _layout()
        if not layout.IsLayoutDescription(LAYOUT):
            layout.AddLayoutDescription(LAYOUT, _DESCRIPTION)
        if layout.GetViewArrangement() != LAYOUT:
            self._before = layout.GetViewArrangement()
        layout.SetViewArrangement(LAYOUT)
        self._sides = sides
        for node, composite, side in zip(_slices(), _composites(), sides, strict=True):
            composite.SetLinkedControl(False)  # Slicer's own link goes to the same coordinates
            composite.SetBackgroundVolumeID(side.volume.GetID())
            composite.SetForegroundVolumeID(None)
            composite.SetLabelVolumeID(None)
            self._observe(node, vtk.vtkCommand.ModifiedEvent, self._moved)
        self._observe(layout, vtk.vtkCommand.ModifiedEvent, self._laid_out)
        self.separate()

    def look(self, places_lps: Sequence[Sequence[float] | None], field_mm: float):
        """Centre each view on a place of its CT (LPS mm; None: it stays), and let it show so much across."""
        self._moving = True
        try:
            for node, side, place in zip(_slices(), self._sides, places_lps, strict=True):
                if place is None:
                    continue
                columns, rows, _ = node.GetDimensions()
                pixel_mm = field_mm / max(min(columns, rows), 1)
                _centre(node, lps_to_world(side.volume, place), pixel_mm)
        finally:
            self._moving = False

    def separate(self):
        """Draw each result on its own CT alone: its segments, and lines that have come since."""
        for name, side in zip(NAMES, self._sides or (), strict=False):
            nodes = [] if side.segmentation is None else [side.segmentation, *markups.lines_of(side.segmentation)]
            for display in [node.GetDisplayNode() for node in nodes]:
                if display not in self._drawn_in:
                    self._drawn_in[display] = list(display.GetViewNodeIDs())
                display.SetViewNodeIDs([_slice(name).GetID()])

    def put_right(self):
        """Leave our layout where a scene was saved in it: its views are not linked, and empty without the module."""
        layout = _layout()
        if not self.shown and layout is not None and layout.GetViewArrangement() == LAYOUT:
            layout.SetViewArrangement(self._before)

    def hide(self):
        """Go back to the layout of before."""
        layout = _layout()
        if self.shown:
            self._let_go()
            if layout is not None:  # it is gone when Slicer ends
                layout.SetViewArrangement(self._before)

    def _let_go(self):
        self._sides = None
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed = []
        for display, views in self._drawn_in.items():
            display.SetViewNodeIDs(views)
        self._drawn_in = {}

    def _observe(self, node, event, call):
        self._observed.append((node, node.AddObserver(event, call)))

    def _laid_out(self, layout, event):
        """The user has chosen another layout."""
        if layout.GetViewArrangement() != LAYOUT:
            self._let_go()

    def _moved(self, node, event):
        """Send the other view to the place that this one shows, turned and zoomed as it is."""
        if self._moving or not self.shown:
            return
        self._moving = True
        try:
            here = NAMES.index(node.GetLayoutName())
            side, other_side, other = self._sides[here], self._sides[1 - here], _slice(NAMES[1 - here])
            if side.to_other is None:
                return
            columns, rows, _ = node.GetDimensions()
            middle = node.GetXYToRAS().MultiplyPoint((columns / 2, rows / 2, 0, 1))[:3]
            place = side.to_other(world_to_lps(side.volume, middle))
            for row in range(3):
                for column in range(3):
                    other.GetSliceToRAS().SetElement(row, column, node.GetSliceToRAS().GetElement(row, column))
            _centre(other, lps_to_world(other_side.volume, place), node.GetFieldOfView()[0] / max(columns, 1))
        finally:
            self._moving = False


def _centre(node, world_ras, pixel_mm: float):
    columns, rows, _ = node.GetDimensions()
    node.SetFieldOfView(columns * pixel_mm, rows * pixel_mm, node.GetFieldOfView()[2])
    node.JumpSliceByCentering(*world_ras)
    node.UpdateMatrices()


def _layout():
    manager = slicer.app.layoutManager()
    return None if manager is None else manager.layoutLogic().GetLayoutNode()


def _slice(name: str):
    return next(x for x in slicer.util.getNodesByClass("vtkMRMLSliceNode") if x.GetLayoutName() == name)


def _slices() -> list:
    return [_slice(name) for name in NAMES]


def _composites() -> list:
    every = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return [next(x for x in every if x.GetLayoutName() == name) for name in NAMES]
