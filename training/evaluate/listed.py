"""What the table lists by default: from which confidence, and what that costs."""

import numpy as np
from LungTumorSegLib.lesions.order import place

from . import automatic, froc, metrics

MOST_FALSE = 2.0  # a scan: what a reader can look through
FIRST_ROWS = 2


def least_confidence(records: list[dict]) -> float | None:
    """From which confidence a lesion is listed: at most two false positives a scan.

    So it is in all CTs, and in the fully annotated ones alone, where what is found beside the nodules is false without
    doubt. With model 0.5.0 and two CTs of these that is 0.13, in five CTs of all kinds 0.10.

    Args:
        records: Runs with inserted nodules of `val`, by models that have not seen the CTs; each lesion has its
            confidence.

    Returns:
        The higher of both confidences; None where there is no run, or more false positives than that share the
            highest one.
    """
    read = [record for record in records if is_read(record)]
    found = [
        froc.score_at([froc.scan(_listable(record)) for record in part], MOST_FALSE) for part in (records, read) if part
    ]
    least = max(found, default=np.inf)
    return float(least) if np.isfinite(least) else None


def share_listed(records: list[dict], least: float) -> dict:
    """Of the inserted nodules those that are in the table.

    Args:
        records: Runs with inserted nodules; each lesion has its confidence.
        least: From which confidence a lesion is listed.
    """
    found, patients = [], []
    for record in records:
        hits = {row["hits"] for row in _listable(record)["lesions"] if row["confidence"] >= least}
        found += [k in hits for k in range(len(record["references"]))]
        patients += [reference["patient"] for reference in record["references"]]
    return metrics.summary(found, patients)


def is_read(record: dict) -> bool:
    """Whether four radiologists have marked every nodule of the CT."""
    return record["case"].startswith(automatic.READ)


def _listable(record: dict) -> dict:
    """Without what is in the fold whatever its confidence: too small, or away from the lungs."""
    return record | {"lesions": [row for row in record["lesions"] if row["listed"]]}


def figures(records: list[dict], least: float) -> dict | None:
    """The tables of CTs as they are.

    Args:
        records: A run each, nothing inserted; each lesion has its confidence.
        least: From which confidence a lesion is listed.

    Returns:
        False rows a scan (all CTs, fully annotated ones, those of them without a nodule), the shares of the known
            tumours that are listed and in the first two rows, and a row a CT. None where there is no run.
    """
    cases = [_table(record, least) for record in records]
    if not cases:
        return None
    read = [case for case in cases if case["read"]]

    def false_rows(group: list[dict]) -> dict | None:
        return metrics.summary([c["false_rows"] for c in group], [c["case"] for c in group]) if group else None

    asked = [(case, k) for case in cases for k in range(case["tumours"])]
    rows = np.array([case["tumour_rows"][k] if k < len(case["tumour_rows"]) else np.inf for case, k in asked])
    owners = [case["case"] for case, _ in asked]
    return {
        "least_confidence": least,
        "false_rows_a_scan": false_rows(cases),
        "false_rows_a_scan_where_read": false_rows(read),
        "false_rows_a_scan_in_negatives": false_rows([case for case in read if not case["tumours"]]),
        "tumours_listed": metrics.summary(np.isfinite(rows), owners),
        "tumours_in_first_rows": metrics.summary(rows <= FIRST_ROWS, owners),
        "cases": cases,
    }


def _table(record: dict, least: float) -> dict:
    """The rows (1 is the first) of a CT's own tumours, and how many are false."""
    rows = [row for row in _listable(record)["lesions"] if row["confidence"] >= least]
    rows.sort(key=lambda row: place(row["confidence"], row["long_axis_mm"]))
    # a located tumour has no mask: what touches the sphere around it is taken for it, the surest first
    own = [n for n, row in enumerate(rows, 1) if row["hits"] >= 0 or (record["located"] and row["hits"] == -2)]
    tumours = 1 if record["located"] else len(record["references"])
    return {
        "case": record["case"],
        "read": is_read(record),
        "tumours": tumours,
        "tumour_rows": own[:tumours],
        "false_rows": sum(row["hits"] == -1 for row in rows),
    }
