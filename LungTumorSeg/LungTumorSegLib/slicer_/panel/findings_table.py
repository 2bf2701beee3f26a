"""The table of lesions: one row a lesion, and which columns are shown.

Slicer's panel is 310 to 335 pixels wide. Number, size, volume, confidence and acceptance fit into that; the other
columns are chosen in the menu of the header, and kept in Slicer's settings.
"""

from collections.abc import Callable
from dataclasses import dataclass

import qt
import slicer
from slicer.i18n import tr as _

NUMBER, NAME, SIDE, DIAMETERS, VOLUME, HU, CONFIDENCE, VISIBLE, ACCEPT = range(9)
# columns with words and numbers
TEXTS = (NAME, SIDE, DIAMETERS, VOLUME, HU, CONFIDENCE)
# what the user may add, by the name that is kept in the settings
OPTIONAL = {"name": NAME, "side": SIDE, "density": HU, "visible": VISIBLE}
SETTING = "LungTumorSeg/LesionColumns"
ROW_PIXELS, LEAST_ROWS, MOST_ROWS = 24, 3, 8
SWATCH, BAR_WIDTH, BAR_HEIGHT = 12, 32, 8
GREY = (128, 128, 128)
BAR_COLOR = (48, 140, 198)


@dataclass(frozen=True)
class Row:
    """What a row shows; equal rows look the same.

    Attributes:
        texts: Of `TEXTS`, as `texts_of` gives them.
        color: Of the segment, red, green and blue from 0 to 1.
        listed: False for a less likely lesion, which has no segment, and so no color, and is not accepted yet.
    """

    lesion_id: int
    texts: dict[int, str]
    status: str
    visible: bool
    confidence: float | None
    color: tuple[float, float, float] | None
    listed: bool = True


def titles() -> dict[int, str]:
    """The header of each column."""
    return {
        NUMBER: _("No."),
        NAME: _("Name"),
        SIDE: _("Side"),
        DIAMETERS: _("mm"),
        VOLUME: _("ml"),
        HU: _("HU"),
        CONFIDENCE: _("Confidence"),
        VISIBLE: _("Visible"),
        ACCEPT: _("Accept"),
    }


def tips() -> dict[int, str]:
    """The tooltip of each header."""
    return {
        NUMBER: _("Number of the lesion, in the colour of its outline"),
        NAME: _("Name; double-click to change it"),
        SIDE: _("The patient's side: L left, R right"),
        DIAMETERS: _("Longest diameter on an axial slice x the longest across it, in mm"),
        VOLUME: _("Volume in millilitres"),
        HU: _("Mean density in Hounsfield units"),
        CONFIDENCE: _("Probability that this is a tumour, as the model sees it"),
        VISIBLE: _("Ticked: shown in the views"),
        ACCEPT: _("Ticked: accepted. Unticked: rejected, shown in grey and left out of totals"),
    }


def texts_of(lesion, name: str) -> dict[int, str]:
    """A lesion's words and numbers by column: ml, mm and HU, decimal points."""
    return {
        NAME: name,
        SIDE: _("L") if lesion.side == "left" else _("R") if lesion.side == "right" else "",
        DIAMETERS: f"{lesion.long_axis_mm:.1f} x {lesion.short_axis_mm:.1f}",
        VOLUME: f"{lesion.volume_mm3 / 1000:.2f}",
        HU: f"{lesion.mean_hu:.0f}",
        CONFIDENCE: "" if lesion.confidence is None else f"{100 * lesion.confidence:.0f} %",
    }


