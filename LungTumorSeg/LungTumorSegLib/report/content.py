"""What stands in a report: one dictionary, from which the page is made."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import __version__
from ..data import CT, Lesion, Result
from ..enums import Status
from ..findings.measures import Measures
from ..findings.suggestions.nodule import Suggestion
from ..geometry import ras_from_lps
from ..lesions import terminology
from ..writers.lesion_table import centre_ras
from ..writers.pictures import AxialView
from . import facts
from .key_images import key_images
from .projection import projections

MOST_PICTURED = 40  # a page of 120 pictures has 3 MB


def content(
    result: Result,
    ct: CT,
    measured: Sequence[Measures],
    names: Mapping[int, str] | None = None,
    smooth_mm: float = 0.0,
    patient: Mapping[str, str] | None = None,
    pictures: Mapping[int, dict[str, str]] | None = None,
    suggestions: Mapping[int, Sequence[Suggestion]] | None = None,
) -> dict[str, Any]:
    """Plain values and data URIs by the names that the template uses.

    Args:
        measured: `Measures` of each of ``result.outlines``.
        names: See `result_files.save`.
        smooth_mm: See `result_files.save`.
        patient: What names the patient, if the report shall.
        pictures: Of `drawn`, where they are drawn already.
        suggestions: See `result_files.save`. Those of rejected lesions are left out.
    """
    kept = _kept(result, measured)
    view = AxialView(result, ct)
    if pictures is None:
        pictures = dict(drawn(result, ct, measured))
    rows = [_row(result, *entry, names, pictures.get(entry[0].id, {})) for entry in kept]
    model = facts.model_facts(result)
    return {
        "program": f"LungTumorSeg {__version__}",
        "made": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "ct": facts.ct_facts(ct),
        "patient": dict(patient or {}),
        "rows": rows,
        "rejected": [lesion.id for lesion in result.lesions if lesion.status == Status.REJECTED],
        "less_likely": len(result.less_likely),
        "most_pictured": MOST_PICTURED,
        "projections": projections(view, [x for x, _, _ in kept], [m for _, m, _ in kept]) if kept else {},
        "error": _largest_error([m for _, _, m in kept]),
        "thresholds": _thresholds(result, model, smooth_mm),
        "suggestions": [
            (lesion.id, each.text) for lesion, _, _ in kept for each in (suggestions or {}).get(lesion.id, ())
        ],
        "notes": facts.notes(ct, result, model),
        "result": result,
        "model": model,
    }


def drawn(result: Result, ct: CT, measured: Sequence[Measures]) -> Iterator[tuple[int, dict[str, str]]]:
    """Draw the key images, lesion by lesion: 0.1 s of processor time each.

    Args:
        measured: `Measures` of each of ``result.outlines``.

    Yields:
        The id of a lesion and its `key_images`.
    """
    view = AxialView(result, ct)
    for lesion, mask, found in _kept(result, measured)[:MOST_PICTURED]:
        yield lesion.id, key_images(view, lesion, mask, found)


def _kept(result: Result, measured: Sequence[Measures]) -> list[tuple[Lesion, np.ndarray, Measures]]:
    """The listed lesions that are not rejected, with mask and measures."""
    listed = zip(result.lesions, result.masks, measured[: len(result.lesions)], strict=True)
    return [entry for entry in listed if entry[0].status != Status.REJECTED]


def _row(
    result: Result,
    lesion: Lesion,
    mask: np.ndarray,
    measured: Measures,
    names: Mapping[int, str] | None,
    pictures: Mapping[str, str],
) -> dict[str, Any]:
    red, green, blue = (round(255 * share) for share in terminology.color(lesion))
    return {
        "lesion": lesion,
        "measured": measured,
        "name": (names or {}).get(lesion.id, ""),
        "color": f"#{red:02x}{green:02x}{blue:02x}",
        "centre_ras": centre_ras(result.geometry, lesion, mask),
        "pictures": pictures,
    }


def _largest_error(measured: Sequence[Measures]) -> dict[str, float]:
    if not measured:
        return {}
    return {
        "volume_percent": max(m.volume_error_percent for m in measured),
        "diameter_mm": max(m.diameter_error_mm for m in measured),
    }


def _thresholds(result: Result, model: facts.ModelFacts | None, smooth_mm: float) -> dict[str, Any]:
    """Those in force. least_confidence: None where neither user nor card says it."""
    options = result.options
    least = options.min_confidence
    if least is None and model is not None:
        least = model.card.min_confidence
    return {
        "probability": sorted({lesion.threshold for lesion in result.lesions}),
        "min_diameter_mm": options.min_diameter_mm,
        "min_confidence": least,
        "lungs": result.lungs is not None,
        "smooth_mm": smooth_mm,
        "points_ras": [ras_from_lps(point) for point in options.points_lps],
    }
