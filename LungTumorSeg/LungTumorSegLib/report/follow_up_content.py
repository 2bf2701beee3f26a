"""What stands in the report of a follow-up: one dictionary, from which the page is made."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import __version__
from ..data import Lesion
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.recist import NEW_RULE, RULES, Recist, Response
from ..findings.follow_up.tracks import Track
from ..findings.follow_up.verdict import verdict
from ..findings.suggestions.nodule import Suggestion
from ..lesions import terminology
from ..writers import follow_up_pictures, follow_up_table
from ..writers.pictures import AxialView
from . import embedded, facts
from .follow_up_plot import lines, plots

_DPI = 110


def content(
    follow_up: FollowUp,
    response: Recist,
    suggestions: Mapping[int, Sequence[Suggestion]] | None = None,
    patient: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Plain values and data URIs by the names that the template uses.

    Args:
        response: Of `recist`.
        suggestions: Of `suggested`, if they were asked for.
        patient: What names the patient, if the report shall.
    """
    last = follow_up.points[-1].result
    model = facts.model_facts(last)
    drawn = {line.lesion for line in lines(follow_up)}
    return {
        "program": f"LungTumorSeg {__version__}",
        "made": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "patient": dict(patient or {}),
        "points": [_point(follow_up, k) for k in range(len(follow_up.points))],
        "rows": [row | {"color": _color(follow_up, row["lesion"])} for row in _rows(follow_up, response)],
        "lesions": len(follow_up.tracks),
        "plots": {name: embedded.vector_uri(figure) for name, figure in plots(follow_up, response).items()},
        "not_drawn": [track.id for track in follow_up.tracks if track.id not in drawn],
        "responses": [_response(each) for each in response.responses],
        "targets": response.targets,
        "suggestions": [(lesion, each.text) for lesion, found in (suggestions or {}).items() for each in found],
        "cards": _cards(follow_up),
        "registrations": [
            {"from": k + 1, "to": k + 2, "verdict": verdict(each.agreement), "found": each.agreement}
            for k, each in enumerate(follow_up.registrations)
        ],
        "notes": _notes(follow_up, response, model),
        "result": last,
        "model": model,
    }


def _point(follow_up: FollowUp, k: int) -> dict[str, Any]:
    point = follow_up.points[k]
    return {
        "number": k + 1,
        "date": point.date and point.date.isoformat(),
        "ct": facts.ct_facts(point.ct),
        "listed": len(point.result.lesions) - len(point.clicked),
        "clicked": len(point.clicked),
        "less_likely": len(point.result.less_likely),
    }


def _rows(follow_up: FollowUp, response: Recist) -> list[dict[str, Any]]:
    """Those of ``follow_up.csv``; ``first``: the first of its lesion."""
    rows = list(follow_up_table.rows(follow_up, response.targets))
    before = [None, *(row["lesion"] for row in rows)]
    return [row | {"first": row["lesion"] != last} for row, last in zip(rows, before, strict=False)]


def _response(response: Response) -> dict[str, Any]:
    """rules: sentences that are translated one by one."""
    rules = [RULES[response.response]] if response.response else []
    if response.new and response.response != "PD":
        rules.append(NEW_RULE)
    return {"sum_mm": response.sum_mm, "response": response.response, "rules": rules, "new": response.new}


def _cards(follow_up: FollowUp) -> list[dict[str, Any]]:
    views = [AxialView(point.result, point.ct) for point in follow_up.points]
    return [
        {
            "lesion": track.id,
            "color": _color(follow_up, track.id),
            "fates": [step.fate for step in track.steps if step],
            "evidence": [step.evidence for step in track.steps if step],
            "picture": embedded.data_uri(follow_up_pictures.picture(follow_up, track, views), _DPI),
        }
        for track in follow_up.tracks[: follow_up_pictures.MOST_LESIONS]
    ]


def _color(follow_up: FollowUp, lesion_id: int) -> str:
    track = follow_up.track(lesion_id)
    color = terminology.color(replace(_seen(follow_up, track), id=track.id))
    red, green, blue = (round(255 * share) for share in color)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _seen(follow_up: FollowUp, track: Track) -> Lesion:
    k = next(k for k, number in enumerate(track.lesions) if number is not None)
    return follow_up.points[k].outline(track.lesions[k] or 0)[0]


def _notes(follow_up: FollowUp, response: Recist, model: facts.ModelFacts | None) -> list[str]:
    of_cts = [
        f"CT {k}: {note}"
        for k, point in enumerate(follow_up.points, 1)
        for note in facts.notes(point.ct, point.result, model)
    ]
    return [*follow_up.notes, *response.notes, *of_cts]
