"""The big button, the progress of a run, and what went wrong."""

import traceback

import slicer
from slicer.i18n import tr as _

from ...data import Progress
from ...errors import LungTumorSegError
from ..following import CLICKS, SECOND
from ..runs import Run
from . import past_runs
from .estimate import Estimate
from .parameters import ENGINES
from .section import Section, say

# Python's own words between an error and the one that it led to
_CAUSED = "The above exception was the direct cause of the following exception:"
BAR_STEPS = 1000


def stage_text(progress, seconds_left: float | None = None) -> str:
    """A line for the user about a `data.Progress`.

    Args:
        seconds_left: Of the whole run.
    """
    names = {
        "start": _("Starting"),
        "lungs": _("Finding the lungs"),
        "engine": _("Loading the network"),
        "network": _("Segmenting slices"),
        "views": _("Segmenting coronal and sagittal slices"),
        "classifier": _("Rating each lesion"),
        "lesions": _("Measuring lesions"),
        "explain": _("Explaining the lesion"),
        "registration": _("Registering both CTs"),
        CLICKS: _("Looking for lesions that one CT alone shows"),
    }
    stage = progress.stage.removesuffix(SECOND)
    text = names.get(stage, stage)
    if stage != progress.stage:
        text = _("Second CT: {0}").format(text)
    if stage in ("network", "views", "explain"):
        text = _("{0}: {1} of {2}").format(text, progress.done, progress.total)
    if seconds_left is not None:
        text = _("{0}, {1:.0f} s left").format(text, seconds_left)
    return text


def how_text(result) -> str:
    """Engine, device, precision and duration of a run."""
    seconds = sum(result.seconds.values())
    time = _("{0:.0f} s").format(seconds) if seconds < 100 else _("{0:.0f} min").format(seconds / 60)
    how = (ENGINES.get(result.engine, result.engine), result.device, result.precision, time)
    return ", ".join(filter(None, how))


def error_text(error: BaseException) -> str:
    """One sentence, and the last line of the cause if there is one."""
    if not isinstance(error, LungTumorSegError):
        return _("Something unexpected went wrong ({0}: {1}).").format(type(error).__name__, error)
    cause = _last_line_of_cause(error)
    return f"{error} ({cause})" if cause and cause.rpartition(": ")[2] not in str(error) else str(error)


def _last_line_of_cause(error: BaseException) -> str:
    """What was behind an error: known here, or told by the child process in its log."""
    log = getattr(error, "log", "")
    cause = str(error.__cause__ or "") or (log.rpartition(_CAUSED)[0] if _CAUSED in log else "")
    return (cause.strip().splitlines() or [""])[-1]


def error_log(error: BaseException) -> str:
    """Everything there is to say about an error, for a report."""
    log = getattr(error, "log", "")
    return "".join(traceback.format_exception(error)) + (f"\nThe background process said:\n{log}\n" if log else "")


class SegmentSection(Section):
    """The button that starts and cancels a run, its progress, and the error that ended it."""

    UI = "Segment"

    def connect(self):
        self._log = ""
        self._run: Run | None = None
        self._estimate: Estimate | None = None  # of that run
        self.ui.segmentButton.connect("clicked()", self._clicked)
        self.ui.copyLogButton.connect("clicked()", lambda: slicer.app.clipboard().setText(self._log))
        self.ui.dismissButton.connect("clicked()", self.ui.errorFrame.hide)
        self.ui.errorFrame.hide()
        self.ui.progressBar.hide()
        say(self.ui.statusLabel, "")

    def refresh(self):
        running = self.panel.logic.running
        problem = None if running else self.panel.problem()
        button = self.ui.segmentButton
        button.text = _("Cancel") if running else _("Segment")
        button.enabled = running or problem is None
        button.toolTip = problem or (
            _("Stops; the scene stays as it was")
            if running
            else _("Finds, outlines and measures lung tumours in the chosen CT")
        )
        self.ui.progressBar.visible = running

    def show_progress(self, run):
        """One bar and one estimate for the whole run, from what the last one took."""
        if run is not self._run:
            self._run, self._estimate = run, Estimate(run.job, past_runs.read(run.job))
        if run.state == "waiting":
            self.ui.progressBar.setRange(0, 0)
            say(self.ui.statusLabel, _("Waiting"))
            return
        self._estimate.update(run.progress)
        left = self._estimate.seconds_left
        self.ui.progressBar.setRange(0, BAR_STEPS)
        self.ui.progressBar.value = round(BAR_STEPS * self._estimate.done)
        progress = run.progress or Progress("start", 0, 1)
        say(self.ui.statusLabel, stage_text(progress, left))

    def show_done(self, run):
        """What a finished run has to say: engine, device, time, notes, or nothing when it was cancelled."""
        if run is self._run and run.error is None:
            past_runs.keep(run.job, self._estimate.finish())
        if run.findings is None:
            say(self.ui.statusLabel, " ".join(run.notes))
            return
        say(self.ui.statusLabel, "\n".join([how_text(run.findings.result), *run.notes]))
        reason = run.findings.result.reason
        self.ui.statusLabel.toolTip = _("Engine, device, precision and duration of the run. {0}.").format(reason)

    def show_text(self, text: str):
        """Show a line below the button."""
        say(self.ui.statusLabel, text)

    def show_error(self, error: BaseException):
        """Show an error's sentence; its details are for the clipboard."""
        self._log = error_log(error)
        self.ui.errorLabel.text = error_text(error)
        say(self.ui.statusLabel, "")
        self.ui.errorFrame.show()

    def hide_error(self):
        """Take the error's sentence away."""
        self.ui.errorFrame.hide()

    def forget(self):
        say(self.ui.statusLabel, "")
        self.hide_error()

    def _clicked(self):
        if self.panel.logic.running:
            self.panel.cancel()
        else:
            self.panel.segment()
