"""From lesion to lesion, accept and reject, and back: by buttons, and by keys while the panel has the focus."""

import qt

from ...data import Status
from .section import Section

# None of them is a key of Slicer's slice and 3D views, of its markups, or of Segment Editor and its effects
KEYS = {"next": "N", "previous": "P", "accept": "K", "reject": "D", "undo": "U", "redo": "Shift+U"}


class ReviewSection(Section):
    """Buttons and keys of the review of a result."""

    UI = "Review"

    def connect(self):
        for name, key in KEYS.items():
            action = getattr(self, f"_{name}")
            getattr(self.ui, f"{name}Button").connect("clicked()", action)
            shortcut = qt.QShortcut(qt.QKeySequence(key), self.panel.widget)
            shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
            shortcut.connect("activated()", action)
            self._shortcuts.append(shortcut)
        self.ui.acceptAboveButton.connect("clicked()", self._accept_above)

    def __init__(self, panel):
        self._shortcuts: list = []
        super().__init__(panel)

    def refresh(self):
        panel, registry = self.panel, self.panel.logic.registry
        there, chosen = bool(self._lesions()), panel.lesion is not None
        for button in (self.ui.nextButton, self.ui.previousButton):
            button.enabled = there
        for button in (self.ui.acceptButton, self.ui.rejectButton, self.ui.acceptAboveButton):
            button.enabled = chosen
        undo = panel.volume is not None and registry.can_undo(panel.volume)
        redo = panel.volume is not None and registry.can_redo(panel.volume)
        self.ui.undoButton.enabled, self.ui.redoButton.enabled = undo, redo
        self.widget.visible = there or undo or redo  # no room for it before there is a result

    def close(self):
        for shortcut in self._shortcuts:  # the widget outlives a reloaded module
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []

    def _lesions(self) -> tuple:
        return self.panel.findings.lesions if self.panel.findings else ()

    def _next(self):
        self._step(1)

    def _previous(self):
        self._step(-1)

    def _step(self, by: int):
        ids = [lesion.id for lesion in self._lesions()]
        if ids:
            chosen = self.panel.selected_lesion
            row = ids.index(chosen) + by if chosen in ids else 0
            self.panel.look_at(ids[min(max(row, 0), len(ids) - 1)])

    def _accept(self):
        self._set_statuses(lambda row, chosen: Status.ACCEPTED if row == chosen else None)

    def _reject(self):
        self._set_statuses(lambda row, chosen: Status.REJECTED if row == chosen else None)

    def _accept_above(self):
        self._set_statuses(lambda row, chosen: Status.ACCEPTED if row <= chosen else Status.REJECTED)

    def _set_statuses(self, status_of):
        """status_of: (row, the selected lesion's row) -> its status, None to leave it."""
        if self.panel.lesion is None:
            return
        ids = [lesion.id for lesion in self._lesions()]
        statuses = {i: status_of(row, ids.index(self.panel.selected_lesion)) for row, i in enumerate(ids)}
        with self.panel.errors_shown():
            wanted = {lesion_id: status for lesion_id, status in statuses.items() if status is not None}
            self.panel.logic.set_statuses(self.panel.findings, wanted)
        self.panel.refresh()

    def _undo(self):
        self._travel(self.panel.logic.undo)

    def _redo(self):
        self._travel(self.panel.logic.redo)

    def _travel(self, move):
        if self.panel.volume is None or self.panel.logic.running:
            return
        with self.panel.errors_shown():
            findings = move(self.panel.volume)
            if findings is not None and self.panel.logic.segmentation(findings) is not None:
                self.panel.parameters.shownResult = self.panel.logic.segmentation(findings)
        self.panel.refresh()
