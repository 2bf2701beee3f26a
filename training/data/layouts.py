"""How other people's folders are laid out: which image and mask belong together, and what the mask's values mean.

nnU-Net raw folders, tasks of the Medical Segmentation Decathlon, and images/ beside masks/.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from LungTumorSegLib.errors import UnreadableError

from ..errors import DataError

SUFFIXES = (".seg.nrrd", ".nrrd", ".nii", ".nii.gz", ".mha", ".mhd")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")
IMAGES = ("images", "imagestr", "image", "imgs", "img", "ct", "cts", "scans", "volumes")
MASKS = ("masks", "labelstr", "labels", "mask", "label", "segmentations", "seg", "segs")
# what a file's name has beside the case's own
ADDED = re.compile(r"(_0000|[ _-](mask|masks|seg|segmentation|label|labels|gt|ct|image|img))$", re.IGNORECASE)
CHANNEL = re.compile(r"_\d{4}$")
TUMOUR = re.compile(
    r"tumou?r|cancer|nodul|lesion|neoplas|carcinom|malignan|metasta|nsclc|sclc|(^|[^a-z])(gtv|mass)", re.IGNORECASE
)
NO_TUMOUR = re.compile(r"(^|[^a-z])(no|non|not|without|healthy|normal)([^a-z]|$)", re.IGNORECASE)
NAMELESS = re.compile(
    r"^(class|label)?[ _-]*\d+$|^(foreground|target|mask|roi|seg|segment|object|label)$", re.IGNORECASE
)
CT = re.compile(r"(^|[^a-z])ct([^a-z]|$)", re.IGNORECASE)
NO_CT = re.compile(
    r"(^|[^a-z])(mri?|pet|suv|t1w?|t2w?|t1gd|flair|adc|dwi|us|x-?ray|cr|dx|rgb|red|[rgb])([^a-z]|$)", re.IGNORECASE
)


@dataclass(frozen=True)
class Layout:
    """Which files of a folder belong together, and what the masks' values mean.

    Attributes:
        files: Image and mask of each case.
        tumour: The masks' values that mark it; None where the folder does not say.
        ignored: The masks' values where nobody knows.
        words: What was understood, for the user.
    """

    files: dict[str, tuple[Path, Path]]
    tumour: tuple[int, ...] | None
    ignored: tuple[int, ...]
    words: str


def find(folder: Path, labels: tuple[int, ...] = ()) -> Layout:
    """The layout of a folder.

    Args:
        folder: An nnU-Net raw folder, a task of the Decathlon, or one with images/ beside masks/.
        labels: The masks' values that are tumour, whatever the folder says.

    Raises:
        UnreadableError: There is no folder, there are no pairs, a partner is missing, or ``dataset.json`` cannot be
            read.
        DataError: What there is, is no CT or no tumour.
    """
    if not folder.is_dir():
        raise UnreadableError(f"There is no folder {folder}.")
    described = folder / "dataset.json"
    if described.exists():
        return _described(folder, _json(described), labels)
    pairs = [(a, b) for a in _folders(folder, IMAGES) for b in _folders(folder, MASKS)]
    if not pairs:
        raise UnreadableError(
            f"{folder} holds neither dataset.json nor the folders images and masks. Known are nnU-Net's raw folders, "
            "the Decathlon's tasks, and images/ and masks/ side by side."
        )
    if len(pairs) > 1:
        names = ", ".join(sorted({one.name for pair in pairs for one in pair}))
        raise UnreadableError(f"{folder} holds several folders of images or masks ({names}). Leave one of each.")
    (images, masks), given = pairs[0], labels or None
    files = _paired(folder, _scans(images), {stem(p): p for p in _files(masks)})
    return Layout(files, given, (), f"{images.name}/ and {masks.name}/")


def stem(path: Path) -> str:
    """The name without a known ending."""
    endings = [s for s in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(s)]
    return path.name[: -len(endings[0])] if endings else path.name


def _json(path: Path) -> dict:
    try:
        read = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise UnreadableError(f"{path} cannot be read ({problem}).") from None
    if not isinstance(read, dict):
        raise UnreadableError(f"{path} is no data set's description: it holds a {type(read).__name__}.")
    return read


def _described(folder: Path, facts: dict, labels: tuple[int, ...]) -> Layout:
    """By a dataset.json: the Decathlon's and nnU-Net 1's list their cases; nnU-Net 2's is another."""
    channel = _channel(folder, facts.get("channel_names") or facts.get("modality"))
    training, listed = facts.get("training"), facts.get("dataset")
    if isinstance(training, list) and training:
        files, words = _listed(folder, training, channel), "a Decathlon task"
    elif isinstance(listed, dict) and listed:
        entries = [{"name": name, **entry} for name, entry in listed.items() if isinstance(entry, dict)]
        files, words = _listed(folder, entries, channel), "an nnU-Net raw folder"
    else:
        files, words = _raw(folder, str(facts.get("file_ending", "")), channel), "an nnU-Net raw folder"
    named = _named(folder, facts.get("labels"))
    ignored = tuple(v for name, values in named if name.lower() == "ignore" for v in values)
    tumour, meaning = (labels, "") if labels else _tumour(folder, named)
    return Layout(files, tumour, ignored, f"{words}{meaning}")


def _channel(folder: Path, names: object) -> int:
    """The channel that is the CT."""
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        return 0
    cts = [int(number) for number, name in names.items() if CT.search(str(name))]
    if len(cts) == 1:
        return cts[0]
    if len(names) > 1 or any(NO_CT.search(str(name)) for name in names.values()):
        raise DataError(
            f"The data set in {folder} has the channels {', '.join(map(str, names.values()))}: which one is the CT? "
            'Call it "CT" in dataset.json.'
        )
    return 0


