"""What the views show: the CT's window, single segments, and the place they look at."""

import numpy as np
import slicer
import slicer.util

# width and level in HU, as lungs and mediastinum are read
LUNG_WINDOW = (1500.0, -600.0)
SOFT_TISSUE_WINDOW = (400.0, 40.0)


def set_window(volume, width: float, level: float):
    """Show a volume with a window in HU."""
    volume.CreateDefaultDisplayNodes()
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(width, level)


def set_segment_visible(node, segment_id: str, visible: bool):
    node.GetDisplayNode().SetSegmentVisibility(segment_id, visible)


def replace_background(before, volume):
    """Where the views show the volume ``before``, let them show another one, whole."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    if any(composite.GetBackgroundVolumeID() == before.GetID() for composite in composites):
        slicer.util.setSliceViewerLayers(background=volume)
        slicer.app.applicationLogic().FitSliceToAll(False, False)


def jump(scene, world_ras):
    """Centre all slice views and 3D cameras on a point, RAS mm."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *world_ras, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLCameraNode")):
        camera = scene.GetNthNodeByClass(i, "vtkMRMLCameraNode")
        move = np.asarray(world_ras) - camera.GetFocalPoint()
        camera.SetPosition(*(np.asarray(camera.GetPosition()) + move))
        camera.SetFocalPoint(*world_ras)
        camera.ResetClippingRange()
