"""Other people's CTs with masks, brought beside the prepared whole CTs."""

import csv
import hashlib
import json
import sys
from collections import Counter
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from LungTumorSegLib.data import CT
from LungTumorSegLib.errors import GeometryError, InputError, UnreadableError
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.readers import image_files
from LungTumorSegLib.readers.ct import read_ct
from rich.progress import track

from ..config import Config
from ..errors import DataError
from . import layouts, seen
from .prepare import write_case

ROLES = ("train", "val", "test")
MOST_VALUES = 64  # more different ones are no labels
MOST_SHARE = 0.5  # of a volume: the tumour's; more is the background's mask
# lungs that somebody outlined: more than this much whose middle value is air and lung
LUNG_ML, LUNG_HU = 300, -600


@dataclass(frozen=True)
class Pair:
    """A CT and the mask of its tumours.

    Attributes:
        name: The case's.
        patient: Whose it is.
        role: train | val | test.
        image: A file, or a folder of DICOM files.
        mask: A file.
        tumour: Values of the mask that are tumour.
        ignored: Values of the mask where nobody knows.
    """

    name: str
    patient: str
    role: str
    image: Path
    mask: Path
    tumour: tuple[int, ...] | None = None
    ignored: tuple[int, ...] = ()

    @property
    def facts(self) -> dict:
        """What the case's record keeps, so that the CT and its mask can be read again."""
        files = {"source": str(self.image.resolve()), "mask": str(self.mask.resolve())}
        return files | {"tumour": self.tumour, "ignored": self.ignored}


def find(folder: Path, labels: tuple[int, ...] = ()) -> list[Pair]:
    """The pairs of a folder, as `layouts.find` finds them.

    ``cases.csv`` (name, patient, role) says which patient a case is of and on which side of the split; without it each
    case is a patient, and a hash of the name decides: 70 % train, 15 % val, 15 % test.

    Args:
        folder: Of the data set.
        labels: The masks' values that are tumour; by default what the folder says, else what `tumour_values` finds.

    Raises:
        UnreadableError: As `layouts.find`.
        DataError: As `layouts.find`, and where ``cases.csv`` does not fit the files or a patient is on two sides of the
            split.
    """
    folder = Path(folder)
    layout = layouts.find(folder, labels)
    print(f"{folder}: {layout.words}, {len(layout.files)} cases", file=sys.stderr, flush=True)
    listed = folder / "cases.csv"
    table = read_table(listed) if listed.exists() else {name: (name, "") for name in layout.files}
    check_names(folder, table, layout.files)
    pairs = []
    for name, (image, mask) in layout.files.items():
        patient, role = table[name]
        pairs.append(Pair(name, patient, role or by_hash(patient), image, mask, layout.tumour, layout.ignored))
    check_split((pair.patient, pair.role) for pair in pairs)
    return pairs


def check_names(folder: Path, table, files) -> None:
    """Check that ``cases.csv`` and the files name the same cases.

    Args:
        folder: Named in the error.
        table: Has the names of ``cases.csv`` as keys.
        files: Has the names of the files as keys.

    Raises:
        DataError: They do not.
    """
    unknown = sorted(set(table) ^ set(files))
    if unknown:
        raise DataError(
            f"In {folder}, cases.csv and the files do not fit: {', '.join(unknown[:5])} is in one of the two only. "
            "Give each case one row."
        )


def by_hash(patient: str) -> str:
    """70 % train, 15 % val, 15 % test, by the patient's name alone: adding patients moves nobody."""
    at = int(hashlib.sha256(patient.encode()).hexdigest()[:8], 16) / 16**8
    return "train" if at < 0.7 else "val" if at < 0.85 else "test"


def check_split(patients_and_roles) -> None:
    """Check that no patient is on two sides.

    Args:
        patients_and_roles: Any number of (patient, role).

    Raises:
        DataError: One is.
    """
    seen: dict[str, str] = {}
    for patient, role in patients_and_roles:
        if seen.setdefault(patient, role) != role:
            raise DataError(
                f"Patient {patient} is on two sides of the split, {seen[patient]} and {role}. "
                "Put all of a patient's images on one side."
            )


