"""``python Testing/demo``: see `demo.command`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo.command import main

sys.exit(main())
