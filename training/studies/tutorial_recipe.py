"""The tutorial recipe: slices and masks as arrays or pictures in, a fitted U-Net with its figures out.

U-Net, Adam, binary cross-entropy, batches of 16, 10 epochs, loss and accuracy on the validation set; then what those
two do not tell: precision, recall, F1 and the Dice of each picture.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LungTumorSegLib.errors import GeometryError, UnreadableError
from LungTumorSegLib.model import unet
from LungTumorSegLib.model.card import Architecture
from LungTumorSegLib.model.engines.tensorflow_engine import notes_off
from matplotlib.figure import Figure

from ..config import Network
from ..data import pictures, values
from ..data.pictures import SIDES
from ..data.user_datasets import check_split
from ..evaluate import metrics

CLASSIC = (64, 128, 256, 512, 1024)  # Ronneberger et al., MICCAI 2015


@dataclass(frozen=True)
class Settings:
    """The recipe's numbers.

    Attributes:
        epochs: At most.
        batch: Pictures a step.
        learning_rate: Adam's.
        patience: Epochs without a lower validation loss before it stops.
        filters: Channels of each level.
        seed: Decides the fit.
    """

    epochs: int = 10
    batch: int = 16
    learning_rate: float = 1e-3
    patience: int = 3
    filters: tuple[int, ...] = Network().filters
    seed: int = 1


def load(
    folder: Path, labels: Sequence[int] = (), say: Callable[[str], None] = print
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read what `pictures.read` finds and scale it as `values` understands it.

    Args:
        folder: Of arrays or pictures.
        labels: The classes that are tumour.
        say: It is told how the pictures were understood.

    Returns:
        {"train": (x, y), "valid": (x, y)}, x (n, y, x, c) float32 in [0, 1], y (n, y, x, 1) float32, 0 or 1.

    Raises:
        UnreadableError: As `pictures.read`, and where the patients of one side only are named.
        GeometryError: As `pictures.read` and `values`, and for shapes that do not fit.
        DataError: As `pictures.read` and `values`, and for a patient, or the same picture, on both sides.
    """
    read = pictures.read(folder)
    named = [side for side, own in read.items() if own.patients]
    if len(named) == 1:
        raise UnreadableError(f"{named[0]}_patients.npy is there alone. Name the patients of both sides, or of none.")
    images = {s: values.single_grey(values.channels_last(own.images, f"{s}_images")) for s, own in read.items()}
    masks = {s: values.single_grey(values.channels_last(own.labels, f"{s}_labels")) for s, own in read.items()}
    for side, own in read.items():
        if images[side].shape[:3] != masks[side].shape[:3]:
            raise GeometryError(
                f"{side}_images {own.images.shape} and {side}_labels {own.labels.shape} do not fit each other."
            )
    if len({array.shape[3] for array in images.values()}) > 1:
        raise GeometryError("The training and the validation pictures have different numbers of channels.")
    scale = values.scale(images)
    where, words = values.marked(masks, labels)
    check_split(owner for side, own in read.items() for owner in _owners(side, own, images[side]))
    n, channels = {side: len(array) for side, array in images.items()}, images["train"].shape[3]
    depth = f" of {channels} channels" if channels > 1 else ""
    held = ", ".join(f"{m.any((1, 2)).sum()} of {len(m)} {s}" for s, m in where.items())
    say(
        f"{folder}: {scale.kind}{depth}, {n['train']} for training, {n['valid']} for validation; {words}, "
        f"in {held} pictures."
    )
    return {s: (scale(images[s]), where[s][..., None].astype(np.float32)) for s in SIDES}


def _owners(side: str, own: pictures.Side, images: np.ndarray) -> list[tuple[str, str]]:
    """(whose, side) of every picture: its patient's, and that of its own voxels."""
    patients = [(patient, side) for patient in own.patients or ()]
    # blank ones may repeat
    return patients + [(f"of picture {_digest(p)}", side) for p in images if p.min() < p.max()]


