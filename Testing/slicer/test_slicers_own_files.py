"""The panel's cases once more, with Slicer's own Python files in the place of the stand-in's.

Where SLICER_SOURCE names a checkout of Slicer; without one they are skipped. Its ScriptedLoadableModule,
parameterNodeWrapper, util and i18n then run on the stand-in's Qt and on Slicer's own MRML.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from Testing.support import slicer_source
from Testing.support.paths import ROOT

HERE = Path(__file__).parent
CASES = [*sorted(HERE.glob("test_panel*.py")), HERE / "test_module.py", HERE / "test_standin_slicer.py"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_panels_cases_pass_on_slicers_own_files(path):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", path]
    ended = subprocess.run(command, cwd=ROOT, env=slicer_source.environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_is_slicers_own_files_that_run():
    script = """
        import slicer
        from Testing import slicer_standin
        from Testing.support import headless
        slicer_standin.install(*headless.start())
        from slicer import util, i18n, ScriptedLoadableModule, parameterNodeWrapper
        for module in (util, i18n, ScriptedLoadableModule, parameterNodeWrapper):
            print(module.__file__)
        """
    lines = "\n".join(line.strip() if "print" not in line else line[8:] for line in script.splitlines())
    environment = slicer_source.environment()
    ended = subprocess.run([sys.executable, "-c", lines], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert all(file.startswith(environment["SLICER_FILES"]) for file in ended.stdout.split())
    assert len(ended.stdout.split()) == 4
