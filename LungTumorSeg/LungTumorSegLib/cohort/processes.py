"""Workers on this machine: warm processes of the standard library's pool, one in each pool.

When a process of a pool ends, the pool breaks and ends its other processes. With one process a pool only the case
that ended it is lost, and known.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess

from .. import processors, signals
from ..errors import EngineError
from . import work
from .cases import Case
from .kept import Record
from .work import Settings


@dataclass
class _Worker:
    pool: ProcessPoolExecutor
    process: BaseProcess


class Processes:
    """Workers that share the processors.

    Args:
        count: Of the workers. Each gets its share of the processors as threads unless the options say how many.

    Raises:
        ModelError: As `work.warm` raises it.
        EngineError: As `work.warm` raises it, and where a worker dies of it.
    """

    def __init__(self, settings: Settings, count: int):
        threads = settings.options.threads or max(1, processors.usable() // count)
        self._settings = replace(settings, options=replace(settings.options, threads=threads))
        self._free: list[_Worker] = []
        self._busy: dict[Future[Record], tuple[_Worker, Case]] = {}
        self._wanted = count
        try:
            self._hire()
            first = self._free[0].pool.submit(work.described, self._settings.options)
            self.description = f"{first.result()}, {count} x {threads} threads"
        except BrokenProcessPool as error:
            raise EngineError(
                "The worker process ended while it opened the network. See what is printed above."
            ) from error
        except BaseException:
            self.stop()
            raise

    @property
    def free(self) -> int:
        """How many cases could be started now."""
        return self._wanted - len(self._busy)

    @property
    def busy(self) -> int:
        """How many cases are in work."""
        return len(self._busy)

    def start(self, case: Case, attempt: int) -> None:
        """Give a case to a free worker; `ended` tells when it is done.

        Args:
            case: The case.
            attempt: Which one it is, from 1.

        Raises:
            IndexError: No worker is free.
        """
        worker = self._free.pop()
        self._busy[worker.pool.submit(work.do, case, self._settings, attempt)] = worker, case

    def ended(self, seconds: float) -> list[tuple[Case, Record | str]]:
        """The cases that ended within these seconds.

        Returns:
            Cases with their records, or with a sentence where the worker died.

        Raises:
            OutputError: As `work.do` raises it.
            ModelError: As `work.do` raises it.
            EngineError: As `work.do` raises it.
        """
        answers: list[tuple[Case, Record | str]] = []
        for future in wait(self._busy, seconds, FIRST_COMPLETED).done:
            worker, case = self._busy.pop(future)
            if isinstance(future.exception(), BrokenProcessPool):
                answers.append((case, _death(worker)))
                continue
            self._free.append(worker)
            answers.append((case, future.result()))
        self._hire()
        return answers

    def close(self) -> None:
        """End the workers; those that are busy, when they are done."""
        for worker in self._all():
            worker.pool.shutdown()

    def stop(self) -> None:
        """End the workers at once."""
        for worker in self._all():
            worker.process.kill()
        self.close()

    def _all(self) -> list[_Worker]:
        return [*self._free, *(worker for worker, _ in self._busy.values())]

    def _hire(self) -> None:
        while len(self._free) + len(self._busy) < self._wanted:
            self._free.append(_hired())


def _hired() -> _Worker:
    # spawn: a fork would take the threads' locks with it
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    with _stop_signals_blocked():  # the new process keeps that until it ignores them
        pool = ProcessPoolExecutor(1, context, _begin)
        pool.submit(os.getpid)
    (process,) = set(multiprocessing.active_children()) - before
    return _Worker(pool, process)


@contextmanager
def _stop_signals_blocked() -> Iterator[None]:
    """A terminal, systemd and schedulers send them to all processes of a run; the main one decides what they mean.

    One that comes within the block acts after it.
    """
    if sys.platform == "win32":  # it has no such mask, and a process hears of Ctrl-C by its console
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.STOP_SIGNALS)
    try:
        # what tracks the pool's resources is started here, as its start lets SIGINT and SIGTERM through again
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, signals.STOP_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    for number in signals.STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.STOP_SIGNALS)
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a worker
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """A pool's process waits for work for ever, also when the one that gives it was killed."""
    wait_for([sentinel])
    os._exit(1)


def _death(worker: _Worker) -> str:
    alive = not wait_for([worker.process.sentinel], 0)
    if alive:
        worker.process.kill()  # it ignores the SIGTERM by which its pool would end it, and the pool waits for ever
    worker.process.join(10)
    if alive:
        return "The worker process sent an answer that cannot be read in this case, and was ended."
    code = worker.process.exitcode or 0
    if code >= 0:  # Windows has no signals
        return f"The worker process ended with code {code} in this case."
    name = signal.Signals(-code).name
    why = "a library crashed. Try another engine (--engine)"
    if name == "SIGKILL":
        why = "as the system does when memory runs out. Use fewer workers, or a computer with more memory"
    return f"The worker process was ended by {name} in this case: {why}."
