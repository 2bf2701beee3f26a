"""Colours over the CT: the probability, or what explains one lesion. One map at a time for each result."""

import json
import textwrap
from dataclasses import dataclass

import numpy as np
import slicer
import slicer.util
import vtk

from ...data import LesionMap
from ...geometry import Box
from .nodes import ROLES, all_or_nothing, place_beside, remove_node

MAP_ROLE = f"{ROLES}map"
_ABOUT = "LungTumorSeg.about"
_OF_ALL_LESIONS = {"kind": "probability", "lesion_id": None, "probability": None, "notes": ()}
_HEAT_ROLE = f"{ROLES}map colors"
# Slicer's own tables; the last one is there without its colour files too
_TABLES = "vtkMRMLColorTableNodeFile{}.txt"
_RAINBOW = "vtkMRMLColorTableNodeRainbow"
# a weaker map would otherwise look like a strong one
_LEAST_HEAT = 0.05
# of the largest value of a heat map: what is nearer to zero is not drawn, or it would lie over the CT as a pale square
_NO_HEAT = 0.2
_HEAT_COLORS = 255
# from weak to strong: against a tumour, and for it
_BLUE, _RED = ((0.6, 0.75, 1.0), (0.1, 0.1, 0.7)), ((1.0, 0.75, 0.6), (0.7, 0.0, 0.1))
_NOT_DRAWN = (0.5, 0.5, 0.5, 0.0)
# shares of the view; Slicer's own (0.95, 0.5) and (0.15, 0.5) reach into the lung
_LEGEND_PLACE, _LEGEND_SIZE = (0.99, 0.5), (0.12, 0.4)


@dataclass(frozen=True)
class _Colors:
    """name: of one of Slicer's tables, drawn from ``low`` to ``high``; None is the heat map's own table.

    least: what is lower is not drawn.
    """

    name: str | None
    low: float
    high: float
    least: float
    digits: int = 2


# percent: less than 5 is what the candidates leave out anyway
_PROBABILITY = _Colors("Inferno", 0, 100, 5, 0)
_UNCERTAINTY = _Colors("Viridis", 0, 0.5, 0.02)


def probability_percent(findings) -> np.ndarray:
    """The probability in percent: the full map if it was kept, else the candidates.

    Returns:
        uint8 (z, y, x) on the CT's stored grid.
    """
    result = findings.as_result()
    if result.probability is not None:
        return np.round(result.probability * (100 / 255)).astype(np.uint8)
    percent = np.zeros(result.geometry.shape_zyx, np.uint8)
    for candidate in result.candidates:
        block = np.round(candidate.block * (100 / 255)).astype(np.uint8)
        part = percent[candidate.box.slices]
        np.maximum(part, block, out=part)
    return percent


def show_probability(findings, volume, segmentation, opacity: float, title: str):
    """Lay the probability in percent over the slices, in the place of an earlier map.

    Args:
        volume: The CT's volume node.
        segmentation: The result's node, which refers to the map.
        opacity: 0 to 1.
        title: Of the colour legend that comes with it.

    Returns:
        The map's volume node.
    """
    percent = probability_percent(findings)
    box = Box.whole(percent.shape)
    return _lay_over(
        volume, segmentation, percent, box, _PROBABILITY, "probability (%)", _OF_ALL_LESIONS, opacity, title
    )


def show_lesion_map(made: LesionMap, lesion_id: int, name: str, volume, segmentation, opacity: float, title: str):
    """Lay a map of one lesion over the slices, in the place of an earlier map.

    Args:
        made: The map.
        lesion_id: Whose it is.
        name: The lesion's.
        volume: The CT's volume node.
        segmentation: The result's node, which refers to the map.
        opacity: 0 to 1.
        title: Of the colour legend that comes with it.

    Returns:
        The map's volume node.
    """
    colors = _UNCERTAINTY
    if made.kind == "heat":
        most = max(float(np.abs(made.values).max()), _LEAST_HEAT)
        colors = _Colors(None, -most, most, -most)
    about = {"kind": made.kind, "lesion_id": lesion_id, "probability": made.probability, "notes": made.notes}
    return _lay_over(volume, segmentation, made.values, made.box, colors, f"{name} {made.kind}", about, opacity, title)


