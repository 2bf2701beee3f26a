"""A `Result` in JSON with its voxels beside it, without losing anything. Points and grid are LPS mm."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import accumulate
from math import prod
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from . import __version__
from .data import CT, Candidate, Lesion, Lungs, Options, Rating, Result, apart
from .enums import Device, Precision, Side, Status
from .errors import UnreadableError
from .geometry import Box, Geometry, triple

SCHEMA = 3
AN_ARRAY_EACH = 2  # the schema of before, which is read too
JSON_NAME = "result.json"
VOXELS_NAME = "voxels.npz"
PROBABILITY_NAME = "probability.npy"


def save(result: Result, ct: CT, folder: Path) -> None:
    """Put ``result`` and the CT's description into a folder, for `load`: uncompressed, nothing lost.

    Args:
        folder: an existing one.

    Raises:
        OSError: the folder cannot be written.
        ValueError: a block or a mask does not fill its box; nothing is written.
    """
    folder = Path(folder)
    # 264 arrays in the file took the panel 29 ms to read, these two 9 with the lungs
    arrays = {
        "candidates": _in_one([(candidate.block, candidate.box) for candidate in result.candidates], np.uint8),
        "masks": _in_one([(mask, lesion.label_box) for lesion, mask in result.outlines], bool),
    }
    if result.lungs is not None:
        arrays |= {"lungs_label": result.lungs.label_zyx, "lungs_hull_distance": result.lungs.hull_distance_mm}
    # numpy's type takes them for its own option allow_pickle, which numpy 2.0 has not
    np.savez(folder / VOXELS_NAME, **arrays)  # type: ignore[arg-type]
    if result.probability is not None:
        np.save(folder / PROBABILITY_NAME, result.probability)
    boxes = [_candidate_record(candidate) for candidate in result.candidates]
    lungs = None if result.lungs is None else _lungs_record(result.lungs)
    whole = result_record(result, ct) | {"candidates": boxes, "lungs": lungs}
    (folder / JSON_NAME).write_text(_text(whole, indent=None), encoding="utf-8")  # indented: 8 ms of the panel's, not 2


def load(folder: Path) -> Result:
    """The `Result` that `save` put into ``folder``.

    Raises:
        UnreadableError: missing, damaged, another schema.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / JSON_NAME).read_text("utf-8"))
        if record["schema"] not in (SCHEMA, AN_ARRAY_EACH):
            raise UnreadableError(
                f"This result was written by another version of LungTumorSeg (schema {record['schema']}, this version "
                f"reads {AN_ARRAY_EACH} and {SCHEMA}); run the segmentation again."
            )
        with ZipFile(folder / VOXELS_NAME) as file:
            # as `save` writes it: a packed one can unpack to a thousand times its size
            if any(member.compress_type != ZIP_STORED for member in file.infolist()):
                raise ValueError("packed")
        with np.load(folder / VOXELS_NAME, allow_pickle=False) as file:
            arrays = dict(file)
        probability = folder / PROBABILITY_NAME
        return _result(record, arrays, np.load(probability) if probability.exists() else None)
    except UnreadableError:
        raise
    except Exception as error:  # whatever the parsers of JSON, zip and numpy raise on damaged bytes
        raise UnreadableError(
            f"The result in {folder} is damaged or incomplete; run the segmentation again."
        ) from error


def write(path: Path, record: dict) -> None:
    """Write a record as indented JSON: not ASCII alone, no NaN.

    Bytes of a path that are no UTF-8 become U+FFFD.

    Raises:
        OSError: the file cannot be written.
        ValueError: the record holds a NaN.
    """
    path.write_text(_text(record, indent=2) + "\n", encoding="utf-8")


def _text(record: dict, indent: int | None) -> str:
    text = json.dumps(record, indent=indent, ensure_ascii=False, allow_nan=False, default=_plain)
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def result_record(result: Result, ct: CT) -> dict:
    """What is written of a result, but for its voxels.

    Returns:
        A record for JSON. input: name and `CT.source` of the CT. model: name, version, checksum. engine, device,
            precision, reason: what ran and why. seconds: of each stage. lesions: the `Lesion` contract's names and
            order; less likely ones come last.
    """
    return {
        "schema": SCHEMA,
        "program": f"LungTumorSeg {__version__}, for research, not a medical device",
        "input": {"name": ct.name, **ct.source},
        "geometry": geometry_record(result.geometry),
        "model": result.model,
        "engine": result.engine,
        "device": result.device,
        "reason": result.reason,
        "precision": result.precision,
        "options": options_record(result.options),
        "seconds": result.seconds,
        "peak_memory_mb": result.peak_memory_mb,
        "notes": list(result.notes),
        "lesions": [lesion_record(lesion) for lesion, _ in result.outlines],
    }


def geometry_record(geometry: Geometry) -> dict:
    """A grid for JSON: the fields of `Geometry`, ``direction`` as ``direction_lps``."""
    record = asdict(geometry)
    record["direction_lps"] = record.pop("direction")
    return record


