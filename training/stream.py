"""Batches made ahead by worker processes; batch ``k`` depends on (seed, k) alone, so a resumed run goes on exactly."""

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from . import examples
from .config import Config, Stage

_sources = {}  # per process: opened once


def _open(prepared: str, role: str):
    if role not in _sources:
        _sources[role] = examples.Patches(Path(prepared), role)
    return _sources[role]


def make_batch(config: Config, stage: Stage, seed: int, step: int, role: str = "train", augment: bool = True):
    """x (n, y, x, c) and y (n, y, x, 2): target and weight."""
    patches = _open(config.data.prepared, role)
    x, y, w = examples.patch_batch(
        patches, config.network.card, seed, step, stage.patch_batch, stage.patch_crop, augment
    )
    return x, np.concatenate([y, w], -1)


def batches(config: Config, stage: Stage, seed: int, first_step: int):
    """Endless generator of training batches from ``first_step`` on."""
    with ProcessPoolExecutor(config.fit.workers, get_context("spawn")) as pool:
        ahead = deque()
        step = first_step
        while True:
            while len(ahead) < 4 * config.fit.workers:
                ahead.append(pool.submit(make_batch, config, stage, seed, step))
                step += 1
            yield ahead.popleft().result()
