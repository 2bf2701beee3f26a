"""The series of a DICOM folder: listed, and one of them read as a CT."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..data import CT
from ..errors import GeometryError, InputError, NotACTError, UnreadableError
from ..geometry import Geometry
from . import dicom_choice, dicom_folder, dicom_stack, dicom_volumes, left_out
from .dicom_folder import Contents
from .dicom_headers import Slice
from .paths import shown

MOST_PLACED = 0.9  # of the slices must have a position


@dataclass(frozen=True)
class Series:
    """One series, or one part of a series that holds several volumes; then ``uid`` ends with #1, #2, ...

    Attributes:
        slices: all in one orientation, localizers left out.
        problem: why it can't be read as a CT, or None.
        notes: sentences on what was left out.
        elsewhere: slices of another kind that lie where these do not, and their mm.
    """

    uid: str
    slices: tuple[Slice, ...]
    problem: InputError | None = None
    notes: tuple[str, ...] = ()
    elsewhere: tuple[int, float] = (0, 0.0)

    @property
    def facts(self) -> dict:
        """What describes it, by name; nothing names the patient."""
        return self.slices[0].facts

    @property
    def modality(self) -> str:
        """CT for every class of CT objects, else what the header says."""
        return "CT" if self.slices[0].is_ct else self.slices[0].modality

    @property
    def name(self) -> str:
        """Its description, without one its number."""
        return self.facts["description"] or f"Series {self.facts['series_number']}"

    @cached_property
    def _along_mm(self) -> np.ndarray:
        return dicom_stack.sort(list(self.slices), self.name).along_mm

    @property
    def length_mm(self) -> float:
        """Covered along the normal; 0 for a series with a problem."""
        return 0.0 if self.problem else float(self._along_mm[-1])

    @property
    def step_mm(self) -> float:
        """Distance between slices; 0 for a series with a problem."""
        return 0.0 if self.problem else float(np.median(np.diff(self._along_mm)))

    @property
    def axial(self) -> bool:
        """Whether the normal lies within 37 degrees (cosine 0.8) of the body's axis."""
        row, column = np.reshape(self.slices[0].orientation, (2, 3))
        return bool(abs(np.cross(row, column)[2]) > 0.8)  # a gantry tilts by 30 degrees (0.87) at most

    def __str__(self) -> str:
        about = "not usable" if self.problem else f"{self.step_mm:.2f} mm apart"
        return f"{self.uid} ({self.modality}, {self.name}, {len(self.slices)} slices, {about})"


def list_series(path: str | Path) -> tuple[Series, ...]:
    """All series of a folder and the folders in it, or the one that a file belongs to; the best chest CT first.

    The rule is `dicom_choice.RULE`; series that can't be read as a CT come last, with their ``problem``.

    Raises:
        UnreadableError: no DICOM picture there, or none whose header is whole.
    """
    return _series(dicom_folder.look(Path(path)).slices)


def _series(slices: list[Slice]) -> tuple[Series, ...]:
    by_uid = defaultdict(list)
    for s in slices:
        by_uid[s.series_uid].append(s)
    found = [series for uid, members in by_uid.items() for series in _split(uid, members)]
    usable = [s for s in found if not s.problem]
    return (
        *dicom_choice.ordered(usable),
        *sorted((s for s in found if s.problem), key=lambda s: (s.facts["series_number"], s.uid)),
    )


def name_the_choice(error: InputError, source: dict) -> InputError:
    """The error of a CT that was chosen among several series, with the names of them all.

    Args:
        source: `CT.source`.

    Returns:
        For the caller to raise; the same error where there are no others.
    """
    others = source.get("other_series")
    if not others:
        return error
    kind = UnreadableError if isinstance(error, UnreadableError) else type(error)
    return kind(
        f"{error} The series {source['description'] or source['series_uid']} was read ({source['series_uid']}); there "
        f"are others: {'; '.join(others)}. Choose one with --series."
    )


