"""One logic with its child process, warm for all tests of this folder, and the CTs that it runs on."""

import pytest
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase

from Testing.support import headless, phantoms
from Testing.support.logic_case import NODULE, SECOND


@pytest.fixture(scope="package")
def warm():
    """One logic for the folder: its child stays warm from test to test."""
    logic = LungTumorSegLogicBase()
    yield logic
    logic.close()


@pytest.fixture
def logic(warm, scene):
    yield warm
    warm.cancel()


@pytest.fixture(scope="package")
def chest():
    return phantoms.chest(lesions=(NODULE, SECOND))


@pytest.fixture(scope="package")
def piece():
    """Around the first nodule only: for clicks."""
    return phantoms.chest((2.0, 2.0, 3.0), size_mm=(150, 120, 90), lesions=(NODULE,), centre_lps=(-64.0, 14.0, 14.0))


@pytest.fixture
def volume(scene, piece):
    return headless.add_volume(piece[0])
