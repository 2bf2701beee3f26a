"""A model on disk: a folder with ``model.json`` (the card), the weights, and a stored input/output pair.

The checksums in the card show corruption, not tampering: who can change the weights can change the card.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import ModelError, ModelMismatchError

SCHEMA = 1
ARCHITECTURE = "unet2.5d"
CARD, KERAS_WEIGHTS, ONNX, PAIR = "model.json", "model.weights.h5", "model.onnx", "stored_pair.npz"
INT8 = "model.int8.onnx"  # optional; `card["int8"]["used"]` says that it was measured and costs no accuracy
_REQUIRED = ("name", "version", "architecture", "spacing_mm", "window_hu", "offsets_mm", "threshold", "files")


@dataclass(frozen=True)
class Part:
    """One network of a bundle: its files, and the card's key with its numbers."""

    key: str
    keras: str
    onnx: str
    pair: str


UNET = Part("architecture", KERAS_WEIGHTS, ONNX, PAIR)
# optional: without it in the card no lesion is rated
CLASSIFIER = Part("classifier", "classifier.weights.h5", "classifier.onnx", "classifier_pair.npz")


@dataclass(frozen=True)
class Bundle:
    """A loaded and checked bundle. ``card`` is the content of model.json; unknown keys in it are ignored."""

    folder: Path
    card: dict

    @property
    def name(self) -> str:
        return self.card["name"]

    @property
    def version(self) -> str:
        return self.card["version"]

    @cached_property
    def checksum(self) -> str:
        """SHA256 over the card's own list of file checksums: one word for exactly these weights."""
        listed = "".join(f"{name}:{digest}\n" for name, digest in sorted(self.card["files"].items()))
        return hashlib.sha256(listed.encode()).hexdigest()

    def has(self, name: str) -> bool:
        return name in self.card["files"]

    def stored_pair(self, part: Part = UNET) -> tuple[np.ndarray, np.ndarray]:
        """A part's input and the probability that the exporting machine computed for it, float32.

        The U-Net's (n, y, x, c) and (n, y, x), the classifier's (n, z, y, x, 1) and (n).
        """
        with np.load(self.folder / part.pair) as pair:
            return pair["input"].astype(np.float32), pair["output"].astype(np.float32)


def default_path() -> Path:
    """The bundled model, beside the module: the same from source and inside Slicer."""
    return Path(__file__).resolve().parents[2] / "Resources" / "Models" / "default"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_bundle(folder: Path | str | None = None) -> Bundle:
    """Open a bundle (the bundled one by default) and check card, architecture and checksums.

    Raises ModelError when there is no bundle or its card cannot be read, ModelMismatchError when a file is missing,
    damaged or made for another architecture.
    """
    folder = Path(folder) if folder else default_path()
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"There is no model in {folder}: {CARD} is missing. Choose a folder that holds one.") from None
    except (OSError, ValueError) as problem:
        raise ModelError(f"The model card {folder / CARD} cannot be read ({problem}). Reinstall the model.") from None
    missing = [key for key in _REQUIRED if not isinstance(card, dict) or key not in card]
    if missing:
        raise ModelError(f"The model card {folder / CARD} lacks {', '.join(missing)}. Export the model again.")
    if card.get("schema") != SCHEMA:
        raise ModelMismatchError(
            f"The model in {folder} has card schema {card.get('schema')}, this version reads {SCHEMA}. "
            "Update LungTumorSeg or export the model again."
        )
    if card["architecture"].get("name") != ARCHITECTURE:
        raise ModelMismatchError(
            f"The model in {folder} has the architecture {card['architecture'].get('name')!r}, this version runs "
            f"{ARCHITECTURE!r} only. Choose another model."
        )
    for name, digest in card["files"].items():
        path = folder / name
        if not path.is_file():
            raise ModelMismatchError(f"The model in {folder} is incomplete: {name} is missing. Reinstall the model.")
        if sha256(path) != digest:
            raise ModelMismatchError(
                f"The model file {path} is damaged or was changed: its checksum differs from the card. "
                "Reinstall the model."
            )
    for part in (UNET, CLASSIFIER):
        if part.key in card and part.pair not in card["files"]:
            raise ModelMismatchError(f"The model in {folder} has no stored pair ({part.pair}) to check itself with.")
    return Bundle(folder, card)
