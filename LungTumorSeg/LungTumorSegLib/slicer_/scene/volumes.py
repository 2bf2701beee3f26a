"""From a volume node to a `CT`, and from points of the scene to points of the volume and back.

Inside a volume's own coordinates everything is exact: no voxel is resampled. A transform over the volume is never
baked in.
"""

import numpy as np
import slicer
import slicer.util
import vtk

from ...checks import as_hu
from ...data import CT
from ...errors import GeometryError, NotACTError, UnreadableError
from ...geometry import RAS_FROM_LPS, Geometry, ras_from_lps


def ct_from_volume(volume) -> CT:
    """A scalar volume node as a `CT`, in the volume's own coordinates (LPS mm), whatever transform it is under.

    The voxels are the node's own memory where they have the type of `checks.as_hu` already, else a copy.

    Raises:
        UnreadableError: No volume, or no voxels.
        NotACTError: Colour, vector or label map.
        GeometryError: No usable spacing or directions.
    """
    if volume is None or not volume.IsA("vtkMRMLScalarVolumeNode"):
        raise UnreadableError("No CT is chosen: load a chest CT and choose it.")
    name = volume.GetName()
    image = volume.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions():
        raise UnreadableError(f'The volume "{name}" holds no voxels: load it again.')
    if volume.IsA("vtkMRMLLabelMapVolumeNode"):
        raise NotACTError(f'"{name}" is a label map, not a CT: choose the CT that it was drawn on.')
    if image.GetNumberOfScalarComponents() != 1:
        raise NotACTError(
            f'"{name}" has {image.GetNumberOfScalarComponents()} values in each voxel (a colour picture or a vector '
            "field), a CT has one: choose the CT."
        )
    return CT(as_hu(slicer.util.arrayFromVolume(volume)), _geometry(volume), name, _source(volume))


def _geometry(volume) -> Geometry:
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    affine = RAS_FROM_LPS @ slicer.util.arrayFromVTKMatrix(ijk_to_ras)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise GeometryError(
            f'The voxels of "{volume.GetName()}" have no size or no direction: correct the spacing in the module '
            "Volumes, or load the CT again from DICOM."
        )
    return Geometry.from_affine(volume.GetImageData().GetDimensions()[::-1], affine)


def _source(volume) -> dict:
    source = {"format": "volume node", "node": volume.GetID()}
    storage = volume.GetStorageNode()
    if storage is not None and storage.GetFileName():
        source["path"] = storage.GetFileName()
    hierarchy = volume.GetScene() and slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy else 0
    if item:
        modality = hierarchy.GetItemAttribute(item, "DICOM.Modality")
        series = hierarchy.GetItemUID(item, "DICOM")
        source |= {k: v for k, v in (("modality", modality), ("series_uid", series)) if v}
    return source


def world_to_lps(volume, world_ras) -> tuple[float, float, float]:
    """A point in the volume's own coordinates; any transform over the volume is undone.

    Args:
        world_ras: The point as Slicer shows it, RAS mm, world.

    Returns:
        The point in the volume's own LPS mm.
    """
    return ras_from_lps(_between(None, volume.GetParentTransformNode(), world_ras))


def lps_to_world(volume, point_lps) -> tuple[float, float, float]:
    """The inverse of `world_to_lps`."""
    return _between(volume.GetParentTransformNode(), None, ras_from_lps(point_lps))


def _between(source, target, point) -> tuple[float, float, float]:
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    return tuple(float(v) for v in transform.TransformPoint([float(v) for v in point]))


def keeps_sizes(volume) -> bool:
    """Whether the transform over the volume, if any, is rigid: then sizes in the volume are sizes in the world."""
    transform = volume.GetParentTransformNode()
    if transform is None:
        return True
    if not transform.IsTransformToWorldLinear():
        return False
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    turn = slicer.util.arrayFromVTKMatrix(matrix)[:3, :3]
    return bool(np.allclose(turn @ turn.T, np.eye(3), atol=1e-4))
