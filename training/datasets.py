"""Other people's data: folders of CTs and masks, and the Medical Segmentation Decathlon's layout."""

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from LungTumorSegLib import ct as cts
from LungTumorSegLib.contracts import CT
from LungTumorSegLib.errors import GeometryError, UnreadableError
from rich.progress import track

from .config import Config
from .prepare import write_case

SUFFIXES = (".nrrd", ".nii", ".nii.gz", ".mha", ".mhd")
# (images, masks); a Decathlon folder without its dataset.json is one of these too
LAYOUTS = (("images", "masks"), ("images", "labels"), ("imagesTr", "labelsTr"))


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
    15 % val, 15 % test. Raises UnreadableError where there are no pairs or a partner is missing, ValueError where a
    patient is on two sides of the split.
    """
    folder = Path(folder)
    if (folder / "dataset.json").exists():
        listed = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["training"]
        files = {_stem(Path(e["image"])): (folder / e["image"], folder / e["label"]) for e in listed}
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
    table = _table(folder / "cases.csv")
    pairs = []
    for name, (image, mask) in files.items():
        row = table.get(name, {"patient": name})
        pairs.append(Pair(name, row["patient"], row.get("role") or by_hash(row["patient"]), image, mask))
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

    Raises what `ct.read` raises, and GeometryError where the mask is on another grid.
    """
    ct = cts.read(pair.image)
    mask = sitk.ReadImage(str(pair.mask))
    same_size = mask.GetSize() == ct.geometry.shape_zyx[::-1]
    if not same_size or not np.allclose(mask.GetSpacing(), ct.geometry.spacing_xyz, rtol=1e-3):
        raise GeometryError(
            f"The mask {pair.mask.name} ({mask.GetSize()}, {mask.GetSpacing()} mm) lies on another grid than "
            f"{pair.image.name} ({ct.geometry.shape_zyx[::-1]}, {ct.geometry.spacing_xyz} mm). Resample it first."
        )
    return CT(ct.voxels_zyx, ct.geometry, pair.name, ct.source), sitk.GetArrayFromImage(mask) > 0


def prepare(config: Config, folder: Path) -> int:
    """Bring every case of a folder beside the prepared whole CTs; returns how many. A case that is there is kept."""
    pairs = find(folder)
    for pair in track(pairs, Path(folder).name):
        if not (Path(config.data.prepared) / "volumes" / pair.name / "case.json").exists():
            ct, mask = read(pair)
            write_case(config, ct, mask, np.ones(mask.shape, np.uint8), pair.role)
    return len(pairs)


def _images(folder: Path) -> list[Path]:
    # macOS leaves "._name.nii.gz" beside each file, also inside the Decathlon's archives
    return sorted(p for p in folder.iterdir() if p.name.endswith(SUFFIXES) and not p.name.startswith("."))


def _stem(path: Path) -> str:
    return next(path.name[: -len(s)] for s in sorted(SUFFIXES, key=len, reverse=True) if path.name.endswith(s))


def _table(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["name"]: row for row in csv.DictReader(file)}
