"""The card of a model, ``model.json``, as types: what the network sees, and how its probability becomes lesions.

The fields bear the names of the JSON keys. What training writes down for people (data, figures, how it was fitted)
stays in the file and is not read.
"""

import sys
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from reprlib import repr as shortened
from types import UnionType
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from ..data import Options
from ..errors import InputError, ModelError, ModelMismatchError
from . import card_bounds

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")

SCHEMA = 1
ARCHITECTURE = "unet2.5d"
LEAST_THRESHOLD = 0.05
CUBE_SIDE = 32  # pixels of the card's spacing: what the classifier sees of a candidate's surroundings


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What the U-Net is built from (`unet.build`).

    Attributes:
        name: Of the architecture.
        filters: Channels of each level.
        slices: How many a picture has: the centre slice and its neighbours.
    """

    name: str = ARCHITECTURE
    filters: tuple[int, ...]
    slices: int


@dataclass(frozen=True, kw_only=True)
class ClassifierArchitecture:
    """What the classifier is built from (`classifier.build`).

    Attributes:
        filters: Channels of each level.
    """

    filters: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What makes the network's answer a probability, see `calibration`.

    Attributes:
        temperature: The network's logit is divided by it.
        offset: Is added to the logit after that.
    """

    temperature: float
    offset: float


@dataclass(frozen=True, kw_only=True)
class ConfidenceCoefficients:
    """Logistic regression over what `confidence.features` measures of a lesion: the intercept, a weight a feature."""

    intercept: float
    mean_p: float
    max_p: float
    log_volume: float
    elongation: float
    lung_contact: float
    extent_z: float
    rating: float

    def confidence(self, features: Mapping[str, float]) -> float:
        """The confidence, 1 / (1 + exp(-(intercept + sum of weight x feature))).

        Args:
            features: Values by the names of the weights.

        Returns:
            0 to 1.
        """
        weights = asdict(self)
        logit = weights.pop("intercept") + sum(weight * features[name] for name, weight in weights.items())
        return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


@dataclass(frozen=True, kw_only=True)
class TrainingRange:
    """``(lowest, highest)`` in mm of the CTs that the model was trained on; None is not judged.

    Attributes:
        slice_step_mm: From one axial slice to the next.
        pixel_spacing_mm: In the axial plane.
    """

    slice_step_mm: tuple[float, float] | None = None
    pixel_spacing_mm: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class SizeRange:
    """Between which shares of the measured size the readers' lies, for 95 of 100 outlines of the model.

    Attributes:
        from_mm: Long axis from which it holds, up to that of the next range.
        volume: (lowest, highest).
        diameter: The same of long and short axis.
    """

    from_mm: float
    volume: tuple[float, float]
    diameter: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Int8:
    """The bundle's int8 weights.

    Attributes:
        used: They were measured and cost no accuracy.
    """

    used: bool


@dataclass(frozen=True, kw_only=True)
class NetworkCard:
    """What the network sees. Training needs no more of a card to make its examples.

    Attributes:
        architecture: Of the U-Net.
        spacing_mm: Pixel of the network's in-plane grid.
        window_hu: HU that become 0 and 1.
        offsets_mm: Where the slices of an input lie, from its centre slice along the axial axis.
        prompt_sigma_mm: Of the ball that stands for a click.
    """

    architecture: Architecture
    spacing_mm: float
    window_hu: tuple[float, float]
    offsets_mm: tuple[float, ...]
    prompt_sigma_mm: float


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """How lesions come from the network's probability.

    Attributes:
        threshold: Probability from which a voxel belongs to a lesion.
        run_threshold: The same of a run over a whole chest; None: no other than elsewhere.
        map_calibration: Of the network's answer; None leaves it as it is.
        run_calibration: The same of a run over a whole chest; None: no other than elsewhere.
        confidence_coefficients: Without them no lesion has a confidence.
        min_confidence: A lesion of a smaller one is less likely.
    """

    threshold: float
    run_threshold: float | None = None
    map_calibration: Calibration | None = None
    run_calibration: Calibration | None = None
    confidence_coefficients: ConfidenceCoefficients | None = None
    min_confidence: float = 0.0

    def operating_threshold(self, options: Options, chest: bool) -> float:
        """The probability from which a voxel belongs to a lesion, where the lesion has no threshold of its own.

        Args:
            options: Their threshold goes before the card's.
            chest: Of a run over a whole chest, whose probabilities have a calibration of their own (`calibration`).
        """
        if options.threshold is not None:
            return options.threshold
        return self.run_threshold if chest and self.run_threshold is not None else self.threshold

    def operating_min_confidence(self, options: Options) -> float:
        """The least confidence of a lesion that was not clicked."""
        return self.min_confidence if options.min_confidence is None else options.min_confidence

    def calibration(self, chest: bool) -> Calibration | None:
        """What the network's answer is read with.

        Args:
            chest: In a run over a whole chest.

        Returns:
            The calibration; None where the answer stays as it is.
        """
        return self.run_calibration if chest and self.run_calibration is not None else self.map_calibration

    def to_json(self) -> dict:
        """These values alone, also of a whole `Card`; `from_json` takes them back."""
        values = asdict(self)
        return {key.name: values[key.name] for key in fields(OperatingPoint)}

    @classmethod
    def from_json(cls, values: object, where: str) -> Self:
        """The values in a JSON object, as `to_json` gives it.

        Args:
            values: The JSON object.
            where: What holds the values, for the message.

        Raises:
            ModelError: A key is missing or has a wrong value.
        """
        point = _read(cls, values, "", where)
        for key in ("threshold", "run_threshold", "min_confidence"):
            number = getattr(point, key)
            if number is not None and not 0 <= number <= 1:
                raise _wrong(where, key, number, "a number from 0 to 1")
        return point


