"""The installer: real pip in a real virtual environment, on small wheels made here; and what pip would do in Slicer."""

import json
import shutil
import subprocess
import sys
import time
import zipfile

import pytest

from Testing.support.paths import RESOURCES, ROOT
from Testing.support.wheels import make_wheel

SLICER_PACKAGES = ROOT / "Testing" / "support" / "slicer-5.12-packages.txt"
TAGS = {
    "Linux": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
    "Windows": ("win_amd64",),
    "Darwin": ("macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_14_0_arm64"),
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A virtual environment with pip and one package that plays Slicer's own."""
    root = tmp_path_factory.mktemp("environment")
    wheels = root / "first wheels"
    wheels.mkdir()
    make_wheel(wheels, "slicers", "1.0")
    subprocess.run([sys.executable, "-m", "venv", root / "venv"], check=True)
    python = root / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-index", wheels / "slicers-1.0-py3-none-any.whl"], check=True
    )
    return root / "venv"


@pytest.fixture
def place(pristine, tmp_path):
    """(python, site-packages) of a copy of `pristine`, which a test may spoil."""
    shutil.copytree(pristine, tmp_path / "venv", symlinks=True)
    site = next((tmp_path / "venv" / "lib").glob("python3*/site-packages"))
    return tmp_path / "venv" / "bin" / "python", site


@pytest.fixture
def wheels(tmp_path):
    """An offline folder, with a space in its name: an engine that needs a part, both pure Python."""
    folder = tmp_path / "folder of wheels"
    folder.mkdir()
    make_wheel(folder, "tinybase", "1.2")
    make_wheel(folder, "tinypart", "3.0")
    make_wheel(folder, "tinyengine", "2.0", ["tinypart>=3"])
    make_wheel(folder, "greedy", "1.0", ["slicers>=2"])
    make_wheel(folder, "slicers", "2.0")
    return folder


@pytest.fixture
def installer(standin_app, place, tmp_path):
    from LungTumorSegLib.slicer_.install.installer import Installer

    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\ntinybase>=1  # why\nother>=1; sys_platform == 'amiga'\n")
    return Installer(requirements, python=str(place[0]), site=place[1])


def plan(requirement="tinyengine>=2", disk_gb=0.01):
    from LungTumorSegLib.slicer_.install.packages import Plan

    return Plan("tiny", requirement, disk_gb, "test")


def finish(start, *arguments, **keywords):
    """Runs one of the installer's actions to its verdict, the event loop turning as in Slicer."""
    import slicer

    verdicts, lines = [], []
    start(*arguments, lines.append, verdicts.append, **keywords)
    deadline = time.monotonic() + 120
    while not verdicts and time.monotonic() < deadline:
        slicer.app.processEvents()
        time.sleep(0.01)
    return verdicts[0]


def test_an_offline_folder_is_enough_and_what_was_there_stays(installer, wheels, place):
    verdict = finish(installer.install, plan(), wheels=wheels)
    assert verdict.good, verdict.log
    assert "3 packages" in verdict.text
    assert installer.present()["slicers"] == "1.0"
    assert installer.recorded() == {"tinybase": "1.2", "tinypart": "3.0", "tinyengine": "2.0"}
    assert installer.missing(plan()) == []


def test_a_package_that_needs_another_version_of_slicers_own_is_refused(installer, wheels):
    before = installer.present()
    verdict = finish(installer.install, plan("greedy>=1"), wheels=wheels)
    assert not verdict.good and "change packages of Slicer" in verdict.text
    assert installer.present() == before


def test_half_an_installation_is_found_and_repaired(installer, wheels, place):
    finish(installer.install, plan(), wheels=wheels)
    (place[1] / "tinyengine" / "part.py").unlink()
    assert installer.missing(plan()) == []  # by its metadata it is there
    verdict = finish(installer.verify, plan())
    assert not verdict.good and "tinyengine" in verdict.text and "ImportError" in verdict.text
    verdict = finish(installer.repair, plan(), wheels=wheels)
    assert verdict.good, verdict.log
    assert (place[1] / "tinyengine" / "part.py").exists()


def test_a_module_that_kills_the_process_is_named(installer, wheels, place):
    finish(installer.install, plan(), wheels=wheels)
    (place[1] / "tinyengine" / "part.py").write_text("import os\nos._exit(3)\n")
    verdict = finish(installer.verify, plan())
    assert not verdict.good and "tinyengine" in verdict.text and "3" in verdict.text


def test_removing_takes_out_what_was_installed_and_nothing_else(installer, wheels, place):
    before = installer.present()
    finish(installer.install, plan(), wheels=wheels)
    assert finish(installer.remove).good
    assert installer.present() == before
    assert not list(place[1].glob("LungTumorSeg*"))
    assert "installed nothing" in finish(installer.remove).text


def test_an_empty_folder_of_wheels_is_said_before_anything_starts(installer, tmp_path):
    verdict = finish(installer.install, plan(), wheels=tmp_path / "nothing here")
    assert not verdict.good and "0 files" in verdict.text and verdict.log == ""


