"""A piece of chest with a nodule in the scene, its result, and where things come to lie in Slicer."""

import numpy as np
import slicer
import slicer.util
import vtk
from LungTumorSegLib.data import Candidate, Options
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.model.card import OperatingPoint
from LungTumorSegLib.slicer_.scene.segmentation import add_segmentation, show_lesions
from LungTumorSegLib.slicer_.scene.volumes import ct_from_volume

from Testing.support import headless, results

NODULE = ((-86.0, 12.0, 21.0), 18.0, 40)
CENTRE_RAS = np.array((86.0, -12.0, 21.0))
SPACING = (3.0, 3.5, 4.0)
CARD = OperatingPoint(threshold=0.5)


def findings_of(ct, mask) -> Findings:
    """What a run gives whose network's map is 1 in the mask and 0 outside; of a map (float p) what it is."""
    whole = Box.whole(mask.shape)
    candidates = (Candidate(whole, np.rint(255 * mask).astype(np.uint8)),)
    found, masks = extract(candidates, ct, None, Options(), CARD)
    result = results.make_result(
        ct, candidates=candidates, lungs=None, lesions=found, masks=masks, options=Options(), probability=None
    )
    return Findings(ct, result, CARD)


def show(volume, findings):
    node = add_segmentation(volume, "lesions")
    show_lesions(node, volume, findings)
    return node


def show_chest(ct, mask):
    volume = headless.add_volume(ct)
    return volume, show(volume, findings_of(ct_from_volume(volume), mask))


def shift_of_ten(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkTransform()
    turn.Translate(10, -20, 30)
    turn.RotateWXYZ(25, 1, 2, 3)
    node.SetMatrixTransformToParent(turn.GetMatrix())
    return node


def bent(scene):
    """A smooth non-linear transform, as a tilted gantry's is: 5 to 15 mm along S, growing with A."""
    transform = vtk.vtkThinPlateSplineTransform()
    transform.SetBasisToR()
    before, after = vtk.vtkPoints(), vtk.vtkPoints()
    for r in (-150, 0, 150):
        for a in (-100, 0, 100):
            for s in (-100, 100):
                before.InsertNextPoint(r, a, s)
                after.InsertNextPoint(r, a + 4, s + 10 + a / 20 + (r / 100) ** 2)
    transform.SetSourceLandmarks(before)
    transform.SetTargetLandmarks(after)
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    node.SetAndObserveTransformToParent(transform)
    return node


def to_world(transform, point):
    general = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(transform, None, general)
    return np.array(general.TransformPoint(point))


def exported(node, segment_id, volume):
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume) != 0


def centre_ras(node, segment_id, volume):
    """The mean place of a segment's voxels, through Slicer's export onto the volume's grid."""
    k, j, i = np.argwhere(exported(node, segment_id, volume)).mean(0)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array(matrix.MultiplyPoint((i, j, k, 1))[:3])


def tag(segment, name):
    value = vtk.reference("")
    assert segment.GetTag(name, value), f"no tag {name}"
    return str(value)
