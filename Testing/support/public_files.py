"""Real files that pydicom and nibabel bring for their own tests, and what the reader makes of each.

`python -m Testing.support.public_files` writes the snapshot anew, to be looked through before it is committed.
"""

import json
import shutil
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from LungTumorSegLib import errors
from LungTumorSegLib.readers.ct import read_ct

SNAPSHOT = Path(__file__).parent / "public_files.json"
FOLDERS = {
    "pydicom": (pydicom.__version__, Path(pydicom.__file__).parent / "data"),
    "nibabel": (nibabel.__version__, Path(nibabel.__file__).parent / "tests" / "data"),
}


def outcomes(package: str) -> dict[str, str]:
    """For each file and folder "read" or the error and its sentence. Any error that is not ours is raised."""
    _, root = FOLDERS[package]
    paths = [p for p in sorted(root.rglob("*")) if "__pycache__" not in p.parts and p.suffix != ".py"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of oddities that these files are there for
        return {p.relative_to(root).as_posix(): _outcome(p) for p in paths}


def _outcome(path: Path) -> str:
    """Of a copy that stands alone: a DICOM file is read with those beside it."""
    with tempfile.TemporaryDirectory() as folder:
        if path.is_dir():
            copy = Path(shutil.copytree(path, Path(folder, path.name)))
        else:
            copy = Path(shutil.copy(path, folder))
        try:
            read_ct(copy)
        except errors.LungTumorSegError as error:
            kind = next(c.__name__ for c in type(error).__mro__ if c.__module__ == errors.__name__)
            return f"{kind}: {str(error).replace(folder, '').replace(path.name, '{name}')}"
    return "read"


def grey_pictures() -> Iterator[tuple[Path, np.ndarray]]:
    """DICOM files with whole grey pixels that pydicom can decode, and these pixels before the rescale."""
    _, root = FOLDERS["pydicom"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((root / "test_files").rglob("*")):
            try:
                dataset = pydicom.dcmread(path)
                pixels = dataset.pixel_array
            except Exception:  # these files are there to be difficult
                continue
            if dataset.SamplesPerPixel == 1 and dataset.BitsAllocated >= 8:
                yield path, pixels


def snapshot() -> dict:
    """package -> version and files. files: outcome -> names."""
    found = {}
    for package, (version, _) in FOLDERS.items():
        names = defaultdict(list)
        for name, outcome in outcomes(package).items():
            names[outcome].append(name)
        found[package] = {"version": version, "files": dict(sorted(names.items()))}
    return found


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(snapshot(), indent=1, ensure_ascii=False) + "\n")
