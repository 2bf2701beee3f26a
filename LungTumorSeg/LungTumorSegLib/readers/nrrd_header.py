"""The header of an NRRD file, looked at before ITK reads the file: ITK repairs what must be refused."""

from pathlib import Path

import numpy as np

from .problems import check_spacings, damaged, without_sides, without_size

_ANATOMICAL_SPACES = {
    "left-posterior-superior", "lps", "right-anterior-superior", "ras", "left-anterior-superior", "las",
}  # fmt: skip


def check(path: Path) -> list[str]:
    """Warnings for the user. UnreadableError: damaged. GeometryError: no usable voxel size."""
    import nrrd  # not part of Slicer, which reads files itself

    try:
        header = nrrd.read_header(str(path))
    except Exception as error:  # NRRDError, or whatever pynrrd's parsers raise on damaged bytes
        raise damaged(path) from error
    if header.get("dimension") != 3:
        return []  # `image_files.read` says what is wrong
    if "space directions" in header:
        check_spacings(path, np.linalg.norm(np.asarray(header["space directions"], float), axis=1))
    elif "spacings" in header and "space" not in header:
        check_spacings(path, header["spacings"])
    else:
        raise without_size(path)
    if header.get("space", "").lower() not in _ANATOMICAL_SPACES or "space origin" not in header:
        return [without_sides(path)]
    return []
