"""The table of lesions, and what can be done with a result."""

import qt
import slicer
from slicer.i18n import tr as _

from ...lesions import terminology
from .findings_table import ACCEPT, NAME, TEXTS, VISIBLE, FindingsTable, Row, texts_of, titles
from .less_likely import LessLikelyFold
from .saving import Saving
from .section import Section


class FindingsSection(Section):
    """The lesions of the result that is shown, one a row."""

    UI = "Findings"

    def connect(self):
        self._has_result: bool | None = None
        self._undrawn = None  # a new result whose diameters wait for their turn
        # what the user wants of the next result; the buttons say what holds for the one that is shown
        self._in_3d, self._with_diameters = self.ui.show3DButton.checked, self.ui.diametersButton.checked
        self._table = FindingsTable(self.ui.lesionTable, self.ui.columnsButton, self._changed)
        self._less_likely = LessLikelyFold(self.panel, self.ui)
        self._saving = Saving(self.panel, self.ui)
        table = self.ui.lesionTable
        table.connect("currentCellChanged(int,int,int,int)", self._row_chosen)
        table.connect("cellClicked(int,int)", lambda row, column: self._jump(row))
        self.ui.resultSelector.connect("activated(int)", self._result_chosen)
        self.ui.show3DButton.connect("toggled(bool)", self._show_3d)
        self.ui.diametersButton.connect("toggled(bool)", self._show_diameters)
        self.ui.copyTableButton.connect("clicked()", self.copy_table)
        self.ui.segmentEditorButton.connect("clicked()", self._open_segment_editor)
        self.ui.removeResultButton.connect("clicked()", self._remove)

    def close(self):
        self._saving.close()

    # ---- showing

    def refresh(self):
        findings, logic = self.panel.findings, self.panel.logic
        results = logic.results(self.panel.volume) if self.panel.volume else []
        self._fill_selector(results, findings)
        self.ui.findingsSummary.text = self._summary(findings)
        self._table.fill(self._rows(findings), self.panel.selected_lesion)
        self._less_likely.refresh()
        self._saving.refresh()
        self._fold(findings is not None)
        for button in (
            self.ui.show3DButton,
            self.ui.diametersButton,
            self.ui.copyTableButton,
            self.ui.segmentEditorButton,
            self.ui.removeResultButton,
        ):
            button.enabled = findings is not None
        if findings is not None:
            self._check(self.ui.show3DButton, findings.surfaces_shown)
            waits = findings is self._undrawn
            self._check(self.ui.diametersButton, self._with_diameters if waits else findings.diameters_shown)

    def _fold(self, has_result: bool):
        """Open with the first result and fold with the last; in between it is as the user left it."""
        if has_result != self._has_result:
            self._has_result = has_result
            if has_result:
                self.panel.turns.ask(self._unfold)  # filling the table has taken half of what a turn may
            else:
                self.ui.findingsGroup.collapsed = True

    def _unfold(self):
        self.ui.findingsGroup.collapsed = not self._has_result

    def _check(self, button, checked):
        """Without doing what a click on it does."""
        button.blockSignals(True)
        button.checked = checked
        button.blockSignals(False)

    def present(self, findings):
        """A new result: surfaces and diameters, unless the user took them off; the best lesion in all views."""
        logic = self.panel.logic
        self._draw_diameters()  # of the result before, if they still wait
        logic.show_3d(findings, self._in_3d)
        lesion_id = self.panel.selected_lesion
        if lesion_id is not None:
            logic.look_at(findings, lesion_id)
        self._undrawn = findings
        self._check(self.ui.diametersButton, self._with_diameters)
        self.panel.turns.ask(self._draw_diameters)  # up to 25 ms with four views

    def _draw_diameters(self):
        findings, self._undrawn = self._undrawn, None
        if findings is not None and self.panel.logic.segmentation(findings) is not None:  # not removed meanwhile
            with self.panel.errors_shown():
                self.panel.logic.show_diameters(findings, self._with_diameters)

    def _summary(self, findings) -> str:
        if findings is None:
            return _("No result yet")
        if not findings.lesions and findings.less_likely:
            return _("No lesion is listed. What is less likely is below.")
        if not findings.lesions:
            return _("No lesion was found. A lower threshold, or a click on a lesion, may find one.")
        accepted = [lesion for lesion in findings.lesions if lesion.status != "rejected"]
        volume = sum(lesion.volume_mm3 for lesion in accepted) / 1000
        count = _("1 lesion") if len(findings.lesions) == 1 else _("{0} lesions").format(len(findings.lesions))
        return _("{0}, {1} accepted, {2:.2f} ml").format(count, len(accepted), volume)

    def _fill_selector(self, results, findings):
        selector = self.ui.resultSelector
        selector.visible = len(results) > 1
        selector.blockSignals(True)
        selector.clear()
        for result in results:
            node = self.panel.logic.segmentation(result)
            selector.addItem(node.GetName(), node.GetID())
        selector.currentIndex = results.index(findings) if findings in results else -1
        selector.blockSignals(False)

    def _rows(self, findings) -> list[Row]:
        if findings is None:
            return []
        node = self.panel.logic.segmentation(findings)
        segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
        rows = []
        for lesion in findings.lesions:
            segment_id = findings.segment_id(lesion)
            visible = bool(display.GetSegmentVisibility(segment_id))
            segment = segmentation.GetSegment(segment_id)  # None: the user removed it a moment ago
            color = segment.GetColor() if segment else terminology.color(lesion)
            texts = texts_of(lesion, findings.names[lesion.id])
            rows.append(Row(lesion.id, texts, lesion.status, visible, lesion.confidence, tuple(color)))
        return rows

    # ---- acting

    def _row_chosen(self, row, column=0, old_row=-1, old_column=-1):
        if row != old_row:
            self._jump(row)

    def _jump(self, row):
        if 0 <= row < len(self._table.ids) and self.panel.findings is not None:
            self.panel.look_at(self._table.ids[row])

    def _changed(self, lesion_id, column, item):
        findings, logic = self.panel.findings, self.panel.logic
        checked = item.checkState() == qt.Qt.Checked
        with self.panel.errors_shown():
            if column == ACCEPT:
                logic.set_status(findings, lesion_id, "accepted" if checked else "rejected")
            elif column == VISIBLE:
                logic.set_visible(findings, lesion_id, checked)
            elif column == NAME and item.text().strip():
                logic.rename(findings, lesion_id, item.text().strip())
        self.panel.refresh_soon()

    def _result_chosen(self, index):
        self.panel.show(self.panel.logic.results(self.panel.volume)[index])

    def _show_3d(self, shown):
        self._in_3d = shown
        if self.panel.findings is not None:
            with self.panel.errors_shown():
                self.panel.logic.show_3d(self.panel.findings, shown)
            self.panel.refresh_soon()

    def _show_diameters(self, shown):
        self._with_diameters = shown
        if self.panel.findings is not None:
            with self.panel.errors_shown():
                self.panel.logic.show_diameters(self.panel.findings, shown)

    def copy_table(self):
        """The table as text with tabs, which spreadsheets and reports take. Rejected lesions are left out."""
        findings = self.panel.findings
        rows = [texts_of(x, findings.names[x.id]) for x in findings.lesions if x.status != "rejected"]
        lines = [[row[column] for column in TEXTS] for row in (titles(), *rows)]
        slicer.app.clipboard().setText("\n".join("\t".join(line) for line in lines))

    def _open_segment_editor(self):
        segmentation = self.panel.logic.segmentation(self.panel.findings)
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(self.panel.volume)

    def _remove(self):
        with self.panel.errors_shown():
            self.panel.logic.remove(self.panel.findings)
        self.panel.selected_lesion = None
        self.panel.refresh()