def _listed(folder: Path, entries: list, channel: int) -> dict[str, tuple[Path, Path]]:
    """The cases of a list of image and label."""
    files = {}
    for entry in entries:
        if not isinstance(entry, dict) or "label" not in entry or not (entry.get("image") or entry.get("images")):
            raise UnreadableError(f"In {folder}/dataset.json a training case has no image or no label: {entry!r:.80}.")
        images = entry.get("images") or [entry["image"]]
        image, mask = folder / images[min(channel, len(images) - 1)], folder / entry["label"]
        name = entry.get("name") or stem(mask)
        numbered = image.with_name(f"{stem(image)}_{channel:04d}{image.name[len(stem(image)) :]}")
        if not image.exists() and numbered.exists():  # nnU-Net 1 lists the case, not the file of a channel
            image = numbered
        files[name] = image, mask
    missing = [str(path) for pair in files.values() for path in pair if not path.exists()]
    if missing:
        raise UnreadableError(f"{missing[0]} is listed but missing.")
    return files


def _raw(folder: Path, ending: str, channel: int) -> dict[str, tuple[Path, Path]]:
    """The cases of imagesTr (case_0000.nii.gz, one file a channel) and labelsTr (case.nii.gz)."""
    if ending.lower() in PICTURES:
        raise _are_pictures(folder)
    at = [folder / name for name in ("imagesTr", "labelsTr")]
    if not all(found.is_dir() for found in at):
        raise UnreadableError(f"{folder} has a dataset.json without training cases, and no imagesTr and labelsTr.")
    images, masks = (_files(found) for found in at)
    chosen = {CHANNEL.sub("", stem(p)): p for p in images if stem(p).endswith(f"_{channel:04d}")}
    return _paired(folder, chosen or {stem(p): p for p in images}, {stem(p): p for p in masks})


def _named(folder: Path, labels: object) -> list[tuple[str, tuple[int, ...]]]:
    """Name and values of each label. nnU-Net 2 has name to value, or to a region's values; others vice versa."""
    named: list[tuple[str, tuple[int, ...]]] = []
    for key, value in labels.items() if isinstance(labels, dict) else ():
        name, values = (value, key) if isinstance(value, str) else (key, value)
        try:
            named.append((name, tuple(int(v) for v in (values if isinstance(values, list) else [values]))))
        except (TypeError, ValueError):
            raise UnreadableError(f"{folder}/dataset.json has a label that is no number: {key!r}: {value!r}.") from None
    return named


def _tumour(folder: Path, named: list[tuple[str, tuple[int, ...]]]) -> tuple[tuple[int, ...] | None, str]:
    """The values whose name is a tumour's, and that in words; None where there are no names. Raises DataError."""
    if not named:
        return None, ""
    kinds = [(name, values) for name, values in named if any(values) and name.lower() not in ("ignore", "background")]
    chosen = [k for k in kinds if TUMOUR.search(k[0]) and not NO_TUMOUR.search(k[0])]
    if not chosen and len(kinds) == 1 and NAMELESS.match(kinds[0][0]):
        chosen = kinds
    if not chosen:
        listed = ", ".join(f"{_and(values)} {name}" for name, values in kinds)
        raise DataError(
            f"None of the labels of {folder} is called a tumour ({listed or 'only background'}). Say which one is: "
            "--label 1, for example."
        )
    values = tuple(sorted({v for _, own in chosen for v in own if v}))
    others = [name for name, own in kinds if not set(own) & set(values)]
    beside = f"; {', '.join(others)} is background" if others else ""
    return values, f", tumour is label {_and(values)} ({', '.join(name for name, _ in chosen)}){beside}"


def _and(values: tuple[int, ...]) -> str:
    return " and ".join(map(str, values))


def _folders(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.name.lower() in names)


def _files(folder: Path) -> list[Path]:
    # macOS leaves "._name.nii.gz" beside each file, also inside the Decathlon's archives
    there = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    found = [p for p in there if p.name.lower().endswith(SUFFIXES)]
    if not found and any(p.name.lower().endswith(PICTURES) for p in there):
        raise _are_pictures(folder)
    return found


def _scans(folder: Path) -> dict[str, Path]:
    """Image files, and folders of DICOM files."""
    series = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".") and any(p.iterdir())]
    return {p.name: p for p in series} | {stem(p): p for p in _files(folder)}


def _are_pictures(folder: Path) -> DataError:
    return DataError(
        f"{folder} holds pictures, not CTs in Hounsfield units with their millimetres. `python -m training recipe` "
        "learns from pictures."
    )


def _paired(folder: Path, images: dict[str, Path], masks: dict[str, Path]) -> dict[str, tuple[Path, Path]]:
    """Image and mask of one name, or of one name without what is added to it (_0000, _mask, ...)."""
    if set(images) != set(masks):
        plain = [{ADDED.sub("", name): path for name, path in found.items()} for found in (images, masks)]
        if [len(p) for p in plain] != [len(images), len(masks)]:
            twice = _twice(images) or _twice(masks)
            raise UnreadableError(f"In {folder}, {' and '.join(twice)} seem to be of one case. Leave one.")
        images, masks = plain
    alone = sorted(set(images) ^ set(masks))
    if alone:
        raise UnreadableError(f"In {folder}, {', '.join(alone[:5])} has an image or a mask only; each needs both.")
    if not images:
        raise UnreadableError(f"{folder} holds no cases.")
    return {name: (images[name], masks[name]) for name in sorted(images)}


def _twice(names: dict[str, Path]) -> list[str]:
    first: dict[str, str] = {}
    for name in names:
        if first.setdefault(ADDED.sub("", name), name) != name:
            return [first[ADDED.sub("", name)], name]
    return []
