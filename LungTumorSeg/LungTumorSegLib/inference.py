"""How the networks are run: batch after batch, the next one made ahead, with progress, cancel and too little memory."""

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

import numpy as np

from .data import Options, Progress
from .enums import Device, Stage
from .errors import Cancelled, NoWeightsError, OutOfMemoryError
from .geometry import Point
from .model.bundle import Bundle
from .model.engines.base import Predictor
from .model.engines.choose import open_engine
from .sampling.multiview import Looks
from .sampling.slices import Plan

# (first, size) -> (which of all inputs, these inputs) from the first one on, ``size`` at a time
Batches = Callable[[int, int], Iterator[tuple[slice, np.ndarray]]]

T = TypeVar("T")

MIRRORED = ((), (1,), (2,), (3,))  # axes of a batch of the classifier's cubes


def _own(engine: Predictor, inputs: np.ndarray) -> np.ndarray:
    return engine.predict(inputs)


def _coarse(engine: Predictor, inputs: np.ndarray) -> np.ndarray:
    return (engine.coarse or engine).predict(inputs)


class Job:
    """Whoever waits for a result: is told of the progress, and asked whether the result is still wanted.

    Args:
        progress: called with `Progress`.
        cancelled: asked between batches.

    Attributes:
        seconds: what each stage took.
    """

    def __init__(self, progress: Callable[[Progress], None] | None = None, cancelled: Callable[[], bool] | None = None):
        self.progress = progress or (lambda _: None)
        self._cancelled = cancelled or (lambda: False)
        self.seconds: dict[str, float] = {}

    def ask_cancelled(self) -> None:
        """Ask whether the result is still wanted.

        Raises:
            Cancelled: it is no longer wanted.
        """
        if self._cancelled():
            raise Cancelled("Cancelled. Nothing was changed.")

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """What is done inside is a stage of its own.

        Raises:
            Cancelled: the result is no longer wanted.
        """
        self.ask_cancelled()
        began = time.perf_counter()
        self.progress(Progress(name, 0, 1))
        try:
            yield
        finally:
            self.seconds[str(name)] = time.perf_counter() - began


class Inference:
    """The networks of a bundle on an opened engine, for one job.

    Short of memory it halves the batch, for good; when one input is too much for a GPU it goes on on the CPU.

    Args:
        options: which engine the CPU's is chosen from.

    Attributes:
        notes: sentences for the user that say so.
    """

    def __init__(self, engine: Predictor, bundle: Bundle, job: Job | None = None, options: Options | None = None):
        self.engine, self.bundle, self.job = engine, bundle, job or Job()
        self.batch = engine.batch
        self.notes: list[str] = []
        self._options = options or Options()

    def map(
        self,
        plan: Plan,
        view: np.ndarray,
        point_lps: Point | None = None,
        stage: Stage | None = None,
        coarse: bool = False,
    ) -> np.ndarray:
        """The network's answer on the plan's slices.

        Args:
            view: (z, y, x) HU, the view that the plan was made for.
            point_lps: the click.
            stage: whose progress this is.
            coarse: ask the network of the coarser scales, if there is one.

        Returns:
            uint8 (runs, y, x), round(255 p).

        Raises:
            Cancelled, EngineError: as of `run`.
        """
        values = np.zeros(plan.shape, np.uint8)

        def batches(first: int, size: int) -> Iterator[tuple[slice, np.ndarray]]:
            return plan.batches(view, size, point_lps, first)

        for which, p in self.run(batches, len(values), _coarse if coarse else _own, stage):
            values[which] = np.rint(p * 255)
        return values

    def look(self, looks: Looks, stage: Stage | None = None, coarse: bool = False) -> list[np.ndarray]:
        """The mean probability of coronal and sagittal view.

        Args:
            stage: whose progress this is.
            coarse: as of `map`.

        Returns:
            Of each region uint8, round(255 p), the region's shape.

        Raises:
            Cancelled, EngineError: as of `run`.
        """
        for which, p in self.run(looks.batches, len(looks), _coarse if coarse else _own, stage):
            looks.keep(which, p)
        return looks.means()

    def classify(self, cubes: np.ndarray) -> np.ndarray:
        """The classifier's answer, of a bundle that has a classifier.

        Means over each cube and its mirror images along the three axes: on `val` candidates twelve of them instead of
        one have an AUROC of 0.977 instead of 0.972.

        Args:
            cubes: the classifier's inputs (n, z, y, x, 1).

        Returns:
            (n) logits of a nodule.

        Raises:
            NoWeightsError: the bundle has no classifier.
            Cancelled, EngineError: as of `run`.
        """

        def answer(engine: Predictor, some: np.ndarray) -> np.ndarray:
            if engine.classifier is None:
                raise NoWeightsError(f"The model in {self.bundle.folder} has no classifier. Choose another model.")
            return engine.classifier.predict(some)

        total = np.zeros(len(cubes))
        for axes in MIRRORED:
            turned = np.ascontiguousarray(np.flip(cubes, axes))
            for which, p in self.run(in_batches(turned), len(turned), answer):
                p = np.clip(p.astype(float), 1e-4, 1 - 1e-4)
                total[which] += np.log(p / (1 - p))
        return total / len(MIRRORED)

    def run(
        self,
        batches: Batches,
        total: int,
        answer: Callable[[Predictor, np.ndarray], np.ndarray] = _own,
        stage: Stage | None = None,
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """What the engine answers to all ``total`` inputs, in their order.

        Args:
            batches: makes the inputs.
            total: how many inputs there are.
            answer: what to ask of the engine for a batch of them.
            stage: whose progress this is.

        Yields:
            Which inputs, and the answer to these.

        Raises:
            Cancelled: the result is no longer wanted.
            EngineError: the engine failed.
            OutOfMemoryError: the CPU has too little memory for one input.
        """
        done, began = 0, time.perf_counter()
        while done < total:
            try:
                with closing(one_ahead(batches(done, self.batch))) as coming:
                    for which, inputs in coming:
                        self.job.ask_cancelled()
                        yield which, answer(self.engine, inputs)
                        done = which.stop
                        if stage:
                            left = (time.perf_counter() - began) / done * (total - done)
                            self.job.progress(Progress(stage, done, total, left))
            except OutOfMemoryError:
                self._find_memory()

    def _find_memory(self) -> None:
        """After an OutOfMemoryError, which is raised on where nothing is left to try."""
        device = self.engine.device
        if self.batch > 1:
            before, self.batch = self.batch, self.batch // 2
            self.notes.append(f"{device} ran out of memory with {before} slices at a time; went on with {self.batch}.")
            return
        if device == "CPU":
            raise
        given = self._options
        self.notes.append(f"{device} has too little memory even for one slice; went on on the CPU.")
        self.engine = open_engine(self.bundle, given.engine, Device.CPU, given.precision, given.threads)
        self.engine.reason = "the GPU ran out of memory"
        self.batch = self.engine.batch


def in_batches(inputs: np.ndarray) -> Batches:
    """An array of inputs, ``size`` at a time."""

    def batches(first: int, size: int) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(first, len(inputs), size):
            some = inputs[start : start + size]
            yield slice(start, start + len(some)), some

    return batches


def one_ahead(batches: Iterator[T]) -> Generator[T]:
    """The same batches in the same order; a second thread makes the next one while one is being used."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = maker.submit(next, batches, None)
            yield batch
