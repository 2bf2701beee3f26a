"""Real files of other projects, made to be difficult: each is read or refused with a sentence."""

import json

import numpy as np
import pytest
from LungTumorSegLib.readers import dicom_headers, dicom_pixels

from Testing.support import public_files


@pytest.mark.parametrize("package", public_files.FOLDERS)
def test_each_file_that_other_packages_bring_is_read_or_refused_with_the_known_sentence(package):
    known = json.loads(public_files.SNAPSHOT.read_text())[package]
    wanted = {name: outcome for outcome, names in known["files"].items() for name in names}
    found = public_files.outcomes(package)
    sentences = {name: outcome for name, outcome in found.items() if outcome != "read"}
    assert len(found) > 50
    assert all(outcome.endswith((".", ")")) and ": " in outcome for outcome in sentences.values())
    # of another version a file can be another one; what is there ends in a sentence all the same
    if public_files.FOLDERS[package][0] == known["version"]:
        assert found == wanted


def test_the_pixels_of_real_files_are_those_that_pydicom_reads():
    compared = 0
    for path, wanted in public_files.grey_pictures():
        slices = dicom_headers.slices(path)
        for i, pixels in dicom_pixels.stored(slices):
            assert np.array_equal(pixels, wanted if wanted.ndim == 2 else wanted[slices[i].frame]), path.name
            compared += 1
    assert compared > 50
