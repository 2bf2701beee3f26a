"""`import LungTumorSegLib`: quick, and its public names are what they say."""

import importlib
import subprocess
import sys

import LungTumorSegLib
import pytest

from Testing.support.paths import MODULE

NAMES = {
    "read_ct": "LungTumorSegLib.readers.ct",
    "segment": "LungTumorSegLib.segmentation",
    "Options": "LungTumorSegLib.data",
    "Result": "LungTumorSegLib.data",
    "Findings": "LungTumorSegLib.findings.review",
    "save": "LungTumorSegLib.writers.result_files",
    "save_dicom": "LungTumorSegLib.dicom_out.save",
    "save_report": "LungTumorSegLib.report.save",
    "compare": "LungTumorSegLib.comparison",
    "save_follow_up": "LungTumorSegLib.writers.follow_up_files",
}


def test_importing_the_library_loads_nothing_but_itself():
    code = (
        "import sys; before = set(sys.modules); import LungTumorSegLib; dir(LungTumorSegLib);"
        "print(*(name for name in set(sys.modules) - before if name.split('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=MODULE, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["LungTumorSegLib"]


def test_the_public_names_are_listed():
    assert set(LungTumorSegLib.__all__) == set(NAMES)
    assert {*NAMES, "__version__"} <= set(dir(LungTumorSegLib))


@pytest.mark.parametrize(("name", "module"), NAMES.items())
def test_a_public_name_is_the_function_or_class_of_that_name(name, module):
    value = getattr(LungTumorSegLib, name)
    assert value is getattr(importlib.import_module(module), name)
    assert (value.__module__, value.__name__) == (module, name)


def test_a_name_stays_what_it_is_when_every_module_is_loaded():
    code = """
import importlib, pkgutil, LungTumorSegLib
for found in pkgutil.walk_packages(LungTumorSegLib.__path__, "LungTumorSegLib."):
    if ".slicer_" not in found.name and not found.name.endswith("__main__"):
        importlib.import_module(found.name)
from LungTumorSegLib import *
names = read_ct, segment, Options, Result, Findings, save, save_dicom, save_report, compare, save_follow_up
print(*(f"{value.__module__}.{value.__name__}" for value in names))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=MODULE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"{module}.{name}" for name, module in NAMES.items()]


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = LungTumorSegLib.nothing
