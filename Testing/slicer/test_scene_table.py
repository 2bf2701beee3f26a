"""The table of lesions and the lines of their diameters in the scene, on Slicer's real MRML libraries."""

from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.slicer_.scene import markups, table

from Testing.support import headless, phantoms, results
from Testing.support.scene_case import (
    CARD,
    CENTRE_RAS,
    NODULE,
    SPACING,
    findings_of,
    shift_of_ten,
    show,
    show_chest,
    to_world,
)


@pytest.fixture(scope="module")
def chest():
    """As in `test_scene`."""
    return phantoms.chest(SPACING, size_mm=(120, 105, 96), lesions=(NODULE,), centre_lps=(-76.0, 20.0, 14.0))


def test_the_table_has_the_contracts_columns_and_readable_units(scene, chest):
    volume = headless.add_volume(chest[0])
    findings = findings_of(*chest)
    node = table.add_table(volume, "table")
    table.fill_table(node, findings.lesions, findings.names, volume)
    columns = [node.GetColumnName(i) for i in range(node.GetNumberOfColumns())]
    assert columns == list(table.COLUMNS)
    lesion = findings.lesions[0]
    assert node.GetTable().GetValueByName(0, "volume_mm3").ToDouble() == pytest.approx(lesion.volume_mm3)
    assert node.GetTable().GetValueByName(0, "axis_points_ras_1_r").ToDouble() == pytest.approx(
        -lesion.axis_points_lps[0][0]
    )
    assert np.isnan(node.GetTable().GetValueByName(0, "confidence").ToDouble())
    assert node.GetTable().GetValueByName(0, "name").ToString() == "Lesion 1"
    assert node.GetColumnUnitLabel("long_axis_mm") == "mm"


def test_the_tables_points_are_where_slicer_shows_them(scene, chest):
    volume = headless.add_volume(chest[0])
    transform = shift_of_ten(scene)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    findings = findings_of(*chest)
    node = table.add_table(volume, "table")
    table.fill_table(node, findings.lesions, findings.names, volume)
    x, y, z = findings.lesions[0].axis_points_lps[0]
    shown = [node.GetTable().GetValueByName(0, f"axis_points_ras_1_{axis}").ToDouble() for axis in "ras"]
    np.testing.assert_allclose(shown, to_world(transform, (-x, -y, z)), atol=1e-3)


def test_diameters_are_lines_on_the_lesion_that_go_with_the_segmentation(scene, chest):
    volume, node = show_chest(*chest)
    transform = shift_of_ten(scene)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    findings = findings_of(*chest)
    lines = markups.diameters_to_markups(findings.lesions, findings.names, volume, node)
    assert len(lines) == 2
    lesion = findings.lesions[0]
    for line, length in zip(lines, (lesion.long_axis_mm, lesion.short_axis_mm), strict=True):
        assert line.GetTransformNodeID() == transform.GetID()
        ends = [np.array(line.GetNthControlPointPosition(i)) for i in (0, 1)]
        assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(length, rel=0.01)
        np.testing.assert_allclose(np.mean(ends, 0), CENTRE_RAS, atol=6)
    again = markups.diameters_to_markups(findings.lesions, findings.names, volume, node)
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == len(again) == 2
    assert [line.GetID() for line in again] == [line.GetID() for line in lines]
    markups.remove_markups(node)
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 0
    assert node.GetNumberOfNodeReferences(markups.MARKUPS_ROLE) == 0


def test_lines_follow_their_lesions_and_go_with_them(scene):
    ct = results.make_ct()
    volume, findings = headless.add_volume(ct), Findings(ct, results.make_result(ct), CARD)
    node = show(volume, findings)
    first, second, third = (lesion.id for lesion in findings.lesions)
    findings.set_status(third, "accepted")
    lines = markups.diameters_to_markups(findings.lesions, findings.names, volume, node)
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == len(lines) == 6
    findings.set_status(second, "rejected")
    findings.rename(first, "Apex")
    transform = shift_of_ten(scene)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    moved = replace(findings.lesions[0], axis_points_lps=((1.0, 2.0, 3.0), (4.0, 2.0, 3.0)))
    again = markups.diameters_to_markups([moved, *findings.lesions[1:]], findings.names, volume, node)
    assert [line.GetName() for line in again] == ["Apex long axis", "Lesion 3 long axis", "Lesion 3 short axis"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 3
    assert node.GetNumberOfNodeReferences(markups.MARKUPS_ROLE) == 3
    assert again[0] is lines[0] and again[0].GetTransformNodeID() == transform.GetID()
    np.testing.assert_allclose(again[0].GetNthControlPointPosition(1), (-4, -2, 3))
