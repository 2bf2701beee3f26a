"""The voxels of an NRRD file that ITK cannot read: a space whose name it does not know, an encoding that it lacks."""

from pathlib import Path

import numpy as np

from .nrrd_header import NrrdHeader
from .problems import damaged


def read(path: Path, header: NrrdHeader) -> np.ndarray:
    """(z, y, x). UnreadableError: damaged or cut off."""
    import nrrd  # not part of Slicer, which reads files itself

    try:
        with path.open("rb") as stream:
            stream.seek(header.end)
            array = nrrd.read_data(header.fields, stream, str(path), index_order="C")
        return array.reshape(header.shape_zyx)
    except Exception as error:  # NRRDError, or whatever unpacking damaged bytes raises
        raise damaged(path) from error
