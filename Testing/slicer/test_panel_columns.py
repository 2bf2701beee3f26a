"""The table of lesions in the panel: its columns, their menu, colours and bars."""

import pytest
from LungTumorSegLib.lesions.confidence import FEATURES

from Testing.support.panel_case import (
    ACCEPT,
    CONFIDENCE,
    DIAMETERS,
    NAME,
    NUMBER,
    SIDE,
    VISIBLE,
    VOLUME,
    PanelCase,
    model_with,
)
from Testing.support.paths import RESOURCES


def test_the_table_needs_no_scrolling_sideways_in_a_panel_of_310_pixels(case, tmp_path):
    weights = {name: 0.0 for name in FEATURES} | {"intercept": 30.0, "log_volume": -0.1}  # nearly 100 %: the widest
    case.panel.parameters.modelFolder = str(model_with(tmp_path / "model", confidence_coefficients=weights))
    table = case.ui.lesionTable
    case.add_chest()
    case.run()
    case.window.resize(310, 1000)
    case.settle()
    assert sum(table.columnWidth(column) for column in range(table.columnCount)) == table.viewport().width
    rows = [table.visualItemRect(table.item(row, NUMBER)) for row in range(3)]
    assert all(table.viewport().rect.contains(row) for row in rows)
    assert shown_columns(table) == [NUMBER, DIAMETERS, VOLUME, CONFIDENCE, ACCEPT]


def test_the_columns_fill_the_table_after_each_change(found):
    table = found.ui.lesionTable
    found.window.resize(400, 1000)
    found.settle()
    found.ui.rejectButton.click()
    found.settle()
    assert sum(table.columnWidth(column) for column in shown_columns(table)) == table.viewport().width


def shown_columns(table):
    return [column for column in range(table.columnCount) if not table.isColumnHidden(column)]


@pytest.mark.parametrize("menu", ["header", "button"])
def test_further_columns_come_by_a_menu_and_are_kept(standin_app, found, menu):
    table = found.ui.lesionTable
    owner = table.horizontalHeader() if menu == "header" else found.ui.columnsButton
    actions = {action.text: action for action in owner.actions()}
    assert list(actions) == ["Name", "Side", "HU", "Visible"] and all(action.toolTip for action in actions.values())
    before = table.height
    try:
        for name in ("Name", "Visible"):
            actions[name].trigger()
        assert shown_columns(table) == [NUMBER, NAME, DIAMETERS, VOLUME, VISIBLE, ACCEPT]
        again = PanelCase(RESOURCES)
        assert not again.ui.lesionTable.isColumnHidden(NAME) and again.ui.lesionTable.isColumnHidden(SIDE)
        again.close()
        for name in ("Name", "Visible"):
            actions[name].trigger()
        assert shown_columns(table) == [NUMBER, DIAMETERS, VOLUME, ACCEPT] and table.height == before
    finally:
        standin_app.userSettings().remove("LungTumorSeg/LesionColumns")


def test_the_number_has_the_colour_of_its_outline_and_the_bar_the_length_of_the_confidence(case, tmp_path):
    import qt

    weights = {name: 0.0 for name in FEATURES} | {"intercept": 3.5, "log_volume": -0.5}
    case.panel.parameters.modelFolder = str(model_with(tmp_path / "model", confidence_coefficients=weights))
    case.add_chest()
    case.run()
    findings, table = case.panel.findings, case.ui.lesionTable
    segmentation = case.logic.segmentation(findings).GetSegmentation()
    shares = []
    for row, lesion in enumerate(findings.lesions):
        swatch = table.item(row, NUMBER).icon().pixmap(qt.QSize(12, 12)).toImage().pixelColor(6, 6)
        outline = segmentation.GetSegment(findings.segment_id(lesion)).GetColor()
        assert (swatch.red(), swatch.green(), swatch.blue()) == tuple(round(255 * part) for part in outline)
        assert table.item(row, NUMBER).text() == str(lesion.id)
        bar = table.item(row, CONFIDENCE).icon().pixmap(qt.QSize(32, 12)).toImage()
        filled = sum(bar.pixelColor(x, 6).alpha() == 255 for x in range(bar.width()))
        assert filled == pytest.approx(lesion.confidence * bar.width(), abs=1)
        shares.append(filled)
    assert len(set(shares)) == 3
    table.item(0, ACCEPT).setCheckState(qt.Qt.Unchecked)
    case.settle()
    swatch = table.item(0, NUMBER).icon().pixmap(qt.QSize(12, 12)).toImage().pixelColor(6, 6)
    assert swatch.red() == swatch.green() == swatch.blue()


def test_a_name_is_changed_without_being_interrupted(standin_app, found):
    table = found.ui.lesionTable
    actions = {action.text: action for action in found.ui.columnsButton.actions()}
    try:
        actions["Name"].trigger()
        table.setCurrentCell(1, NAME)
        found.settle()
        table.editItem(table.item(1, NAME))
        found.panel.refresh()
        found.settle()
        (editor,) = table.viewport().findChildren("QLineEdit")
        editor.setText("Apex")
        table.setCurrentCell(1, ACCEPT)
        found.settle()
        assert found.column(NAME)[1] == "Apex" and "Apex" in found.panel.findings.names.values()
    finally:
        standin_app.userSettings().remove("LungTumorSeg/LesionColumns")
