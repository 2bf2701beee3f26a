"""Two compared CTs beside each other in Slicer's views."""

import numpy as np
import pytest
import slicer
from LungTumorSegLib.slicer_.scene.side_by_side import LAYOUT

from Testing.slicer_standin import slice_views
from Testing.support.follow_up_case import SHIFT, compare, pair


@pytest.fixture
def beside(views, case):
    """Compared, with the views of Slicer's window; the first lesion is selected."""
    case.pair = pair(case)
    compare(case)
    nodes = {n.GetLayoutName(): n for n in slicer.util.getNodesByClass("vtkMRMLSliceNode")}
    case.earlier, case.later = nodes["LungTumorSegEarlier"], nodes["LungTumorSegLater"]
    return case


def layout():
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def middle(node):
    columns, rows, _ = node.GetDimensions()
    return node.GetXYToRAS().MultiplyPoint((columns / 2, rows / 2, 0, 1))[:3]


def apart(case):
    """What the later view's middle is away from the earlier one's, LPS mm."""
    r, a, s = np.subtract(middle(case.later), middle(case.earlier))
    return pytest.approx((-r, -a, s), abs=0.01)


MOVED = tuple(-x for x in SHIFT)


def test_a_row_shows_its_place_in_both_cts(beside):
    volumes = {
        c.GetLayoutName(): c.GetBackgroundVolumeID() for c in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    }
    assert volumes["LungTumorSegEarlier"] == beside.pair[0].GetID()
    assert volumes["LungTumorSegLater"] == beside.pair[1].GetID()
    assert apart(beside) == MOVED and beside.ui.sideBySideButton.checked
    first = middle(beside.later)
    beside.ui.followUpTable.setCurrentCell(1, 0)
    assert apart(beside) == MOVED and np.linalg.norm(np.subtract(first, middle(beside.later))) > 20
    findings = beside.panel.findings
    second = beside.logic.lesion_position(findings, findings.lesions[1].id)
    assert np.linalg.norm(np.subtract(second, middle(beside.later))) < 0.1


def test_a_lesion_chosen_among_the_findings_is_looked_at_in_both(beside):
    findings = beside.panel.findings
    beside.panel.look_at(findings.lesions[2].id)
    beside.settle()
    assert beside.ui.followUpTable.currentRow() == 2 and apart(beside) == MOVED
    place = beside.logic.lesion_position(findings, findings.lesions[2].id)
    assert np.linalg.norm(np.subtract(place, middle(beside.later))) < 0.1


def test_both_scroll_pan_zoom_and_turn_together(beside):
    for source in (beside.later, beside.earlier):
        source.SetSliceOffset(source.GetSliceOffset() + 7)
        assert apart(beside) == MOVED
        source.SetXYZOrigin(12, -5, 0)
        source.UpdateMatrices()
        assert apart(beside) == MOVED
        source.SetFieldOfView(50, 50, 1)
        assert beside.later.GetFieldOfView() == pytest.approx(beside.earlier.GetFieldOfView())
        source.SetOrientation("Coronal" if source is beside.later else "Sagittal")
        assert beside.later.GetOrientation() == beside.earlier.GetOrientation() == source.GetOrientation()
        assert apart(beside) == MOVED


def test_each_result_is_drawn_on_its_own_ct(beside):
    (other,) = beside.logic.results(beside.pair[0])
    for findings, node in ((other, beside.earlier), (beside.panel.findings, beside.later)):
        display = beside.logic.segmentation(findings).GetDisplayNode()
        assert display.GetVisibility() and display.GetViewNodeIDs() == (node.GetID(),)
    beside.panel.look_at(beside.panel.findings.lesions[2].id)  # draws other lines
    beside.settle()
    lines = slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")
    assert lines and all(x.GetDisplayNode().GetViewNodeIDs() == (beside.later.GetID(),) for x in lines)


def test_the_button_takes_the_layout_of_before_back(beside):
    node, (other,) = layout(), beside.logic.results(beside.pair[0])
    beside.ui.sideBySideButton.click()
    assert node.GetViewArrangement() == node.SlicerLayoutFourUpView
    displays = [beside.logic.segmentation(f).GetDisplayNode() for f in (other, beside.panel.findings)]
    assert [d.GetVisibility() for d in displays] == [0, 1] and [d.GetViewNodeIDs() for d in displays] == [(), ()]
    beside.later.SetSliceOffset(0)
    assert apart(beside) != MOVED
    beside.ui.followUpTable.setCurrentCell(1, 0)  # the ordinary views go there
    assert node.GetViewArrangement() == node.SlicerLayoutFourUpView
    beside.ui.sideBySideButton.click()
    assert node.GetViewArrangement() != node.SlicerLayoutFourUpView and apart(beside) == MOVED


def test_another_layout_of_slicer_ends_it(beside):
    layout().SetViewArrangement(layout().SlicerLayoutOneUpRedSliceView)
    beside.panel.refresh()
    assert not beside.ui.sideBySideButton.checked
    assert layout().GetViewArrangement() == layout().SlicerLayoutOneUpRedSliceView
    display = beside.logic.segmentation(beside.panel.findings).GetDisplayNode()
    assert display.GetViewNodeIDs() == ()
    (other,) = beside.logic.results(beside.pair[0])
    assert not beside.logic.segmentation(other).GetDisplayNode().GetVisibility()  # else it lies on the later CT


