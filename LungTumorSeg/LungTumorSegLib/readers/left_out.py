"""What of a series was not read: files that are broken or no pictures, slices of another kind."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UnreadableError
from . import dicom_stack, dicom_volumes
from .dicom_headers import DamagedHeaderError, Slice, is_dicom

# of the chest: more than that missing is an error unless the user allows it
MOST_MISSING = 0.1
PARALLEL = 0.02  # the difference of direction cosines, 1 degree
GOES_ON = 2.0  # steps between the end of one group and the start of the next
_UNFINISHED = r"\.(part|partial|filepart|crdownload|download|tmp)$"
_DICOM_SUFFIXES = (".dcm", ".ima", ".dic", ".dicom")


@dataclass(frozen=True)
class LeftOut:
    """What of a series was not read.

    Attributes:
        files: names.
        slices: how many of another kind lie beyond those that were read.
        slices_mm: what these would have covered.
        gaps_mm: what is missing between those that were read.
        reason: why the first of the files can't be read, if known.
    """

    files: tuple[str, ...]
    slices: int
    slices_mm: float
    gaps_mm: float = 0.0
    reason: str = ""

    def mm(self, step_mm: float) -> float:
        """Millimetres of the chest that were not looked at; a broken file is taken for one slice.

        Args:
            step_mm: distance between slices.
        """
        return max(len(self.files) * step_mm + self.slices_mm, self.gaps_mm)

    def sentence(self, step_mm: float) -> str:
        """What was not read, and how much of the chest that is.

        Args:
            step_mm: distance between slices.
        """
        what = []
        if self.files:
            shown = ", ".join(self.files[:3]) + (", ..." if len(self.files) > 3 else "")
            why = self.reason or "missing, empty, blank, damaged, cut off or no DICOM"
            what.append(f"{len(self.files)} file(s) of the series can't be read ({shown}: {why})")
        if self.slices_mm:
            what.append(
                f"{self.slices} slice(s) are of another size, direction, acquisition or kind, or have no position"
            )
        inside = f", {self.gaps_mm:.0f} mm of it inside" if self.gaps_mm else ""
        return f"{' and '.join(what)}: about {self.mm(step_mm):.0f} mm of the chest were not looked at{inside}."

    def notes(self, step_mm: float) -> list[str]:
        """`sentence` as a note for the user; none where all was read.

        Args:
            step_mm: distance between slices.
        """
        return [self.sentence(step_mm)] if self.files or self.slices_mm else []


def check(left_out: LeftOut, step_mm: float, length_mm: float, allow_partial: bool) -> None:
    """Refuse a series of which more than a tenth is missing, or some of the inside.

    Args:
        step_mm: distance between slices.
        length_mm: what those that were read cover.
        allow_partial: the user allows it.

    Raises:
        UnreadableError: so it is, and the user did not allow it.
    """
    missing = left_out.mm(step_mm)
    if allow_partial or not (left_out.files or left_out.slices_mm):
        return
    if left_out.gaps_mm or missing > MOST_MISSING * (length_mm + missing):
        raise UnreadableError(
            f"{left_out.sentence(step_mm)} Copy the whole series again, or allow it (--allow-partial) to look at the "
            "rest."
        )


def gaps_mm(slices: tuple[Slice, ...]) -> float:
    """What is missing where slices are further apart than usual."""
    steps = np.diff(np.sort(dicom_volumes.positions(list(slices))))
    usual = float(np.median(steps))
    return float((steps[steps > dicom_stack.GAP * usual] - usual).sum())


def broken_files(
    slices: tuple[Slice, ...], files: list[Path], damaged: dict[Path, DamagedHeaderError]
) -> tuple[Path, ...]:
    """The files that look like more of the slices but are no DICOM, or have a damaged header.

    A file counts if it has DICOM's ending, or its name differs from a slice's in its numbers only: what else lies on a
    CD (a viewer, a text) does not. It lies beside the slices, or each of them has a folder of its own.

    Args:
        files: all that were looked at.
        damaged: those with a damaged header, their series as far as it is known.
    """
    uid = slices[0].series_uid
    folders = {s.path.parent for s in slices}
    alone = len(folders) == len(slices)
    patterns = {_pattern(s.path.name) for s in slices}
    paths = {_pattern(str(s.path)) for s in slices} if alone else set()
    endings = {s.path.suffix.lower() for s in slices}

    def belongs(file: Path) -> bool:
        series = damaged[file].series_uid if file in damaged else ""
        if series == uid or not uid.startswith(series):  # cut off itself it says nothing
            return series == uid
        if file.parent not in folders:
            return _pattern(str(file)) in paths
        ending = file.suffix.lower()
        empty = not (file.exists() and file.stat().st_size) and ending in endings
        return empty or ending in _DICOM_SUFFIXES or _pattern(file.name) in patterns

    return tuple(f for f in files if (f in damaged or not is_dicom(f)) and belongs(f))


def uncovered(part: list[Slice], others: list[list[Slice]]) -> tuple[int, float]:
    """What of other groups lies where none of the part's slices is.

    One without a position that is otherwise like the part's is missing wherever it belongs.

    A group that shows half of the part's region, or the part half of its, is another look at it and leaves nothing out.
    Places are compared within one patient, study and frame of reference only; of other groups those count that go on
    where the part ends.

    Returns:
        How many slices, and the mm that they would have covered.
    """
    own = np.sort(dicom_volumes.positions(part))
    step = float(np.median(np.diff(own))) if len(own) > 1 else 0.0
    far: set[float] = set()
    like = (part[0].is_ct, part[0].image_type, part[0].rows, part[0].columns, part[0].colour)
    lost = 0
    for group in others:
        placed = [s for s in group if s.position_lps and s.orientation]
        alike = [s for s in group if like == (s.is_ct, s.image_type, s.rows, s.columns, s.colour)]
        lost += sum(not (s.position_lps and s.orientation and s.pixel_spacing) for s in alike)
        parallel = [s for s in placed if np.abs(_plane(s) - _plane(part[0])).max() <= PARALLEL]
        if not parallel:
            continue
        along = dicom_volumes.positions(parallel, like=part[0])
        low, high = max(own[0], along.min()), min(own[-1], along.max())
        if high - low >= 0.5 * min(np.ptp(own), np.ptp(along)) and len(parallel) >= dicom_volumes.FEWEST:
            continue
        if part[0].belongs_to[:-1] != parallel[0].belongs_to[:-1] and low - high > GOES_ON * step:
            continue
        far |= {place for place in along.round(2).tolist() if np.abs(own - place).min() > 0.75 * step}
    return len(far) + lost, (len(far) + lost) * step


def _plane(s: Slice) -> np.ndarray:
    """What is the same for all slices in parallel, also where one is turned or seen from behind: 3 x 3."""
    row, column = np.reshape(s.orientation, (2, 3))
    normal = np.cross(row, column)
    return np.outer(normal, normal)


def _pattern(name: str) -> str:
    """With # for numbers, long hexadecimal ones too, and without what a broken download puts behind a name."""
    return re.sub(r"[0-9a-fA-F-]{16,}|\d+", "#", re.sub(_UNFINISHED, "", name, flags=re.IGNORECASE))
