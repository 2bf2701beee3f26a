"""The table of lesions, and what can be done with a result."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .section import Section

ACCEPT, SHOW, NAME, SIDE, VOLUME, DIAMETERS, HU, CONFIDENCE = range(8)


def table_texts(lesion, name: str) -> list[str]:
    """A lesion's row as the table shows it: ml, mm and HU, decimal points."""
    side = {"left": _("L"), "right": _("R")}.get(lesion.side, "")
    confidence = "" if lesion.confidence is None else f"{100 * lesion.confidence:.0f} %"
    diameters = f"{lesion.long_axis_mm:.1f} x {lesion.short_axis_mm:.1f}"
    return [name, side, f"{lesion.volume_mm3 / 1000:.2f}", diameters, f"{lesion.mean_hu:.0f}", confidence]


class FindingsSection(Section):
    UI = "Findings"

    def connect(self):
        self._titles = [_("OK"), _("See"), _("Name"), _("Side"), _("ml"), _("mm"), _("HU"), _("Conf.")]
        self._ids: list[int] = []
        self._filling = False
        self._rows: list[tuple] | None = None  # what the table shows; None: it has to be filled
        table = self.ui.lesionTable
        table.setColumnCount(len(self._titles))
        table.setHorizontalHeaderLabels(self._titles)
        table.verticalHeader().hide()
        table.wordWrap = False
        header = table.horizontalHeader()
        header.setMinimumSectionSize(24)
        # not ResizeToContents, which measures all rows again for each item: 0.5 s for 90 lesions
        header.setSectionResizeMode(qt.QHeaderView.Fixed)
        header.setSectionResizeMode(NAME, qt.QHeaderView.Stretch)
        tips = [
            _("Ticked: accepted. Unticked: rejected, shown in grey and left out of totals"),
            _("Ticked: shown in the views"),
            _("Name; double-click to change it"),
            _("The patient's side: L left, R right"),
            _("Volume in millilitres"),
            _("Longest diameter on an axial slice x the longest across it, in mm"),
            _("Mean density in Hounsfield units"),
            _("How sure the model is that this is a tumour"),
        ]
        for column, tip in enumerate(tips):
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.connect("itemChanged(QTableWidgetItem*)", self._item_changed)
        table.connect("currentCellChanged(int,int,int,int)", self._row_chosen)
        table.connect("cellClicked(int,int)", lambda row, column: self._jump(row))
        self.ui.resultSelector.connect("activated(int)", self._result_chosen)
        self.ui.show3DButton.connect("toggled(bool)", self._show_3d)
        self.ui.diametersButton.connect("toggled(bool)", self._show_diameters)
        self.ui.copyTableButton.connect("clicked()", self.copy_table)
        self.ui.segmentEditorButton.connect("clicked()", self._open_segment_editor)
        self.ui.saveButton.connect("clicked()", self._save)
        self.ui.removeResultButton.connect("clicked()", self._remove)

    # ---- showing

    def refresh(self):
        findings, logic = self.panel.findings, self.panel.logic
        results = logic.results(self.panel.volume) if self.panel.volume else []
        self._fill_selector(results, findings)
        self.ui.findingsSummary.text = self._summary(findings)
        self._fill_table(findings)
        for button in (
            self.ui.show3DButton,
            self.ui.diametersButton,
            self.ui.copyTableButton,
            self.ui.segmentEditorButton,
            self.ui.saveButton,
            self.ui.removeResultButton,
        ):
            button.enabled = findings is not None
        if findings is not None:
            self._check(self.ui.show3DButton, findings.surfaces_shown)
            self._check(self.ui.diametersButton, findings.diameters_shown)

    def _check(self, button, checked):
        """Without doing what a click on it does."""
        button.blockSignals(True)
        button.checked = checked
        button.blockSignals(False)

    def present(self, findings):
        """A new result: as the buttons say, diameters and surfaces; the best lesion in all views."""
        logic = self.panel.logic
        logic.show_diameters(findings, self.ui.diametersButton.checked)
        logic.show_3d(findings, self.ui.show3DButton.checked)
        lesion_id = self.panel.selected_lesion
        if lesion_id is not None:
            logic.jump(findings, lesion_id)

    def _summary(self, findings) -> str:
        if findings is None:
            return _("Nothing yet.")
        if not findings.lesions:
            return _("No lesion was found. A lower threshold, or a click on a lesion, may find one.")
        accepted = [lesion for lesion in findings.lesions if lesion.status != "rejected"]
        volume = sum(lesion.volume_mm3 for lesion in accepted) / 1000
        count = _("1 lesion") if len(findings.lesions) == 1 else _("{0} lesions").format(len(findings.lesions))
        return _("{0}, {1} accepted, {2:.2f} ml in all.").format(count, len(accepted), volume)

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

    def _fill_table(self, findings):
        table = self.ui.lesionTable
        lesions = findings.lesions if findings else ()
        self._ids = [lesion.id for lesion in lesions]
        display = self.panel.logic.segmentation(findings).GetDisplayNode() if findings else None
        rows = [
            (x.status, display.GetSegmentVisibility(findings.segment_id(x)), *table_texts(x, findings.names[x.id]))
            for x in lesions
        ]
        self._filling = True
        table.blockSignals(True)
        if rows != self._rows:
            self._rows = rows
            table.setRowCount(len(rows))
            for row, values in enumerate(rows):
                self._put_row(row, *values)
            table.setColumnHidden(CONFIDENCE, all(lesion.confidence is None for lesion in lesions))
            for column in range(table.columnCount):
                if column != NAME:
                    table.resizeColumnToContents(column)
        chosen = self.panel.selected_lesion
        if chosen in self._ids:
            table.setCurrentCell(self._ids.index(chosen), NAME)
        else:
            table.setCurrentCell(-1, -1)
        table.blockSignals(False)
        self._filling = False

    def _put_row(self, row, status, shown, *texts):
        self._put_check(row, ACCEPT, status != "rejected")
        self._put_check(row, SHOW, shown)
        for column, text in enumerate(texts, NAME):
            self._put_text(row, column, text, status == "rejected")
        if status == "edited":
            self._mark_edited(row)

    def _put_check(self, row, column, checked):
        item = qt.QTableWidgetItem()
        item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsUserCheckable)
        item.setCheckState(qt.Qt.Checked if checked else qt.Qt.Unchecked)
        # an empty box has the table's own colour; in the dark style its frame is hardly to be seen on that
        item.setBackground(self.ui.lesionTable.palette.alternateBase())
        self.ui.lesionTable.setItem(row, column, item)

    def _put_text(self, row, column, text, grey):
        item = qt.QTableWidgetItem(text)
        flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
        item.setFlags(flags | qt.Qt.ItemIsEditable if column == NAME else flags)
        item.setToolTip(text)
        if column > SIDE:
            item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        if grey:
            item.setForeground(qt.QBrush(qt.QColor(128, 128, 128)))
        self.ui.lesionTable.setItem(row, column, item)

    def _mark_edited(self, row):
        item = self.ui.lesionTable.item(row, NAME)
        font = item.font()
        font.setItalic(True)
        item.setFont(font)
        item.setToolTip(_("{0}: edited by hand; thresholds do not change it").format(item.text()))

    # ---- acting

    def _row_chosen(self, row, column=0, old_row=-1, old_column=-1):
        if row != old_row:
            self._jump(row)

    def _jump(self, row):
        if 0 <= row < len(self._ids) and self.panel.findings is not None:
            self.panel.selected_lesion = self._ids[row]
            self.panel.logic.jump(self.panel.findings, self._ids[row])
            self.panel.refresh_soon()

    def _item_changed(self, item):
        if self._filling:
            return
        self._rows = None  # whatever comes of it, the table shows what holds then
        findings, logic, lesion_id = self.panel.findings, self.panel.logic, self._ids[item.row()]
        checked = item.checkState() == qt.Qt.Checked
        with self.panel.errors_shown():
            if item.column() == ACCEPT:
                logic.set_status(findings, lesion_id, "accepted" if checked else "rejected")
            elif item.column() == SHOW:
                logic.set_visible(findings, lesion_id, checked)
            elif item.column() == NAME and item.text().strip():
                logic.rename(findings, lesion_id, item.text().strip())
        self.panel.refresh_soon()

    def _result_chosen(self, index):
        self.panel.show(self.panel.logic.results(self.panel.volume)[index])

    def _show_3d(self, shown):
        if self.panel.findings is not None:
            with self.panel.errors_shown():
                self.panel.logic.show_3d(self.panel.findings, shown)
            self.panel.refresh_soon()

    def _show_diameters(self, shown):
        if self.panel.findings is not None:
            with self.panel.errors_shown():
                self.panel.logic.show_diameters(self.panel.findings, shown)

    def copy_table(self):
        """The table as text with tabs, which spreadsheets and reports take. Rejected lesions are left out."""
        findings = self.panel.findings
        shown = [x for x in findings.lesions if x.status != "rejected"]
        lines = [self._titles[NAME:], *(table_texts(lesion, findings.names[lesion.id]) for lesion in shown)]
        slicer.app.clipboard().setText("\n".join("\t".join(line) for line in lines))

    def _open_segment_editor(self):
        segmentation = self.panel.logic.segmentation(self.panel.findings)
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(self.panel.volume)

    def _save(self):
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder for the results"))
        if not folder:
            return
        from ...writers import result_files  # brings packages that Slicer lacks until they are installed

        # not pictures: a folder of the user's own is no result
        names = [name for name in result_files.FILES if not name.endswith(".png")]
        overwrite = any((Path(folder) / name).exists() for name in names)
        question = _("There is a result in {0} already. Replace it?").format(folder)
        if not overwrite or slicer.util.confirmOkCancelDisplay(question):
            with self.panel.errors_shown():
                self.panel.logic.save(self.panel.findings, folder, overwrite=overwrite)
                slicer.util.showStatusMessage(_("Results were saved in {0}").format(folder), 5000)

    def _remove(self):
        with self.panel.errors_shown():
            self.panel.logic.remove(self.panel.findings)
        self.panel.selected_lesion = None
        self.panel.refresh()
