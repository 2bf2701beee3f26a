"""Keras on TensorFlow, the reference; on Linux also on an NVIDIA GPU."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ...enums import Device, Precision
from ...errors import EngineError, ModelMismatchError, NoWeightsError, OutOfMemoryError
from .. import classifier, unet, weights_content
from ..bundle import Bundle, Part
from ..card import ClassifierArchitecture
from .base import Engine, failed

if TYPE_CHECKING:
    import keras
    import tensorflow

_NOTES = (b"I0000 ", b"WARNING: All log messages before absl::InitializeLog()")


class TensorFlowEngine(Engine):
    """Runs the bundle's Keras weights."""

    name = "tensorflow"
    cpu_rank = 3
    gpu_rank = 1

    def _open(self, bundle: Bundle, device: Device, precision: Precision, part: Part) -> None:
        self.precision = self._one_of(precision, [Precision.FLOAT32], "TensorFlow")
        if not bundle.has(part.keras):
            raise NoWeightsError(f"The model in {bundle.folder} has no Keras weights; choose the ONNX engines.")
        tf = import_tensorflow()
        with contextlib.suppress(RuntimeError):  # it has begun in this process already, and keeps its threads
            tf.config.threading.set_intra_op_parallelism_threads(self.threads)
        gpus = tf.config.list_physical_devices("GPU")
        if device == Device.GPU and not gpus:
            raise EngineError("TensorFlow sees no GPU here. Choose the device 'auto' or 'cpu'.")
        use_gpu = bool(gpus) and device != Device.CPU
        if use_gpu:
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, True)
            self.device = _gpu_name(tf, gpus[0])
            self.reason = "TensorFlow found this GPU"
        else:
            self.device = "CPU"
            self.reason = "the CPU was asked for" if device == Device.CPU else "TensorFlow found no GPU"
        self.batch = 16 if use_gpu else 4
        self._place = "/GPU:0" if use_gpu else "/CPU:0"
        self._tf = tf
        with tf.device(self._place):
            self._model = _with_weights(bundle, part)
        self._graphs: dict[tuple[int, ...], tensorflow.types.experimental.PolymorphicFunction] = {}

    @classmethod
    def may_have_gpu(cls) -> bool:
        """Whether NVIDIA's driver is there, without which TensorFlow has no GPU."""
        return shutil.which("nvidia-smi") is not None

    @classmethod
    def _devices_and_version(cls) -> tuple[tuple[str, ...], str]:
        tf = import_tensorflow()
        return ("CPU", *(_gpu_name(tf, gpu) for gpu in tf.config.list_physical_devices("GPU"))), tf.__version__

    def _graph(self, shape: tuple[int, ...]) -> "tensorflow.types.experimental.PolymorphicFunction":
        """The network as a graph for pictures of this shape (Keras cannot up-sample an unknown one), any batch."""
        if shape not in self._graphs:
            signature = [self._tf.TensorSpec((None, *shape), self._tf.float32)]
            self._graphs[shape] = self._tf.function(lambda x: self._model(x, training=False), input_signature=signature)
        return self._graphs[shape]

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """As `Engine.predict`."""
        try:
            with self._tf.device(self._place):
                return self._graph(batch.shape[1:])(batch).numpy()[..., 0]
        except self._tf.errors.ResourceExhaustedError as problem:
            raise OutOfMemoryError(f"{self.device} has too little memory for {len(batch)} slices.") from problem
        except (self._tf.errors.OpError, ValueError) as problem:  # a ValueError: the picture does not fit the network
            raise failed(problem, f"TensorFlow on {self.device}") from problem


def import_tensorflow() -> ModuleType:
    """TensorFlow with its messages off, as the backend of Keras."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with notes_off():
        import tensorflow

    return tensorflow


@contextmanager
def notes_off() -> Iterator[None]:
    """For the import: TensorFlow 2.21 has notes on oneDNN, on some processors, that no variable switches off."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not line.startswith(_NOTES):
                    os.write(2, line)


def _gpu_name(tf: ModuleType, gpu: "tensorflow.config.PhysicalDevice") -> str:
    return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")


def _with_weights(bundle: Bundle, part: Part) -> "keras.Model":
    """The Keras model with the bundle's weights. Raises ModelMismatchError where they do not fit."""
    architecture = bundle.architecture(part)
    if architecture is None:
        raise NoWeightsError(f"The model in {bundle.folder} has no {part.keras}. Choose another model.")
    weights_content.check(bundle.folder / part.keras)
    model = (
        classifier.build(architecture) if isinstance(architecture, ClassifierArchitecture) else unet.build(architecture)
    )
    try:
        model.load_weights(bundle.folder / part.keras)
    except Exception as problem:  # whatever Keras and h5py raise on bytes that are no such weights
        raise ModelMismatchError(
            f"The weights in {bundle.folder} do not fit the architecture in its card. Export the model again. "
            f"({next(iter(str(problem).splitlines()), type(problem).__name__)})"
        ) from problem
    return model
