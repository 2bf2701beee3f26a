"""``python -m Testing.tools.fuzz.worker FORMAT SEED FIRST LAST``: damaged inputs, one line of JSON about each.

A process of its own, since a fault in a library's C++ code ends it. So does the limit on its processor time.
"""

import faulthandler
import json
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path

import psutil

from .formats import named
from .judge import judged

MOST_CPU_SECONDS = 10.0  # of one input
MOST_MORE_BYTES = 4 << 30  # of address space, so that a bomb ends this process and not the computer


def main(name: str, seed: int, first: int, last: int) -> None:
    outcomes = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no outcome
    kind = named(name)
    with tempfile.TemporaryDirectory() as folder:
        for files in kind.seeds():  # what is loaded at first use counts for no input
            outcome = judged(kind, files, Path(folder))
            if not outcome.explained:
                sys.exit(f"an input of {name} that is in order is not read: {outcome}")
        # dumps where the time went, then ends the process
        faulthandler.register(signal.SIGPROF, chain=True)
        taken = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_MORE_BYTES, resource.RLIM_INFINITY))
        for number in range(first, last):
            files = kind.input(seed, number)
            signal.setitimer(signal.ITIMER_PROF, MOST_CPU_SECONDS)
            outcome = judged(kind, files, Path(folder))
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(json.dumps([number, outcome.kind, outcome.text]), file=outcomes, flush=True)


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1], *map(int, sys.argv[2:]))