def geometry_from(record: dict) -> Geometry:
    """The inverse of `geometry_record`.

    Raises:
        KeyError, ValueError: it is no such record.
    """
    return Geometry(
        triple(record["shape_zyx"]),
        triple(record["spacing_xyz"]),
        triple(record["origin_lps"]),
        tuple(record["direction_lps"]),
    )


def options_record(options: Options) -> dict:
    """Options for JSON, by their names; points are LPS mm."""
    record = asdict(options)
    record["model"] = None if options.model is None else str(options.model)
    return record


def options_from(record: dict) -> Options:
    """The inverse of `options_record`.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    values = dict(record)
    values["points_lps"] = tuple(map(triple, values["points_lps"]))
    values["device"] = Device(values["device"])
    values["precision"] = Precision(values.get("precision", Precision.AUTO))  # not asked for by earlier versions
    values["model"] = None if values["model"] is None else Path(values["model"])
    return Options(**values)


def lesion_record(lesion: Lesion) -> dict:
    """A lesion for JSON, by its names; ``label_box`` as (start, stop) of each axis, points LPS mm."""
    return asdict(lesion) | {"label_box": lesion.label_box.pairs}


def lesion_from(record: dict) -> Lesion:
    """The inverse of `lesion_record`.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    values = dict(record)
    values["axis_points_lps"] = tuple(map(triple, values["axis_points_lps"]))
    values["label_box"] = Box.of_pairs(values["label_box"])
    values["side"], values["status"] = Side(values["side"]), Status(values["status"])
    return Lesion(**values)


def _in_one(blocks: Sequence[tuple[np.ndarray, Box]], kind: type) -> np.ndarray:
    """All voxels of some arrays, one after the other. Raises ValueError where one does not fill its box."""
    for block, box in blocks:
        if block.shape != box.shape:
            raise ValueError(f"{block.shape} voxels do not fill a box of {box.shape}")
    return np.concatenate([np.zeros(0, kind), *(block.ravel() for block, _ in blocks)])


def _divided(voxels: np.ndarray, boxes: Sequence[Box]) -> Iterator[np.ndarray]:
    """The inverse of `_in_one`; each array fills its box. Raises ValueError where there are more or fewer voxels."""
    sizes = [prod(box.shape) for box in boxes]
    if voxels.shape != (sum(sizes),):
        raise ValueError(f"{voxels.shape} voxels do not fill the boxes")
    ends = list(accumulate(sizes, initial=0))
    for box, start, end in zip(boxes, ends, ends[1:], strict=False):
        yield voxels[start:end].reshape(box.shape)


def _lungs_record(lungs: Lungs) -> dict:
    return {
        "geometry": geometry_record(lungs.geometry),
        "body_box": lungs.body_box and lungs.body_box.pairs,
        "midline": lungs.midline,
    }


def _candidate_record(candidate: Candidate) -> dict:
    return {
        "box": candidate.box.pairs,
        "point_lps": candidate.point_lps,
        "threshold": candidate.threshold,
        "ratings": [asdict(rating) for rating in candidate.ratings],
    }


def _candidate(record: dict, block: np.ndarray) -> Candidate:
    return Candidate(
        Box.of_pairs(record["box"]),
        block,
        record["point_lps"] and triple(record["point_lps"]),
        record["threshold"],
        tuple(Rating(triple(rating["point_lps"]), rating["logit"]) for rating in record["ratings"]),
    )


def _result(record: dict, arrays: dict, probability: np.ndarray | None) -> Result:
    lungs = None
    if record["lungs"] is not None:
        grid = geometry_from(record["lungs"]["geometry"])
        body = record["lungs"]["body_box"]
        body_box = None if body is None else Box.of_pairs(body)
        midline = record["lungs"].get("midline")  # not kept by earlier versions
        lungs = Lungs(arrays["lungs_label"], arrays["lungs_hull_distance"], grid, body_box, midline)
    every = tuple(lesion_from(lesion) for lesion in record["lesions"])
    if record["schema"] == AN_ARRAY_EACH:
        all_masks = tuple(arrays[f"mask_{i}"] for i in range(len(every)))
        blocks = tuple(arrays[f"candidate_{i}"] for i in range(len(record["candidates"])))
    else:
        all_masks = tuple(_divided(arrays["masks"], [lesion.label_box for lesion in every]))
        blocks = tuple(_divided(arrays["candidates"], [Box.of_pairs(c["box"]) for c in record["candidates"]]))
    lesions, masks, less_likely, others = apart(every, all_masks)
    return Result(
        geometry=geometry_from(record["geometry"]),
        candidates=tuple(map(_candidate, record["candidates"], blocks)),
        lungs=lungs,
        lesions=lesions,
        masks=masks,
        less_likely=less_likely,
        less_likely_masks=others,
        options=options_from(record["options"]),
        probability=probability,
        notes=tuple(record["notes"]),
        precision=record.get("precision", ""),
        **{name: record[name] for name in ("model", "engine", "device", "reason", "seconds", "peak_memory_mb")},
    )


def _plain(value: object) -> object:
    """Numpy numbers and paths, which json does not know."""
    return value.item() if isinstance(value, np.generic) else str(value)
