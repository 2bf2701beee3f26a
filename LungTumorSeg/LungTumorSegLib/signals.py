"""The signals that ask a program to end: Ctrl-C, SIGTERM of schedulers and systemd, SIGHUP of a closed terminal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

STOP_SIGNALS = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)


def heeded() -> list[signal.Signals]:
    """Those that this process does not ignore. nohup has SIGHUP ignored, and means it.

    Returns:
        SIGINT always: a shell's background jobs ignore it too, and are sent it all the same.
    """
    return [
        number for number in STOP_SIGNALS if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    ]


@contextmanager
def held_back() -> Iterator[None]:
    """Let a stop signal that comes within the block act after it; for a step that must not end halfway.

    Only of signals for which the program has set a handler: Slicer exchanges Python's own one for SIGINT behind
    Python's back, and setting it here would undo that. A mask of the main thread would not do: the
    system gives the signal to another thread (the engines have some), and Python still runs the handler in the main
    one.
    """
    if threading.current_thread() is not threading.main_thread():  # no handler runs in it
        yield
        return
    came: list[int] = []
    try:
        with ExitStack() as restored:
            for number in STOP_SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler) and handler is not signal.default_int_handler:
                    restored.callback(signal.signal, number, handler)
                    signal.signal(number, lambda number, _: came.append(number))
            yield
    finally:
        for late in came:
            signal.raise_signal(late)
