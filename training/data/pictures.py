"""Slices and masks as plain arrays or as picture files, in the folders that people have."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LungTumorSegLib.errors import GeometryError, UnreadableError

from ..errors import DataError
from .layouts import PICTURES
from .user_datasets import check_names, check_split, read_table

SIDES = ("train", "valid")
SIDE_NAMES = {"train": ("train", "training", "tr"), "valid": ("valid", "val", "validation")}
WHAT_NAMES = {
    "images": ("images", "image", "imgs", "img", "x", "slices", "ct"),
    "labels": ("labels", "label", "masks", "mask", "y", "segmentations", "seg"),
}
MASK_ENDING = re.compile(r"[ _-](mask|masks|seg|segmentation|label|labels|gt|matte|image|img|ct)$", re.IGNORECASE)


@dataclass(frozen=True)
class Side:
    """The pictures of one side of the split.

    Attributes:
        images: As stored.
        labels: As stored.
        patients: Of each picture, where they are known.
    """

    images: np.ndarray
    labels: np.ndarray
    patients: list[str] | None


def read(folder: Path) -> dict[str, Side]:
    """Read both sides of a folder of arrays, else of pictures.

    Arrays: train_images.npy, train_labels.npy, valid_images.npy, valid_labels.npy, also by the names in SIDE_NAMES and
    WHAT_NAMES, in either order (X_train.npy). Pictures (PNG, JPEG, TIFF, BMP): folders train/images, train/masks,
    valid/images, valid/masks; train_images, ...; or images and masks with cases.csv, which says whose each picture is.

    Returns:
        {"train": ..., "valid": ...}.

    Raises:
        UnreadableError: A part is missing, damaged or there twice.
        GeometryError: Sizes differ, or a picture is neither grey nor colour.
        DataError: cases.csv does not fit the pictures, a patient is on two sides, a side has no picture, or a picture
            is partly transparent.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UnreadableError(f"There is no folder {folder}.")
    if any(path.suffix == ".npy" for path in folder.iterdir()):
        return {side: _arrays(folder, side) for side in SIDES}
    parts = {}
    for side in SIDES:
        images, masks = (_picture_folder(folder, side, what) for what in WHAT_NAMES)
        if images and masks:
            parts[side] = images, masks
    if len(parts) == len(SIDES):
        return {side: _pictures(*own) for side, own in parts.items()}
    images, masks = (_one([p for p in folder.iterdir() if p.is_dir()], names) for names in WHAT_NAMES.values())
    if images and masks:
        return _by_table(folder, images, masks)
    raise UnreadableError(
        f"{folder} holds no pictures that are known: neither {', '.join(_files())}, nor folders of pictures "
        "train/images, train/masks, valid/images and valid/masks, nor images and masks with a cases.csv."
    )


def _files() -> list[str]:
    return [f"{side}_{what}.npy" for side in SIDES for what in WHAT_NAMES]


def _one(paths: list[Path], names: tuple[str, ...]) -> Path | None:
    """That whose name without ending is one of these; None if there is none."""
    found = sorted(path for path in paths if path.stem.lower() in names)
    if len(found) > 1:
        raise UnreadableError(f"{found[0]} and {found[1].name} are the same to the recipe. Leave one of them.")
    return found[0] if found else None


def _joined(side: str, whats: tuple[str, ...]) -> tuple[str, ...]:
    pairs = [(a, b) for a in SIDE_NAMES[side] for b in whats]
    return tuple(f"{a}{mark}{b}" for one, other in pairs for a, b in ((one, other), (other, one)) for mark in "_-")


def _arrays(folder: Path, side: str) -> Side:
    there = [path for path in folder.iterdir() if path.suffix == ".npy"]
    read = []
    for what, names in WHAT_NAMES.items():
        path = _one(there, _joined(side, names))
        if path is None:
            raise UnreadableError(
                f"{folder / f'{side}_{what}.npy'} is missing. The recipe needs {', '.join(_files())}."
            )
        read.append(_array(path))
    images, labels = read
    listed = _one(there, _joined(side, ("patients",)))
    patients = None if listed is None else _array(listed)
    if patients is not None and patients.shape != images.shape[:1]:
        raise GeometryError(f"{side}_patients {patients.shape} and {side}_images {images.shape} do not fit each other.")
    return Side(images, labels, None if patients is None else [str(patient) for patient in patients])


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path)
    except (ValueError, EOFError, OSError) as problem:
        raise UnreadableError(f"{path} is no plain array ({problem}).") from None
    if not isinstance(array, np.ndarray):
        raise UnreadableError(f"{path} holds several arrays. Save one array in each file.")
    return array


