"""The caller's side of the child process: start it, hand over a CT, follow the progress, cancel, get the result."""

import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import numpy as np

from .. import record
from ..chronology import InOrder
from ..data import CT, Lesion, LesionMap, Options, Progress, Result
from ..enums import MapKind
from ..errors import Cancelled, LungTumorSegError, OutputError, WorkerError
from ..geometry import Point
from . import protocol
from .child import Answers, Child, ended_message

if TYPE_CHECKING:
    from ..findings.follow_up.follow import FollowUp

# how often a waiting `segment` asks whether it is cancelled
_TICK_SECONDS = 0.1

R = TypeVar("R", Result, LesionMap, "FollowUp")
Load = Callable[[dict, Path], R]  # the child's last answer and the run's folder -> the result


class WorkerClient:
    """Runs the network in a child process, which is started when first needed and stays warm.

    One run at a time. Methods are called from one thread (the main one); none of them but `segment` waits.

    Args:
        python: The interpreter: ``PythonSlicer`` inside Slicer, this one elsewhere.
        idle_minutes: A child without work for so long ends; the next run starts another.
    """

    def __init__(self, python: str | Path | None = None, idle_minutes: float = 10) -> None:
        self._command = [str(python or sys.executable), "-m", "LungTumorSegLib.worker", str(idle_minutes)]
        self._child: Child | None = None
        self._numbers = itertools.count(1)
        self._run: WorkerRun | None = None

    def segment(
        self,
        ct: CT,
        options: Options = Options(),  # noqa: B008 - frozen
        progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        """What `segmentation.segment` does, in the child. Waits.

        Args:
            ct: Voxels in HU and their grid.
            options: What the user asked for.
            progress: Is called with each step.
            cancelled: Is asked every 0.1 s.

        Raises:
            Cancelled: ``cancelled`` said so; the child is ended.
            WorkerError: The child ends or cannot be started.
            LungTumorSegError: What `segmentation.segment` raises.
        """
        run = self.start(ct, options)
        try:
            while True:
                for step in run.poll(_TICK_SECONDS):
                    if progress:
                        progress(step)
                if run.result is not None:
                    return run.result
                if cancelled and cancelled():
                    raise Cancelled("The segmentation was cancelled.")
        finally:
            run.cancel()

    def start(self, ct: CT, options: Options = Options()) -> "WorkerRun[Result]":  # noqa: B008 - frozen
        """Start a run and return at once; ask the returned `WorkerRun` from a timer.

        Args:
            ct: Leave its voxels as they are until the first progress.
            options: What the user asked for.

        Raises:
            WorkerError: A run is in progress or the child cannot be started.
            OutputError: There is no temporary folder; the run's `poll` raises it when there is no room in it for the
                voxels.
        """
        return self._begin("run", options, partial(_described, ct), lambda answer, folder: record.load(folder))

    def compare(
        self,
        cts: Sequence[CT],
        known: InOrder,
        results: Sequence[Result | None],
        options: Options = Options(),  # noqa: B008 - frozen
    ) -> "WorkerRun[FollowUp]":
        """Start to follow lesions through CTs, and return at once; the run's result will be a `FollowUp`.

        Args:
            cts: The earliest first. Leave their voxels as they are until the first progress.
            known: As `tracking.track` takes it.
            results: As `tracking.track` takes them.
            options: Of the runs and clicks.

        Raises:
            WorkerError: As of `start`.
            OutputError: As of `start`.
        """

        from . import comparing  # SimpleITK and scipy, which the panel opens without

        def describe(folder: Path) -> dict:
            return comparing.hand_over(cts, known, results, folder)

        def load(answer: dict, folder: Path) -> "FollowUp":
            return comparing.take_over_found(answer, folder, cts)

        return self._begin("compare", options, describe, load)

    def explain(
        self,
        ct: CT,
        lesion: Lesion,
        mask: np.ndarray,
        kind: MapKind,
        point_lps: Point | None = None,
        options: Options = Options(),  # noqa: B008 - frozen
    ) -> "WorkerRun[LesionMap]":
        """Start to make a map of one lesion, and return at once; the run's result will be a `LesionMap`.

        Args:
            ct: What the lesion was found in.
            lesion: The lesion.
            mask: bool (z, y, x), fills ``lesion.label_box``.
            kind: What the map shows.
            point_lps: The click that found the lesion, if any, LPS mm.
            options: Of these model, engine and device count.

        Raises:
            WorkerError: As of `start`.
            OutputError: As of `start`.
        """

        def describe(folder: Path) -> dict:
            about = protocol.hand_over_lesion(lesion, mask, point_lps, folder)
            return _described(ct, folder) | {"kind": kind, **about}

        return self._begin("explain", options, describe, protocol.take_over_map)

    def _begin(self, kind: str, options: Options, describe: Callable[[Path], dict], load: Load[R]) -> "WorkerRun[R]":
        if self._run is not None and not self._run.done:
            raise WorkerError("The network is at work already. Wait for it or cancel it.")
        self._start_child()
        folder = _private_folder()

        def hand_over() -> dict:
            return {
                "type": kind,
                "folder": str(folder),
                "options": record.options_record(options),
                **describe(folder),
            }

        try:
            run = WorkerRun(hand_over, self._ask, folder, self._end_child, load)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._run = run
        return run

    def warm(self, options: Options = Options()) -> None:  # noqa: B008 - frozen
        """Start the child and load the model, so that the next run begins at once. Returns at once.

        Whatever is wrong with the model or the engine the next run will say.
        """
        self._ask({"type": "warm", "options": record.options_record(options)})

    def close(self) -> None:
        """Cancel the run, if there is one, and end the child. A later run starts another."""
        if self._run is not None:
            self._run.cancel()
        if self._child is not None:
            self._child.quit()
        self._end_child()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, None when none is running."""
        return self._child.process.pid if self._child is not None and self._child.alive else None

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _start_child(self) -> Child:
        """The child, a new one unless there is one already."""
        if self._child is None or not self._child.alive:
            self._end_child()
            self._child = Child(self._command)
        return self._child

    def _ask(self, request: dict) -> "Answers":
        number = str(next(self._numbers))
        for attempt in (1, 2):
            child = self._start_child()
            try:
                return child.ask({"id": number, **request})
            except OSError as error:  # it ended, being idle, in the very moment
                if attempt == 2:
                    child.await_end()
                    raise WorkerError(ended_message(child), child.log()) from error
        raise AssertionError


def _described(ct: CT, folder: Path) -> dict:
    """What a request says of the one CT that it is about, whose voxels are written for it."""
    return {"ct": protocol.hand_over(ct, folder)}


def _private_folder() -> Path:
    """For the voxels of one run."""
    try:
        return Path(tempfile.mkdtemp(prefix=protocol.FOLDER_PREFIX))
    except OSError as error:
        raise _no_room(tempfile.tempdir or "any of the usual places", error) from error


def _no_room(place: str, error: OSError) -> OutputError:
    return OutputError(
        f"The CT cannot be handed to the program that segments: temporary files in {place} fail "
        f"({error.strerror or error}). Free disk space there, or set TMPDIR to another folder."
    )


class WorkerRun(Generic[R]):
    """A segmentation, or a map, in progress in the child.

    Attributes:
        done: Whether it has ended, in whatever way.
        result: None until it is there.

    Args:
        hand_over: Writes into ``folder`` and returns the request. It has a thread of its own: 300 slices stopped the
            panel for 0.2 s. The request is sent by the first `poll` after that.
        ask: Sends the request to the child.
        folder: Private to the run, removed at its end.
        end_child: Ends the child.
        load: Makes the result of the child's last answer and the folder.
    """

    def __init__(
        self,
        hand_over: Callable[[], dict],
        ask: Callable[[dict], "Answers"],
        folder: Path,
        end_child: Callable[[], None],
        load: Load[R],
    ) -> None:
        writer = ThreadPoolExecutor(1)
        self._request = writer.submit(hand_over)
        writer.shutdown(wait=False)
        self._ask = ask
        self._answers: Answers | None = None
        self._folder = folder
        self._end_child = end_child
        self._load: Load[R] = load
        self.done = False
        self.result: R | None = None

    def poll(self, wait_seconds: float = 0.0) -> list[Progress]:
        """The progress since the last call; may set ``result``.

        Args:
            wait_seconds: At most so long for the first.

        Raises:
            LungTumorSegError: What ended the run, of the library's own type as the child raised it. Its attribute
                ``log`` is the end of the child's standard error.
            WorkerError: The child was ended from outside; it has the same attribute.
            OutputError: There is no room for the voxels in the temporary folder.
        """
        if self.done:
            return []
        steps: list[Progress] = []
        try:
            answers = self._answers
            if answers is None:
                answers = self._answers = self._asked(wait_seconds)
                if answers is None:
                    return []
                wait_seconds = 0.0
            for message in answers.take(wait_seconds):
                steps += self._taken(message, answers)
        except BaseException:
            self._finish()
            raise
        return steps

    def _taken(self, message: dict, answers: Answers) -> list[Progress]:
        """What a message says: progress, or nothing more where it holds the result. Raises the error that it holds."""
        try:
            if message["type"] == "progress":
                return [protocol.progress_from(message)]
            if message["type"] != "result":
                raise protocol.error_from(message, answers.log())
            self.result = self._load(message, self._folder)
        except LungTumorSegError:
            raise
        except Exception as error:  # whatever comes of an answer that holds something else
            self._end_child()
            raise WorkerError(
                "The program that segments gave an answer that is damaged. Run it again.", answers.log()
            ) from error
        self._finish()
        return []

    def _asked(self, wait_seconds: float) -> Answers | None:
        """Send the request if all is written, else None. Raises OutputError where there was no room for it."""
        if not wait([self._request], wait_seconds).done:
            return None
        try:
            request = self._request.result()
        except OSError as error:
            raise _no_room(str(self._folder.parent), error) from error
        return self._ask(request)

    def cancel(self) -> None:
        """End the run, and with it the child and its children. Nothing happens if the run is done."""
        if not self.done:
            self._end_child()
            self._finish()

    def _finish(self) -> None:
        self.done = True
        # at once, or by the thread that is still writing into it
        self._request.add_done_callback(lambda _: shutil.rmtree(self._folder, ignore_errors=True))
        if self._request.done() and self._folder.exists():  # Windows: not while the child has a file of it mapped
            self._end_child()
            shutil.rmtree(self._folder, ignore_errors=True)
