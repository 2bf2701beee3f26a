"""What the tests of DICOM folders share."""

import numpy as np
import pytest
from LungTumorSegLib.readers.ct import read_ct

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
