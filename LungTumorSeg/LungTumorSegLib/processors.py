"""How many of the computer's processors this process may use."""

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def usable() -> int:
    """Processors that this process may use, at least 1.

    On Linux those that it is bound to (taskset, a batch system), and no more than the quota of its container or service
    (cgroup version 2, https://docs.kernel.org/admin-guide/cgroup-v2.html, ``cpu.max``); elsewhere all.
    """
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return max(1, min([len(os.sched_getaffinity(0)), *map(math.ceil, _quotas())]))


def _quotas() -> Iterator[float]:
    """Of the process' group and of those that hold it: processors' time over time."""
    try:
        entries = [line.split(":", 2) for line in OWN_GROUP.read_text().splitlines()]
        path = PurePosixPath(next(path for number, _, path in entries if number == "0"))
    except (OSError, StopIteration, ValueError):
        return  # no version 2
    for group in (path, *path.parents):
        try:
            quota, period = (GROUPS / group.relative_to("/") / "cpu.max").read_text().split()
            if quota != "max":
                yield int(quota) / int(period)
        except (OSError, ValueError):
            continue  # the root has none, and of groups outside a container nothing is seen