def drawn_in(case, findings):
    return case.logic.segmentation(findings).GetDisplayNode().GetViewNodeIDs()


def test_a_second_comparison_is_laid_out_anew(beside):
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "still earlier")
    other.Copy(beside.pair[0])
    other.SetName("still earlier")
    slicer.util.arrayFromVolume(other)[:] += 4
    x, y, z = other.GetOrigin()
    other.SetOrigin(x, y, z + 20)
    beside.ui.otherSelector.setCurrentNode(other)
    beside.settle()
    compare(beside)
    composites = {c.GetLayoutName(): c for c in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    assert composites["LungTumorSegEarlier"].GetBackgroundVolumeID() == other.GetID()
    assert apart(beside) == (MOVED[0], MOVED[1], MOVED[2] - 20)


def test_a_result_that_comes_later_is_drawn_on_its_own_ct(beside):
    beside.ui.removeResultButton.click()
    beside.settle()
    beside.ui.undoButton.click()
    beside.settle()
    assert drawn_in(beside, beside.panel.findings) == (beside.later.GetID(),)
    before = beside.panel.findings
    beside.run()
    assert beside.panel.findings is not before
    assert drawn_in(beside, beside.panel.findings) == (beside.later.GetID(),)


def test_a_map_lies_on_its_own_ct_and_another_volume_in_neither(beside):
    node = beside.logic.show_probability(beside.panel.findings)
    slicer.util.setSliceViewerLayers(background=beside.pair[1])  # as Slicer does for a CT that is loaded
    beside.settle()
    composites = {c.GetLayoutName(): c for c in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    earlier, later = composites["LungTumorSegEarlier"], composites["LungTumorSegLater"]
    assert (earlier.GetForegroundVolumeID(), later.GetForegroundVolumeID()) == (None, node.GetID())
    assert earlier.GetBackgroundVolumeID() == beside.pair[0].GetID()


def test_slicers_crosshair_moves_the_other_view_alone(beside):
    """With Shift the mouse sends all other views of a group to its coordinates: vtkMRMLSliceNode::JumpAllSlices."""
    before = middle(beside.earlier)
    beside.earlier.JumpAllSlices(before[0], before[1], before[2] + 5)
    assert middle(beside.earlier) == before and apart(beside) == MOVED


def test_two_cts_without_lesions_are_shown_beside_each_other_too(views, case):
    earlier, _ = pair(case)
    for findings in (case.logic.segment(earlier).findings, case.panel.findings):
        case.logic.set_statuses(findings, {lesion.id: "rejected" for lesion in findings.lesions})
    compare(case)
    assert case.ui.followUpTable.rowCount == 0 and not case.ui.sideBySideButton.checked
    case.ui.sideBySideButton.click()
    case.settle()
    assert layout().GetViewArrangement() == LAYOUT and case.ui.sideBySideButton.checked


@pytest.mark.parametrize("control", [False, True])
def test_a_click_in_the_other_cts_view_is_not_taken_for_one_in_the_chosen_ct(beside, control):
    beside.ui.placeButton.checked = True
    beside.settle()
    starts, widget = len(beside.network.starts), slicer.app.layoutManager().sliceWidget
    slice_views.click(widget("LungTumorSegEarlier"), middle(beside.earlier), control)
    assert beside.ui.clickStatus.text.startswith("This view shows the other CT")
    assert len(beside.network.starts) == starts and "rejected" not in [x.status for x in beside.panel.findings.lesions]
    slice_views.click(widget("LungTumorSegLater"), middle(beside.later), control)
    beside.wait()
    assert beside.ui.clickStatus.text.startswith("Rejected" if control else "Found")


def test_a_view_without_a_known_place_shows_the_middle_of_its_ct(beside):
    from LungTumorSegLib.slicer_.panel.follow_up import FollowUpSection
    from LungTumorSegLib.slicer_.scene.side_by_side import SideBySide

    views = SideBySide()
    views.show(beside.panel.section(FollowUpSection)._views._sides)
    for node, volume in zip((beside.earlier, beside.later), beside.pair, strict=True):
        bounds = [0.0] * 6
        volume.GetRASBounds(bounds)
        assert middle(node) == pytest.approx(np.mean(np.reshape(bounds, (3, 2)), axis=1))
    views.hide()


def test_another_ct_and_a_closed_scene_end_it(beside):
    node = layout()
    beside.add_chest("third", (50.0, 0.0, 0.0), 9)
    assert node.GetViewArrangement() == node.SlicerLayoutFourUpView and not beside.ui.followUpResult.visible
    slicer.mrmlScene.Clear(0)
    beside.settle()
    assert not beside.ui.followUpResult.visible and beside.ui.followUpStatus.text == ""


def test_a_scene_that_was_saved_with_both_opens_in_an_ordinary_layout(views, case):
    layout().AddLayoutDescription(LAYOUT, "<layout/>")
    layout().SetViewArrangement(LAYOUT)
    case.panel.refresh()
    assert layout().GetViewArrangement() == layout().SlicerLayoutConventionalView


def test_results_of_such_a_scene_are_drawn_in_all_views(beside):
    display = beside.logic.segmentation(beside.panel.findings).GetDisplayNode()
    saved = display.GetViewNodeIDs()
    beside.ui.sideBySideButton.click()
    display.SetViewNodeIDs(saved)
    beside.panel.refresh()
    assert saved and display.GetViewNodeIDs() == ()
