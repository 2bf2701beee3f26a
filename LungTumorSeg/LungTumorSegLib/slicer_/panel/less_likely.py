"""The fold below the table: lesions that are less likely, each with a tick that moves it up."""

import qt
from slicer.i18n import tr as _

from .findings_table import ACCEPT, FindingsTable, Row, texts_of


class LessLikelyFold:
    """Closed for each result until the user opens it; out of sight where there are none."""

    def __init__(self, panel, ui):
        self._panel, self._fold = panel, ui.lessLikelyGroup
        self._findings = None  # whose lesions the fold was last closed for
        self._table = FindingsTable(ui.lessLikelyTable, None, self._changed)
        tip = _("Tick: moves the lesion up into the table, where it stays")
        ui.lessLikelyTable.horizontalHeaderItem(ACCEPT).setToolTip(tip)
        ui.lessLikelyTable.connect("currentCellChanged(int,int,int,int)", self._row_chosen)
        ui.lessLikelyTable.connect("cellClicked(int,int)", lambda row, column: self._jump(row))

    def refresh(self):
        """Show the less likely lesions of the result that is shown."""
        findings = self._panel.findings
        lesions = findings.less_likely if findings is not None else ()
        if findings is not self._findings:
            self._findings = findings
            self._fold.collapsed = True
        self._fold.text = _("Less likely ({0})").format(len(lesions))
        self._fold.visible = bool(lesions)
        self._panel.turns.ask(self._fill)  # of 64 lesions most of what a turn may take, and the fold is closed mostly

    def _fill(self):
        findings = self._panel.findings
        lesions = findings.less_likely if findings is not None else ()
        rows = [
            Row(x.id, texts_of(x, findings.names[x.id]), x.status, False, x.confidence, color=None, listed=False)
            for x in lesions
        ]
        self._table.fill(rows, self._panel.selected_lesion)

    def _row_chosen(self, row, column=0, old_row=-1, old_column=-1):
        if row != old_row:
            self._jump(row)

    def _jump(self, row):
        if 0 <= row < len(self._table.ids) and self._panel.findings is not None:
            self._panel.look_at(self._table.ids[row])

    def _changed(self, lesion_id, column, item):
        if column == ACCEPT and item.checkState() == qt.Qt.Checked:
            with self._panel.errors_shown():
                self._panel.logic.set_status(self._panel.findings, lesion_id, "accepted")
        self._panel.refresh_soon()
