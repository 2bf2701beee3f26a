"""What goes through the pipe to the child process and back: one JSON object a line, voxels beside it in files.

Requests have a ``type`` of ``run``, ``warm``, ``quit``, ``explain`` or ``compare``, answers of ``hello``, ``progress``,
``result`` or ``error``; each carries ``v`` and, but for ``hello``, the request's ``id``.

    run       folder, ct (name, source, geometry), options      -> progress ..., result (folder) | error
    warm      options                                           -> result (engine, device, reason) | error
    quit                                                        -> the child ends
    explain   folder, ct, options, kind, lesion, point_lps      -> progress ..., result (kind, box, probability, notes)
                                                                | error
    compare   folder, cts, dates, same_patient, notes, options  -> progress ..., result (see `comparing`) | error
    hello     pid, version                                      once, when the child is ready
    progress  stage, done, total, seconds_left
    error     error (a class of `errors`), message, traceback

``folder`` is a private temporary one. The caller puts ``ct.npy`` there (stored axis order), the child maps it into
memory, writes the result beside it as `record` does, and removes ``ct.npy`` before its answer. For ``explain`` the
caller puts ``mask.npy`` there as well, and the child writes ``map.npy``. Points are LPS mm. End of input ends the
child.
"""

import contextlib
import json
from pathlib import Path
from typing import IO

import numpy as np

from .. import errors
from ..data import CT, Lesion, LesionMap, Progress
from ..enums import MapKind, Stage
from ..geometry import Box, Point, triple
from ..record import geometry_from, geometry_record, lesion_from, lesion_record

VERSION = 1
FOLDER_PREFIX = "lts-"  # of the private folder's name; a short one, since the path to it may already be long
_VOXELS, _MASK, _MAP = "ct.npy", "mask.npy", "map.npy"


def send(stream: IO[str], message: dict) -> None:
    """Write one message.

    Args:
        stream: To the other side.
        message: Without ``v``, which is added.

    Raises:
        OSError: The other side is gone.
    """
    stream.write(json.dumps({"v": VERSION, **message}, default=str) + "\n")
    stream.flush()


def parse(line: str) -> dict | None:
    """The message in a line, or None if the line is no message of this version."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):  # brackets in brackets, as libraries may print them
        return None
    if not isinstance(message, dict) or message.get("v") != VERSION or not isinstance(message.get("type"), str):
        return None
    return message if isinstance(message.get("id", ""), str) else None


def hand_over(ct: CT, folder: Path) -> dict:
    """Write a CT's voxels for the other side.

    Args:
        ct: What is handed over.
        folder: Into which its voxels are written.

    Returns:
        What describes it in a request.

    Raises:
        OSError: The voxels cannot be written.
    """
    np.save(folder / _VOXELS, ct.voxels_zyx)
    return {"name": ct.name, "source": ct.source, "geometry": geometry_record(ct.geometry)}


def take_over(described: dict, folder: Path) -> CT:
    """The CT that `hand_over` left in ``folder``, its voxels mapped into memory."""
    voxels = np.load(folder / _VOXELS, mmap_mode="r")
    return CT(voxels, geometry_from(described["geometry"]), described["name"], described["source"])


def remove_voxels(folder: Path) -> None:
    """Remove what `hand_over` wrote, once nothing is mapped: it took the panel's event loop 12 ms, of 600 slices."""
    voxels = [folder / _VOXELS]
    with contextlib.suppress(OSError, ValueError):  # in a line that is damaged the folder may be no possible path
        voxels += folder.glob(f"*/{_VOXELS}")
    for path in voxels:
        with contextlib.suppress(OSError, ValueError):
            path.unlink()


def hand_over_lesion(lesion: Lesion, mask: np.ndarray, point_lps: Point | None, folder: Path) -> dict:
    """Write a lesion's mask for the other side.

    Args:
        lesion: What is handed over.
        mask: bool (z, y, x), fills ``lesion.label_box``.
        point_lps: Its click, LPS mm, or None.
        folder: Into which the mask is written.

    Returns:
        What describes lesion and click in a request.

    Raises:
        OSError: The mask cannot be written.
    """
    np.save(folder / _MASK, mask)
    return {"lesion": lesion_record(lesion), "point_lps": point_lps}


def take_over_lesion(request: dict, folder: Path) -> tuple[Lesion, np.ndarray, Point | None]:
    """The lesion, its mask and its click (LPS mm, or None) that `hand_over_lesion` left."""
    point = request["point_lps"]
    return lesion_from(request["lesion"]), np.load(folder / _MASK), point and triple(point)


def hand_over_map(made: LesionMap, folder: Path) -> dict:
    """Write a map's values for the other side.

    Args:
        made: What is handed over.
        folder: Into which its values are written.

    Returns:
        What describes it in an answer.

    Raises:
        OSError: The values cannot be written.
    """
    np.save(folder / _MAP, made.values)
    return {"kind": made.kind, "box": made.box.pairs, "probability": made.probability, "notes": made.notes}


def take_over_map(answer: dict, folder: Path) -> LesionMap:
    """The map that `hand_over_map` left in ``folder``; read, not mapped, as the folder goes away."""
    box = Box.of_pairs(answer["box"])
    return LesionMap(
        MapKind(answer["kind"]), box, np.load(folder / _MAP), answer["probability"], tuple(answer["notes"])
    )


def progress_from(answer: dict) -> Progress:
    """The progress that an answer describes.

    Raises:
        KeyError, TypeError, ValueError: It describes none.
    """
    done, total, left = (answer[key] for key in ("done", "total", "seconds_left"))
    return Progress(Stage(answer["stage"]), int(done), int(total), None if left is None else float(left))


def error_fields(error: Exception, traceback: str) -> dict:
    """What describes an exception in an answer. One that the library did not raise on purpose is a WorkerError."""
    if isinstance(error, errors.LungTumorSegError):
        return {"error": type(error).__name__, "message": str(error), "traceback": traceback}
    message = f"The network's run failed unexpectedly ({type(error).__name__}: {error})."
    return {"error": "WorkerError", "message": message, "traceback": traceback}


def error_from(fields: dict, log: str) -> errors.LungTumorSegError:
    """The exception that an ``error`` answer describes.

    It carries log and traceback as ``log``, for a user who wants to report it.

    Args:
        fields: The answer.
        log: The end of the child's standard error.

    Raises:
        KeyError, TypeError: It describes none.
    """
    if not isinstance(fields["message"], str) or not fields["message"].strip():
        raise TypeError("no sentence")
    kind = getattr(errors, str(fields["error"]), None)
    if not (isinstance(kind, type) and issubclass(kind, errors.LungTumorSegError)):
        kind = errors.WorkerError
    error = kind(fields["message"])
    error.log = f"{log}\n{fields['traceback']}".strip()
    return error
