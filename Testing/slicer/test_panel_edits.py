"""Segments that the user changed, drew, erased or took back in Segment Editor, in the open panel."""

import json

import numpy as np
import pytest
import vtk

from Testing.support.panel_case import NAME, VOLUME


def test_a_segment_changed_by_hand_is_measured_again_and_kept_from_the_threshold(found):
    findings = found.panel.findings
    lesion = findings.lesions[0]
    (z0, z1), (y0, y1), (x0, x1) = lesion.label_box.pairs
    found.paint(findings.segment_id(lesion), np.s_[z0:z1, y0:y1, x0 : x1 + 4])
    edited = findings.lesion(lesion.id)
    assert edited.status == "edited"
    assert edited.volume_mm3 == pytest.approx((z1 - z0) * (y1 - y0) * (x1 + 4 - x0) * 27)
    row = [x.id for x in findings.lesions].index(lesion.id)
    assert float(found.column(VOLUME)[row]) == pytest.approx(edited.volume_mm3 / 1000, abs=0.01)
    assert found.ui.lesionTable.item(row, NAME).font().italic()
    segment = found.logic.segmentation(findings).GetSegmentation().GetSegment(findings.segment_id(lesion))
    tag = vtk.mutable("")
    assert segment.GetTag("DICOM.SegmentAlgorithmType", tag) and tag == "SEMIAUTOMATIC"
    found.adjust("thresholdSlider", 0.9)
    assert findings.lesion(lesion.id) == edited
    assert len({x.id for x in findings.lesions}) == len(findings.lesions) <= 3


def test_a_segment_drawn_by_hand_joins_the_table(found):
    findings = found.panel.findings
    segmentation = found.logic.segmentation(findings).GetSegmentation()
    own = segmentation.AddEmptySegment("", "By hand")
    found.settle()
    assert found.ui.lesionTable.rowCount == 3  # an empty one is no lesion
    found.paint(own, np.s_[20:24, 40:46, 90:98])
    assert found.ui.lesionTable.rowCount == 4 and "By hand" in found.column(NAME)
    lesion = next(x for x in findings.lesions if findings.names[x.id] == "By hand")
    assert (lesion.volume_mm3, lesion.status) == (pytest.approx(4 * 6 * 8 * 27), "edited")
    assert segmentation.GetNumberOfSegments() == 4
    found.adjust("thresholdSlider", 0.7)
    assert "By hand" in found.column(NAME) and segmentation.GetNumberOfSegments() == 4


def test_an_erased_and_a_removed_segment_are_rejected(found):
    findings = found.panel.findings
    first, second, _ = findings.lesions
    found.paint(findings.segment_id(first), np.s_[:], 0)
    found.logic.segmentation(findings).GetSegmentation().RemoveSegment(findings.segment_id(second))
    found.settle()
    assert [findings.lesion(x.id).status for x in (first, second)] == ["rejected", "rejected"]
    assert found.ui.findingsSummary.text.startswith("3 lesions, 1 accepted")


@pytest.fixture
def editor(found):
    """Segment Editor's own history of the shown result."""
    import slicer

    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(found.logic.segmentation(found.panel.findings).GetSegmentation())
    yield history
    history.SetSegmentation(None)


def test_undo_in_segment_editor_takes_the_edited_mark_back_and_redo_puts_it_there(found, editor):
    findings = found.panel.findings
    first = findings.lesions[0]
    (z0, z1), (y0, y1), (x0, x1) = first.label_box.pairs
    for more in (3, 5):
        editor.SaveState()
        found.paint(findings.segment_id(first), np.s_[z0:z1, y0:y1, x0 : x1 + more])
    assert findings.lesion(first.id).status == "edited"
    editor.RestorePreviousState()
    found.settle()
    assert findings.lesion(first.id).status == "edited"  # the first stroke is still there
    editor.RestorePreviousState()
    found.settle()
    assert findings.lesion(first.id) == first and not found.ui.lesionTable.item(0, NAME).font().italic()
    assert editor.IsRestoreNextStateAvailable()  # what we wrote took no redo away
    found.adjust("thresholdSlider", 0.8)
    assert findings.lesion(first.id).volume_mm3 < first.volume_mm3  # thresholds change it again
    found.adjust("thresholdSlider", 0.5)
    assert findings.lesion(first.id) == first
    editor.SaveState()
    found.paint(findings.segment_id(first), np.s_[z0:z1, y0:y1, x0 : x1 + 3])
    editor.RestorePreviousState()
    found.settle()
    editor.RestoreNextState()
    found.settle()
    assert findings.lesion(first.id).status == "edited"


def test_undo_in_segment_editor_brings_an_erased_lesion_back_with_its_status(found, editor):
    findings = found.panel.findings
    first, second, _ = findings.lesions
    found.logic.set_status(findings, second.id, "rejected")
    editor.SaveState()
    for lesion in (first, second):
        found.paint(findings.segment_id(lesion), np.s_[:], 0)
    assert findings.lesion(first.id).status == "rejected"
    editor.RestorePreviousState()
    found.settle()
    assert findings.lesion(first.id) == first
    assert findings.lesion(second.id).status == "rejected"


def test_an_edit_can_be_undone_after_its_scene_was_opened_again(found):
    findings = found.panel.findings
    first = findings.lesions[0]
    (z0, z1), (y0, y1), (x0, x1) = first.label_box.pairs
    found.logic.set_status(findings, first.id, "rejected")
    found.paint(findings.segment_id(first), np.s_[z0:z1, y0:y1, x0 : x1 + 3])
    assert findings.lesion(first.id).status == "edited"
    state = json.loads(json.dumps(findings.state(), default=lambda number: number.item()))
    findings.restore(state)
    findings.undraw(first.id)
    assert findings.lesion(first.id).status == "rejected"
    for part in state["replaced"].values():
        del part["status"]  # a scene of before
    findings.restore(state)
    findings.undraw(first.id)
    assert findings.lesion(first.id) == first


def test_live_changes_of_our_own_are_not_taken_for_the_users(found):
    for value in (0.7, 0.3, 0.5):
        found.adjust("thresholdSlider", value)
    found.settle()
    assert {x.status for x in found.panel.findings.lesions} == {"accepted"}
