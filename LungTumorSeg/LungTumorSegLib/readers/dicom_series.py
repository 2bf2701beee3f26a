"""The series of a DICOM folder: listed, and one of them read as a CT."""

import os
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..data import CT
from ..errors import GeometryError, InputError, NotACTError, UnreadableError
from . import dicom_choice, dicom_headers, dicom_stack, left_out
from .dicom_headers import Slice
from .paths import shown

MOST_PLACED = 0.9  # of the slices must have a position


@dataclass(frozen=True)
class Series:
    """One series, or one part of a series that holds several volumes; then ``uid`` ends with #1, #2, ...

    slices: all in one orientation, localizers left out. problem: why it can't be read as a CT, or None. notes:
    sentences on what was left out. elsewhere: slices of another kind that lie where these do not, and their mm.
    """

    uid: str
    slices: tuple[Slice, ...]
    problem: InputError | None = None
    notes: tuple[str, ...] = ()
    elsewhere: tuple[int, float] = (0, 0.0)

    @property
    def facts(self) -> dict:
        return self.slices[0].facts

    @property
    def modality(self) -> str:
        return "CT" if self.slices[0].is_ct else self.slices[0].modality

    @property
    def name(self) -> str:
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
        row, column = np.reshape(self.slices[0].orientation, (2, 3))
        return bool(abs(np.cross(row, column)[2]) > 0.8)  # a gantry tilts by 30 degrees (0.87) at most

    def __str__(self) -> str:
        about = "not usable" if self.problem else f"{self.step_mm:.2f} mm apart"
        return f"{self.uid} ({self.modality}, {self.name}, {len(self.slices)} slices, {about})"


def list_series(path: str | Path) -> tuple[Series, ...]:
    """All series of a folder and the folders in it, or the one that a file belongs to; the best chest CT first.

    The rule is `dicom_choice.RULE`; series that can't be read as a CT come last, with their ``problem``.
    UnreadableError: no DICOM picture there, or a damaged header.
    """
    path = Path(path)
    if path.name.upper() == "DICOMDIR" and path.is_file():
        path = path.parent  # its table of contents can be out of date; the files beside it are looked at
    if path.is_dir():
        files = _files(path)
        slices = [s for f in files if dicom_headers.is_dicom(f) for s in dicom_headers.slices(f)]
        if not slices:
            what = f"none of its {len(files)} files is a DICOM picture" if files else "it is empty"
            raise UnreadableError(f"No DICOM series in the folder {path}: {what}. Choose the folder of a chest CT.")
    else:
        slices = _siblings(path)
    by_uid = defaultdict(list)
    for s in slices:
        by_uid[s.series_uid].append(s)
    found = [series for uid, members in by_uid.items() for series in _split(uid, members)]
    usable = [s for s in found if not s.problem]
    return (
        *dicom_choice.ordered(usable),
        *sorted((s for s in found if s.problem), key=lambda s: (s.facts["series_number"], s.uid)),
    )


def _files(folder: Path) -> list[Path]:
    """All files in it and the folders in it, behind links too; each folder once."""
    seen, files = set(), []
    for here, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(here)) in seen:
            folders.clear()
            continue
        seen.add(real)
        files += [Path(here, name) for name in names if not name.startswith(".") and name.upper() != "DICOMDIR"]
    return sorted(f for f in files if f.is_file())


def name_the_choice(error: InputError, source: dict) -> InputError:
    """The error of a CT that was chosen among several series, with the names of them all. source: `CT.source`."""
    others = source.get("other_series")
    if not others:
        return error
    return type(error)(
        f"{error} The series {source['description'] or source['series_uid']} was read ({source['series_uid']}); there "
        f"are others: {'; '.join(others)}. Choose one with --series."
    )


def choose(found: tuple[Series, ...], wanted: str | None = None) -> Series:
    """The first of `list_series`, or the one whose UID is ``wanted`` or contains it.

    UnreadableError: no such series, or several. The error of a series that can't be read as a CT.
    """
    hits = found
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


def read(path: Path, series: str | None = None, allow_partial: bool = False) -> CT:
    """Read one series of a folder, or the one that a file belongs to, as a CT in Hounsfield units.

    ``series`` as in `choose`. ``source``: path, format, series_uid, modality, what describes the series, the number of
    slices, the rescale slopes and intercepts that were applied (least and greatest), not_read (files, and mm of the
    chest), other_series (one line each) and warnings. Errors as in `list_series`, `choose` and `dicom_stack.build`;
    UnreadableError where more than a tenth of the chest could not be read, unless ``allow_partial``.
    """
    found = list_series(path)
    best = choose(found, series)
    missing = left_out.LeftOut(left_out.broken_files(best.slices), *best.elsewhere)
    notes = left_out.check(missing, best.step_mm, best.length_mm, allow_partial)
    voxels, geometry, warnings = dicom_stack.build(list(best.slices), best.name)
    warnings = [*notes, *best.notes, *warnings]
    if (said := best.slices[0].modality) != "CT":
        warnings.append(f"The Modality is {said or 'empty'}; class and values are a CT's, so it was read as one.")
    others = [str(s) for s in found if s is not best]
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
        "not_read": {"files": len(missing.files), "mm": round(missing.mm(best.step_mm), 2)},
        "other_series": others,
        "warnings": warnings,
    }
    return CT(voxels, geometry, best.name, source)