class FindingsTable:
    """A QTableWidget with lesions.

    Args:
        table: The QTableWidget.
        columns_button: Shows the same menu as the header, for those who do not think of a right click; None: no menu.
        changed: Called with (lesion id, column, item) when the user changed one.
    """

    def __init__(self, table, columns_button, changed: Callable):
        self._table, self._changed = table, changed
        self._rows: list[Row] | None = None  # None: it has to be filled anew
        self.ids: list[int] = []  # of the lesions, in the order of the rows
        self._filling = False
        names = titles()
        table.setColumnCount(len(names))
        table.setHorizontalHeaderLabels(list(names.values()))
        for column, tip in tips().items():
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.verticalHeader().hide()
        table.verticalHeader().defaultSectionSize = ROW_PIXELS
        table.wordWrap = False
        table.iconSize = qt.QSize(BAR_WIDTH, SWATCH)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(24)
        header.highlightSections = False
        # not ResizeToContents, which measures all rows again for each item: 0.5 s for 90 lesions
        header.setSectionResizeMode(qt.QHeaderView.Fixed)
        header.setSectionResizeMode(ACCEPT, qt.QHeaderView.Stretch)
        for column in (VISIBLE, ACCEPT):  # over their boxes
            table.horizontalHeaderItem(column).setTextAlignment(qt.Qt.AlignLeft | qt.Qt.AlignVCenter)
        self._actions: dict = {}
        if columns_button is not None:
            self._add_menu(header, columns_button, names)
        table.connect("itemChanged(QTableWidgetItem*)", self._item_changed)
        self._arrange()

    def fill(self, rows: list[Row], chosen: int | None):
        """Show these rows, the one of lesion ``chosen`` selected."""
        table = self._table
        self.ids = [row.lesion_id for row in rows]
        self._filling = True
        table.blockSignals(True)
        if rows != self._rows:
            before, self._rows = self._rows or [], rows
            table.setRowCount(len(rows))
            for index, row in enumerate(rows):
                if row not in before[index : index + 1]:
                    self._put(index, row)
            self._arrange()
        self._choose(self.ids.index(chosen) if chosen in self.ids else -1)
        table.blockSignals(False)
        self._filling = False

    def _choose(self, row: int):
        """Not where it is chosen already: that would end the change of a name."""
        if row != self._table.currentRow():
            column = self._table.currentColumn()
            self._table.setCurrentCell(row, -1 if row < 0 else ACCEPT if column < 0 else column)

    # ---- columns

    def _add_menu(self, header, button, names):
        shown = str(slicer.app.userSettings().value(SETTING, "") or "").split(",")
        header.contextMenuPolicy = qt.Qt.ActionsContextMenu
        for name, column in OPTIONAL.items():
            action = qt.QAction(names[column], header)
            action.toolTip = tips()[column]
            action.checkable = True
            action.checked = name in shown
            action.connect("toggled(bool)", self._choose_columns)
            header.addAction(action)
            button.addAction(action)
            self._actions[name] = action

    def _choose_columns(self):
        shown = [name for name, action in self._actions.items() if action.checked]
        slicer.app.userSettings().setValue(SETTING, ",".join(shown))
        self._arrange()

    def _arrange(self):
        """Columns as wide as what is in them; the table as high as its rows, up to where it scrolls."""
        table = self._table
        for name, column in OPTIONAL.items():
            table.setColumnHidden(column, name not in self._actions or not self._actions[name].checked)
        rows = self._rows or ()
        table.setColumnHidden(CONFIDENCE, bool(rows) and all(row.confidence is None for row in rows))
        for column in range(ACCEPT):  # not that one: it would no longer fill what is left
            table.resizeColumnToContents(column)
        # on or off, never "as needed": the two bars would call for each other
        below = len(rows) > MOST_ROWS
        table.verticalScrollBarPolicy = qt.Qt.ScrollBarAlwaysOn if below else qt.Qt.ScrollBarAlwaysOff
        # the columns of the start fit, but the table's width is not known while its section is folded
        more = any(action.checked for action in self._actions.values())
        header, others = table.horizontalHeader(), sum(table.columnWidth(column) for column in range(ACCEPT))
        scrolls = more and others + header.minimumSectionSize > table.viewport().width
        bar = table.horizontalScrollBar().sizeHint.height() if scrolls else 0
        count = min(max(len(rows), LEAST_ROWS), MOST_ROWS)
        table.setFixedHeight(header.sizeHint.height() + count * ROW_PIXELS + bar + 2 * table.frameWidth)

    # ---- rows

    def _put(self, index: int, row: Row):
        rejected = row.status == "rejected"
        number = qt.QTableWidgetItem(str(row.lesion_id))
        number.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
        if row.color is not None:
            number.setIcon(_swatch(row.color))
        number.setToolTip(row.texts[NAME])
        self._table.setItem(index, NUMBER, number)
        for column, text in row.texts.items():
            self._put_text(index, column, text, rejected)
        if row.confidence is not None:
            self._table.item(index, CONFIDENCE).setIcon(_bar(row.confidence, GREY if rejected else BAR_COLOR))
        self._put_check(index, ACCEPT, row.listed and not rejected)
        self._put_check(index, VISIBLE, row.visible)
        if row.status == "edited":
            self._mark_edited(index, row)

    def _put_text(self, index, column, text, grey):
        item = qt.QTableWidgetItem(text)
        flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
        item.setFlags(flags | qt.Qt.ItemIsEditable if column == NAME else flags)
        item.setToolTip(text)
        if column in (DIAMETERS, VOLUME, HU):
            item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        if grey:
            item.setForeground(qt.QBrush(qt.QColor(*GREY)))
        self._table.setItem(index, column, item)

    def _put_check(self, index, column, checked):
        item = qt.QTableWidgetItem()
        item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsUserCheckable)
        item.setCheckState(qt.Qt.Checked if checked else qt.Qt.Unchecked)
        # an empty box has the table's own colour; in the dark style its frame is hardly to be seen on that
        item.setBackground(qt.QBrush(qt.QColor(*GREY, 40)))
        self._table.setItem(index, column, item)

    def _mark_edited(self, index, row: Row):
        for column in (NUMBER, NAME):
            item = self._table.item(index, column)
            font = item.font()
            font.setItalic(True)
            item.setFont(font)
            item.setToolTip(_("{0}: edited by hand; thresholds do not change it").format(row.texts[NAME]))

    def _item_changed(self, item):
        if not self._filling:
            lesion_id = self.ids[item.row()]
            self._rows = None  # whatever comes of it, the table shows what holds then
            self._changed(lesion_id, item.column(), item)


def _swatch(color) -> qt.QIcon:
    pixmap = qt.QPixmap(SWATCH, SWATCH)
    pixmap.fill(qt.QColor(*(round(255 * part) for part in color)))
    return _icon(pixmap, pixmap)


def _bar(share: float, color: tuple[int, int, int]) -> qt.QIcon:
    """share: from 0 to 1. In a selected row it is white, on Slicer's blue."""
    return _icon(*(_bar_pixmap(share, qt.QColor(*each)) for each in (color, (255, 255, 255))))


def _bar_pixmap(share, color) -> qt.QPixmap:
    pixmap = qt.QPixmap(BAR_WIDTH, SWATCH)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    top = (SWATCH - BAR_HEIGHT) // 2
    painter = qt.QPainter()
    painter.begin(pixmap)
    painter.fillRect(0, top, BAR_WIDTH, BAR_HEIGHT, qt.QColor(*GREY, 70))
    painter.fillRect(0, top, max(round(share * BAR_WIDTH), 1), BAR_HEIGHT, color)
    painter.end()
    return pixmap


def _icon(normal, selected) -> qt.QIcon:
    """Both given: else Qt tints the picture of a selected row."""
    icon = qt.QIcon()
    icon.addPixmap(normal, qt.QIcon.Normal)
    icon.addPixmap(selected, qt.QIcon.Selected)
    return icon
