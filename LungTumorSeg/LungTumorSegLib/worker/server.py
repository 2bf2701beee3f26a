"""The child process: reads requests, segments, explains or compares, answers. It keeps the model loaded."""

import os
import queue
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TextIO

from .. import __version__, explain, record
from ..data import LesionMap, Options, Progress
from ..enums import MapKind, Stage
from ..inference import Inference, Job
from ..model.bundle import Bundle, load_bundle
from ..model.engines.base import Engine
from ..model.engines.choose import open_engine
from ..segmentation import segment
from ..tracking import track
from . import comparing, protocol


def serve(requests: TextIO, answers: TextIO, idle_minutes: float) -> None:
    """Answer requests until ``quit`` or the end of input.

    Args:
        requests: Where they come from, one a line.
        answers: Where the answers go.
        idle_minutes: It ends too after so long without a request.
    """
    waiting: queue.Queue[dict | None] = queue.Queue()
    ended = threading.Event()

    def read_requests() -> None:
        try:
            for line in requests:
                if (message := protocol.parse(line)) is not None:
                    waiting.put(message)
        finally:
            # The caller is gone: the run in progress has nobody to answer to
            ended.set()
            waiting.put(None)

    threading.Thread(target=read_requests, daemon=True).start()
    protocol.send(answers, {"type": "hello", "pid": os.getpid(), "version": __version__})
    server = _Server(answers, cancelled=ended.is_set)
    while True:
        try:
            request = waiting.get(timeout=idle_minutes * 60)
        except queue.Empty:
            return
        if request is None or request["type"] == "quit":
            return
        try:
            server.answer(request)
        except OSError:
            return  # the pipe is closed
        finally:
            if ended.is_set() and (folder := _private(request)) is not None:
                shutil.rmtree(folder, ignore_errors=True)


def _private(request: dict) -> Path | None:
    """The run's own folder, of which things may be removed: a line that is damaged may name any."""
    folder = request.get("folder")
    if isinstance(folder, str) and Path(folder).name.startswith(protocol.FOLDER_PREFIX):
        return Path(folder)
    return None


class _Server:
    def __init__(self, answers: TextIO, cancelled: Callable[[], bool]) -> None:
        self._answers = answers
        self._cancelled = cancelled
        # folder, checksum and how it was asked to run, and what was opened for them
        self._opened: tuple[tuple, Engine] | None = None

    def answer(self, request: dict) -> None:
        try:
            work = {"run": self._run, "warm": self._warm, "explain": self._explain, "compare": self._compare}
            answer = {"type": "result", **work[request["type"]](request)}
        except Exception as error:  # whatever it is, the caller is told, and the child lives on
            answer = {"type": "error", **protocol.error_fields(error, traceback.format_exc())}
        # Only now: the exception held the frames that hold the memory-mapped CT
        if (folder := _private(request)) is not None:
            protocol.remove_voxels(folder)
        protocol.send(self._answers, {"id": request.get("id", ""), **answer})

    def _run(self, request: dict) -> dict:
        folder = Path(request["folder"])
        options = record.options_from(request["options"])
        ct = protocol.take_over(request["ct"], folder)
        progress = self._progress_of(request)
        progress(Progress(Stage.ENGINE, 0, 1))
        began = time.perf_counter()
        model, engine = self._warm_up(options)
        loading = time.perf_counter() - began
        result = segment(ct, options, progress, self._cancelled, engine, model)
        seconds = result.seconds | {"engine": result.seconds["engine"] + loading}
        record.save(replace(result, seconds=seconds), ct, folder)
        return {"folder": str(folder)}

    def _explain(self, request: dict) -> dict:
        folder = Path(request["folder"])
        ct = protocol.take_over(request["ct"], folder)
        lesion, mask, point_lps = protocol.take_over_lesion(request, folder)
        progress = self._progress_of(request)
        progress(Progress(Stage.ENGINE, 0, 1))
        options = record.options_from(request["options"])
        model, engine = self._warm_up(options)
        inference = Inference(engine, model, Job(progress, self._cancelled), options)
        spot = explain.spot_of(ct, lesion, point_lps)
        if request["kind"] == MapKind.HEAT:
            heat = explain.heat(ct, spot, lesion, mask, inference)
            made = LesionMap(MapKind.HEAT, heat.box, heat.fall, heat.probability, tuple(inference.notes))
        else:
            found = explain.uncertainty(ct, spot, inference)
            made = LesionMap(MapKind.UNCERTAINTY, found.box, found.deviation, notes=tuple(inference.notes))
        return protocol.hand_over_map(made, folder)

    def _compare(self, request: dict) -> dict:
        folder = Path(request["folder"])
        cts, known, results = comparing.take_over(request, folder)
        progress = self._progress_of(request)
        progress(Progress(Stage.ENGINE, 0, 1))
        options = record.options_from(request["options"])
        opened = self._warm_up(options)
        return comparing.hand_over_found(track(cts, known, options, results, progress, self._cancelled, opened), folder)

    def _progress_of(self, request: dict) -> Callable[[Progress], None]:
        return lambda step: protocol.send(self._answers, {"type": "progress", "id": request["id"], **asdict(step)})

    def _warm(self, request: dict) -> dict:
        _, engine = self._warm_up(record.options_from(request["options"]))
        return {"engine": engine.name, "device": engine.device, "reason": engine.reason}

    def _warm_up(self, options: Options) -> tuple[Bundle, Engine]:
        """The loaded model; loaded again when another one or way to run it is asked for, or its files changed."""
        model = load_bundle(options.model)
        how = (options.engine, options.device, options.precision, options.threads)
        wanted = (model.folder, model.checksum, *how)
        if self._opened is None or self._opened[0] != wanted:
            self._opened = None  # free the old one's memory before the new one takes its own
            self._opened = wanted, open_engine(model, *how)
        return model, self._opened[1]


def own_standard_streams() -> tuple[TextIO, TextIO]:
    """Take the original standard input and output for the protocol, and give everybody else substitutes.

    Libraries print to file descriptor 1 from C++ as well, which would break into an answer; from now on that goes to
    standard error, and standard input is empty.

    Returns:
        Requests and answers, UTF-8.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    with open(os.devnull) as nothing:  # noqa: PTH123 - a file descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers
