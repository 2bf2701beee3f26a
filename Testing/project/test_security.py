"""What the code never does: shell strings, pickles, guessable temporary files, code out of files."""

import ast
import os
import stat
import sys
from pathlib import Path

import pytest
from LungTumorSegLib.worker import client
from LungTumorSegLib.writers.output_folder import all_or_nothing

from Testing.support.paths import MODULE, ROOT

SOURCES = sorted(
    path for folder in (MODULE, ROOT / "training", ROOT / ".ci") for path in folder.rglob("*.py") if path.is_file()
)
# a name that is called -> why it is not
FORBIDDEN = {
    "os.system": "a shell reads its string", "os.popen": "a shell reads its string", "os.popen2": "a shell",
    "subprocess.getoutput": "a shell reads its string", "subprocess.getstatusoutput": "a shell reads its string",
    "eval": "runs a text", "exec": "runs a text", "tempfile.mktemp": "another may take the name first",
    "pickle.load": "runs code of the file", "pickle.loads": "runs code of the file", "marshal.loads": "runs code",
    "shelve.open": "a pickle", "joblib.load": "a pickle", "torch.load": "a pickle", "yaml.load": "makes any object",
    "keras.models.load_model": "may run code of the file", "keras.saving.load_model": "may run code of the file",
    "keras.config.enable_unsafe_deserialization": "lets a file run code",
}  # fmt: skip
SWITCHES = {"shell": "a shell reads the string", "allow_pickle": "runs code of the file"}


def called(tree: ast.AST):
    """(name with its dots, call) of each call by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def faults(source: str) -> list[str]:
    found = []
    for name, call in called(ast.parse(source)):
        if name in FORBIDDEN:
            found.append(f"line {call.lineno}: {name} ({FORBIDDEN[name]})")
        for keyword in call.keywords:
            if keyword.arg in SWITCHES and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                found.append(f"line {call.lineno}: {keyword.arg} ({SWITCHES[keyword.arg]})")
    return found


def test_no_code_runs_a_shell_string_a_pickle_or_a_text():
    assert len(SOURCES) > 200
    assert {str(path): found for path in SOURCES if (found := faults(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "source",
    ["os.system('ls')", "run('ls', shell=True)", "np.load(x, allow_pickle=yes)", "tempfile.mktemp()", "eval(x)"],
)
def test_the_search_finds_what_it_looks_for(source):
    assert faults(source)


def test_the_search_lets_pass_what_is_allowed():
    assert not faults("run(['ls'], shell=False); np.load(x, allow_pickle=False); model.eval(); re.compile(x)")


@pytest.mark.skipif(sys.platform == "win32", reason="rights are otherwise there")
def test_temporary_folders_are_the_users_own_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        private = client._private_folder()
        with all_or_nothing(tmp_path / "out", ("a",)) as partial:
            modes = [stat.S_IMODE(Path(folder).stat().st_mode) for folder in (private, partial)]
        private.rmdir()
    finally:
        os.umask(before)
    assert modes == [0o700, 0o700]
