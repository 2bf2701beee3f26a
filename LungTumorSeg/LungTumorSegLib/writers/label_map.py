"""The lesions as a label map for other tools: any image format that ITK writes, chosen by the file's ending."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .. import signals
from ..data import Result
from ..enums import Status
from ..errors import OutputError
from ..geometry import Geometry
from . import result_files
from .output_folder import output_error

# ITK's formats that give back labels on a turned grid unchanged (a test writes each). Others lose the direction; JPEG
# ended the process (SimpleITK 2.5).
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".img", ".mnc", ".h5", ".hdf5")

# formats of two files: what the voxels (of .img: the header) may be written into
_BESIDE = {".mhd": (".raw", ".zraw"), ".nhdr": (".raw", ".raw.gz"), ".hdr": (".img", ".img.gz"), ".img": (".hdr",)}


def voxels(result: Result) -> np.ndarray:
    """The lesions as a label map.

    Listed lesions alone, without the rejected, are in it, since a label has no status.

    Returns:
        uint16 (z, y, x) on the CT's stored grid, 0 or the id of the lesion there. A voxel of several lesions (outlines
            drawn by hand) has the id of the one that stands first in the table.
    """
    labels = np.zeros(result.geometry.shape_zyx, np.uint16)
    for lesion, mask in zip(reversed(result.lesions), reversed(result.masks), strict=True):
        if lesion.status != Status.REJECTED:
            labels[lesion.label_box.slices][mask] = lesion.id
    return labels


def check(path: Path, output: Path, overwrite: bool = False, ct: Path | None = None) -> None:
    """Raise now what `written` would raise after minutes of work; leaves nothing behind.

    Args:
        path: Of the label map.
        output: The folder of the same run's results, which has file names of its own.
        overwrite: A file that is there may be replaced.
        ct: What was segmented.

    Raises:
        OutputError: An ending that is none of `ENDINGS`; a name of another result file in ``output``; a folder; a file
            that is there and not ``overwrite``; the CT itself; a folder that does not exist or cannot be written to.
    """
    if not path.name.lower().endswith(ENDINGS):
        raise OutputError(f"No label map can be written as {path.name}. Use one of the endings {', '.join(ENDINGS)}.")
    same_folder = path.resolve().parent == output.resolve()
    if same_folder and any(fnmatch(path.name, pattern) for pattern in result_files.FILES):
        raise OutputError(f"{path.name} is the name of another result file. Choose another name for the label map.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Give the label map's file name, for example labels.nii.gz.")
    for file in _files(path):
        if ct is not None and file.exists() and ct.exists() and file.samefile(ct):
            raise OutputError(f"{path} would replace the CT. Choose another name for the label map.")
        if file.exists() and not overwrite:
            raise OutputError(f"{file} is there already. Choose another name, or overwrite it (--overwrite).")
    with _temporary_beside(path):
        pass


def _files(path: Path) -> list[Path]:
    """The label map's file, and what its format may write beside it."""
    return [path, *(path.with_suffix(ending) for ending in _BESIDE.get(path.suffix.lower(), ()))]


@contextmanager
def written(path: Path, result: Result) -> Iterator[None]:
    """Write `voxels` under a temporary name; on a clean exit of the block it gets its own, else it is gone.

    Args:
        path: Of the label map. A format of two files (.mhd and its .raw) gets both.

    Raises:
        OutputError: The label map cannot be written.
    """
    with _temporary_beside(path) as folder:
        try:
            labels = voxels(result)
            _check_room(folder, labels.nbytes)
            _write(folder / path.name, labels, result.geometry)
        except OSError as error:
            raise output_error(path.parent, error) from error
        except (RuntimeError, UnicodeError) as error:
            raise OutputError(f"The label map {path} can't be written (is the disk full?).") from error
        yield
        with signals.held_back():
            # what names the other is last
            for file in sorted(folder.iterdir(), key=lambda file: file.name == path.name):
                file.replace(path.parent / file.name)


@contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=path.parent))
    except OSError as error:
        raise output_error(path.parent, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_room(folder: Path, size: int) -> None:
    """Raise OSError where the disk does not take so many bytes and a header.

    ITK does not: on a full disk it leaves a NIfTI, NRRD or MetaImage that is cut off, and HDF5 ends the process. The
    bytes are random, so that no disk makes them smaller.
    """
    part, trial = os.urandom(1 << 20), folder / "trial"
    try:
        with trial.open("wb") as file:
            for _ in range(size // len(part) + 1):
                file.write(part)
    finally:
        trial.unlink(missing_ok=True)


def _write(path: Path, labels: np.ndarray, geometry: Geometry) -> None:
    image = sitk.GetImageFromArray(labels)
    image.SetOrigin(geometry.origin_lps)
    image.SetSpacing(geometry.spacing_xyz)
    image.SetDirection(geometry.direction)
    sitk.WriteImage(image, str(path), useCompression=True)
