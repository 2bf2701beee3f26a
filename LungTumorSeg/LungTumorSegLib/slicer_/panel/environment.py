"""What is installed; install, repair, remove; the background process."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .parameters import ENGINES, EngineChoice
from .section import Section

_CHILD_MS = 2000


class EnvironmentSection(Section):
    """The packages that runs need: what is there, installed, repaired and removed."""

    UI = "Environment"

    def connect(self):
        self._choices = list(EngineChoice)
        self._found = None
        self._opened = False
        for choice in self._choices:
            self.ui.installEngineCombo.addItem(choice.label())
        self.ui.installEngineCombo.connect("currentIndexChanged(int)", self._choice_changed)
        self.ui.browseWheelsButton.connect("clicked()", self._browse)
        self.ui.installButton.connect("clicked()", lambda: self._do(self._install))
        self.ui.checkButton.connect("clicked()", lambda: self._do(self._check))
        self.ui.repairButton.connect("clicked()", lambda: self._do(self._repair))
        self.ui.removeButton.connect("clicked()", lambda: self._do(self._remove))
        self.ui.copyReportButton.connect("clicked()", self._copy_report)
        self.ui.stopChildButton.connect("clicked()", self._stop_child)
        self._timer = qt.QTimer()
        self._timer.setInterval(_CHILD_MS)
        self._timer.connect("timeout()", self._show_child)
        self._timer.start()

    def problem(self) -> str | None:
        """Why nothing can be segmented with what is installed; None when it can."""
        missing, engines = self._look()
        if missing:
            return _("Packages are missing ({0}); install them under Environment.").format(", ".join(missing))
        chosen = self.panel.parameters.engine
        if chosen is not EngineChoice.AUTO and chosen.value not in engines:
            return _("{0} is not installed; install it under Environment, or choose another engine.").format(
                chosen.label()
            )
        return None

    def refresh(self):
        busy = self.panel.installer.busy
        for button in (self.ui.installButton, self.ui.checkButton, self.ui.repairButton, self.ui.removeButton):
            button.enabled = not busy and not self.panel.logic.running
        if not busy and not self.ui.installLog.plainText:
            missing, engines = self._look()
            plan = self.panel.installer.plan(self._choice().value)
            self.ui.environmentStatus.text = (
                _("Missing: {0}. {1}").format(", ".join(missing), plan.reason)
                if missing
                else _("Installed: {0}.").format(", ".join(ENGINES[name] for name in engines))
            )
            self._open_once(missing)
        self.ui.installLog.visible = bool(self.ui.installLog.plainText)
        self._show_child()

    def _open_once(self, missing):
        """Without its packages the extension is of no use: the section that installs them comes into sight."""
        if missing and not self._opened:
            self._opened = True
            self.ui.environmentGroup.collapsed = False

    def _log(self, line: str):
        self.ui.installLog.appendPlainText(line)
        self.ui.installLog.visible = True

    def close(self):
        self._timer.stop()

    def _look(self) -> tuple[list[str], list[str]]:
        """(what is missing, engines that are there). The list of packages takes long to read, so it is kept."""
        if self._found is None:
            installer = self.panel.installer
            plan, engines = installer.plan(self._choice().value), installer.engines()
            missing = installer.missing(plan)
            self._found = [r for r in missing if r != plan.requirement or not engines], engines
        return self._found

    def _choice(self) -> EngineChoice:
        return self._choices[max(self.ui.installEngineCombo.currentIndex, 0)]

    def _choice_changed(self):
        self._found = None
        self.ui.installLog.plainText = ""
        self.panel.refresh()

    def _browse(self):
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of wheels"))
        if folder:
            self.ui.wheelsEdit.text = folder

    def _wheels(self) -> Path | None:
        text = self.ui.wheelsEdit.text.strip()
        return Path(text) if text else None

    # ---- what the buttons do

    def _install(self, plan, on_line, on_done):
        self.panel.installer.install(plan, on_line, on_done, wheels=self._wheels())

    def _check(self, plan, on_line, on_done):
        self.panel.installer.verify(plan, on_line, on_done)

    def _repair(self, plan, on_line, on_done):
        self.panel.installer.repair(plan, on_line, on_done, wheels=self._wheels())

    def _remove(self, plan, on_line, on_done):
        question = _("Remove the packages that LungTumorSeg installed? Segmenting will need them again.")
        if slicer.util.confirmOkCancelDisplay(question):
            self.panel.logic.close()  # the child has them open
            self.panel.installer.remove(on_line, on_done)

    def _do(self, action):
        self.ui.installLog.plainText = ""
        self.ui.environmentStatus.text = _("Working ...")
        with self.panel.errors_shown():
            action(self.panel.installer.plan(self._choice().value), self._log, self._done)
        self.panel.refresh()

    def _done(self, verdict):
        self._found = None
        if not self.ui.installLog.plainText:
            self.ui.installLog.plainText = verdict.text
        self.ui.environmentStatus.text = verdict.text
        self.panel.restore_results()

    def _copy_report(self):
        report = self.panel.installer.report() + "\n\n" + self.ui.installLog.plainText
        slicer.app.clipboard().setText(report)

    def _show_child(self):
        pid = self.panel.logic.queue.client.pid
        self.ui.stopChildButton.enabled = pid is not None
        self.ui.childStatus.text = (
            _("The background process is not running.")
            if pid is None
            else _("The background process is running (number {0}).").format(pid)
        )

    def _stop_child(self):
        if self.panel.logic.running:
            self.panel.cancel()
        self.panel.logic.close()
        self.panel.refresh()
