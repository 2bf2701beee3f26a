"""How things are shown: window of a CT, colours over it, a node in the views."""

import numpy as np
import slicer
import slicer.util

from . import scene

# width and level in HU, as lungs and mediastinum are read
LUNG_WINDOW = (1500.0, -600.0)
SOFT_TISSUE_WINDOW = (400.0, 40.0)
MAP_ROLE = "LungTumorSeg.map"
_COLORS = "vtkMRMLColorTableNodeFileInferno.txt"
_RAINBOW = "vtkMRMLColorTableNodeRainbow"
# percent: less is what the candidates leave out anyway
_LEAST_PERCENT = 5


def set_window(volume, width: float, level: float):
    """Show a volume with a window in HU."""
    volume.CreateDefaultDisplayNodes()
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(width, level)


def probability_percent(findings) -> np.ndarray:
    """The probability in percent (uint8) on the CT's stored grid: the full map if it was kept, else the candidates."""
    result = findings.as_result()
    if result.probability is not None:
        return np.round(result.probability * (100 / 255)).astype(np.uint8)
    percent = np.zeros(result.geometry.shape_zyx, np.uint8)
    for candidate in result.candidates:
        block = np.round(candidate.block * (100 / 255)).astype(np.uint8)
        np.maximum(percent[candidate.box], block, out=percent[candidate.box])
    return percent


def show_probability(findings, volume, segmentation, opacity: float, title: str):
    """Make, or refill, the volume with the probability in percent and lay it over the slices; returns its node.

    title: of the colour legend that comes with it.
    """
    node = segmentation.GetNodeReference(MAP_ROLE)
    if node is None:
        name = f"{segmentation.GetName()} probability (%)"
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.CopyOrientation(volume)
        scene.place_beside(volume, node)
        segmentation.SetNodeReferenceID(MAP_ROLE, node.GetID())
    slicer.util.updateVolumeFromArray(node, probability_percent(findings))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    colors = slicer.mrmlScene.GetNodeByID(_COLORS) or slicer.mrmlScene.GetNodeByID(_RAINBOW)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, 100)
    display.SetApplyThreshold(True)
    display.SetLowerThreshold(_LEAST_PERCENT)
    display.SetUpperThreshold(100)
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
    legend.SetTitleText(title)
    slicer.util.setSliceViewerLayers(foreground=node, foregroundOpacity=opacity)
    return node


def hide_probability(segmentation):
    """Take the probability out of the views and out of the scene."""
    node = segmentation.GetNodeReference(MAP_ROLE)
    if node is not None:
        slicer.util.setSliceViewerLayers(foreground=None)
        segmentation.RemoveNodeReferenceIDs(MAP_ROLE)
        scene.remove_node(slicer.mrmlScene, node)
