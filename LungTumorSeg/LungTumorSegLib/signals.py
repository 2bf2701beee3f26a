"""The signals that ask a program to end: Ctrl-C, SIGTERM of schedulers and systemd, SIGHUP of a closed terminal."""

import signal

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