def tumour_values(pairs: list[Pair]) -> tuple[int, ...]:
    """The values that mark the tumour, once all masks have been looked at: the pairs' own, else the only one beside 0.

    Args:
        pairs: At least one; the first one's ``tumour`` and ``ignored`` hold for all.

    Raises:
        DataError: No mask has the tumour's value, there are several and nothing says which, or a file is no mask.
    """
    seen: dict[int, Path] = {}
    for pair in track(pairs, "Masks"):
        for value in _values(pair.mask):
            seen.setdefault(value, pair.mask)
    marks, named = sorted(set(seen) - {0, *pairs[0].ignored}), pairs[0].tumour
    if not marks:
        raise DataError("No mask marks anything: there is no tumour to learn from. Check the masks.")
    if named and not set(named) & set(marks):
        raise DataError(f"No mask has the tumour's label {named}; there are {marks}. Say which one it is with --label.")
    if not named and len(marks) > 1:
        where = ", ".join(f"{value} ({seen[value].name})" for value in marks[:8])
        raise DataError(
            f"The masks have the values {where}, and nothing says which is tumour. Name it: "
            f"--label {marks[-1]}, or several: --label 1 --label 2."
        )
    return named or (marks[0],)


def _values(mask: Path) -> list[int]:
    try:
        array, _ = _read_mask(mask)
    except InputError:  # named when the case is left out
        return []
    values = np.unique(np.concatenate([np.unique(plane) for plane in array]))
    if len(values) > MOST_VALUES or values[0] < 0 or (values != np.rint(values)).any():
        raise DataError(
            f"{mask} is no mask: it holds {len(values)} different values, from {values[0]:g} to {values[-1]:g}. A mask "
            "has 0 and a whole number for each kind of tissue."
        )
    return values.astype(int).tolist()


def _read_mask(path: Path) -> tuple[np.ndarray, Geometry]:
    """Its voxels (z, y, x) as stored, and their grid."""
    kind = image_files.kind(path)
    if kind is None:
        raise UnreadableError(f"{path.name} is no mask that can be read. Give a NRRD, NIfTI or MetaImage file.")
    voxels, grid, _, _ = image_files.read(path, kind)
    return voxels, grid


def read(pair: Pair) -> tuple[CT, np.ndarray, np.ndarray]:
    """Read a pair: the CT through the product's own reader, its tumours, and what nobody knows.

    Returns:
        The CT, and two bool arrays on its stored grid: tumour, and where nobody knows.

    Raises:
        UnreadableError: CT or mask cannot be read; other errors as `read_ct`, for the mask too.
        GeometryError: The mask is on another grid.
        DataError: It is the background's mask or the lungs'.
    """
    ct = read_ct(pair.image)
    labels, grid = _read_mask(pair.mask)
    if not _same_grid(grid, ct.geometry):
        raise GeometryError(
            f"The mask {pair.mask.name} ({_words(grid)}) lies on another grid than {pair.image.name} "
            f"({_words(ct.geometry)}). Resample it first."
        )
    tumour = np.isin(labels, pair.tumour) if pair.tumour else labels > 0
    share = np.count_nonzero(tumour) / tumour.size
    if share > MOST_SHARE:
        raise DataError(
            f"The mask {pair.mask.name} marks {share:.0%} of the whole volume: is it of the background, or of the body?"
        )
    ml = np.count_nonzero(tumour) * ct.geometry.voxel_mm3 / 1000
    if ml > LUNG_ML and np.median(ct.voxels_zyx[tumour]) < LUNG_HU:
        raise DataError(f"The mask {pair.mask.name} marks {ml:.0f} ml of aerated lung: is it a mask of the lungs?")
    return CT(ct.voxels_zyx, ct.geometry, pair.name, ct.source), tumour, np.isin(labels, pair.ignored)


