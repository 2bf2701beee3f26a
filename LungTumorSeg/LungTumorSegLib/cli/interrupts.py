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

    Args:
        notice: Is said after the first Ctrl-C.
        at_once: The sentence of the error that the second one raises.

    Yields:
        A function that tells whether Ctrl-C was pressed.

    Raises:
        Cancelled: Ctrl-C was pressed a second time.
    """
    pressed = False

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise Cancelled(at_once)
        pressed = True
        say(notice)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
