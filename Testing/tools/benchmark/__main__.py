"""``python -m Testing.tools.benchmark``: see `benchmark.command`."""

import sys

from Testing.tools.benchmark.command import main

if __name__ == "__main__":
    sys.exit(main())
