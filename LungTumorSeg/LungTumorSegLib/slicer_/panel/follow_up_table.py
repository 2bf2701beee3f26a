"""The table of a follow-up: one row a lesion, as narrow as Slicer's panel, and the words for each."""

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from .findings_table import MOST_ROWS, ROW_PIXELS

NUMBER, FATE, DIAMETER, VOLUME, DOUBLING = range(5)
NOTHING = "\u2013"


def fate_text(fate: str) -> str:
    """What became of a lesion, in the user's language.

    Args:
        fate: A value of the library's `Fate`.

    Raises:
        KeyError: It is none.
    """
    names = {
        "new": _("new"),
        "gone": _("gone"),
        "growing": _("growing"),
        "stable": _("stable"),
        "shrinking": _("shrinking"),
        "merged": _("merged"),
        "split": _("split"),
        "not compared": _("not compared"),
    }
    return names[fate]


def texts_of(track) -> list[str]:
    """What the row of a `Track` of two CTs shows, by column."""
    step = track.steps[0]
    change, doubling = step.change, step.doubling
    return [
        str(track.id),
        fate_text(step.fate),
        f"{change.long_axis_mm:+.1f} \u00b1 {change.long_axis_limit_mm:.1f}" if change else NOTHING,
        f"{change.volume_percent:+.0f} \u00b1 {change.volume_limit_percent:.0f}" if change else NOTHING,
        f"{doubling.days:.0f}" if doubling and doubling.days else NOTHING,
    ]


def titles() -> list[str]:
    """The headings, by column."""
    return [_("No."), _("Change"), _("mm"), _("vol. %"), _("Doubles")]


def tips() -> list[str]:
    """What the headings mean, by column."""
    return [
        _("Number of the lesion in the comparison. Ticked: it is a RECIST target."),
        _("What became of the lesion from the earlier CT to the later one"),
        _("Change of the longest axial diameter and its error, in mm"),
        _("Change of the volume and its error, in percent"),
        _("Doubling time of the volume, in days"),
    ]


def sizes_text(follow_up, track) -> str:
    """Diameter and volume in both CTs."""
    words = []
    for point, number in zip(follow_up.points, track.lesions, strict=True):
        if number is None:
            words.append(_("not seen"))
            continue
        lesion, _mask = point.outline(number)
        size = _("{0:.1f} mm, {1:.2f} ml").format(lesion.long_axis_mm, lesion.volume_mm3 / 1000)
        words.append(_("{0} (found by a click)").format(size) if number in point.clicked else size)
    return _("Lesion {0}: {1}; then {2}.").format(track.id, *words)


def doubling_text(step) -> str:
    """A sentence about the doubling time, empty where there is no change."""
    if step.doubling is None:
        return ""
    if step.doubling.days is None:
        return _("No doubling time: {0}.").format(step.doubling.remark)
    found = step.doubling
    return _("Doubling time: {0:.0f} days ({1:.0f} to {2:.0f}).").format(found.days, found.low, found.high)


class FollowUpTable:
    """A QTableWidget with the lesions of a follow-up.

    Args:
        table: The QTableWidget.
        chosen: Called with the row that the user selects.
        ticked: Called when the user ticks or unticks a target.
    """

    def __init__(self, table, chosen: Callable[[int], None], ticked: Callable[[], None]):
        self._table, self._chosen, self._ticked = table, chosen, ticked
        self._filling = False
        table.setColumnCount(len(titles()))
        table.setHorizontalHeaderLabels(titles())
        for column, tip in enumerate(tips()):
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.verticalHeader().hide()
        table.verticalHeader().defaultSectionSize = ROW_PIXELS
        table.wordWrap = False
        header = table.horizontalHeader()
        header.setMinimumSectionSize(24)
        header.highlightSections = False
        header.setSectionResizeMode(qt.QHeaderView.Fixed)
        header.setSectionResizeMode(DOUBLING, qt.QHeaderView.Stretch)
        table.connect("currentCellChanged(int,int,int,int)", self._cell_changed)
        table.connect("cellClicked(int,int)", lambda row, column: self._choose(row))
        table.connect("itemChanged(QTableWidgetItem*)", self._item_changed)

    def fill(self, follow_up, targets):
        """Show the lesions; targets: ids of those that are ticked."""
        self._filling = True
        table, tracks = self._table, follow_up.tracks
        table.setRowCount(len(tracks))
        for row, track in enumerate(tracks):
            for column, text in enumerate(texts_of(track)):
                item = qt.QTableWidgetItem(text)
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                item.setToolTip(track.steps[0].evidence if column else "")
                table.setItem(row, column, item)
            if track.lesions[0] is not None:  # else it can be no target
                item = table.item(row, NUMBER)
                item.setFlags(item.flags() | qt.Qt.ItemIsUserCheckable)
                item.setCheckState(qt.Qt.Checked if track.id in targets else qt.Qt.Unchecked)
            doubling = doubling_text(track.steps[0])
            table.item(row, DOUBLING).setToolTip(doubling)
        for column in range(DOUBLING):
            table.resizeColumnToContents(column)
        below = len(tracks) > MOST_ROWS
        table.verticalScrollBarPolicy = qt.Qt.ScrollBarAlwaysOn if below else qt.Qt.ScrollBarAlwaysOff
        rows = min(max(len(tracks), 1), MOST_ROWS)
        table.setFixedHeight(table.horizontalHeader().sizeHint.height() + rows * ROW_PIXELS + 2 * table.frameWidth)
        self._filling = False

    def tick(self, targets):
        """Tick these lesions alone; of use while Qt tells of a tick, when its item must not be replaced."""
        self._filling = True
        for item in self._items():
            if item.flags() & qt.Qt.ItemIsUserCheckable:
                item.setCheckState(qt.Qt.Checked if int(item.text()) in targets else qt.Qt.Unchecked)
        self._filling = False

    def targets(self) -> list[int]:
        """Ids of the ticked lesions."""
        return [int(item.text()) for item in self._items() if item.checkState() == qt.Qt.Checked]

    def select(self, row: int):
        """Without a call of ``chosen``."""
        self._filling = True
        self._table.setCurrentCell(row, FATE)
        self._filling = False

    def texts(self) -> list[list[str]]:
        """Header and rows, for the clipboard."""
        table = self._table
        rows = [[table.item(r, c).text() for c in range(table.columnCount)] for r in range(table.rowCount)]
        return [titles(), *rows]

    def _items(self) -> list:
        """Those with the number and the tick, by row."""
        return [self._table.item(row, NUMBER) for row in range(self._table.rowCount)]

    def _cell_changed(self, row, column=0, old_row=-1, old_column=-1):
        if row != old_row:
            self._choose(row)

    def _choose(self, row):
        if not self._filling and row >= 0:
            self._chosen(row)

    def _item_changed(self, item):
        if not self._filling:
            self._ticked()
