"""Pictures of a result: the axial slice with its outlines, and the surfaces inside the lungs.

Drawn by Slicer's displayable managers off-screen where EGL is there, else by matplotlib.
"""

from functools import cache
from pathlib import Path

import numpy as np
import slicer
from LungTumorSegLib.geometry import RAS_FROM_LPS
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.writers import pictures as plots
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from skimage.measure import marching_cubes

from Testing.support import offscreen

_LUNG_COLOR = (0.75, 0.8, 0.9)
_LUNG_OPACITY = 0.18


def draw(logic, findings, application, folder: Path, lesion_ids) -> list[Path]:
    """Write axial.png, axial-close.png (the first of ``lesion_ids``, or the table's first lesion) and surface.png."""
    shown = next(iter(lesion_ids), None) or (findings.lesions[0].id if findings.lesions else None)
    if shown is None:
        return []
    logic.show_3d(findings)
    if not _offscreen_works():
        plots.write(folder, findings.as_result(), findings.ct)
        _plot_surfaces(findings, folder / "surface.png")
        return [*sorted(folder.glob("*.png"))]
    logic.show_diameters(findings)
    volume = logic.volume(findings)
    centre = logic.lesion_position(findings, shown)
    close_mm = max(60.0, 2.5 * findings.lesion(shown).long_axis_mm)
    lungs = lungs_model(findings)
    pictures = {
        "axial.png": offscreen.slice_picture(application, volume, centre),
        "axial-close.png": offscreen.slice_picture(application, volume, centre, field_mm=close_mm),
        "surface.png": offscreen.view_picture(application, slicer.mrmlScene),
    }
    if lungs is not None:
        slicer.mrmlScene.RemoveNode(lungs)
    for name, picture in pictures.items():
        offscreen.save(picture, folder / name)
    return [folder / name for name in pictures]


@cache
def _offscreen_works() -> bool:
    return offscreen.available()


def _surface(mask_zyx, geometry):
    """Points in RAS mm and triangles of a mask's border."""
    points, triangles, _, _ = marching_cubes(np.pad(mask_zyx.astype(np.float32), 1), 0.5)
    return geometry.lps(points - 1) @ RAS_FROM_LPS[:3, :3], triangles


def lungs_model(findings):
    """The coarse lungs as a pale model around the tumours; None when the run did not look for lungs."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

    lungs = findings.result.lungs
    if lungs is None:
        return None
    points, triangles = _surface(lungs.label_zyx > 0, lungs.geometry)
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
    node.GetDisplayNode().SetColor(*_LUNG_COLOR)
    node.GetDisplayNode().SetOpacity(_LUNG_OPACITY)
    return node


def _plot_surfaces(findings, path: Path):
    figure = Figure(figsize=(8, 8))
    axes = figure.add_subplot(projection="3d")
    parts = [
        (
            *_surface(mask, findings.ct.geometry.crop(lesion.label_box)),
            terminology.color(lesion),
            1,
        )
        for lesion, mask in zip(findings.lesions, findings.masks, strict=True)
    ]
    lungs = findings.result.lungs
    if lungs is not None:
        parts.append((*_surface(lungs.label_zyx > 0, lungs.geometry), _LUNG_COLOR, 0.05))
    for points, triangles, color, alpha in parts:
        axes.add_collection3d(Poly3DCollection(points[triangles], facecolors=color, alpha=alpha, shade=alpha == 1))
    everything = np.concatenate([points for points, *_ in parts])
    low, high = everything.min(0), everything.max(0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]), box_aspect=high - low)
    axes.set(xlabel="R (mm)", ylabel="A (mm)", zlabel="S (mm)")
    axes.view_init(elev=10, azim=75)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110)