def prepare(config: Config, folder: Path, labels: tuple[int, ...] = ()) -> int:
    """Bring the cases of a folder beside the prepared whole CTs.

    A case that is there is kept. One that cannot be used is named, and left out.

    Args:
        config: Says where the prepared data are.
        folder: As for `find`.
        labels: As for `find`.

    Returns:
        How many were added.

    Raises:
        UnreadableError: As `find`.
        DataError: As `find` and `tumour_values`, and where a name is taken by another CT, a patient is on another side
            in the split or what is prepared, or no case can be used.
    """
    pairs, volumes = find(folder, labels), Path(config.data.prepared) / "volumes"
    prepared = {path.parent.name: json.loads(path.read_text()) for path in volumes.glob("*/case.json")}
    for pair in pairs:
        there = prepared.get(pair.name)
        if there and there.get("source") != str(pair.image.resolve()):
            raise DataError(
                f"{pair.name} is prepared already, from {there.get('source', 'the pack or an unknown file')}. Give "
                f"{pair.image} and its mask another name or, if it is the same CT, delete {volumes / pair.name} first."
            )
    split = seen.roles(Path(config.data.split)) if config.data.pack else {}
    before = [*split.items(), *((f.get("patient", n), f["role"]) for n, f in prepared.items())]
    check_split([*before, *((pair.patient, pair.role) for pair in pairs)])
    values = tumour_values(pairs)
    pairs = [replace(pair, tumour=values) for pair in pairs]
    left, left_out = [pair for pair in pairs if pair.name not in prepared], []
    for pair in track(left, Path(folder).name):
        try:
            ct, tumour, ignored = read(pair)
            write_case(config, ct, tumour, (~ignored).astype(np.uint8), pair.role, pair.patient, pair.facts)
        except InputError as problem:
            print(f"{pair.name}: {problem}", flush=True)
            left_out.append(pair.name)
    if left_out:
        print(f"Left out: {', '.join(left_out)}.")
    if left and len(left) == len(left_out):
        raise DataError(f"None of the {len(left)} cases of {folder} can be used.")
    sides = Counter(pair.role for pair in pairs if pair.name not in left_out)
    print(f"On {', '.join(f'{role} {sides[role]}' for role in ROLES)}.")
    return len(left) - len(left_out)


def _same_grid(one: Geometry, other: Geometry) -> bool:
    """As many voxels, and no corner more than half a voxel from the other's."""
    corners = list(product(*((0, n - 1) for n in one.shape_zyx)))
    apart = np.linalg.norm(one.lps(corners) - other.lps(corners), axis=1).max()
    return one.shape_zyx == other.shape_zyx and bool(apart <= 0.5 * min(other.spacing_xyz))


def _words(grid: Geometry) -> str:
    size, spacing, origin, direction = (
        " x ".join(f"{value:.4g}" for value in values)
        for values in (grid.shape_zyx[::-1], grid.spacing_xyz, grid.origin_lps, grid.direction)
    )
    return f"{size} voxels of {spacing} mm, origin {origin}, direction {direction}"


def read_table(path: Path, stem=layouts.stem) -> dict[str, tuple[str, str]]:
    """Read a ``cases.csv`` with the columns name, patient and role.

    Args:
        path: Of the file.
        stem: What makes the case's name of a file's.

    Returns:
        From case to patient and role ("" where none is given).

    Raises:
        DataError: A row has no name or patient, a role is unknown, or two rows of a case differ.
    """
    found: dict[str, tuple[str, str]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:  # Excel writes a BOM
        for row in csv.DictReader(file):
            name, patient, role = ((row.get(key) or "").strip() for key in ("name", "patient", "role"))
            if not name or not patient:
                raise DataError(f"{path}: each row needs name and patient, with a comma between them, as the header.")
            if role and role not in ROLES:
                raise DataError(f"{path}: {name} has the role {role}; known are {', '.join(ROLES)}.")
            if found.setdefault(stem(Path(name)), (patient, role)) != (patient, role):
                raise DataError(f"{path}: {name} has two rows that differ. Give each case one row.")
    return found