def about(segmentation) -> dict | None:
    """What the map shows.

    Returns:
        None if there is none, else a dictionary. Its ``kind`` is probability, uncertainty or heat; ``lesion_id`` is
            whose it is, None for the probability, which is of all; ``probability`` is, of a heat map, the lesion's mean
            probability on its slice; ``notes`` are sentences for the user.
    """
    node = segmentation.GetNodeReference(MAP_ROLE)
    return node and {"notes": [], **json.loads(node.GetAttribute(_ABOUT))}  # scenes of before have no notes


def map_id(segmentation) -> str | None:
    """The id of the map's volume node, None without a map."""
    return segmentation.GetNodeReferenceID(MAP_ROLE)


def set_in_views(segmentation, shown: bool):
    """Take the map, if there is one, out of the views and leave it in the scene, or lay it over them again."""
    node = segmentation.GetNodeReference(MAP_ROLE)
    if node is not None:
        slicer.util.setSliceViewerLayers(foreground=node if shown else None)
        slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node).Modified()


def hide(segmentation):
    """Take the map out of the views and out of the scene."""
    node = segmentation.GetNodeReference(MAP_ROLE)
    if node is not None:
        slicer.util.setSliceViewerLayers(foreground=None)
        segmentation.RemoveNodeReferenceIDs(MAP_ROLE)
        remove_node(slicer.mrmlScene, node)
    table = segmentation.GetNodeReference(_HEAT_ROLE)
    if table is not None:
        segmentation.RemoveNodeReferenceIDs(_HEAT_ROLE)
        remove_node(slicer.mrmlScene, table)


def _lay_over(volume, segmentation, values, box: Box, colors: _Colors, what: str, about: dict, opacity, title):
    with all_or_nothing(slicer.mrmlScene):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"{segmentation.GetName()} {what}")
        node.SetAttribute(_ABOUT, json.dumps(about))
        slicer.util.updateVolumeFromArray(node, values)
        _place(node, volume, box)
        table = _add_heat_table() if colors.name is None else _table(colors.name)
        legend = _color(node, colors, table, title)
    hide(segmentation)
    segmentation.SetNodeReferenceID(MAP_ROLE, node.GetID())
    if colors.name is None:
        segmentation.SetNodeReferenceID(_HEAT_ROLE, table.GetID())
    slicer.util.setSliceViewerLayers(foreground=node, foregroundOpacity=opacity)
    legend.Modified()  # the views look whether it is to be drawn only now that the map is in them
    return node


def _place(node, volume, box: Box):
    """Put a volume that holds only ``box`` of the CT where that is."""
    node.CopyOrientation(volume)
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    node.SetOrigin(*ijk_to_ras.MultiplyPoint([*reversed(box.start), 1])[:3])
    place_beside(volume, node)


def _table(name: str):
    return slicer.mrmlScene.GetNodeByID(_TABLES.format(name)) or slicer.mrmlScene.GetNodeByID(_RAINBOW)


def _add_heat_table():
    """Blue to red, nothing between. Slicer's slices take a colour's opacity as all or nothing, so it can't fade out."""
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "Fall of probability")
    table.SetTypeToUser()
    table.SetHideFromEditors(True)
    table.SetNumberOfColors(_HEAT_COLORS)
    for i, t in enumerate(np.linspace(-1, 1, _HEAT_COLORS)):
        weak, strong = np.array(_BLUE if t < 0 else _RED)
        depth = (abs(t) - _NO_HEAT) / (1 - _NO_HEAT)
        color = _NOT_DRAWN if depth < 0 else (*(weak + depth * (strong - weak)), 1.0)
        table.SetColor(i, f"{t:.2f}", *color)
    table.GetLookupTable().SetRange(0, _HEAT_COLORS - 1)
    return table


def _color(node, colors: _Colors, table, title: str):
    """Returns the legend's node."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(table.GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(colors.low, colors.high)
    display.SetApplyThreshold(True)
    display.SetLowerThreshold(colors.least)
    display.SetUpperThreshold(colors.high)
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
    # in one line it reaches from the border over the lung
    legend.SetTitleText(textwrap.fill(title, max(map(len, title.split()))))
    legend.SetPosition(*_LEGEND_PLACE)
    legend.SetSize(*_LEGEND_SIZE)
    legend.SetLabelFormat(f"%.{colors.digits}f")
    return legend
