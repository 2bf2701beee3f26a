"""What every engine is: one network of a bundle behind `Engine.predict`, on a device that it names with a reason."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from ... import processors
from ...enums import Device, Precision
from ...errors import EngineError, ModelMismatchError, NoWeightsError, OutOfMemoryError
from .. import onnx_content
from ..bundle import CLASSIFIER, COARSE, INT8, UNET, Bundle, Part

# largest difference from the stored pair; in float32 the engines agree within 1e-5, lower precision is looser
TOLERANCE = {Precision.FLOAT32: 1e-3, Precision.BFLOAT16: 5e-2, Precision.INT8: 0.1}


@dataclass(frozen=True)
class Availability:
    """What an engine has on this machine.

    Attributes:
        name: Of the engine.
        installed: Whether its library is there.
        devices: What the library finds; empty where it cannot be imported.
        remark: The library's version, or why it cannot be used.
    """

    name: str
    installed: bool
    devices: tuple[str, ...]
    remark: str


class Predictor(Protocol):
    """What a run needs of an `Engine`, whose fields and methods these are: also what wraps one."""

    device: str
    precision: Precision
    reason: str
    batch: int

    @property
    def name(self) -> str:
        """Of the engine."""

    @property
    def classifier(self) -> "Predictor | None":
        """The second network, which rates candidates; None if there is none."""

    @property
    def coarse(self) -> "Predictor | None":
        """The network of the coarser scales; None if there is none."""

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """As `Engine.predict`."""


class Engine(ABC):
    """A network ready to run.

    Attributes:
        name: Of the engine and of the library that it imports, once it is opened or probed.
        cpu_rank: Its place when the best engine is looked for on the CPU, 1 first; None: it does not run there.
        gpu_rank: The same on a GPU.
        device: What it runs on.
        precision: In which numbers.
        reason: Why it runs there.
        batch: Slices a call that suit the device.
        threads: Of the CPU.
        classifier: The bundle's second network, None if it has none; beside a U-Net in int8 it runs in float32.
    """

    name: ClassVar[str]
    cpu_rank: ClassVar[int | None] = None
    gpu_rank: ClassVar[int | None] = None
    device: str
    precision: Precision
    reason: str
    batch: int
    threads: int
    classifier: "Engine | None" = None

    def __init__(
        self,
        bundle: Bundle,
        device: Device = Device.AUTO,
        precision: Precision = Precision.AUTO,
        threads: int | None = None,
        part: Part = UNET,
    ):
        """Open one network of the bundle on a device.

        Args:
            bundle: The model.
            device: Where it shall run.
            precision: auto takes what the processor is fastest in, and nothing else decides, so that a result can be
                made again: bfloat16 where it has that, else int8 if the bundle brings it, else float32.
            threads: Of the CPU; None takes those that may be used (`processors`).
            part: Which network. With the U-Net the bundle's classifier is opened too.

        Raises:
            EngineError: The device is not there or can't compute in this precision.
            NoWeightsError: The bundle has no weights for this engine.
            ModelMismatchError: The weights do not fit.
        """
        self.threads = threads or processors.usable()
        self._open(bundle, device, precision, part)
        self._asked = bundle, device
        if part is UNET and bundle.card.classifier is not None:
            self.classifier = self._beside(CLASSIFIER)

    @cached_property
    def coarse(self) -> "Engine | None":
        """The bundle's network of the coarser scales, None if it has none.

        Opened and checked when it is first asked for, by a run over a whole chest or a click that needs it. In int8's
        stead it runs in float32.

        Raises:
            EngineError, NoWeightsError, ModelMismatchError: As of the engine itself, and of `check`.
        """
        bundle, _ = self._asked
        if bundle.card.coarse is None:
            return None
        network = self._beside(COARSE)
        network.check(bundle, COARSE)
        return network

    def _beside(self, part: Part) -> "Engine":
        """Another network of the same bundle, opened as this one was."""
        bundle, device = self._asked
        precision = Precision.FLOAT32 if self.precision == Precision.INT8 else self.precision
        return type(self)(bundle, device, precision, self.threads, part)

    @classmethod
    def installed(cls) -> bool:
        """Whether its library is there (looked for, not imported)."""
        return find_spec(cls.name) is not None

    @classmethod
    def may_have_gpu(cls) -> bool:
        """Whether it is worth importing the library to look for a GPU; told without importing it."""
        return False

    @classmethod
    def probe(cls) -> Availability:
        """What it finds on this machine; imports the library."""
        if not cls.installed():
            return Availability(cls.name, False, (), "not installed")
        try:
            devices, version = cls._devices_and_version()
        except Exception as problem:  # a half-installed library raises anything; the sentence is what matters
            return Availability(cls.name, True, (), f"cannot be imported: {problem}")
        return Availability(cls.name, True, devices, f"version {version}")

    @abstractmethod
    def predict(self, batch: np.ndarray) -> np.ndarray:
        """The network's probabilities of a batch.

        Args:
            batch: (n, ..., c) float32.

        Returns:
            Probabilities (n, ...) float32.

        Raises:
            OutOfMemoryError: The device has too little memory for the batch.
            EngineError: The library failed.
        """

    @abstractmethod
    def _open(self, bundle: Bundle, device: Device, precision: Precision, part: Part) -> None:
        """Set device, precision, reason and batch, and load the network."""

    @staticmethod
    def _one_of(wanted: Precision, able: Sequence[Precision], library: str) -> Precision:
        """The precision that was asked for, of those that are possible here, or for auto the first of them."""
        if wanted == Precision.AUTO:
            return able[0]
        if wanted not in able:
            raise EngineError(
                f"{library} can't compute in {wanted} with this model and processor, only in {' or '.join(able)}. "
                "Choose the precision 'auto' or another engine."
            )
        return wanted

    @classmethod
    @abstractmethod
    def _devices_and_version(cls) -> tuple[tuple[str, ...], str]:
        """Of the library, which is imported here."""

    def check(self, bundle: Bundle, part: Part = UNET) -> None:
        """Check that the networks reproduce the bundle's stored input/output pairs.

        Args:
            bundle: The one that was opened.
            part: Which network this is. Its classifier, if it has one, is checked too.

        Raises:
            ModelMismatchError: A probability differs by more than `TOLERANCE` of the precision.
        """
        if self.classifier:
            self.classifier.check(bundle, CLASSIFIER)
        stored_input, stored_output = bundle.stored_pair(part)
        predicted = self.predict(stored_input)
        if predicted.shape != stored_output.shape:
            raise ModelMismatchError(
                f"The network in {bundle.folder} does not have the form that its card says. Choose another model, or "
                "export this one again."
            )
        difference = float(np.abs(predicted - stored_output).max())
        if not difference <= TOLERANCE[self.precision]:
            raise ModelMismatchError(
                f"The model in {bundle.folder} does not reproduce its stored result on {self.name} ({self.device}): "
                f"the probabilities differ by up to {difference:.3f}. It is refused; reinstall it or choose another "
                "engine."
            )


def onnx_file(bundle: Bundle, part: Part, precision: Precision) -> Path:
    """The network's ONNX file in a precision, looked through (`onnx_content`).

    Raises:
        NoWeightsError: The bundle has none.
        ModelMismatchError: It holds more than a network.
    """
    if precision != Precision.INT8 and not bundle.has(part.onnx):
        raise NoWeightsError(f"The model in {bundle.folder} has no {part.onnx}; choose the engine 'tensorflow'.")
    path = bundle.folder / (INT8 if precision == Precision.INT8 else part.onnx)
    onnx_content.check(path)
    return path


def brings_int8(bundle: Bundle, part: Part) -> bool:
    """Whether there are int8 weights of this network that were measured to cost no accuracy."""
    return part is UNET and bundle.has(INT8) and bundle.card.int8 is not None and bundle.card.int8.used


def unopened(problem: Exception, library: str, path: Path) -> EngineError:
    """The typed error for a network that a library does not open."""
    text = next(iter(str(problem).splitlines()), type(problem).__name__)
    return EngineError(
        f"{library} can't open the model file {path} ({text:.200}). Choose another engine or model, or export this one "
        "again."
    )


def native_error(problem: Exception, library: str, slices: int) -> EngineError:
    """The typed error for one that a library raises from C++: it has no type for a lack of memory, only words.

    Args:
        problem: What was raised.
        library: Its name for the user.
        slices: How many the call had.

    Returns:
        An OutOfMemoryError where the words or the type say so, else an EngineError.
    """
    words = ("out of memory", "failed to allocate", "bad_alloc", "alloc failed")
    if isinstance(problem, MemoryError) or any(w in str(problem).lower() for w in words):
        return OutOfMemoryError(f"{library} has too little memory for {slices} slices.")
    return failed(problem, library)


def failed(problem: Exception, library: str) -> EngineError:
    """The typed error for a call of the network that a library did not finish."""
    text = next(iter(str(problem).splitlines()), type(problem).__name__)
    return EngineError(f"{library} failed ({text:.300}). Choose another engine or model.")
