"""How much memory this process has taken at most."""

import contextlib
import sys
from pathlib import Path

import psutil


def forget_peak() -> None:
    """On Linux the peak begins anew from what is taken now; elsewhere it stays that of the whole process."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # not allowed in some containers
            Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM


def peak_mb() -> float:
    """Peak resident memory of this process in MB (10^6 bytes)."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    status = Path("/proc/self/status")
    if status.exists():
        # not getrusage: on Linux a new process starts with its parent's peak, and Slicer is large
        lines = (line.split() for line in status.read_text().splitlines())
        return next(int(words[1]) for words in lines if words and words[0] == "VmHWM:") * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