def choose(found: tuple[Series, ...], wanted: str | None = None) -> Series:
    """The first of `list_series`, or the one that is wanted.

    Args:
        found: as `list_series` gives them.
        wanted: a UID, or a part of it.

    Raises:
        UnreadableError: no such series, or several.
        InputError: that of a series that can't be read as a CT.
    """
    hits: Sequence[Series] = found
    if wanted is not None:
        hits = [s for s in found if s.uid == wanted] or [s for s in found if wanted in s.uid]
        if len(hits) != 1:
            raise UnreadableError(
                f"{'No' if not hits else 'More than one'} series here matches {wanted!r}. Series: {_listed(found)}. "
                f"Without a choice, {dicom_choice.RULE}."
            )
    best = hits[0]
    if best.problem:
        if len(hits) == 1:
            raise best.problem
        raise type(best.problem)(f"None of the series here can be read as a chest CT: {_listed(found)}.")
    return best


def read(path: Path, series: str | None = None, allow_partial: bool = False, only: Sequence[Path] = ()) -> CT:
    """Read one series of a folder, or the one that a file belongs to, as a CT in Hounsfield units.

    Args:
        series: as in `choose`.
        allow_partial: read it also where some of the inside or more than a tenth of the chest could not be read.
        only: as in `dicom_folder.look`.

    Returns:
        The CT. ``source``: path, format, series_uid, modality, what describes the series, the number of slices, the
            rescale slopes and intercepts that were applied (least and greatest), not_read (files, and mm of the chest),
            other_series (one line each) and warnings.

    Raises:
        UnreadableError: some of the inside or more than a tenth of the chest could not be read, unless
            ``allow_partial``.
        InputError: as in `list_series`, `choose` and `dicom_stack.build`.
    """
    contents = dicom_folder.look(path, only)
    found = _series(contents.slices)
    chosen = choose(found, series)
    if "#" in (series or ""):  # the user knows that there are others
        chosen = replace(chosen, elsewhere=(0, 0.0))
    others = [str(s) for s in found if s.uid != chosen.uid]
    try:
        best, missing, (voxels, geometry, warnings) = _whole(chosen, contents, allow_partial)
    except InputError as error:
        choice = {"description": chosen.name, "series_uid": chosen.uid, "other_series": others}
        raise name_the_choice(error, choice) from error
    warnings = [*missing.notes(best.step_mm), *best.notes, *warnings]
    if (said := best.slices[0].modality) != "CT":
        warnings.append(f"The Modality is {said or 'empty'}; class and values are a CT's, so it was read as one.")
    if len([s for s in found if not s.problem]) > 1 and series is None:
        warnings.append(f"{len(others) + 1} series were found; {best.name} was chosen ({best.uid}).")
    source = {
        "path": shown(path),
        "format": "DICOM",
        "series_uid": best.uid,
        "modality": best.modality,
        **best.facts,
        "slices": len(best.slices),
        "rescale_slope": [f(s.slope for s in best.slices) for f in (min, max)],
        "rescale_intercept": [f(s.intercept for s in best.slices) for f in (min, max)],
        "not_read": {"files": len(missing.files) + missing.slices, "mm": round(missing.mm(best.step_mm), 2)},
        "other_series": others,
        "warnings": warnings,
    }
    return CT(voxels, geometry, best.name, source, tuple((s.path, s.frame) for s in best.slices))


def _whole(
    best: Series, contents: Contents, allow_partial: bool
) -> tuple[Series, left_out.LeftOut, tuple[np.ndarray, Geometry, list[str]]]:
    """The series as far as it can be read, what is left out, and what `dicom_stack.build` makes of it."""
    broken = left_out.broken_files(best.slices, contents.files, contents.damaged)
    reason = next((contents.damaged[f].reason for f in broken if f in contents.damaged), "")
    best = replace(best, notes=(*best.notes, *_unread(contents, broken)))
    try:
        missing = _missing(best, broken, allow_partial, reason)
        return best, missing, dicom_stack.build(list(best.slices), best.name, allow_partial)
    except dicom_stack.BrokenPixelsError as error:
        rest = tuple(s for s in best.slices if s not in error.slices)
        if len(rest) < dicom_volumes.FEWEST:
            raise
        best = replace(best, slices=rest)
        missing = _missing(best, (*broken, *(s.path for s in error.slices)), allow_partial, reason)
        return best, missing, dicom_stack.build(list(rest), best.name, allow_partial)


