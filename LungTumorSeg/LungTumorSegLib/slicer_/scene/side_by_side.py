"""Two CTs beside each other in views of their own, which show the same anatomical place after a registration.

No CT is bent and nothing is put under a transform: where one view goes, the other one is sent, to the place that the
registration names. The views of Slicer's own layouts stay as they were.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import slicer
import slicer.util
import vtk

from . import markups, overlays, presence
from .display import SIDE_BY_SIDE as NAMES
from .volumes import lps_to_world, world_to_lps

# of our own: Slicer's stop at 100
LAYOUT = 7401
_VIEW = """<item><view class="vtkMRMLSliceNode" singletontag="{0}">
 <property name="orientation" action="default">Axial</property>
 <property name="viewlabel" action="default">{1}</property>
 <property name="viewcolor" action="default">{2}</property>
 <property name="viewgroup" action="default">{3}</property>
</view></item>"""
# Of a group each: Slicer sends all views of a group to the crosshair's coordinates, which are another place in each CT
_VIEWS = _VIEW.format(NAMES[0], "1", "#6E4B7C", 7401) + _VIEW.format(NAMES[1], "2", "#3C7A89", 7402)
_DESCRIPTION = f'<layout type="horizontal" split="true">{_VIEWS}</layout>'

# a place (x, y, z), LPS mm, of one CT -> where it is in the other
Way = Callable[[Sequence[float]], Sequence[float]]


@dataclass(frozen=True)
class Shown:
    """One of the two CTs.

    Attributes:
        volume: Its volume node.
        results: Asked again and again for the segmentations of its results, which are drawn on it alone.
        to_other: From its places to those of the other CT; None where that is not known.
    """

    volume: object
    results: Callable[[], list]
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
        self._brought_back: list = []  # results of the CT that is not the chosen one

    @property
    def possible(self) -> bool:
        """Whether there is a main window, which has the views."""
        return _layout() is not None

    @property
    def shown(self) -> bool:
        """Whether two CTs are laid out."""
        return self._sides is not None

    def show(self, sides: tuple[Shown, Shown]):
        """Lay both CTs out, the earlier on the left, each at its middle."""
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
            composite.SetLabelVolumeID(None)
            self._observe(node, vtk.vtkCommand.ModifiedEvent, self._moved)
            self._brought_back += [result for result in side.results() if presence.bring_back(result)]
        self._observe(layout, vtk.vtkCommand.ModifiedEvent, self._laid_out)
        self.separate()
        self._moving = True
        try:
            for node, side in zip(_slices(), sides, strict=True):
                _show_middle(node, side.volume)
        finally:
            self._moving = False

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
        """Each view shows its own CT, results and map alone, whatever came since: lines, a run, what Slicer loaded."""
        if not self.shown:
            return
        for name, composite, side in zip(NAMES, _composites(), self._sides, strict=True):
            composite.SetBackgroundVolumeID(side.volume.GetID())
            if composite.GetForegroundVolumeID() not in [overlays.map_id(result) for result in side.results()]:
                composite.SetForegroundVolumeID(None)
            for display in _displays(side.results()):
                if display not in self._drawn_in:
                    self._drawn_in[display] = list(display.GetViewNodeIDs())
                display.SetViewNodeIDs([_slice(name).GetID()])

    def put_right(self):
        """Where a scene was saved in our layout, leave it and draw the results everywhere: nothing links its views."""
        layout = _layout()
        if self.shown or layout is None:
            return
        if layout.GetViewArrangement() == LAYOUT:
            layout.SetViewArrangement(self._before)
        ours = {x.GetID() for x in slicer.util.getNodesByClass("vtkMRMLSliceNode") if x.GetLayoutName() in NAMES}
        for display in _displays(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) if ours else ():
            if ours.intersection(display.GetViewNodeIDs()):
                display.SetViewNodeIDs([])

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
        for result in self._brought_back:
            if result.GetScene() is not None:
                presence.put_away(result)
        self._brought_back = []

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


def _show_middle(node, volume):
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    low, high = bounds[::2], bounds[1::2]
    columns, rows, _ = node.GetDimensions()
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    _centre(node, middle, max(b - a for a, b in zip(low[:2], high[:2], strict=True)) / max(min(columns, rows), 1))


def _displays(segmentations: list) -> list:
    """Display nodes of segmentations and of their lines."""
    nodes = [node for each in segmentations for node in (each, *markups.lines_of(each))]
    return [display for node in nodes if (display := node.GetDisplayNode()) is not None]


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
