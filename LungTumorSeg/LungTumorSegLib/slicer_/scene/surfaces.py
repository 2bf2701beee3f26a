"""The lesions' closed surfaces in 3D, made a few at a time."""

import math
import time

import slicer
import vtk


def labelmap_name() -> str:
    """Slicer's name of a segment's voxels."""
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def surface_name() -> str:
    """Slicer's name of a segment's closed surface."""
    return slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


def show_surfaces(node, visible: bool):
    """Let 3D views show the lesions' closed surfaces, which `make_surfaces` makes, or take them away."""
    node.GetDisplayNode().SetVisibility3D(visible)
    if visible:
        node.GetDisplayNode().SetPreferredDisplayRepresentationName3D(surface_name())
    else:
        node.RemoveClosedSurfaceRepresentation()


def withdraw_surfaces(segmentation):
    """Let 3D views show none until `make_surfaces` has made all; to be called before a segment's voxels change.

    Slicer shows surfaces if the first segment has one, and then makes those that others lack, all at once.
    """
    if segmentation.GetNumberOfSegments():
        segmentation.GetNthSegment(0).RemoveRepresentation(surface_name())


def make_surfaces(node, seconds: float = math.inf) -> bool:
    """Make the closed surfaces that segments lack, one after the other. One takes about 8 ms.

    The first segment's comes last: see `withdraw_surfaces`.

    Args:
        seconds: After which to stop, but not before one is made.

    Returns:
        Whether all are there.
    """
    segmentation, end = node.GetSegmentation(), time.monotonic() + seconds
    segments = [segmentation.GetNthSegment(i) for i in range(segmentation.GetNumberOfSegments())]
    lacking = [x for x in segments[1:] + segments[:1] if x.GetRepresentation(surface_name()) is None]
    if lacking and lacking[-1] is not segments[0]:
        withdraw_surfaces(segmentation)
        lacking.append(segments[0])
    while lacking:
        segment = lacking.pop(0)
        segment.AddRepresentation(surface_name(), _surface(segmentation, segment))
        if time.monotonic() >= end:
            break
    node.GetDisplayNode().Modified()  # the views look again at what there is
    return not lacking


def _surface(segmentation, segment):
    """The closed surface of one segment, by Slicer's own conversion and the segmentation's parameters for it."""
    alone, copy = slicer.vtkSegmentation(), slicer.vtkSegment()
    alone.SetSourceRepresentationName(labelmap_name())
    alone.CopyConversionParameters(segmentation)
    copy.AddRepresentation(labelmap_name(), segment.GetRepresentation(labelmap_name()))
    copy.SetLabelValue(segment.GetLabelValue())
    alone.AddSegment(copy, "alone")
    alone.CreateRepresentation(surface_name())
    return copy.GetRepresentation(surface_name()) or vtk.vtkPolyData()