def _missing(series: Series, broken: tuple[Path, ...], allow_partial: bool, reason: str) -> left_out.LeftOut:
    names = tuple(shown(path.name) for path in broken)
    gaps = left_out.gaps_mm(series.slices) if names or series.elsewhere[0] or allow_partial else 0.0
    missing = left_out.LeftOut(names, *series.elsewhere, gaps, reason)
    left_out.check(missing, series.step_mm, series.length_mm, allow_partial)
    return missing


def _unread(contents: Contents, broken: tuple[Path, ...]) -> list[str]:
    """A note on the files of other series that can't be read."""
    rest = [path for path in contents.damaged if path not in broken and path.exists()]
    if not rest:
        return []
    return [f"{len(rest)} file(s) of other series can't be read ({shown(rest[0].name)}, ...); they were left out."]


def _split(uid: str, slices: list[Slice]) -> list[Series]:
    """The readable part of a series (or several, where it holds phases), or the series with its problem."""
    problem: InputError
    first = next((s for s in slices if s.is_ct), slices[0])
    name = first.facts["description"] or f"Series {first.facts['series_number']}"
    if not first.is_ct:
        problem = NotACTError(f"{name} is {first.modality or 'a picture'}, not CT (Modality). Give a chest CT.")
        return [Series(uid, tuple(slices), problem)]
    kept = [s for s in slices if s.is_ct and "LOCALIZER" not in s.image_type and not s.colour]
    if not kept:
        problem = GeometryError(f"{name} holds only localizers or colour pictures. Give the CT volume.")
        return [Series(uid, tuple(slices), problem)]
    placed = [s for s in kept if s.position_lps and s.orientation and s.pixel_spacing]
    if len(placed) >= MOST_PLACED * len(kept):  # a few without are pictures that were saved into the series
        kept = placed
    else:
        problem = GeometryError(
            f"{name} has slices without position, orientation or pixel size: a file is damaged, or these are pictures "
            "made from a scan. Give the CT as the scanner sent it."
        )
        return [Series(uid, tuple(kept), problem)]
    plain = [s for s in kept if s.units == "HU"]
    if not plain:
        problem = NotACTError(
            f"The values of {name} are {kept[0].units}, not Hounsfield units (RescaleType). Give the plain CT."
        )
        return [Series(uid, tuple(kept), problem)]
    if any(s.by_table for s in plain):
        problem = UnreadableError(
            f"A table (Modality LUT Sequence) turns the values of {name} into Hounsfield units; only a rescale slope "
            "and intercept can be read. Export the series from the scanner or the archive as a plain CT."
        )
        return [Series(uid, tuple(kept), problem)]
    used = {id(s) for s in plain}
    others = [s for s in slices if id(s) not in used]
    return _volumes(uid, plain, others)


def _volumes(uid: str, plain: list[Slice], left: list[Slice]) -> list[Series]:
    """The series of each volume that its slices make; what is left of them is counted. left: those of another kind."""
    groups = dicom_volumes.split(plain)
    parts = [g for g in groups if len(g) >= dicom_volumes.FEWEST] or [max(groups, key=len)]
    others = len(plain) + len(left) - sum(map(len, parts))
    notes: tuple[str, ...] = (f"{others} localizer(s) or picture(s) of another kind were left out.",) if others else ()
    if len(parts) > 1:
        notes += (
            f"The series holds {len(parts)} volumes (acquisitions, phases, patients, kernels or pixel sizes); one was "
            f"taken, choose another with its UID ({uid}#1 to #{len(parts)}).",
        )
    found = []
    for i, part in enumerate(parts, start=1):
        elsewhere = left_out.uncovered(part, [*(g for g in groups if g is not part), left])
        name = f"{uid}#{i}" if len(parts) > 1 else uid
        found.append(_checked(Series(name, tuple(part), notes=notes, elsewhere=elsewhere)))
    return found


def _checked(series: Series) -> Series:
    problem = None
    if len(series.slices) < dicom_volumes.FEWEST:
        few = f"{series.name} has only {len(series.slices)} slice(s). Give a volume of at least 3 slices."
        problem = GeometryError(few)
    try:
        dicom_stack.sort(list(series.slices), series.name)
    except GeometryError as error:
        problem = error
    return replace(series, problem=problem)


def _listed(found: Iterable[Series]) -> str:
    return "; ".join(map(str, found))
