"""``python -m LungTumorSegLib.worker [IDLE_MINUTES]``: the child process, started by `WorkerClient`."""

import os
import signal
import sys

from .server import own_standard_streams, serve

if __name__ == "__main__":
    # Ctrl-C in a terminal reaches the whole group; the caller decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = own_standard_streams()
    serve(requests, answers, float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
    # At once: a request that comes while the libraries are taken down would be lost, and the reading thread still waits
    os._exit(0)
