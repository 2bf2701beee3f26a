"""The lesions' diameters as line markups in the scene."""

from contextlib import contextmanager

from .scene import MARKUPS_ROLE, place_beside, remove_node

_AXES = ("long axis", "short axis")
# tumours are nearly white in the lung window: yellow lines could not be seen on them
_COLOR = (0.0, 0.2, 0.9)


def diameters_to_markups(lesions, names: dict[int, str], volume, segmentation) -> list:
    """One locked line node for each axis of each lesion that is not rejected, two a lesion; returns the nodes.

    Lines lie in the volume's own coordinates, under its transform and in its study. They replace those that this
    segmentation had. names: by lesion id. Slicer hides a line on slices that it does not lie on.
    """
    remove_markups(segmentation)
    scene = volume.GetScene()
    nodes = []
    with _placing_kept(scene):
        for lesion in lesions:
            if lesion.status == "rejected":
                continue
            for i, axis in enumerate(_AXES):
                ends = lesion.axis_points_lps[2 * i : 2 * i + 2]
                if len(ends) == 2:
                    nodes.append(_line(scene, volume, segmentation, f"{names[lesion.id]} {axis}", ends))
    return nodes


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
    scene = segmentation.GetScene()
    for i in reversed(range(segmentation.GetNumberOfNodeReferences(MARKUPS_ROLE))):
        node = segmentation.GetNthNodeReference(MARKUPS_ROLE, i)
        if node is not None:
            remove_node(scene, node)
    segmentation.RemoveNodeReferenceIDs(MARKUPS_ROLE)


def _line(scene, volume, segmentation, name: str, ends):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)
    place_beside(volume, node)
    for x, y, z in ends:
        node.AddControlPoint([-x, -y, z])
    node.SetLocked(True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetColor(*_COLOR)
    display.SetSelectedColor(*_COLOR)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(0.8)
    display.SetLineThickness(0.4)
    segmentation.AddNodeReferenceID(MARKUPS_ROLE, node.GetID())
    return node
