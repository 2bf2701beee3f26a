"""``python -m Testing.tools.demo``: see `demo.command`."""

import sys

from Testing.tools.demo.command import main

sys.exit(main())
