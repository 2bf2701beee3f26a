"""Ctrl-C in a long run: once, to end it in order; twice, at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import Cancelled
from .output import say


@contextmanager
def asked_to_stop(notice: str, at_once: str) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C end a run in order.

    Ctrl-C itself raises nothing and prints nothing: it can come while a lock is held, and a pool of processes then
    waited for its own lock for ever.

    Args:
        notice: Is said once after the first Ctrl-C.
        at_once: The sentence of the error after the second one.

    Yields:
        A function that tells whether Ctrl-C was pressed, to be asked often. It raises Cancelled where it was pressed
        twice.
    """
    pressed, said = 0, False

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed += 1

    def stopping() -> bool:
        nonlocal said
        if pressed > 1:
            raise Cancelled(at_once)
        if pressed and not said:
            said = True
            say(notice)
        return pressed > 0

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)
