"""A model on disk: a folder with ``model.json`` (the card), the weights, and a stored input/output pair.

The checksums in the card show corruption, not tampering: who can change the weights can change the card.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from ..errors import ModelError, ModelMismatchError
from .card import CUBE_SIDE, Architecture, Card, ClassifierArchitecture, parse

CARD, KERAS_WEIGHTS, ONNX, PAIR = "model.json", "model.weights.h5", "model.onnx", "stored_pair.npz"
MOST_CARD_BYTES = 16_000_000  # the bundled one has 21 kB; it names each patient that was seen
MOST_PAIR_BYTES = 64_000_000  # unpacked; the bundled ones have 1.5 MB
INT8 = "model.int8.onnx"  # optional; `Card.int8` says whether it was measured and costs no accuracy


@dataclass(frozen=True)
class Part:
    """One network of a bundle: its files."""

    keras: str
    onnx: str
    pair: str


UNET = Part(KERAS_WEIGHTS, ONNX, PAIR)
# optional: without it in the card no lesion is rated
CLASSIFIER = Part("classifier.weights.h5", "classifier.onnx", "classifier_pair.npz")
# optional: without it in the card the U-Net sees masses at the coarser scales too
COARSE = Part("coarse.weights.h5", "coarse.onnx", "coarse_pair.npz")
PARTS = UNET, CLASSIFIER, COARSE


@dataclass(frozen=True)
class Bundle:
    """A loaded and checked bundle.

    Attributes:
        folder: Folder of its files.
        card: What its model.json says.
    """

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        """The model's name, as its card says."""
        return self.card.name

    @property
    def version(self) -> str:
        """The model's version, as its card says."""
        return self.card.version

    @cached_property
    def checksum(self) -> str:
        """SHA256 over the card's own list of file checksums: one word for exactly these weights."""
        listed = "".join(f"{name}:{digest}\n" for name, digest in sorted(self.card.files.items()))
        return hashlib.sha256(listed.encode()).hexdigest()

    def architecture(self, part: Part = UNET) -> Architecture | ClassifierArchitecture | None:
        """What the network of a part is built from; None where the bundle does not have it."""
        return {UNET: self.card.architecture, CLASSIFIER: self.card.classifier, COARSE: self.card.coarse}[part]

    def has(self, name: str) -> bool:
        """Whether the card lists a file of this name."""
        return name in self.card.files

    def stored_pair(self, part: Part = UNET) -> tuple[np.ndarray, np.ndarray]:
        """A part's input and the probability that the exporting machine computed for it.

        Args:
            part: Which network of the bundle.

        Returns:
            Input and probability, float32. Those of the U-Nets are (n, y, x, c) and (n, y, x), the classifier's
                (n, z, y, x, 1) and (n).

        Raises:
            ModelMismatchError: It is damaged, too large, or no pair of this network.
        """
        path = self.folder / part.pair
        try:
            with ZipFile(path) as packed:
                if sum(member.file_size for member in packed.infolist()) > MOST_PAIR_BYTES:
                    raise ValueError("it is too large")
            with np.load(path, allow_pickle=False) as pair:
                given, made = pair["input"].astype(np.float32), pair["output"].astype(np.float32)
            n, *picture = given.shape
            rated = part == CLASSIFIER
            wanted = [CUBE_SIDE] * 3 + [1] if rated else [*picture[:2], self.card.architecture.slices + 1]
            if picture != wanted or made.shape != ((n,) if rated else (n, *picture[:2])):
                raise ValueError("it is no pair of this network")
        except Exception as problem:  # whatever numpy's and zip's parsers raise on damaged bytes
            raise ModelMismatchError(
                f"The stored pair {path} is refused ({problem}). Choose another model, or export this one again."
            ) from problem
        return given, made


def default_path() -> Path:
    """The bundled model: beside the library from source and in Slicer, inside it where a wheel was installed."""
    library, model = Path(__file__).resolve().parents[1], Path("Resources", "Models", "default")
    inside = library / model
    return inside if inside.is_dir() else library.parent / model


def sha256(path: Path) -> str:
    """SHA256 of a file, as lower-case hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_card(folder: Path | str | None = None) -> Card:
    """A bundle's card alone: checking the other files with their checksums takes 10 ms.

    Args:
        folder: The bundle's folder; the bundled one by default.

    Raises:
        ModelError: There is no bundle, or its card cannot be read.
        ModelMismatchError: It was made for another architecture.
    """
    folder = Path(folder) if folder else default_path()
    try:
        with (folder / CARD).open("rb") as file:
            text = file.read(MOST_CARD_BYTES + 1)
        if len(text) > MOST_CARD_BYTES:
            raise ValueError("it is larger than any card")
        values = json.loads(text.decode("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"There is no model in {folder}: {CARD} is missing. Choose a folder that holds one.") from None
    except (OSError, ValueError, RecursionError) as problem:
        raise ModelError(f"The model card {folder / CARD} cannot be read ({problem}). Reinstall the model.") from None
    return parse(values, folder / CARD)


def load_bundle(folder: Path | str | None = None) -> Bundle:
    """Open a bundle and check card, architecture and checksums.

    Args:
        folder: The bundle's folder; the bundled one by default.

    Raises:
        ModelError: There is no bundle, or its card cannot be read.
        ModelMismatchError: A file is missing, damaged or made for another architecture.
    """
    folder = Path(folder) if folder else default_path()
    card = read_card(folder)
    for name, digest in card.files.items():
        path = folder / name
        if not path.is_file():
            raise ModelMismatchError(f"The model in {folder} is incomplete: {name} is missing. Reinstall the model.")
        if path.resolve().parent != folder.resolve():
            raise ModelMismatchError(
                f"The model file {path} is a link to a file elsewhere. Copy the file itself into the model's folder."
            )
        if sha256(path) != digest:
            raise ModelMismatchError(
                f"The model file {path} is damaged or was changed: its checksum differs from the card. "
                "Reinstall the model."
            )
    bundle = Bundle(folder, card)
    for part in PARTS:
        if not bundle.architecture(part):
            continue
        if not bundle.has(part.pair):
            raise ModelMismatchError(f"The model in {folder} has no stored pair ({part.pair}) to check itself with.")
        # an engine is chosen by the U-Net's weights, and opens the others' later
        for first, own in ((UNET.keras, part.keras), (UNET.onnx, part.onnx)):
            if bundle.has(first) and not bundle.has(own):
                raise ModelMismatchError(
                    f"The model in {folder} is incomplete: it has {first}, but no {own}. Export the model again."
                )
    return bundle