def test_too_little_disk_is_said_before_anything_starts(installer, wheels):
    verdict = finish(installer.install, plan(disk_gb=1e9), wheels=wheels)
    assert not verdict.good and "Disk" in verdict.text and verdict.log == ""


def test_a_slicer_older_than_5_10_is_told_so(installer, wheels, standin_app, monkeypatch):
    monkeypatch.setattr(standin_app, "minorVersion", 8)
    verdict = finish(installer.install, plan(), wheels=wheels)
    assert not verdict.good and "5.8 is too old" in verdict.text and "5.10" in verdict.text


def test_slicer_5_10_which_can_only_wait_installs_too(installer, wheels, standin_app, monkeypatch):
    monkeypatch.setattr(standin_app, "minorVersion", 10)
    assert finish(installer.install, plan(), wheels=wheels).good


def test_a_second_click_while_pip_runs_is_refused(installer, wheels):
    import slicer

    verdicts, ignore = [], lambda line: None
    installer.install(plan(), ignore, verdicts.append, wheels=wheels)
    installer.install(plan(), ignore, verdicts.append, wheels=wheels)
    assert len(verdicts) == 1 and "already under way" in verdicts[0].text
    while installer.busy:
        slicer.app.processEvents()
        time.sleep(0.01)
    assert verdicts[1].good


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying ... NewConnectionError('<pip...>: Failed to establish a new connection')", "reached"),
        ("ERROR: ... SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate"),
        ("ERROR: ResolutionImpossible: for help visit https://pip.pypa.io", "change packages of Slicer"),
        ("ERROR: No matching distribution found for openvino>=2025.0", "not there for this computer"),
        ("ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied", "cannot be written"),
        ("ERROR: something new", "something new"),
    ],
)
def test_pip_errors_become_a_sentence(standin_app, line, word):
    from LungTumorSegLib.slicer_.install.installer import explain

    assert word in explain(["Collecting tensorflow", line])


@pytest.mark.parametrize(
    ("system", "processor", "nvidia", "engine", "expected"),
    [
        ("Linux", "x86_64", True, "auto", "tensorflow[and-cuda]"),
        ("Linux", "x86_64", False, "auto", "openvino"),
        ("Windows", "amd64", True, "auto", "onnxruntime-directml"),
        ("Darwin", "arm64", False, "auto", "onnxruntime>="),
        ("Windows", "amd64", False, "tensorflow", "tensorflow>="),
        ("Linux", "x86_64", False, "tensorflow", "tensorflow-cpu"),
        ("Linux", "aarch64", False, "auto", "openvino"),
    ],
)
def test_the_plan_follows_the_platform(standin_app, system, processor, nvidia, engine, expected):
    from LungTumorSegLib.slicer_.install import packages

    made = packages.plan(packages.Machine(system, processor, nvidia), engine)
    assert made.requirement.startswith(expected) and made.reason


def test_an_onnxruntime_that_is_there_is_used_as_it_is(standin_app, tmp_path):
    from LungTumorSegLib.slicer_.install.installer import Installer
    from LungTumorSegLib.slicer_.install.packages import Machine

    make_wheel(tmp_path, "onnxruntime_gpu", "1.20")
    with zipfile.ZipFile(tmp_path / "onnxruntime_gpu-1.20-py3-none-any.whl") as wheel:
        wheel.extractall(tmp_path / "site")
    made = Installer(RESOURCES / "requirements.txt", machine=Machine("Windows", "amd64", True), site=tmp_path / "site")
    assert made.plan().requirement == "onnxruntime-gpu"


def test_the_support_report_names_versions_and_no_folder(installer, tmp_path):
    report = installer.report()
    assert "Slicer 5.12" in report and "slicers 1.0" in report and str(tmp_path) not in report


@pytest.mark.parametrize("system", sorted(TAGS))
def test_pip_would_change_nothing_of_slicers_own(standin_app, system, tmp_path):
    """pip's dry run for the platform's wheels. Its markers are those of this machine; the versions are what counts."""
    from LungTumorSegLib.slicer_.install import packages

    processor = "arm64" if system == "Darwin" else "x86_64"
    made = packages.plan(packages.Machine(system, processor, nvidia=False))
    wanted = [*packages.read_requirements(RESOURCES / "requirements.txt"), made.requirement]
    platforms = [word for tag in TAGS[system] for word in ("--platform", tag)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", tmp_path / "report.json"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.12", *platforms]
    command += ["--target", tmp_path / "target", "--constraint", SLICER_PACKAGES, *wanted]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    chosen = {
        packages.canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"]
        for item in json.loads((tmp_path / "report.json").read_text())["install"]
    }
    pairs = [line.strip().split("==") for line in SLICER_PACKAGES.read_text().splitlines() if "==" in line]
    held = {packages.canonicalize_name(name): version for name, version in pairs}
    changed = {name: version for name, version in chosen.items() if held.get(name, version) != version}
    assert changed == {}
    assert chosen["numpy"] == "2.4.6"
