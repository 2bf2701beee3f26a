"""One request to the child process, from the click to the result, without blocking."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..data import CT, Options, Progress
from ..findings.review import Findings
from ..worker.client import Run as WorkerRun
from ..worker.client import WorkerClient


@dataclass(eq=False)
class Run:
    """What `LungTumorSegLogicBase.start` returns; `LungTumorSegLogicBase.poll` brings it up to date.

    state: waiting (behind another run) | running | done | cancelled | failed. progress: the latest, None before the
    first. When done: ``findings`` is the result in the scene (None when a click found nothing), ``lesion_ids`` the
    lesions that this run found, ``notes`` sentences for the user. error: why it was cancelled or failed. steps: what is
    left to do with the result.
    """

    volume: object
    ct: CT
    options: Options
    add_to: Findings | str | None = None
    replaces: Findings | None = None
    state: str = "waiting"
    progress: Progress | None = None
    findings: Findings | None = None
    lesion_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    error: Exception | None = None
    handle: WorkerRun | None = None
    steps: Iterator | None = None

    def begin(self, client: WorkerClient) -> WorkerRun:
        """Hand the request to the child process."""
        return client.start(self.ct, self.options)

    @property
    def arrived(self) -> bool:
        """The result is there, and not yet all done with it."""
        return not self.finished and self.handle is not None and self.handle.result is not None

    @property
    def finished(self) -> bool:
        return self.state not in ("waiting", "running")
