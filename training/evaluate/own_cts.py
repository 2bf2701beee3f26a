"""The automatic run over CTs that were added: their own tumours, on val and on the role that is asked about.

Whoever outlined them outlined all tumours, so what is found beside them is false. What the confidence is fitted on are
the CTs of val; those are scored by what the other half of them taught.
"""

import json

import numpy as np
from rich.progress import track

from ..config import Config
from ..data import seen
from . import automatic, confidence, detection, froc, listed
from .automatic import Model

HALVES = ("val-a", "val-b")


def exam(config: Config, model: Model, role: str) -> detection.Exam | None:
    """The figures of a role's added CTs, from a record each, so that it resumes.

    Args:
        config: Says where the prepared data are.
        model: That is asked.
        role: val | test.

    Returns:
        None where no CT of the role was added.
    """
    asked = {role: seen.asked(config, (role,), added=True) for role in dict.fromkeys(("val", role))}
    if not asked[role]:
        return None
    jobs = [(side, number, one.name) for side, cts in asked.items() for number, one in enumerate(cts)]
    records = [_record(config, model, *job) for job in track(jobs, "Added CTs")]
    return judge(records, role)


def _record(config: Config, model: Model, side: str, number: int, name: str) -> dict:
    file = model.folder / "added" / f"{name}.json"
    if not file.exists():
        fold = HALVES[number % 2] if side == "val" else side
        made = automatic.real(config, name, model) | {"case": name, "fold": fold, "exam": side, "unseen": True}
        for row in made["lesions"]:
            row["control"] = -1
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(made))
        part.replace(file)
    return json.loads(file.read_text())


def judge(records: list[dict], role: str) -> detection.Exam:
    """The figures from the records of all runs; the confidence for the card is fitted on all of val.

    Args:
        records: Of val's CTs, and of the role's; each lesion gets its confidence.
        role: val | test.
    """
    taught = [record for record in records if record["exam"] == "val"]
    fitted = {
        half: confidence.fit([row for r in taught if r["fold"] != half for row in r["lesions"]])
        for half in (*HALVES, "test")
    }
    for record in records:
        for row in record["lesions"]:
            row["confidence"] = confidence.score(row, fitted[record["fold"]])
    asked = [record for record in records if record["exam"] == role]
    scans = [froc.scan(record) for record in asked]
    with_tumour = [record for record in asked if record["references"]]
    false = [int(np.count_nonzero(~one.hits)) for one in scans]
    figures = {
        "unseen": True,
        "real": detection.real_figures(with_tumour) if with_tumour else None,
        "tumours": sum(len(record["references"]) for record in asked),
        "tumours_found": sum(row["hits"] >= 0 for record in asked for row in record["lesions"]),
        "cts": len(asked),
        "cts_without_tumour": len(asked) - len(with_tumour),
        "false_positives_a_scan_of_all": float(np.mean(false)),
        "sensitivity_at": froc.told(scans) if with_tumour else {},
        "confidence_fitted_on": sum(row["hits"] != -2 for r in taught for row in r["lesions"]),
    }
    coefficients = fitted["test"]
    least = None
    if coefficients:
        scored = [r | {"lesions": [dict(row) for row in r["lesions"]]} for r in taught]
        for record in scored:
            for row in record["lesions"]:
                row["confidence"] = confidence.score(row, coefficients)
        least = listed.least_confidence(scored)
    counts = detection.histogram(with_tumour)
    return detection.Exam(records, figures, scans, coefficients, least, counts, "tumours of the added CTs")
