"""Runs `offscreen_cases` in a process of its own, as the demonstration draws.

Mesa's software renderer and the engines (TensorFlow, OpenVINO) bring an LLVM each; in one process, with an engine
loaded first, drawing ends it with a segmentation fault. The product never has both: engines run in the child process.
"""

import subprocess
import sys
from pathlib import Path

from Testing.support.paths import ROOT


def test_pictures_are_drawn_off_screen():
    cases = Path(__file__).parent / "offscreen_cases.py"
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:xdist", "-p", "no:cacheprovider", str(cases)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
