"""``python -m Testing.tools.screenshots``: see `screenshots.command`."""

import sys

from Testing.tools.screenshots.command import main

if __name__ == "__main__":
    sys.exit(main())
