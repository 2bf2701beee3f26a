"""Colours over the CT: the probability, or what explains one lesion. One map at a time for each result."""

import json
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
_OF_ALL_LESIONS = {"kind": "probability", "lesion_id": None, "probability": None}
# Slicer's own tables; the last one is there without its colour files too
_TABLES = "vtkMRMLColorTableNodeFile{}.txt"
_RAINBOW = "vtkMRMLColorTableNodeRainbow"
# a weaker map would otherwise look like a strong one
_LEAST_HEAT = 0.05


@dataclass(frozen=True)
class _Colors:
    """name: of one of Slicer's tables, drawn from ``low`` to ``high``. least: what is lower is not drawn."""

    name: str
    low: float
    high: float
    least: float
    digits: int = 2


# percent: less than 5 is what the candidates leave out anyway
_PROBABILITY = _Colors("Inferno", 0, 100, 5, 0)
_UNCERTAINTY = _Colors("Viridis", 0, 0.5, 0.02)


def probability_percent(findings) -> np.ndarray:
    """The probability in percent (uint8) on the CT's stored grid: the full map if it was kept, else the candidates."""
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
    """Lay the probability in percent over the slices, in the place of an earlier map; returns its volume node.

    title: of the colour legend that comes with it.
    """
    percent = probability_percent(findings)
    box = Box.whole(percent.shape)
    return _lay_over(
        volume, segmentation, percent, box, _PROBABILITY, "probability (%)", _OF_ALL_LESIONS, opacity, title
    )


def show_lesion_map(made: LesionMap, lesion_id: int, name: str, volume, segmentation, opacity: float, title: str):
    """The same for a map of one lesion. name: the lesion's."""
    colors = _UNCERTAINTY
    if made.kind == "heat":
        most = max(float(np.abs(made.values).max()), _LEAST_HEAT)
        colors = _Colors("DivergingBlueRed", -most, most, -most)
    about = {"kind": made.kind, "lesion_id": lesion_id, "probability": made.probability}
    return _lay_over(volume, segmentation, made.values, made.box, colors, f"{name} {made.kind}", about, opacity, title)


def about(segmentation) -> dict | None:
    """What the map shows; None if there is none.

    kind: probability | uncertainty | heat. lesion_id: whose, None for the probability, which is of all. probability:
    of a heat map, the lesion's mean probability on its slice.
    """
    node = segmentation.GetNodeReference(MAP_ROLE)
    return node and json.loads(node.GetAttribute(_ABOUT))


def hide(segmentation):
    """Take the map out of the views and out of the scene."""
    node = segmentation.GetNodeReference(MAP_ROLE)
    if node is not None:
        slicer.util.setSliceViewerLayers(foreground=None)
        segmentation.RemoveNodeReferenceIDs(MAP_ROLE)
        remove_node(slicer.mrmlScene, node)


def _lay_over(volume, segmentation, values, box: Box, colors: _Colors, what: str, about: dict, opacity, title):
    with all_or_nothing(slicer.mrmlScene):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"{segmentation.GetName()} {what}")
        node.SetAttribute(_ABOUT, json.dumps(about))
        slicer.util.updateVolumeFromArray(node, values)
        _place(node, volume, box)
        _color(node, colors, title)
    hide(segmentation)
    segmentation.SetNodeReferenceID(MAP_ROLE, node.GetID())
    slicer.util.setSliceViewerLayers(foreground=node, foregroundOpacity=opacity)
    return node


def _place(node, volume, box: Box):
    """Put a volume that holds only ``box`` of the CT where that is."""
    node.CopyOrientation(volume)
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    node.SetOrigin(*ijk_to_ras.MultiplyPoint([*reversed(box.start), 1])[:3])
    place_beside(volume, node)


def _color(node, colors: _Colors, title: str):
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    table = slicer.mrmlScene.GetNodeByID(_TABLES.format(colors.name)) or slicer.mrmlScene.GetNodeByID(_RAINBOW)
    display.SetAndObserveColorNodeID(table.GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(colors.low, colors.high)
    display.SetApplyThreshold(True)
    display.SetLowerThreshold(colors.least)
    display.SetUpperThreshold(colors.high)
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
    legend.SetTitleText(title)
    legend.SetLabelFormat(f"%.{colors.digits}f")
