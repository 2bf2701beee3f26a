"""The fold below the table: what the table does not list, and how it gets into the table."""

import csv
import json

import nrrd
import pytest
import slicer
from LungTumorSegLib.lesions.confidence import FEATURES
from LungTumorSegLib.slicer_ import results
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from LungTumorSegLib.slicer_.scene import storage

from Testing.support.panel_case import ACCEPT, CONFIDENCE, DIAMETERS, NUMBER, VOLUME, KnownNetwork, model_with

# the smaller the surer: 0.85, 0.5 and 0.15, in this order
WEIGHTS = {name: 0.0 for name in FEATURES} | {"intercept": 10.4, "log_volume": -1.5}


@pytest.fixture
def rated(case, tmp_path):
    """Lesions 1 and 2 are listed, 3, the largest, is less likely."""
    model = model_with(tmp_path / "model", confidence_coefficients=WEIGHTS, min_confidence=0.3)
    case.panel.parameters.modelFolder = str(model)
    case.settle()
    case.add_chest()
    case.run()
    return case


def numbers(table) -> list[str]:
    return [table.item(row, NUMBER).text() for row in range(table.rowCount)]


def both(case) -> tuple[list[str], list[str]]:
    return numbers(case.ui.lesionTable), numbers(case.ui.lessLikelyTable)


def accept(case, row=0):
    import qt

    case.ui.lessLikelyTable.item(row, ACCEPT).setCheckState(qt.Qt.Checked)
    case.settle()


def segment_names(case) -> list[str]:
    segmentation = case.logic.segmentation(case.panel.findings).GetSegmentation()
    return [segmentation.GetNthSegment(i).GetName() for i in range(segmentation.GetNumberOfSegments())]


def test_what_is_not_listed_lies_in_a_closed_fold_and_nowhere_else(rated):
    import qt

    ui = rated.ui
    assert both(rated) == (["1", "2"], ["3"])
    assert (ui.lessLikelyGroup.text, ui.lessLikelyGroup.collapsed) == ("Less likely (1)", True)
    assert not ui.lessLikelyGroup.isHidden() and ui.lessLikelyTable.isHidden()
    assert ui.lessLikelyTable.item(0, ACCEPT).checkState() == qt.Qt.Unchecked
    assert ui.findingsSummary.text.startswith("2 lesions, 2 accepted")
    assert segment_names(rated) == ["Lesion 1", "Lesion 2"]
    assert rated.logic.table(rated.panel.findings).GetNumberOfRows() == 2


def test_without_less_likely_lesions_there_is_no_fold(rated, found):
    rated.adjust("minConfidenceSlider", 0.0)
    assert both(rated) == (["1", "2", "3"], []) and rated.ui.lessLikelyGroup.isHidden()
    assert found.ui.lessLikelyGroup.isHidden()


def test_the_slider_is_the_border_between_table_and_fold(rated):
    rated.adjust("minConfidenceSlider", 0.7)
    assert both(rated) == (["1"], ["2", "3"]) and rated.ui.lessLikelyGroup.text == "Less likely (2)"
    assert segment_names(rated) == ["Lesion 1"]
    rated.adjust("minConfidenceSlider", 1.0)
    assert both(rated) == ([], ["1", "2", "3"])
    assert rated.ui.findingsSummary.text == "No lesion is listed. What is less likely is below."
    rated.adjust("minConfidenceSlider", 0.3)
    assert both(rated) == (["1", "2"], ["3"]) and segment_names(rated) == ["Lesion 1", "Lesion 2"]


def test_a_row_of_the_fold_jumps_to_the_place(rated, scene):
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    rated.ui.lessLikelyGroup.collapsed = False
    rated.ui.lesionTable.setCurrentCell(0, ACCEPT)
    rated.settle()
    rated.ui.lessLikelyTable.setCurrentCell(0, NUMBER)
    rated.settle()
    findings = rated.panel.findings
    assert camera.GetFocalPoint() == pytest.approx(rated.logic.lesion_position(findings, 3))
    assert (rated.ui.lesionTable.currentRow(), rated.ui.lessLikelyTable.currentRow()) == (-1, 0)
    assert not rated.ui.acceptButton.enabled  # it is for the table's lesions
    rated.ui.lesionTable.setCurrentCell(1, ACCEPT)
    rated.settle()
    assert (rated.ui.lesionTable.currentRow(), rated.ui.lessLikelyTable.currentRow()) == (1, -1)


