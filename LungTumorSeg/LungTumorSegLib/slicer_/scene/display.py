"""What the views show: the CT's window, single segments, and the place they look at."""

import numpy as np
import slicer
import slicer.util

# width and level in HU, as lungs and mediastinum are read
LUNG_WINDOW = (1500.0, -600.0)
SOFT_TISSUE_WINDOW = (400.0, 40.0)
# what the views show of a lesion's surroundings: long axes, and mm
FIELD_OF_LESION, LEAST_FIELD_MM = 4.0, 80.0
# the views of two CTs beside each other go where `side_by_side` sends them
SIDE_BY_SIDE = ("LungTumorSegEarlier", "LungTumorSegLater")


def set_window(volume, width: float, level: float):
    """Show a volume with a window.

    Args:
        width: HU.
        level: HU, the window's middle.
    """
    volume.CreateDefaultDisplayNodes()
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(width, level)


def set_segment_visible(node, segment_id: str, visible: bool):
    """Show or hide one segment in all views.

    Args:
        node: A segmentation node with a display node.
        segment_id: Of the segment.
        visible: Whether it is shown.
    """
    node.GetDisplayNode().SetSegmentVisibility(segment_id, visible)


def replace_background(before, volume):
    """Where the views show the volume ``before``, let them show another one, whole."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    if any(composite.GetBackgroundVolumeID() == before.GetID() for composite in composites):
        slicer.util.setSliceViewerLayers(background=volume)
        slicer.app.applicationLogic().FitSliceToAll(False, False)


def shows_other_ct(slice_node, volume) -> bool:
    """Whether a view of `SIDE_BY_SIDE` shows another CT than this one."""
    name = slice_node.GetLayoutName()
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = [x.GetBackgroundVolumeID() for x in composites if x.GetLayoutName() == name]
    return name in SIDE_BY_SIDE and shown != [volume.GetID()]


def jump(scene, world_ras, field_mm: float | None = None):
    """Centre all slice views, but those of `SIDE_BY_SIDE`, and 3D cameras on a point.

    Args:
        world_ras: The point, RAS mm.
        field_mm: The least that they show across; None: as they are.
    """
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene):
        if node.GetLayoutName() in SIDE_BY_SIDE:
            continue
        node.JumpSliceByCentering(*world_ras)
        if field_mm is not None:
            columns, rows, _ = node.GetDimensions()
            pixel_mm = field_mm / max(min(columns, rows), 1)
            node.SetFieldOfView(columns * pixel_mm, rows * pixel_mm, node.GetFieldOfView()[2])
    for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode", scene):
        position, focus = np.asarray(camera.GetPosition()), np.asarray(camera.GetFocalPoint())
        away = position - focus
        if field_mm is not None and (distance := np.linalg.norm(away)):
            away *= field_mm / 2 / np.tan(np.radians(camera.GetViewAngle()) / 2) / distance
            camera.SetParallelScale(field_mm / 2)
        camera.SetPosition(*(np.asarray(world_ras) + away))
        camera.SetFocalPoint(*world_ras)
        camera.ResetClippingRange()