def _picture_folder(folder: Path, side: str, what: str) -> Path | None:
    """train/images or train_images."""
    inside = _one([p for p in folder.iterdir() if p.is_dir()], SIDE_NAMES[side])
    if inside is not None:
        return _one([p for p in inside.iterdir() if p.is_dir()], WHAT_NAMES[what])
    return _one([p for p in folder.iterdir() if p.is_dir()], _joined(side, WHAT_NAMES[what]))


def _named(folder: Path) -> dict[str, Path]:
    return {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in PICTURES and not p.name.startswith(".")}


def _paired(images: Path, masks: Path) -> dict[str, tuple[Path, Path]]:
    """Picture and mask of one name, or of one name without _mask and the like."""
    found = [_named(images), _named(masks)]
    if set(found[0]) != set(found[1]):
        plain = [{MASK_ENDING.sub("", name): path for name, path in own.items()} for own in found]
        found = plain if [*map(len, plain)] == [*map(len, found)] else found
    alone = sorted(set(found[0]) ^ set(found[1]))
    if alone or not found[0]:
        what = f"{', '.join(alone[:5])} has a picture or a mask only" if alone else "there are no pictures"
        raise UnreadableError(f"In {images} and {masks.name}, {what}; each needs both.")
    return {name: (path, found[1][name]) for name, path in found[0].items()}


def _pictures(images: Path, masks: Path) -> Side:
    return _stacked(_paired(images, masks), None)


def _by_table(folder: Path, images: Path, masks: Path) -> dict[str, Side]:
    """By cases.csv: a patient's slices must be on one side, and file names do not tell whose they are."""
    listed, pairs = folder / "cases.csv", _paired(images, masks)
    if not listed.exists():
        raise UnreadableError(
            f"{folder} does not say which pictures are for training and which for validation. Put them into train/ and "
            "valid/, each with images and masks, or add cases.csv with the columns name,patient,role (train or val)."
        )
    table = read_table(listed, lambda path: path.stem)
    check_names(folder, table, pairs)
    check_split(table.values())
    roles = {"train": "train", "val": "valid"}
    unknown = [name for name, (_, role) in table.items() if role not in roles]
    if unknown:
        raise DataError(f"{listed}: {unknown[0]} needs the role train or val.")
    chosen = {side: [n for n, (_, role) in table.items() if roles[role] == side] for side in SIDES}
    empty = [side for side, names in chosen.items() if not names]
    if empty:
        raise DataError(f"{listed}: no picture is on the side {empty[0]}.")
    return {s: _stacked({n: pairs[n] for n in names}, [table[n][0] for n in names]) for s, names in chosen.items()}


def _stacked(pairs: dict[str, tuple[Path, Path]], patients: list[str] | None) -> Side:
    images, labels = [], []
    for image, mask in pairs.values():
        images.append(_picture(image, as_mask=False))
        labels.append(_picture(mask, as_mask=True))
        for made, path in ((images, image), (labels, mask)):
            if made[-1].shape != made[0].shape or made[-1].dtype != made[0].dtype:
                raise GeometryError(f"{path} is of another size or kind than the others. All pictures must be alike.")
    return Side(np.stack(images), np.stack(labels), patients)


def _picture(path: Path, as_mask: bool) -> np.ndarray:
    """(y, x) or (y, x, 3), in the file's own type. A mask's palette stands for classes, a picture's for colours."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            picture: Image.Image = file
            if file.mode == "P" and not as_mask:
                picture = file.convert("RGB")
            elif file.mode in ("RGBA", "LA"):
                _check_opaque(path, np.asarray(file)[..., -1])
                picture = file.convert(file.mode[:-1])
            array = np.asarray(picture)
    except (OSError, SyntaxError, ValueError) as problem:
        raise UnreadableError(f"{path} is no picture that can be read ({problem}).") from None
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise GeometryError(f"{path} is no grey or colour picture: its shape is {array.shape}.")
    return array


def _check_opaque(path: Path, alpha: np.ndarray) -> None:
    if alpha.min() != alpha.max():
        raise DataError(f"{path} is partly transparent: what lies behind is not known. Save it without transparency.")