@dataclass(frozen=True, kw_only=True)
class Card(NetworkCard, OperatingPoint):
    """All that is read of a ``model.json``; other keys are ignored.

    Attributes:
        name: Of the model.
        version: Of the model.
        files: SHA256 by file name.
        classifier: What it is built from; None: no lesion is rated.
        coarse: What the network of the coarser scales is built from (`coarser`); None: the U-Net sees those too.
        limits: What the model was trained on.
        int8: None: there are no int8 weights.
        size_ranges: By size, in ascending order; empty: not known.
    """

    name: str
    version: str
    files: dict[str, str]
    classifier: ClassifierArchitecture | None = None
    coarse: Architecture | None = None
    limits: TrainingRange = field(default_factory=TrainingRange)
    int8: Int8 | None = None
    size_ranges: tuple[SizeRange, ...] = ()


def parse(values: object, path: Path) -> Card:
    """The card that a JSON file holds.

    Args:
        values: The file's content.
        path: Of the file, for the message.

    Raises:
        ModelMismatchError: Another schema or architecture.
        ModelError: A key is missing or has a wrong type or value; the message names it.
    """
    if not isinstance(values, dict):
        raise ModelError(f"The model card {path} holds no card. Export the model again.")
    if values.get("schema") != SCHEMA:
        raise ModelMismatchError(
            f"The model in {path.parent} has card schema {values.get('schema')}, this version reads {SCHEMA}. "
            "Update LungTumorSeg or export the model again."
        )
    for key in ("architecture", "coarse"):
        architecture = values.get(key)
        if isinstance(architecture, dict) and architecture.get("name") != ARCHITECTURE:
            raise ModelMismatchError(
                f"The model in {path.parent} has the architecture {architecture.get('name')!r}, this version runs "
                f"{ARCHITECTURE!r} only. Choose another model."
            )
    where = f"The model card {path}"
    card = Card.from_json(values, where)
    for key, value, wanted in card_bounds.beyond(card):
        raise _wrong(where, key, value, wanted)
    return card


def check_threshold(threshold: float | None) -> None:
    """Check that a threshold is one that candidates allow.

    Args:
        threshold: A probability; None is the card's and not checked.

    Raises:
        InputError: It is no probability, or under that at which candidates end (0.05) and would cut outlines off.
    """
    if threshold is not None and not LEAST_THRESHOLD <= threshold < 1:
        raise InputError(
            f"The threshold {threshold} is not between {LEAST_THRESHOLD} and 1: lower probabilities are not kept, and "
            "outlines would be cut off. Choose for example 0.3."
        )


_KINDS = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}


def _read(cls: type[D], values: object, key: str, where: str) -> D:
    """An instance of a dataclass from a JSON object; ``key`` is the object's own, "" at the top."""
    if not isinstance(values, dict):
        raise _wrong(where, key, values, "an object")
    keys = {part.name: f"{key}.{part.name}".lstrip(".") for part in fields(cls)}
    required = [part.name for part in fields(cls) if part.default is MISSING and part.default_factory is MISSING]
    missing = [keys[name] for name in required if name not in values]
    if missing:
        raise ModelError(f"{where} lacks {', '.join(missing)}. Export the model again.")
    types = get_type_hints(cls)
    return cls(**{name: _value(types[name], values[name], keys[name], where) for name in keys if name in values})


def _value(kind: Any, value: object, key: str, where: str) -> Any:
    """A JSON value as the type that a field has (``kind``: a class, or an annotation such as ``tuple[float, ...]``)."""
    arguments = get_args(kind)
    if get_origin(kind) is UnionType:  # X | None
        return None if value is None else _value(arguments[0], value, key, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return _read(kind, value, key, where)
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise _wrong(where, key, value, "an object")
        return {name: _value(arguments[1], part, f"{key}.{name}", where) for name, part in value.items()}
    if get_origin(kind) is tuple:
        endless = arguments[-1] is Ellipsis
        if not isinstance(value, list) or not value or not (endless or len(value) == len(arguments)):
            raise _wrong(where, key, value, "a list" if endless else f"a list of {len(arguments)}")
        return tuple(_value(arguments[0], part, f"{key}[{i}]", where) for i, part in enumerate(value))
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, key, value, _KINDS[kind])
    if kind is float and not (abs(value) <= sys.float_info.max):  # an int of JSON may be too large for a float
        raise _wrong(where, key, value, "a finite number")
    return kind(value)


def _wrong(where: str, key: str, value: object, wanted: str) -> ModelError:
    return ModelError(f"{where} is wrong: {key or 'it'} is {shortened(value)}, not {wanted}. Export the model again.")
