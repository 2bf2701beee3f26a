"""What a newcomer meets first: the checks and the progress of `make setup`, and the demonstration."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

from Testing.support.paths import MODULE, ROOT

# The demonstration on the first CT, where no package can be imported but the named ones
DEMO = """
import sys
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions

allowed, distributions = set(sys.argv.pop(1).split()), packages_distributions()

class Refuse:
    def find_spec(self, name, path=None, target=None):
        owners = distributions.get(name)
        if owners and not allowed & {owner.lower().replace("_", "-") for owner in owners}:
            raise ModuleNotFoundError(f"make setup does not install {name}", name=name)

sys.meta_path.insert(0, Refuse())
from Testing.tools.demo import cases, command
obtain = cases.obtain
cases.obtain = lambda folder: obtain(folder)[:1]
sys.exit(command.main())
"""


def _closure(requirement: str, seen: set) -> set[str]:
    """The names of all that a requirement brings, as pyproject.toml and the installed packages tell."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    name = wanted.name.lower().replace("_", "-")
    if (key := (name, frozenset(wanted.extras))) in seen:
        return set()
    seen.add(key)
    if name == "lungtumorseglib":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        extras = [line for extra in wanted.extras for line in project["optional-dependencies"][extra]]
        lines = project["dependencies"] + extras
    else:
        lines = metadata.requires(name) or []
    for line in lines:
        marker = Requirement(line).marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in wanted.extras or {""}):
            _closure(line, seen)
    return {name for name, _ in seen}


@pytest.mark.parametrize("demo_case", [0], indirect=True)
def test_the_demonstration_needs_no_more_than_make_setup_installs(demo_case, tmp_path):
    allowed = _closure("LungTumorSegLib[demo]", set())
    assert "openvino" in allowed and not {"tensorflow-cpu", "slicer-core", "onnxruntime"} & allowed
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join((str(MODULE), str(ROOT))), "COLUMNS": "80"}
    command = [sys.executable, "-c", DEMO, " ".join(allowed), "--input", str(demo_case.image.parent)]
    done = subprocess.run([*command, "--output", str(tmp_path)], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(re.match(r"\s*\d+ +tumour ", row) for row in done.stdout.splitlines())
    assert max(map(len, done.stdout.splitlines()[:6])) <= 80
    assert {"tumour.png", "surface.png", "overview.png"} <= {path.name for path in (tmp_path / "lung1").iterdir()}


def _script(name: str, *arguments, **variables) -> subprocess.CompletedProcess:
    command = ["sh", ROOT / ".ci" / name, *arguments]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_where_the_tests_run_nothing_is_lacking_for_the_demonstration():
    done = _script("system.sh", "demo")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif("CI" not in os.environ, reason="a computer may lack what some tests need: they say so")
def test_continuous_integration_has_all_that_the_tests_need():
    done = _script("system.sh", "test")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_python_is_found_by_its_version_or_not_at_all():
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = _script("find-python.sh", "3.99", version)
    said = subprocess.run([found.stdout.strip(), "--version"], capture_output=True, text=True).stdout
    assert said.startswith(f"Python {version}.")
    none = _script("find-python.sh", "3.99")
    assert (none.returncode, none.stdout) == (1, "")


@pytest.fixture(scope="module")
def install():
    spec = importlib.util.spec_from_file_location("install", ROOT / ".ci/install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_progress_says_what_pip_is_at(install):
    progress = install.Progress()
    for line in (
        "Collecting numpy>=2.0 (from LungTumorSegLib==0.1.0)\n",
        "  Downloading numpy-2.4.6-cp312-cp312-manylinux_2_27_x86_64.whl.metadata (6.6 kB)\n",
        "  Downloading openvino-2026.4.0-20965-cp312-cp312-manylinux2014_x86_64.whl (52.3 MB)\n",
    ):
        progress.read(line)
    assert progress.text().endswith("1 packages looked up; downloading openvino (52.3 MB)")
    progress.read("Installing collected packages: numpy, openvino, scipy\n")
    assert progress.text().endswith("0 of 3 packages installed")
    progress.read("Successfully installed numpy-2.4.6 openvino-2026.4.0 scipy-1.17.0\n")
    assert progress.text().endswith("3 of 3 packages installed")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_an_environment_without_pip_as_uv_makes_it_gets_pip(tmp_path):
    (tmp_path / ".ci").symlink_to(ROOT / ".ci")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    own = tmp_path / ".venv" / "pyvenv.cfg"
    made = own.stat().st_ino
    done = subprocess.run(["sh", ".ci/make-venv.sh", "demo"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "") and own.stat().st_ino == made  # not made afresh
    subprocess.run([tmp_path / ".venv/bin/python", "-m", "pip", "--version"], check=True, capture_output=True)


def test_when_pip_fails_its_reason_is_told(install, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\ndependencies = ['no-such-thing']\n")
    variables = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    command = [sys.executable, ROOT / ".ci/install.py", "demo"]
    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "No matching distribution found" in done.stdout
    assert ".venv/pip.log" in done.stdout and (tmp_path / ".venv/pip.log").is_file()
