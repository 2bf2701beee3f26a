"""What the tests of DICOM folders share."""

import numpy as np
import pydicom
import pytest
from LungTumorSegLib.readers.ct import read_ct
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from Testing.support import phantoms

# a piece of the right lung with the nodule and the chest wall: 30 x 24 x 20 voxels
SMALL, _ = phantoms.chest((3, 3.5, 3), (90, 84, 60), centre_lps=(-100, 10, 20))
OTHER, _ = phantoms.chest((3, 3.5, 3), (90, 84, 60), centre_lps=(-100, 10, 20), seed=1)
UID = "1.2.826.0.1.3680043.8.498"


def same(ct, wanted) -> bool:
    same_grid = ct.geometry.shape_zyx == wanted.geometry.shape_zyx and np.allclose(
        ct.geometry.affine, wanted.geometry.affine, atol=1e-5
    )
    return same_grid and np.array_equal(ct.voxels_zyx, wanted.voxels_zyx)


def refused(error, match, path, **options):
    with pytest.raises(error, match=match):
        read_ct(path, **options)


def edited(paths, change):
    for path in paths:
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)


def raw(keyword, value: bytes):
    """Puts bytes into a tag that a writer would refuse."""
    tag = Tag(pydicom.datadict.tag_for_keyword(keyword))
    vr = pydicom.datadict.dictionary_VR(tag)
    padded = value + b" " * (len(value) % 2)

    def change(dataset):
        dataset._dict[tag] = RawDataElement(tag, vr, len(padded), padded, 0, False, True)

    return change