def test_an_accepted_one_moves_up_for_good(rated):
    accept(rated)
    assert both(rated) == (["1", "2", "3"], []) and rated.ui.lessLikelyGroup.isHidden()
    assert segment_names(rated) == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert rated.ui.findingsSummary.text.startswith("3 lesions, 3 accepted")
    rated.adjust("minConfidenceSlider", 1.0)
    assert both(rated) == (["3"], ["1", "2"])
    results.of_the_scene.cache_clear()
    again = LungTumorSegLogicBase(KnownNetwork())
    (findings,) = again.restore()
    assert ([x.id for x in findings.lesions], [x.id for x in findings.less_likely]) == ([3], [1, 2])
    again.update(findings, min_confidence=0.3)
    assert [x.id for x in findings.lesions] == [1, 2, 3]


def test_moving_up_is_undone_and_made_again(rated):
    accept(rated)
    rated.ui.undoButton.click()
    rated.settle()
    assert both(rated) == (["1", "2"], ["3"]) and segment_names(rated) == ["Lesion 1", "Lesion 2"]
    rated.ui.redoButton.click()
    rated.settle()
    rated.adjust("minConfidenceSlider", 0.7)
    assert both(rated) == (["1", "3"], ["2"])


def test_the_fold_stays_as_the_user_left_it_until_another_result_is_shown(rated):
    rated.ui.lessLikelyGroup.collapsed = False
    rated.adjust("minConfidenceSlider", 0.7)
    assert not rated.ui.lessLikelyGroup.collapsed
    rated.run()
    assert rated.ui.lessLikelyGroup.collapsed


def test_saved_files_have_them_in_the_table_alone(rated, tmp_path):
    rated.logic.save(rated.panel.findings, tmp_path / "out")
    with (tmp_path / "out" / "lesions.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["name"], row["listed"]) for row in csv.DictReader(file)]
    assert rows == [("Lesion 1", "true"), ("Lesion 2", "true"), ("Lesion 3", "false")]
    assert "Segment2_ID" not in nrrd.read_header(str(tmp_path / "out" / "segmentation.seg.nrrd"))


def test_the_fold_fits_into_a_panel_of_310_pixels(rated):
    rated.window.resize(310, 1000)
    rated.ui.lessLikelyGroup.collapsed = False
    rated.settle()
    table = rated.ui.lessLikelyTable
    shown = [column for column in range(table.columnCount) if not table.isColumnHidden(column)]
    assert shown == [NUMBER, DIAMETERS, VOLUME, CONFIDENCE, ACCEPT]
    assert sum(table.columnWidth(column) for column in shown) == table.viewport().width
    assert rated.window.minimumSizeHint.width() <= 310


def test_a_scene_of_before_is_read_without_any(rated):
    node = rated.logic.segmentation(rated.panel.findings)
    state = json.loads(node.GetAttribute("LungTumorSeg.state"))
    del state["less_likely"], state["promoted"]
    for lesion in state["lesions"]:
        del lesion["listed"]
    node.SetAttribute("LungTumorSeg.state", json.dumps(state | {"schema": storage.WITHOUT_LESS_LIKELY}))
    results.of_the_scene.cache_clear()
    logic = LungTumorSegLogicBase(KnownNetwork())
    (findings,) = logic.restore()
    assert ([x.id for x in findings.lesions], findings.less_likely) == ([1, 2], ())
    logic.update(findings, min_confidence=0.29)
    assert ([x.id for x in findings.lesions], [x.id for x in findings.less_likely]) == ([1, 2], [3])


def test_a_click_on_its_place_lists_one(rated):
    findings = rated.panel.findings
    place = rated.logic.lesion_position(findings, 3)
    assert rated.logic.lesion_at(findings, place) is None
    run = rated.logic.segment_at(rated.panel.volume, place)
    rated.settle()
    assert run.lesion_ids == (3,) and both(rated) == (["1", "2", "3"], [])
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
