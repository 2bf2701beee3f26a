"""Requests to the child process: each from the click to what it leaves in the scene, one after the other.

Nothing here blocks but `RunQueue.wait`.
"""

import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import slicer

from ..data import CT, Options, Progress
from ..errors import Cancelled, UnreadableError
from ..findings.review import Findings
from ..worker.client import WorkerClient, WorkerRun

# What writes for the child and what reads from it are Python threads; Slicer's event loop holds the interpreter, so
# each poll lets go of it briefly
_YIELD_SECONDS = 0.001
_WAIT_SECONDS = 0.02


@dataclass(eq=False, kw_only=True)
class Run(ABC):
    """One request; a `RunQueue` brings it up to date.

    Attributes:
        state: waiting (behind another run) | running | done | cancelled | failed.
        progress: The latest, None before the first.
        findings: When done, the result in the scene (None when a click found nothing).
        lesion_ids: When done, the lesions that this run found.
        notes: When done, sentences for the user.
        error: Why it was cancelled or failed.
        handle: The request to the child process, None before it is handed over.
        steps: What is left to do with the child's answer.
    """

    volume: object
    ct: CT
    options: Options
    state: str = "waiting"
    progress: Progress | None = None
    findings: Findings | None = None
    lesion_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    error: Exception | None = None
    handle: WorkerRun | None = None
    steps: Iterator | None = None

    @property
    @abstractmethod
    def job(self) -> str:
        """segment | click | uncertainty | heat | compare 0 to 2: runs of one job take about equally long."""

    @abstractmethod
    def begin(self, client: WorkerClient) -> WorkerRun:
        """Hand the request to the child process."""

    @abstractmethod
    def take_over(self, answer) -> Iterable:
        """Bring the child's answer into the scene, in steps: one a poll, so that the panel never stands still."""

    @property
    def volumes(self) -> tuple:
        """The volume nodes that have to stay in the scene."""
        return (self.volume,)

    def shown(self, progress: Progress) -> Progress:
        """The child's progress as it is told to the user."""
        return progress

    @property
    def arrived(self) -> bool:
        """The answer is there, and not yet all done with it."""
        return not self.finished and self.handle is not None and self.handle.result is not None

    @property
    def finished(self) -> bool:
        """It is done, cancelled or failed."""
        return self.state not in ("waiting", "running")

    def advance(self, client: WorkerClient):
        """One step further.

        Raises:
            LungTumorSegError: Whatever ends the run, the typed errors of `errors`.
            Exception: Faults of our own.
        """
        gone = [volume for volume in self.volumes if volume.GetScene() is None]
        if gone:
            self.cancel()
            raise UnreadableError(
                f'The volume "{gone[0].GetName()}" was removed from the scene during the run; nothing was added.'
            )
        if self.handle is None:
            self.handle = self.begin(client)
            self.state = "running"
        time.sleep(_YIELD_SECONDS)
        if self.handle.result is None:
            for step in self.handle.poll():
                self.progress = self.shown(step)
            return
        if self.steps is None:
            self.steps = iter(self.take_over(self.handle.result))
        if next(self.steps, self) is self:
            self.state = "done"

    def cancel(self):
        """End it; the scene is as it was before."""
        if self.handle is not None:
            self.handle.cancel()
        if isinstance(self.steps, Generator):
            self.steps.close()  # it takes back what it has done
        self.state, self.error = "cancelled", Cancelled("It was cancelled; the scene is as it was before.")


class RunQueue:
    """Works runs off in order, in one child process.

    Args:
        client: Of that process; by default Slicer's own Python.
    """

    def __init__(self, client: WorkerClient | None = None):
        self._runs: deque[Run] = deque()
        if client is not None:
            self.client = client

    @cached_property
    def client(self) -> WorkerClient:
        """The process itself starts with the first run."""
        # inside Slicer sys.executable is the application
        return WorkerClient(python=shutil.which("PythonSlicer") or sys.executable)

    @property
    def current(self) -> Run | None:
        """The run under way, None without any."""
        return self._runs[0] if self._runs else None

    def add(self, run: Run) -> Run:
        """Put a run behind those that wait; returns it."""
        self._runs.append(run)
        return run

    def poll(self) -> Run | None:
        """Bring the run under way up to date without waiting.

        Never raises: see ``run.error``.

        Returns:
            That run, also when it has just finished; None when nothing is under way.
        """
        run = self.current
        if run is None:
            return None
        try:
            run.advance(self.client)
        except Cancelled as error:
            run.state, run.error = "cancelled", error
        except Exception as error:
            # also a fault of our own: it must not be tried again at each tick
            run.state, run.error = "failed", error
        if run.finished and run in self._runs:
            self._runs.remove(run)
        return run

    def wait(self, run: Run, progress: Callable[[Progress], None] | None = None) -> Run:
        """Poll, with Slicer's window alive, until a run has finished; returns it.

        Args:
            progress: Called with each new `data.Progress`.

        Raises:
            Exception: The run's error.
        """
        application = getattr(slicer, "app", None)
        shown = None
        while not run.finished:
            self.poll()
            if progress is not None and run.progress is not shown:
                shown = run.progress
                progress(shown)
            if application is not None:
                application.processEvents()
            time.sleep(_WAIT_SECONDS)
        if run.error is not None:
            raise run.error
        return run

    def cancel(self):
        """Cancel the run under way and those that wait."""
        while self._runs:
            self._runs.popleft().cancel()

    def close(self):
        """Cancel, and end the child process. The next run starts it again."""
        self.cancel()
        if "client" in vars(self):
            self.client.close()
