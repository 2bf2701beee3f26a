"""One case in a worker, which keeps model and engine open between cases: the same on one machine and on many."""

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import case as one_case
from .. import memory
from ..data import CT, Options, Result
from ..model.bundle import Bundle, load_bundle
from ..model.engines.base import Engine
from ..model.engines.choose import open_engine
from ..writers import output_folder, result_files, thumbnail
from . import kept
from .cases import Case
from .extras import NONE, Extras
from .kept import Record


@dataclass(frozen=True)
class Settings:
    """What holds for all cases.

    Attributes:
        output: The cohort's folder.
        options: Its engine, device, precision, model and threads.
        extras: What the cases get beside their own files.
    """

    output: Path
    options: Options
    extras: Extras = NONE


_opened: tuple[Options, Bundle, Engine] | None = None
_one_at_a_time = threading.Lock()  # an engine answers one caller


def warm(options: Options) -> tuple[Bundle, Engine]:
    """The model and its engine, opened once in this process.

    Raises:
        ModelError: The model was refused.
        EngineError: The engine is not installed or failed.
    """
    global _opened
    if _opened is None or _opened[0] != options:
        _opened = None  # frees its memory before the next one takes its own
        bundle = load_bundle(options.model)
        how = (options.engine, options.device, options.precision, options.threads)
        _opened = options, bundle, open_engine(bundle, *how)
    return _opened[1:]


def described(options: Options) -> str:
    """What the network runs on here, in words; opens it."""
    _, engine = warm(options)
    return f"{engine.name}, {engine.device}, {engine.precision} ({engine.reason})"


def do(case: Case, settings: Settings, attempt: int) -> Record:
    """Segment one case and write its folder.

    What no other case would survive is raised; any other error stands in the record.

    Args:
        attempt: Which one it is, from 1.

    Returns:
        The case's record, which says how it went.

    Raises:
        InputError: A package is missing that pages or DICOM objects need.
        OutputError: Nothing can be written.
        ModelError: The network can't be opened.
        EngineError: The network can't be opened.
    """
    settings.extras.check()
    with _one_at_a_time:
        bundle, engine = warm(settings.options)
        memory.forget_peak()
        began = time.perf_counter()
        try:
            folder = kept.work_folder(settings.output, case)
        except OSError as error:
            raise output_folder.output_error(settings.output, error) from error
        try:
            ct, notes = one_case.read(case.path, bundle, case.reading)
            ct = replace(ct, name=case.name)
            objects, page, without = settings.extras.prepared(ct)
            result = one_case.segmented(ct, case.options, bundle, engine=engine)
            files, remarks = one_case.saved(result, ct, folder, objects, page, with_pictures=settings.extras.pictures)
            thumbnail.write(folder / kept.THUMBNAIL, result, ct)
            values = kept.done(
                case, attempt, _found(ct, result, (*notes, *without, *remarks), files) | _cost(began), folder
            )
        except Exception as error:
            for file in folder.iterdir():
                file.unlink()
            values = kept.failed(case, attempt, error, _cost(began))
        kept.publish(settings.output, case, values, folder)
        return values


def _cost(began: float) -> Record:
    return {"seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": round(memory.peak_mb())}


def _found(ct: CT, result: Result, notes: tuple[str, ...], files: list[Path]) -> dict[str, Any]:
    """Of the lesions that are listed; their number for the overview."""
    confidences = [lesion.confidence for lesion in result.lesions if lesion.confidence is not None]
    return {
        "lesions": len(result.lesions),
        "less_likely": len(result.less_likely),
        "largest_mm": round(max((lesion.long_axis_mm for lesion in result.lesions), default=0.0), 1),
        "volume_ml": round(sum(lesion.volume_mm3 for lesion in result.lesions) / 1000, 3),
        "highest_confidence": round(max(confidences), 3) if confidences else None,
        "engine": f"{result.engine}, {result.device}, {result.precision}",
        "dicom": ",".join(file.stem for file in files if file.name in result_files.DICOM),
        "series_uid": ct.source.get("series_uid", ""),
        "notes": [*notes, *result.notes],
    }
