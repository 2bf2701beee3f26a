"""Several GPUs and machines: one fit over all devices, through `keras.distribution` on JAX.

Each process makes its own part of every batch; gradients and BatchNorm's statistics are those of the whole batch, so
that the weights are those of one process. All processes must put the same values on the devices in the same order (JAX
compares them), so all of them save too, but only the first into the run's folder.
"""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from ..config import Stage
from ..errors import SettingsError
from ..examples.patches import EVERY

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"


def start() -> None:
    """Join the other processes, if the environment names any, and spread the fit over all devices there are.

    Call it before anything else of Keras.

    Raises:
        SettingsError: There are others, and Keras does not run on JAX.
    """
    import keras

    if keras.backend.backend() != "jax":
        if PROCESSES in os.environ:
            raise SettingsError(f"{PROCESSES} is set, but only JAX fits in several processes: set KERAS_BACKEND=jax.")
        return
    if keras.distribution.distribution() is not None:
        return
    _join()
    if keras.distribution.get_device_count() > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


@cache
def _join() -> None:
    """Once: each stage of a fit starts anew."""
    import keras

    if PROCESSES in os.environ:
        keras.distribution.initialize()


def _spread() -> bool:
    import keras

    return keras.distribution.distribution() is not None


def part(stage: Stage) -> slice:
    """Which examples of a batch this process makes, of the patch crops, whole-CT crops and masses.

    Raises:
        SettingsError: A batch cannot be dealt out evenly.
    """
    if not _spread():
        return EVERY
    import jax

    devices, processes = jax.device_count(), jax.process_count()
    if stage.batch % devices or stage.from_cts % processes or stage.from_masses % processes:
        raise SettingsError(
            f"A batch of {stage.batch} examples, {stage.from_cts} of them from whole CTs and {stage.from_masses} "
            f"masses, cannot be dealt out evenly to {devices} devices of {processes} processes. Change `batch`, "
            "`ct_share` or `mass_share`."
        )
    return slice(jax.process_index(), None, processes)


def folder_of_my_own(folder: Path) -> Path:
    """Where this process writes: the folder itself, or for all but the first process one that is thrown away."""
    if _spread():
        import jax

        if jax.process_index() > 0:
            folder = Path(tempfile.mkdtemp())
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def predict(model, x: np.ndarray) -> np.ndarray:
    """The model's output, the same in every process: that of the first.

    For callbacks. There, on JAX, ``model.predict`` would give away the arrays that the moving averages of the weights
    share with the weights once these were set to them.

    Args:
        model: A Keras model.
        x: (n, y, x, c).
    """
    import keras

    if keras.backend.backend() != "jax":
        return model.predict(x, batch_size=32, verbose=0)
    from jax.experimental import multihost_utils

    variables = [[v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables)]
    made = [np.asarray(_step(model)(*variables, x[k : k + 32])) for k in range(0, len(x), 32)]
    return np.asarray(multihost_utils.broadcast_one_to_all(np.concatenate(made)))


@cache
def _step(model):
    import jax

    return jax.jit(lambda trained, fixed, x: model.stateless_call(trained, fixed, x, training=False)[0])


def stop() -> None:
    """Wait for the other processes, and go on with one device: an export's two pictures cannot be dealt out to more."""
    if _spread():
        import keras
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices("wait")
        keras.distribution.set_distribution(None)
