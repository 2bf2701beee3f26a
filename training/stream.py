"""Batches made ahead by worker processes; batch ``k`` depends on (seed, k) alone, so a resumed run goes on exactly."""

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from . import examples, whole_ct
from .config import Config, Stage

_sources = {}  # per process: opened once


def _open(kind, prepared: str, role):
    if (kind, role) not in _sources:
        _sources[kind, role] = kind(Path(prepared), role)
    return _sources[kind, role]


def make_batch(config: Config, stage: Stage, seed: int, step: int, role: str = "train", augment: bool = True):
    """x (n, y, x, c) and y (n, y, x, 2): target and weight."""
    patches, card = _open(examples.Patches, config.data.prepared, role), config.network.card
    # whole CTs come evenly: after step k, round(k * share) of them
    if augment and int((step + 1) * stage.ct_share) > int(step * stage.ct_share):
        cts = _open(whole_ct.WholeCTs, config.data.prepared, stage.ct_roles)
        x, y, w = whole_ct.ct_batch(cts, patches, card, seed, step, stage.batch, stage.crop, stage.transplants)
    else:
        x, y, w = examples.patch_batch(patches, card, seed, step, stage.batch, stage.crop, augment)
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
