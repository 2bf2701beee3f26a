"""The command, called here and in a process of its own."""

import os
import re
import subprocess
import sys

import pytest
from LungTumorSegLib.cli.app import app
from typer.testing import CliRunner

from Testing.support.paths import MODULE

MAIN = "from LungTumorSegLib.cli.app import main; main()"


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


STAGE = re.compile(r"[A-Z][a-z ]+: \d+\.\d s")


def assert_refused(ended, code, words):
    """It ended with the code, one sentence or two on standard error that say what is wrong, and no traceback.

    What it says of stages that it has done comes before that.
    """
    assert ended.exit_code == code, ended.stderr or ended.exception
    *stages, said = ended.stderr.splitlines()
    assert all(STAGE.fullmatch(line) for line in stages)
    assert words in said
    assert said.startswith("lungtumorseg: ")
    assert said.endswith((".", ")"))
    assert ended.stdout == ""


def without_roots_rights():
    """Root may read and write everything: what takes that from a command, where the tests run as root."""
    if not sys.platform.startswith("linux"):
        pytest.skip("takes root's rights away the Linux way")
    if os.geteuid():
        return []
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", "--bounding-set", rights, "--inh-caps", rights]


def command(*arguments, prefix=(), code=MAIN):
    """What starts the command in a process of its own, and its environment."""
    line = [*prefix, sys.executable, "-c", code, *(a if isinstance(a, bytes) else str(a) for a in arguments)]
    return line, {**os.environ, "PYTHONPATH": str(MODULE)}


def run_process(*arguments, prefix=(), code=MAIN, encoding="utf-8", **environment):
    """encoding None: the outputs as bytes. environment: what else is in it."""
    line, variables = command(*arguments, prefix=prefix, code=code)
    return subprocess.run(line, env=variables | environment, capture_output=True, encoding=encoding)
