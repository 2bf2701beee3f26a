"""Volume and surface of a lesion agree with VTK's, computed from the same field and from the outline's voxels."""

import numpy as np
import pytest
from LungTumorSegLib.findings.field import Field, field_of
from LungTumorSegLib.findings.shape import shape_of
from scipy.spatial.transform import Rotation
from vtk import vtkFlyingEdges3D, vtkImageData, vtkMassProperties, vtkTriangleFilter
from vtk.util.numpy_support import numpy_to_vtk

from Testing.support import bodies


def mass_properties(values_zyx: np.ndarray, spacing_xyz, level: float) -> vtkMassProperties:
    image = vtkImageData()
    image.SetDimensions(values_zyx.shape[::-1])
    image.SetSpacing(spacing_xyz)
    image.GetPointData().SetScalars(numpy_to_vtk(values_zyx.astype(np.float32).ravel(), deep=True))
    surface = vtkFlyingEdges3D()
    surface.SetInputData(image)
    surface.SetValue(0, level)
    triangles = vtkTriangleFilter()
    triangles.SetInputConnection(surface.GetOutputPort())
    measured = vtkMassProperties()
    measured.SetInputConnection(triangles.GetOutputPort())
    measured.Update()
    return measured


def field(spacing, from_probability: bool) -> tuple[Field, np.ndarray]:
    geometry = bodies.grid(spacing, 15)
    body = bodies.ellipsoid((0.2, -0.3, 0.4), (13, 8, 7), Rotation.from_euler("zyx", (30, 20, 10), degrees=True))
    lesion, mask, _, candidate = bodies.lesion_of(bodies.shares(geometry, body), geometry)
    return field_of(mask, lesion.label_box, geometry, candidate if from_probability else None), mask


@pytest.mark.parametrize("from_probability", [True, False])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 2.5)])
def test_the_surface_is_the_one_that_vtk_finds(spacing, from_probability):
    one, _ = field(spacing, from_probability)
    measured, vtks = shape_of(one), mass_properties(one.values, np.divide(spacing, one.fine[::-1]), 0.0)
    assert measured.volume_mm3 == pytest.approx(vtks.GetVolume(), rel=0.002)
    assert measured.surface_mm2 == pytest.approx(vtks.GetSurfaceArea(), rel=0.005)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 2.5)])
def test_the_volume_is_near_that_of_the_voxels_own_surface(spacing):
    one, mask = field(spacing, True)
    vtks = mass_properties(np.pad(mask, 1), spacing, 0.5)
    assert shape_of(one).volume_mm3 == pytest.approx(vtks.GetVolume(), rel=0.04)
    assert shape_of(one).surface_mm2 < vtks.GetSurfaceArea()  # the voxels' steps make it larger
