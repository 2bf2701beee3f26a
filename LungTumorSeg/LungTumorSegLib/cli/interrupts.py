"""What asks a run to end (Ctrl-C, SIGTERM, SIGHUP): a short one at once, a long one in order; asked twice, at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from .. import signals
from ..errors import Cancelled
from .output import drop_lost_terminals, say

_HANGUP = getattr(signal, "SIGHUP", None)  # not on Windows


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM and SIGHUP do what Ctrl-C does. By themselves they end a process with its files half-written.

    SIGINT gets the same handler, of the command's own, so that `signals.held_back` holds it back.
    """
    for number in signals.STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ctrl_c)


def _ctrl_c(number: int, frame: FrameType | None) -> None:
    if number == _HANGUP:
        signal.signal(number, signal.SIG_IGN)  # the shell tells it again after the kernel, amid the clean-up
        drop_lost_terminals()
    raise KeyboardInterrupt


@contextmanager
def asked_to_stop(notice: str, at_once: str) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C, SIGTERM and SIGHUP end a run in order.

    A signal itself raises nothing and prints nothing: it can come while a lock is held, and a pool of processes then
    waited for its own lock for ever.

    Args:
        notice: Is said once after the first signal.
        at_once: The sentence of the error after the second one.

    Yields:
        A function that tells whether a signal came, to be asked often. It raises Cancelled after the second one.
    """
    asked, said = 0, False

    def signalled(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if number == _HANGUP:
            drop_lost_terminals()
            asked = max(asked, 1)  # of one closed terminal the kernel tells, and the shell again
        else:
            asked += 1

    def stopping() -> bool:
        nonlocal said
        if asked > 1:
            raise Cancelled(at_once)
        if asked and not said:
            said = True
            say(notice)
        return asked > 0

    before = {number: signal.signal(number, signalled) for number in signals.heeded()}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