def _siblings(path: Path) -> list[Slice]:
    """All slices in the file's folder that belong to the file's series."""
    own = dicom_headers.slices(path) if dicom_headers.is_dicom(path) else []
    if not own:
        raise UnreadableError(
            f"{path.name} is of an unknown kind, or no picture. A chest CT can be given as a DICOM folder, NRRD, NIfTI "
            "or MetaImage file."
        )
    uid = own[0].series_uid
    others = [f for f in sorted(path.parent.iterdir()) if f != path and f.is_file() and dicom_headers.is_dicom(f)]
    return own + [s for f in others for s in dicom_headers.slices(f) if s.series_uid == uid]


def _split(uid: str, slices: list[Slice]) -> list[Series]:
    """The readable part of a series (or several, where it holds phases), or the series with its problem."""
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
    if kept[0].units != "HU":
        problem = NotACTError(
            f"The values of {name} are {kept[0].units}, not Hounsfield units (RescaleType). Give the plain CT."
        )
        return [Series(uid, tuple(kept), problem)]
    volumes = [group for group in _grouped(kept, lambda s: s.belongs_to) for group in [max(_alike(group), key=len)]]
    others = len(slices) - sum(map(len, volumes))
    notes = (f"{others} localizer(s) or picture(s) of another kind were left out.",) if others else ()
    try:
        parts = [part for volume in volumes for part in _phases(volume)]
    except GeometryError as error:
        return [Series(uid, tuple(kept), error)]
    used = {id(s) for volume in volumes for s in volume}
    elsewhere = [left_out.uncovered([s for s in kept if id(s) not in used], part) for part in parts]
    if len(parts) == 1:
        return [_checked(Series(uid, tuple(parts[0]), notes=notes, elsewhere=elsewhere[0]))]
    notes += (
        f"The series holds {len(parts)} volumes (acquisitions, phases, patients or kernels); one was taken, choose "
        f"another with its UID ({uid}#1 to #{len(parts)}).",
    )
    return [
        _checked(Series(f"{uid}#{i}", tuple(part), notes=notes, elsewhere=mm))
        for i, (part, mm) in enumerate(zip(parts, elsewhere, strict=True), start=1)
    ]


def _checked(series: Series) -> Series:
    if len(series.slices) >= 3:
        return series
    few = f"{series.name} has only {len(series.slices)} slice(s). Give a volume of at least 3 slices."
    return Series(series.uid, series.slices, GeometryError(few))


def _alike(slices: list[Slice]) -> list[list[Slice]]:
    """Groups of the same size, orientation and pixel size: a scout in another direction is no part of the stack."""
    groups: list[list[Slice]] = []
    for s in slices:
        for group in groups:
            g = group[0]
            same_size = (g.rows, g.columns) == (s.rows, s.columns)
            if (
                same_size
                and np.allclose(g.orientation, s.orientation, atol=0.01)
                and np.allclose(g.pixel_spacing, s.pixel_spacing, rtol=1e-3)
            ):
                group.append(s)
                break
        else:
            groups.append([s])
    return groups


def _phases(slices: list[Slice]) -> list[list[Slice]]:
    """Split where acquisition, temporal position or cardiac phase tells slices of one region apart.

    Slices of two breath-holds need not share a position: half a step apart they would be zipped into one volume.
    """
    once = list({s.uid: s for s in slices}.values())
    for which in range(len(once[0].phase)):
        parts = _grouped(once, lambda s, which=which: s.phase[which])
        if len(parts) > 1 and all(len(part) >= 3 and _single(part) for part in parts) and _overlap(parts):
            return parts
    return [slices]


def _grouped(slices: list[Slice], key) -> list[list[Slice]]:
    groups = defaultdict(list)
    for s in slices:
        groups[key(s)].append(s)
    return [groups[k] for k in sorted(groups, key=lambda k: (k is None, k))]


def _overlap(parts: list[list[Slice]]) -> bool:
    """Whether each part covers half of another's region. Parts that meet at their ends make one chest together."""
    row, column = np.reshape(parts[0][0].orientation, (2, 3))
    normal = np.cross(row, column)
    ends = [(min(a), max(a)) for a in ([float(np.dot(s.position_lps, normal)) for s in part] for part in parts)]
    return all(
        any(min(high, h) - max(low, l_) >= 0.5 * min(high - low, h - l_) for j, (l_, h) in enumerate(ends) if j != i)
        for i, (low, high) in enumerate(ends)
    )


def _single(slices: list[Slice]) -> bool:
    along = dicom_stack.sort(slices, "The series").along_mm
    return bool(dicom_stack.positions_differ(along).all())


def _listed(found) -> str:
    return "; ".join(map(str, found))
