"""What the panel has to do soon, each piece in a turn of the event loop of its own."""

from collections.abc import Callable

import qt


class Turns:
    """First come, first served. Two pieces in one turn, of two timers, once made a gap of 68 ms in a run."""

    def __init__(self):
        self._waiting: list[Callable] = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._next)

    @property
    def busy(self) -> bool:
        """Whether anything waits for its turn."""
        return bool(self._waiting)

    def ask(self, work: Callable):
        """Do it in a turn of its own; once, however often it is asked for until then."""
        if work not in self._waiting:
            self._waiting.append(work)
        self._timer.start()

    def drop(self, work: Callable):
        """It is no longer needed."""
        if work in self._waiting:
            self._waiting.remove(work)

    def stop(self):
        """Nothing that waits is done."""
        self._waiting.clear()
        self._timer.stop()

    def _next(self):
        if self._waiting:
            work = self._waiting.pop(0)
            if self._waiting:
                self._timer.start()  # before it is done: whatever goes wrong in it, the others have their turns
            work()
