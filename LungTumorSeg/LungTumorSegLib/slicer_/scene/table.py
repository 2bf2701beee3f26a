"""The lesion table as a node in the scene: the columns of `lesion_table`, then the lesion's name."""

from functools import partial

import numpy as np
from vtk import vtkStringArray
from vtk.util.numpy_support import numpy_to_vtk

from ...writers import lesion_table
from .nodes import ROLES, place_beside
from .volumes import lps_to_world

TABLE_ROLE = f"{ROLES}table"
COLUMNS = (*lesion_table.COLUMNS, "name")
_UNITS = {"volume_mm3": "mm3", "long_axis_mm": "mm", "short_axis_mm": "mm", "mean_hu": "[hnsf'U]"}
_WHOLE = {"id", "slice_index"}
_WORDS = {"side", "status", "name"}


def fill_table(node, lesions, names: dict[int, str], volume):
    """Write lesions into a table node, one row each, in their order.

    Ends of the axes are RAS mm as Slicer shows them. Sizes are those in the volume. A missing confidence is NaN.

    Args:
        names: By lesion id.
        volume: Its parent transform, if any, is applied to the points.
    """
    to_world = partial(lps_to_world, volume)
    rows = [lesion_table.row(lesion, to_world) | {"name": names[lesion.id]} for lesion in lesions]
    was = node.StartModify()
    try:
        node.RemoveAllColumns()
        for name in COLUMNS:
            array = _array(name, [row[name] for row in rows])
            array.SetName(name)
            node.AddColumn(array)
            if name in _UNITS:
                node.SetColumnUnitLabel(name, _UNITS[name])
    finally:
        node.EndModify(was)


def _array(name: str, values: list):
    if name in _WORDS:
        array = vtkStringArray()
        for value in values:
            array.InsertNextValue(value)
        return array
    if name in _WHOLE or name.startswith("label_box"):
        return numpy_to_vtk(np.array(values, np.int32), deep=True)
    return numpy_to_vtk(np.array([np.nan if v is None else v for v in values], np.float64), deep=True)


def add_table(volume, name: str):
    """An empty table node under the volume's study."""
    scene = volume.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(name))
    node.SetUseColumnTitleAsColumnHeader(True)
    place_beside(volume, node)
    return node
