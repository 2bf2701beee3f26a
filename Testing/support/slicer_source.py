"""A checkout of Slicer's sources, where the environment variable SLICER_SOURCE names one."""

import os
from pathlib import Path

import pytest


def checkout() -> Path:
    """Skips the test that asks without one."""
    if "SLICER_SOURCE" not in os.environ:
        pytest.skip("SLICER_SOURCE names no checkout of Slicer")
    return Path(os.environ["SLICER_SOURCE"])


def environment() -> dict[str, str]:
    """For a process in which Slicer's own Python files stand in the place of the stand-in's."""
    return {name: v for name, v in os.environ.items() if name != "SLICER_SOURCE"} | {"SLICER_FILES": str(checkout())}
