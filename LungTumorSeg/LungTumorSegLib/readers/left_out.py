"""What of a series was not read: files that are broken or no pictures, slices of another kind."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UnreadableError
from . import dicom_volumes
from .dicom_headers import Slice, is_dicom

# of the chest: more than that missing is an error unless the user allows it
MOST_MISSING = 0.1
PARALLEL = 0.02  # the difference of direction cosines, 1 degree
GOES_ON = 2.0  # steps between the end of one group and the start of the next
_DICOM_SUFFIXES = (".dcm", ".ima", ".dic", ".dicom")


@dataclass(frozen=True)
class LeftOut:
    """files: names. slices_mm: what the slices of another kind would have covered beyond those that were read."""

    files: tuple[str, ...]
    slices: int
    slices_mm: float

    def mm(self, step_mm: float) -> float:
        """Millimetres of the chest that were not looked at; a broken file is taken for one slice."""
        return len(self.files) * step_mm + self.slices_mm

    def sentence(self, step_mm: float) -> str:
        what = []
        if self.files:
            shown = ", ".join(self.files[:3]) + (", ..." if len(self.files) > 3 else "")
            what.append(f"{len(self.files)} file(s) beside the series are empty, broken off or no DICOM ({shown})")
        if self.slices_mm:
            what.append(f"{self.slices} slice(s) are of another size, direction or kind")
        return f"{' and '.join(what)}: about {self.mm(step_mm):.0f} mm of the chest were not looked at."


def check(left_out: LeftOut, step_mm: float, length_mm: float, allow_partial: bool) -> list[str]:
    """The note for the user, if there is one. UnreadableError where more than a tenth is missing."""
    missing = left_out.mm(step_mm)
    if not missing:
        return []
    sentence = left_out.sentence(step_mm)
    if missing > MOST_MISSING * (length_mm + missing) and not allow_partial:
        raise UnreadableError(
            f"{sentence} Copy the whole series again, or allow it (--allow-partial) to look at the rest."
        )
    return [sentence]


def broken_files(slices: tuple[Slice, ...]) -> tuple[str, ...]:
    """Names of files beside the slices' that look like more of them but are no DICOM.

    A file counts if it is empty, has DICOM's ending, or its name differs from a slice's in its numbers only: what else
    lies on a CD (a viewer, a text) does not.
    """
    folders = {s.path.parent for s in slices}
    patterns = {_pattern(s.path) for s in slices}
    files = (f for folder in folders for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    return tuple(sorted(f.name for f in files if not is_dicom(f) and _belongs(f, patterns)))


def uncovered(part: list[Slice], others: list[list[Slice]]) -> tuple[int, float]:
    """How many slices of the other groups lie where none of the part's is, and the mm that they would have covered.

    A group that shows half of the part's region, or the part half of its, is another look at it and leaves nothing out.
    Places are compared within one patient, study and frame of reference only; of other groups those count that go on
    where the part ends.
    """
    own = np.sort(dicom_volumes.positions(part))
    step = float(np.median(np.diff(own))) if len(own) > 1 else 0.0
    far: set[float] = set()
    for group in others:
        parallel = [s for s in group if np.allclose(s.orientation, part[0].orientation, rtol=0, atol=PARALLEL)]
        if not parallel:
            continue
        along = dicom_volumes.positions(parallel, like=part[0])
        low, high = max(own[0], along.min()), min(own[-1], along.max())
        if high - low >= 0.5 * min(np.ptp(own), np.ptp(along)) and len(parallel) >= dicom_volumes.FEWEST:
            continue
        if part[0].belongs_to[:-1] != parallel[0].belongs_to[:-1] and low - high > GOES_ON * step:
            continue
        far |= {place for place in along.round(2).tolist() if np.abs(own - place).min() > 0.75 * step}
    return len(far), len(far) * step


def _pattern(path: Path) -> str:
    return re.sub(r"\d+", "#", path.name)


def _belongs(file: Path, patterns: set[str]) -> bool:
    return not file.stat().st_size or file.suffix.lower() in _DICOM_SUFFIXES or _pattern(file) in patterns
