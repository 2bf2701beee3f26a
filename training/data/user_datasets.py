"""Other people's data: folders of CTs and masks, and the Medical Segmentation Decathlon's layout."""

import csv
import hashlib
import json
from dataclasses import dataclass
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
from .prepare import roles, write_case

SUFFIXES = (".nrrd", ".nii", ".nii.gz", ".mha", ".mhd")
# (images, masks); a Decathlon folder without its dataset.json is one of these too
LAYOUTS = (("images", "masks"), ("images", "labels"), ("imagesTr", "labelsTr"))
ROLES = ("train", "val", "test")


@dataclass(frozen=True)
class Pair:
    """A CT and the mask of its tumours. role: train | val | test."""

    name: str
    patient: str
    role: str
    image: Path
    mask: Path


def find(folder: Path) -> list[Pair]:
    """The pairs of a folder: ``dataset.json`` as in the Decathlon's Task06_Lung, or images/ and masks/ side by side.

    Files of one name without ending belong together. ``cases.csv`` (name, patient, role) says which patient a case is
    of and on which side of the split; without it each case is a patient, and a hash of the name decides: 70 % train,
    15 % val, 15 % test. Raises UnreadableError where there are no pairs or a partner is missing, ValueError where
    ``cases.csv`` does not fit the files or a patient is on two sides of the split.
    """
    folder = Path(folder)
    if (folder / "dataset.json").exists():
        entries = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["training"]
        files = {_stem(Path(e["image"])): (folder / e["image"], folder / e["label"]) for e in entries}
    else:
        layout = next(((a, b) for a, b in LAYOUTS if (folder / a).is_dir() and (folder / b).is_dir()), None)
        if layout is None:
            raise UnreadableError(f"{folder} holds neither dataset.json nor the folders images and masks.")
        images, masks = ({_stem(p): p for p in _images(folder / name)} for name in layout)
        alone = sorted(set(images) ^ set(masks))
        if alone:
            raise UnreadableError(f"In {folder}, {', '.join(alone[:5])} has an image or a mask only; each needs both.")
        files = {name: (images[name], masks[name]) for name in sorted(images)}
    missing = [str(p) for pair in files.values() for p in pair if not p.exists()]
    if missing or not files:
        raise UnreadableError(f"{folder} holds no cases." if not files else f"{missing[0]} is listed but missing.")
    listed = folder / "cases.csv"
    table = _table(listed) if listed.exists() else {name: (name, "") for name in files}
    unknown = sorted(set(table) ^ set(files))
    if unknown:
        raise ValueError(
            f"In {folder}, cases.csv and the files do not fit: {', '.join(unknown[:5])} is in one of the two only. "
            "Give each case one row."
        )
    pairs = []
    for name, (image, mask) in files.items():
        patient, role = table[name]
        pairs.append(Pair(name, patient, role or by_hash(patient), image, mask))
    check_split((pair.patient, pair.role) for pair in pairs)
    return pairs


def by_hash(patient: str) -> str:
    """70 % train, 15 % val, 15 % test, by the patient's name alone: adding patients moves nobody."""
    at = int(hashlib.sha256(patient.encode()).hexdigest()[:8], 16) / 16**8
    return "train" if at < 0.7 else "val" if at < 0.85 else "test"


def check_split(patients_and_roles) -> None:
    """Raise ValueError where a patient is on two sides."""
    seen: dict[str, str] = {}
    for patient, role in patients_and_roles:
        if seen.setdefault(patient, role) != role:
            raise ValueError(
                f"Patient {patient} is on two sides of the split, {seen[patient]} and {role}. "
                "Put all of a patient's images on one side."
            )


def read(pair: Pair) -> tuple[CT, np.ndarray]:
    """The CT, through the product's own reader, and its mask (bool, the CT's stored grid).

    Raises what `read_ct` raises, for the mask too, and GeometryError where that is on another grid.
    """
    ct = read_ct(pair.image)
    mask, grid, _, _ = image_files.read(pair.mask, image_files.kind(pair.mask))
    if not _same_grid(grid, ct.geometry):
        raise GeometryError(
            f"The mask {pair.mask.name} ({_words(grid)}) lies on another grid than {pair.image.name} "
            f"({_words(ct.geometry)}). Resample it first."
        )
    return CT(ct.voxels_zyx, ct.geometry, pair.name, ct.source), mask > 0


def prepare(config: Config, folder: Path) -> int:
    """Bring the cases of a folder beside the prepared whole CTs; returns how many were added.

    A case that is there is kept. One that cannot be used is named, and left out. Raises what `find` raises, and
    ValueError where a name is taken by another CT, or a patient is on another side in the split or what is prepared.
    """
    pairs, volumes = find(folder), Path(config.data.prepared) / "volumes"
    prepared = {path.parent.name: json.loads(path.read_text()) for path in volumes.glob("*/case.json")}
    for pair in pairs:
        there = prepared.get(pair.name)
        if there and there.get("source") != str(pair.image.resolve()):
            raise ValueError(
                f"{pair.name} is prepared already, from {there.get('source', 'the pack or an unknown file')}. Give "
                f"{pair.image} and its mask another name or, if it is the same CT, delete {volumes / pair.name} first."
            )
    before = [*roles(Path(config.data.split)).items(), *((f.get("patient", n), f["role"]) for n, f in prepared.items())]
    check_split([*before, *((pair.patient, pair.role) for pair in pairs)])
    left, left_out = [pair for pair in pairs if pair.name not in prepared], []
    for pair in track(left, Path(folder).name):
        try:
            ct, mask = read(pair)
            write_case(
                config, ct, mask, np.ones(mask.shape, np.uint8), pair.role, pair.patient, str(pair.image.resolve())
            )
        except InputError as problem:
            print(f"{pair.name}: {problem}", flush=True)
            left_out.append(pair.name)
    if left_out:
        print(f"Left out: {', '.join(left_out)}.")
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


def _images(folder: Path) -> list[Path]:
    # macOS leaves "._name.nii.gz" beside each file, also inside the Decathlon's archives
    return sorted(p for p in folder.iterdir() if p.name.endswith(SUFFIXES) and not p.name.startswith("."))


def _stem(path: Path) -> str:
    endings = [s for s in sorted(SUFFIXES, key=len, reverse=True) if path.name.endswith(s)]
    return path.name.removesuffix(endings[0]) if endings else path.name


def _table(path: Path) -> dict[str, tuple[str, str]]:
    """Case -> patient and role ("": none is given)."""
    found = {}
    with path.open(newline="", encoding="utf-8-sig") as file:  # Excel writes a BOM
        for row in csv.DictReader(file):
            name, patient, role = ((row.get(key) or "").strip() for key in ("name", "patient", "role"))
            if not name or not patient:
                raise ValueError(f"{path}: each row needs name and patient, with a comma between them, as the header.")
            if role and role not in ROLES:
                raise ValueError(f"{path}: {name} has the role {role}; known are {', '.join(ROLES)}.")
            if found.setdefault(_stem(Path(name)), (patient, role)) != (patient, role):
                raise ValueError(f"{path}: {name} has two rows that differ. Give each case one row.")
    return found
