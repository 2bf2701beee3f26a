"""The service's work: each study that is complete is a case of a cohort, one after the other."""

import time
from collections.abc import Callable
from typing import Any

from ..cohort import kept, run
from ..cohort.cases import Case
from ..cohort.run import Workers
from ..cohort.work import Settings
from ..enums import CaseStatus
from ..errors import OutputError
from .inbox import Inbox
from .send_back import SendBack

AGAIN_SECONDS = 3600.0


class Service:
    """Segments what comes into an inbox.

    Args:
        settings: Of all studies; its output is the folder of a cohort.
        reading: Further arguments of `read_ct`.
        workers: Which do the cases.
        back: Where results go; None: nowhere.
        told: Called with sentences for the user.
    """

    def __init__(
        self,
        inbox: Inbox,
        settings: Settings,
        reading: dict[str, Any],
        workers: Workers,
        back: SendBack | None,
        told: Callable[[str], None],
    ):
        self._inbox, self._settings, self._reading = inbox, settings, reading
        self._workers, self._back, self._told = workers, back, told
        self._again: dict[str, float] = {}

    def work(self, stopping: Callable[[], bool]) -> None:
        """Go on until asked to stop; then what is in work is finished.

        Args:
            stopping: Asked five times a second. What it raises ends the work at once.

        Raises:
            ModelError: As `cohort.run.run`.
            EngineError: As `cohort.run.run`.
        """
        while not stopping():
            self._again |= dict.fromkeys(self._inbox.complete(), 0.0)
            for name in [name for name, due in self._again.items() if due <= time.monotonic()]:
                if not stopping():
                    self._study(name, stopping)
            if self._back:
                self._back.send_all(self._settings.output / kept.CASES)
            time.sleep(0.2)

    def _study(self, name: str, stopping: Callable[[], bool]) -> None:
        if not self._inbox.files(name):
            self._told(f"{name}: no CT is in it. Nothing is done with it.")
            del self._again[name]
            return
        case = self._case(name)
        planned = run.plan([case], self._settings)
        if planned.there:
            del self._again[name]
            return
        try:
            if self._back:
                self._back.remember(name)
            records = run.run(planned, self._settings, self._workers, self._said, stopping)
        except OutputError as error:
            self._told(f"{name}: {error} It is tried again in an hour, and at the next start.")
            self._again[name] = time.monotonic() + AGAIN_SECONDS
            return
        if not (values := records.get(name)):
            return  # stopped before it began: the next start does it
        if kept.is_final(values):
            del self._again[name]
        else:
            self._again[name] = time.monotonic() + AGAIN_SECONDS
        if self._back and not values.get("dicom"):
            self._back.forget(name)

    def _case(self, name: str) -> Case:
        reading = {**self._reading, "only": self._inbox.files(name)}
        return Case(name, self._inbox.folder / name, name, self._settings.options, reading)

    def _said(self, step: run.Step) -> None:
        if step.last is None:
            return
        values = step.last
        if values["status"] != CaseStatus.DONE:
            again = " It is tried once more." if step.waiting else ""
            self._told(f"{values['case']}: {values['reason']}{again}")
            return
        lesions = f"{values['lesions']} lesion{'' if values['lesions'] == 1 else 's'}"
        none = "" if values["dicom"] else " No DICOM object was written: see the notes in its case.json."
        self._told(f"{values['case']}: {lesions}, {values['seconds']:.1f} s.{none}")
