"""What only names the choices loads nothing that computes."""

import subprocess

import pytest

from Testing.support.command_case import MAIN, command

HEAVY = ("numpy", "scipy", "SimpleITK", "pydicom", "nibabel", "matplotlib")
PRINTS_MODULES = "import atexit, sys; atexit.register(lambda: sys.stderr.write(' '.join(sys.modules))); "


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["segment", "--help"], ["info", "--help"], ["send", "--help"]]
)
def test_help_and_version_load_no_library_that_computes(arguments):
    line, environment = command(*arguments, code=PRINTS_MODULES + MAIN)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout and not set(HEAVY) & set(done.stderr.split())
