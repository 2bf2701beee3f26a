"""A small CT with a nodule, its file, and a folder for the output."""

import pytest

from Testing.support import phantoms


@pytest.fixture(scope="session")
def small():
    """A CT of the part of a lung where the nodule is: quick, and without lungs to be found."""
    return phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])[0]


@pytest.fixture
def small_file(tmp_path, small):
    path = tmp_path / "in" / "ct.nrrd"
    path.parent.mkdir()
    phantoms.write_image(small, path)
    return path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"
