"""A result in the scene against a reference mask."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util
from LungTumorSegLib.lesions import terminology

from Testing.support import headless


@dataclass(frozen=True)
class Verdict:
    """lesion_ids: the lesions that share a voxel with the reference. dice: of these together and the reference."""

    lesion_ids: tuple[int, ...]
    dice: float
    reference_ml: float


def load_volume(path: Path, name: str | None = None):
    """An image file as a volume node, through Slicer's own reader, shown in the lung window. name: else the file's."""
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


def with_reference(logic, findings, label: Path) -> Verdict:
    """Compare the segments, as they are in the scene, with a label file on the CT's grid (not 0: tumour)."""
    reference = sitk.GetArrayFromImage(sitk.ReadImage(str(label))) != 0
    node, volume = logic.segmentation(findings), logic.volume(findings)
    found, ids = np.zeros_like(reference), []
    for lesion in findings.lesions:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, terminology.segment_id(lesion), volume) != 0
        if (mask & reference).any():
            found |= mask
            ids.append(lesion.id)
    dice = 2 * np.count_nonzero(found & reference) / (np.count_nonzero(found) + np.count_nonzero(reference))
    ml = float(np.count_nonzero(reference) * findings.ct.geometry.voxel_mm3 / 1000)
    return Verdict(tuple(ids), float(dice), ml)
