"""A CT, read from a file or a DICOM folder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..checks import as_hu, check
from ..data import CT
from ..errors import InputError, UnreadableError
from . import dicom_series, image_files
from .paths import shown


def read_ct(
    path: str | Path,
    series: str | None = None,
    allow_partial: bool = False,
    add_hu: float = 0.0,
    only: Sequence[Path] = (),
) -> CT:
    """Read a CT: NRRD, NIfTI or MetaImage, or DICOM (a folder, or one file of a series).

    Args:
        series: chooses among the series of a DICOM folder: a SeriesInstanceUID or an unambiguous part of it; without it
            the rule of `dicom_series.choose` does.
        allow_partial: read what is there of a DICOM series that is more than a tenth broken.
        add_hu: added to every value, where the user knows that the file's are off.
        only: of a folder, the files that are looked at, where it holds several studies (`dicom_studies`).

    Returns:
        The voxels keep the stored axis order, in the type of `checks.as_hu`, and the geometry its exact numbers, in LPS
            mm. ``source`` holds path, format, pixel_type, warnings (sentences for the user), and for DICOM what
            `dicom_series.read` adds.

    Raises:
        UnreadableError: missing, damaged, of an unknown kind, too much of it missing.
        GeometryError: not one straight 3D volume.
        NotACTError: what `checks.check` finds, which is called here.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise UnreadableError(f"There is no file or folder {path}.")
        if not (path.is_dir() or path.is_file()):  # opening one may wait for ever
            raise UnreadableError(f"{path} is a pipe, a socket or a device. Save the CT as a file and give that.")
        kind = None if path.is_dir() else image_files.kind(path)
        if kind is None:
            ct = dicom_series.read(path, series, allow_partial, only)
        else:
            array, geometry, pixel_type, warnings = image_files.read(path, kind)
            source = {"path": shown(path), "format": kind, "pixel_type": pixel_type, "warnings": warnings}
            ct = CT(as_hu(array), geometry, shown(_stem(path)), source)
    except OSError as error:
        raise UnreadableError(f"{path} can't be opened ({error.strerror or error}).") from error
    if add_hu:
        note = f"{add_hu:+g} was added to every value, as asked."
        source = ct.source | {"add_hu": add_hu, "warnings": [*ct.source["warnings"], note]}
        ct = replace(ct, voxels_zyx=as_hu(ct.voxels_zyx.astype(np.float32) + np.float32(add_hu)), source=source)
    try:
        check(ct)
    except InputError as error:
        raise dicom_series.name_the_choice(error, ct.source) from error
    return ct


def _stem(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    return name.removesuffix(Path(name).suffix) if Path(name).suffix in image_files.SUFFIXES else name
