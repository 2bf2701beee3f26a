"""What the tests of NIfTI files share."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from LungTumorSegLib.errors import GeometryError
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import phantoms

# a piece of the right lung with the nodule and the chest wall: 30 x 24 x 20 voxels
SMALL, _ = phantoms.chest((3, 3, 3), (90, 72, 60), centre_lps=(-100, 10, 20))
RAS = np.diag([-1.0, -1, 1, 1])


def save(path, ct=SMALL, kind=nibabel.Nifti1Image, **header) -> Path:
    """As nibabel writes it, with both forms those of the scanner unless ``header`` says otherwise."""
    image = kind(ct.voxels_zyx.T, RAS @ ct.geometry.affine)
    image.header.set_xyzt_units("mm")
    image.header.set_sform(image.affine, 1)
    image.header.set_qform(image.affine, 1)
    for key, value in header.items():
        image.header[key] = value
    nibabel.save(image, path)
    return Path(path)


def is_same(ct, wanted=SMALL) -> bool:
    near = np.allclose(ct.geometry.affine, wanted.geometry.affine, atol=1e-4)  # NIfTI-1 holds 32-bit numbers
    return near and np.array_equal(ct.voxels_zyx, wanted.voxels_zyx)


def refused_geometry(path, match):
    with pytest.raises(GeometryError, match=match):
        read_ct(path)
