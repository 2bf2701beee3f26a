"""An image file as a volume node of the scene."""

from pathlib import Path

import slicer

from Testing.support import headless


def load_volume(path: Path, name: str | None = None):
    """Read by Slicer's own reader, shown in the lung window. name: else the file's. Raises OSError."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name or path.stem)
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    node.SetAndObserveStorageNodeID(storage.GetID())
    if not storage.ReadData(node):
        raise OSError(f"Slicer could not read {path}")
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(1500, -600)
    headless.place_in_hierarchy(node)
    return node
