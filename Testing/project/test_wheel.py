"""A wheel holds all that the library needs of this repository: it runs from a fresh folder, with its own model."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from Testing.support import phantoms
from Testing.support.paths import ROOT

RUN = """
import sys
from pathlib import Path
import LungTumorSegLib
from LungTumorSegLib.model.bundle import load_bundle

print(Path(LungTumorSegLib.__file__).parents[1], load_bundle().folder, sep="\\n")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: setuptools leaves folders behind where it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE.txt"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "LungTumorSeg", source / "LungTumorSeg", ignore=shutil.ignore_patterns("*.egg-info"))
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    _pip("install", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def _pip(*arguments):
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _run(installed, *command) -> str:
    """In the folder's own library; what it builds on is this environment's."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([*map(str, command)], env=environment, cwd=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_offers_the_extras_that_the_documentation_names(wheel):
    with zipfile.ZipFile(wheel) as content:
        (name,) = (name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = content.read(name).decode()
    extras = {line.removeprefix("Provides-Extra: ") for line in metadata.splitlines() if "Provides-Extra" in line}
    assert {"openvino", "onnxruntime", "tensorflow", "training", "dicom", "report"} <= extras


def test_library_and_model_are_those_of_the_folder(installed):
    folder, model = _run(installed, sys.executable, "-c", RUN).split()
    assert folder == str(installed)
    assert model == str(installed / "LungTumorSegLib/Resources/Models/default")


def test_the_command_segments_from_there(installed, tmp_path):
    ct, _ = phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])
    phantoms.write_image(ct, tmp_path / "ct.nrrd")
    command = installed / "bin" / ("lungtumorseg.exe" if sys.platform == "win32" else "lungtumorseg")
    _run(installed, command, "segment", tmp_path / "ct.nrrd", "--output", tmp_path / "out", "--no-lung-mask")
    assert len((tmp_path / "out" / "lesions.csv").read_text().splitlines()) > 1
