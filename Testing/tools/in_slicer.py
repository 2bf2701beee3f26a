"""Takes the module's own steps inside 3D Slicer and prints how each went.

``Slicer --testing --python-script Testing/tools/in_slicer.py [FOLDER]``; with a folder, a picture a step lands there.
Needs no network, and a Slicer in which the panel has installed its packages. The last line counts; Slicer then ends,
with 0 when no step failed.
"""

import sys
import traceback
from pathlib import Path

import qt
import slicer

MODULE = Path(__file__).resolve().parents[2] / "LungTumorSeg" / "LungTumorSeg.py"
# the script runs while Slicer starts; by then its views are laid out
START_MS = 1000


def say(line: str):
    print(line, flush=True)


def load_module():
    """The module of this folder, unless Slicer has it already."""
    factory = slicer.app.moduleManager().factoryManager()
    if not factory.isLoaded(MODULE.stem):
        factory.registerModule(qt.QFileInfo(str(MODULE)))
        factory.loadModules([MODULE.stem])


def main():
    passed, failed = 0, 1
    try:
        load_module()
        from LungTumorSegLib.slicer_ import self_test

        passed, failed = self_test.run(say, Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    except Exception:
        traceback.print_exc()
    finally:
        say(f"{passed} passed, {failed} failed")
        slicer.util.exit(1 if failed else 0)


# with --testing Slicer ends itself after the script, which only starts the steps
slicer.app.commandOptions().runPythonAndExit = False
qt.QTimer.singleShot(START_MS, main)
