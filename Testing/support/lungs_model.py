"""The lungs of a result as a pale surface in the scene, around the tumours."""

import numpy as np
import slicer
import vtk
from LungTumorSegLib.geometry import RAS_FROM_LPS
from skimage.measure import marching_cubes
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

_COLOR = (0.75, 0.8, 0.9)
_OPACITY = 0.18


def add(findings):
    """A model node of the coarse lungs; None when the run did not look for lungs."""
    lungs = findings.result.lungs
    if lungs is None:
        return None
    points, triangles, _, _ = marching_cubes(np.pad((lungs.label_zyx > 0).astype(np.float32), 1), 0.5)
    points = lungs.geometry.lps(points - 1) @ RAS_FROM_LPS[:3, :3]
    cells = vtk.vtkCellArray()
    cells.SetData(3, numpy_to_vtkIdTypeArray(triangles.astype(np.int64).ravel(), deep=True))
    mesh = vtk.vtkPolyData()
    mesh.SetPoints(vtk.vtkPoints())
    mesh.GetPoints().SetData(numpy_to_vtk(points, deep=True))
    mesh.SetPolys(cells)
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputData(mesh)
    smooth.SetPassBand(0.05)
    smooth.NonManifoldSmoothingOn()
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(smooth.GetOutputPort())
    normals.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "lungs")
    node.SetAndObservePolyData(normals.GetOutput())
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(*_COLOR)
    node.GetDisplayNode().SetOpacity(_OPACITY)
    return node