def run(folder: Path, output: Path, settings: Settings | None = None, labels: Sequence[int] = ()) -> dict:
    """Fit on the training pictures, judge on the validation pictures; returns and writes the figures.

    Into ``output``: best.weights.h5, log.csv, figures.json, learning.png and examples.png.

    Raises:
        UnreadableError: As `load`.
        GeometryError: As `load`.
        DataError: As `load`.
    """
    settings = settings or Settings()
    sides = load(folder, labels)  # before TensorFlow is loaded: that takes seconds, and data are wrong at once
    with notes_off():
        import keras

    output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(settings.seed)
    channels = sides["train"][0].shape[3]
    # the product's network; its last channel is the prompt, so "slices" is one less than the channels here
    architecture = Architecture(filters=settings.filters, slices=channels - 1)
    multiple = unet.size_multiple(architecture)
    # x, y and weight: what is padded counts neither in the loss nor in the accuracy
    padded = {
        side: (_padded(x, multiple), _padded(y, multiple), _padded(np.ones_like(y), multiple)[..., 0])
        for side, (x, y) in sides.items()
    }
    model = unet.build(architecture)
    model.compile(
        keras.optimizers.Adam(settings.learning_rate),
        keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight"),
        weighted_metrics=["accuracy"],
        jit_compile=False,
    )
    best = output / "best.weights.h5"
    model.fit(
        *padded["train"][:2],
        sample_weight=padded["train"][2],
        batch_size=settings.batch,
        epochs=settings.epochs,
        validation_data=padded["valid"],
        callbacks=[
            keras.callbacks.EarlyStopping(patience=settings.patience),
            keras.callbacks.ModelCheckpoint(best, save_best_only=True, save_weights_only=True),
            keras.callbacks.CSVLogger(output / "log.csv"),
        ],
    )
    model.load_weights(best)
    x, y, weight = padded["valid"]
    loss, accuracy = model.evaluate(x, y, settings.batch, sample_weight=weight, verbose=0)
    p = model.predict(x, batch_size=settings.batch, verbose=0)
    x, y = sides["valid"]
    p = p[:, : x.shape[1], : x.shape[2]]
    figures = {"loss": float(loss), "accuracy": float(accuracy)} | judge(p[..., 0] >= 0.5, y[..., 0] > 0)
    (output / "figures.json").write_text(json.dumps(figures, indent=1))
    _plots(output, x, y, p)
    return figures


def judge(predicted: np.ndarray, reference: np.ndarray) -> dict[str, float | int | None]:
    """Figures over all pixels, and the mean Dice of the pictures that hold a tumour, None without any.

    Args:
        predicted: (n, y, x) bool.
        reference: (n, y, x) bool.
    """
    whole = metrics.overlap(predicted, reference)
    dice = [metrics.overlap(p, r)["dice"] for p, r in zip(predicted, reference, strict=True) if r.any()]
    return {
        "precision": whole["precision"],
        "recall": whole["recall"],
        "f1": whole["dice"],
        "dice_of_pictures_with_tumour": float(np.mean(dice)) if dice else None,
        "pictures": len(reference),
        "pictures_with_tumour": len(dice),
    }


def _padded(array: np.ndarray, multiple: int) -> np.ndarray:
    return np.pad(array, ((0, 0), *((0, -n % multiple) for n in array.shape[1:3]), (0, 0)))


def _digest(picture: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture)).hexdigest()[:16]


def _plots(output: Path, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> None:
    with (output / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    figure = Figure((8, 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for column, label in ((name, "training"), (f"val_{name}", "validation")):
            axes.plot([int(r["epoch"]) + 1 for r in log], [float(r[column]) for r in log], marker="o", label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend()
    figure.savefig(output / "learning.png", dpi=110)
    largest = np.argsort(-y.sum((1, 2, 3)))[:4]
    figure = Figure((2.5 * len(largest), 2.7), layout="constrained")
    for axes, i in zip(figure.subplots(1, len(largest), squeeze=False)[0], largest, strict=True):
        axes.imshow(x[i, ..., x.shape[3] // 2], cmap="gray")
        for mask, colour in ((y[i, ..., 0] > 0, "lime"), (p[i, ..., 0] >= 0.5, "red")):
            if mask.any() and not mask.all():
                axes.contour(mask.astype(float), [0.5], colors=colour, linewidths=1)
        axes.axis("off")
    figure.savefig(output / "examples.png", dpi=110)
