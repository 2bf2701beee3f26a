"""The lesions' diameters as line markups in the scene."""

from contextlib import contextmanager

from ...geometry import ras_from_lps
from .nodes import ROLES, place_beside, remove_node

MARKUPS_ROLE = f"{ROLES}diameters"
_AXES = ("long axis", "short axis")
_LINE = "LungTumorSeg.line"  # the attribute that says whose line it is
# A batch makes every view and widget of Slicer begin afresh at its end: worth it for many nodes only
_BATCH_FROM = 10
# tumours are nearly white in the lung window: yellow lines could not be seen on them
_COLOR = (0.0, 0.2, 0.9)


def diameters_to_markups(lesions, names: dict[int, str], volume, segmentation) -> list:
    """One locked line node for each axis of each lesion that is not rejected, two a lesion.

    Lines lie in the volume's own coordinates, under its transform and in its study. Those that this segmentation had
    are moved: making a node costs ten times as much. Slicer hides a line on slices that it does not lie on.

    Args:
        names: By lesion id.
        volume: The CT's volume node.
        segmentation: The node that refers to the lines.

    Returns:
        The line nodes.
    """
    scene = volume.GetScene()
    lines = {node.GetAttribute(_LINE) or node.GetID(): node for node in lines_of(segmentation)}
    wanted = {
        f"{lesion.id} {axis}": (f"{names[lesion.id]} {axis}", lesion.axis_points_lps[2 * i : 2 * i + 2])
        for lesion in lesions
        for i, axis in enumerate(_AXES)
        if lesion.status != "rejected" and len(lesion.axis_points_lps) >= 2 * i + 2
    }
    changed = set(lines) ^ set(wanted)
    with _placing_kept(scene), _batch(scene, len(changed)):
        for key in changed & set(lines):
            remove_node(scene, lines.pop(key))
        for key in [key for key in wanted if key in changed]:
            lines[key] = _add_line(scene, volume, key)
        for key, (name, ends) in wanted.items():
            _put(lines[key], volume, name, ends)
    if changed:
        _refer(segmentation, [lines[key] for key in wanted])
    return [lines[key] for key in wanted]


@contextmanager
def _batch(scene, count: int):
    """Widgets and views follow once, at the end, not after each of many nodes."""
    if count < _BATCH_FROM:
        yield
        return
    scene.StartState(scene.BatchProcessState)
    try:
        yield
    finally:
        scene.EndState(scene.BatchProcessState)


@contextmanager
def _placing_kept(scene):
    """Slicer lets the next click of the user go into the newest markup; here it stays with what he is placing."""
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    kept = selection and (selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID())
    try:
        yield
    finally:
        if selection:
            selection.SetReferenceActivePlaceNodeClassName(kept[0])
            selection.SetActivePlaceNodeID(kept[1])


def remove_markups(segmentation):
    """Take this segmentation's lines out of the scene."""
    scene, lines = segmentation.GetScene(), lines_of(segmentation)
    with _batch(scene, len(lines)):
        for node in lines:
            remove_node(scene, node)
    _refer(segmentation, [])


def lines_of(segmentation) -> list:
    """Its lines that are in the scene."""
    count = segmentation.GetNumberOfNodeReferences(MARKUPS_ROLE)
    nodes = [segmentation.GetNthNodeReference(MARKUPS_ROLE, i) for i in range(count)]
    return [node for node in nodes if node is not None]


def _refer(segmentation, lines):
    segmentation.RemoveNodeReferenceIDs(MARKUPS_ROLE)
    for node in lines:
        segmentation.AddNodeReferenceID(MARKUPS_ROLE, node.GetID())


def _put(node, volume, name: str, ends):
    """Bring a line's transform, name and ends (LPS mm) up to date; what is right is not touched."""
    if node.GetTransformNodeID() != volume.GetTransformNodeID():
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    points = [ras_from_lps(end) for end in ends]
    count = node.GetNumberOfControlPoints()
    if node.GetName() == name and [node.GetNthControlPointPosition(i) for i in range(count)] == points:
        return
    was = node.StartModify()
    node.SetName(name)
    if count != len(points):
        node.RemoveAllControlPoints()
        for point in points:
            node.AddControlPoint(point)
    else:
        for i, point in enumerate(points):
            node.SetNthControlPointPosition(i, point)
    node.EndModify(was)


def _add_line(scene, volume, key: str):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode")
    node.SetAttribute(_LINE, key)
    place_beside(volume, node)
    node.SetLocked(True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetColor(*_COLOR)
    display.SetSelectedColor(*_COLOR)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(0.8)
    display.SetLineThickness(0.4)
    return node
