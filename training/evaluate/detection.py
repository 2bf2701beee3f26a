"""The automatic figures from the records of the runs: real tumours and inserted nodules apart."""

from dataclasses import dataclass

import numpy as np
from LungTumorSegLib.model.card import ConfidenceCoefficients

from ..config import FOLDS
from ..examples import recipients
from . import calibration, confidence, froc, listed, metrics
from .calibration import Histogram

STEPS = {"slices up to 1.5 mm": 1.5, "slices up to 3 mm": 3.0, "thicker slices": np.inf}
SIZES = {"all": (0, 1e9), "6-10 mm": (6, 10), "10-20 mm": (10, 20), ">=20 mm": (20, 1e9)}


@dataclass(frozen=True)
class Exam:
    """What the runs of an exam tell.

    Attributes:
        records: Of all runs, each lesion with its confidence.
        figures: For JSON.
        scans: Of the inserted nodules, for the FROC curve.
        coefficients: Of the confidence.
        min_confidence: From which the product lists a lesion.
        histogram: Of the real cases.
        of: What is found.
    """

    records: list[dict]
    figures: dict
    scans: list[froc.Scan]
    coefficients: ConfidenceCoefficients | None
    min_confidence: float | None
    histogram: Histogram  # of the real cases
    of: str = "inserted nodules of 6 mm and more"


def judge(records: list[dict], role: str = "test", given: ConfidenceCoefficients | None = None) -> Exam:
    """Fit the confidence on inserted val nodules and real tumours; figures are of ``role``'s inserted nodules.

    A fold's lesions are scored by coefficients from the other fold's CTs: false positives repeat from run to run on
    one CT, and a regression would know them, as it would a CT's own tumour. The coefficients for the card come from
    both. Without the real tumours nothing is larger than a patch, and a mass was taken for less likely the longer it
    was: in 0.3.0 the confidence of two above 60 ml was 0.12 and 0.02, with them 0.72 and 0.04.

    Args:
        records: As the jobs of `automatic.jobs` return them; each lesion gets its confidence.
        role: val or test.
        given: Of a model that is asked about CTs that neither it nor these were fitted on; nothing is fitted then.
    """
    val, asked, read, plain = ([r for r in records if r["exam"] == exam] for exam in ("val", role, "read", "real"))
    real = [r for r in plain if r["references"]]
    taught = [*val, *real]
    by_fold = {
        fold: given or confidence.fit([row for r in taught if r["fold"] != fold for row in r["lesions"]])
        for fold in FOLDS
    }
    for record in records:
        for row in record["lesions"]:
            row["confidence"] = confidence.score(row, by_fold[record["fold"]])
    least = listed.least_confidence(val)
    scans = [froc.scan(r) for r in asked]
    counts = histogram(real)
    figures = {
        "unseen": bool(records) and all(r["unseen"] for r in records),
        "inserted": _inserted(asked, scans) if asked else None,
        "inserted_in_annotated_cts": _inserted(read, [froc.scan(r) for r in read]) if read else None,
        "listed": listed.figures(plain, least or 0.0),
        "inserted_listed": listed.share_listed(asked, least or 0.0) if asked else None,
        "real": real_figures(real) if real else None,
        "calibration_by_fold": {fold: _calibration([r for r in real if r["fold"] == fold]) for fold in FOLDS if real},
        "confidence_fitted_on": None if given else sum(row["hits"] != -2 for r in taught for row in r["lesions"]),
    }
    coefficients = given or confidence.fit([row for r in taught for row in r["lesions"]])
    return Exam(records, figures, scans, coefficients, least if coefficients else None, counts)


def _inserted(test: list[dict], scans: list[froc.Scan]) -> dict:
    from_score = froc.score_at(scans, 2)
    found = {(n, row["hits"]): row for n, r in enumerate(test) for row in r["lesions"] if row["hits"] >= 0}
    everyone = [(n, k, ref) for n, r in enumerate(test) for k, ref in enumerate(r["references"])]
    sizes = {}
    for name, (low, high) in SIZES.items():
        group = [(n, k, ref) for n, k, ref in everyone if low <= ref["diameter_mm"] < high]
        patients = [ref["patient"] for *_, ref in group]
        kept = [found.get((n, k)) for n, k, _ in group]
        at_two = [row is not None and row["confidence"] >= from_score for row in kept]
        sizes[name] = {
            "found_at_all": metrics.summary([row is not None for row in kept], patients),
            "found_at_2_false_positives": metrics.summary(at_two, patients),
            "dice_of_found": metrics.summary([row["dice"] if row else np.nan for row in kept], patients),
        }
    controls = sum(r["controls"] for r in test)
    marked = np.array([row["confidence"] for r in test for row in _one_a_control(r)])
    return {
        "scans": len(scans),
        "inserted": len(everyone),
        "sensitivity_at": {
            rate: at | {"controls_marked": int(np.count_nonzero(marked >= froc.score_at(scans, float(rate))))}
            for rate, at in froc.told(scans).items()
        },
        "competition": {"mean": froc.competition(scans), "interval95": froc.interval(scans, froc.competition)},
        # Most recipients are not fully annotated: how much each counts, and what is too small to count either way
        "by_ct": {
            case: {
                "false_positives_at_2": sum(np.count_nonzero(s.scores[~s.hits] >= from_score) for s in own),
                "sensitivity_without_it": {str(rate): froc.sensitivity_at(others, rate) for rate in froc.RATES},
            }
            for case in dict.fromkeys(s.patient for s in scans)
            for own, others in [([s for s in scans if s.patient == case], [s for s in scans if s.patient != case])]
            if others
        },
        "sensitivity_if_false_from_6_mm": {
            str(rate): froc.sensitivity_at([froc.scan(_without_small(r)) for r in test], rate) for rate in froc.RATES
        },
        "false_positives_a_scan_of_all": float(np.mean([np.count_nonzero(~s.hits) for s in scans])),
        "confidence_at_2_false_positives": from_score,
        "controls": controls,
        "controls_marked": len(marked) / max(controls, 1),
        "controls_marked_at_1_false_positive": float(np.sum(marked >= froc.score_at(scans, 1))) / max(controls, 1),
        "controls_marked_at_2_false_positives": float(np.sum(marked >= from_score)) / max(controls, 1),
        "by_size": sizes,
        "by_kind": _by_kind(test, found, from_score),
    }


def _by_kind(test: list[dict], found: dict, from_score: float) -> dict:
    """Found at two false positives a scan, by slice step, kernel and side."""
    groups: dict[str, list[tuple[bool, str]]] = {}
    for n, record in enumerate(test):
        for k, (reference, left) in enumerate(zip(record["references"], record["left"], strict=True)):
            row = found.get((n, k))
            hit = row is not None and row["confidence"] >= from_score
            step = next(name for name, most in STEPS.items() if record["step_mm"] <= most)
            for name in (step, f"kernel {record['kernel']}", "left lung" if left else "right lung"):
                groups.setdefault(name, []).append((hit, reference["patient"]))
    return {name: metrics.summary(*map(list, zip(*group, strict=True))) for name, group in sorted(groups.items())}


def _without_small(record: dict) -> dict:
    """The record without what hits nothing and is shorter than the smallest nodule that counts."""
    rows = [row for row in record["lesions"] if row["hits"] != -1 or row["long_axis_mm"] >= recipients.LEAST_MM]
    return record | {"lesions": rows}


def histogram(real: list[dict]) -> Histogram:
    """Of all these runs."""
    return sum((Histogram(*(np.array(part) for part in r["histogram"])) for r in real), Histogram.empty())


def _calibration(real: list[dict]) -> dict:
    """Expected calibration error of these CTs, and by how much p is too high (under 0: too low) on average."""
    counts = histogram(real)
    mean, share, voxels = calibration.reliability(counts)
    too_high = float(np.nansum((mean - share) * voxels) / max(voxels.sum(), 1))
    return {"error": calibration.expected_error(counts), "too_high": too_high, "cts": len(real)}


def _one_a_control(record: dict) -> list[dict]:
    """The surest lesion on each control that has one."""
    best: dict[int, dict] = {}
    for row in record["lesions"]:
        if row["control"] >= 0 and row["hits"] < 0:
            best[row["control"]] = max(row, best.get(row["control"], row), key=lambda r: r["confidence"])
    return list(best.values())


def real_figures(real: list[dict]) -> dict:
    """How well the CTs' own tumours were found and outlined."""
    cases = []
    for record in sorted(real, key=lambda r: -sum(ref["ml"] for ref in r["references"])):
        hits = [row for row in record["lesions"] if row["hits"] >= 0]
        best = max(hits, key=lambda row: row["dice"], default=None)
        rank = None if best is None else 1 + sum(r["confidence"] > best["confidence"] for r in record["lesions"])
        cases.append(
            {
                "case": record["case"],
                "ml": sum(ref["ml"] for ref in record["references"]),
                "found": best is not None,
                "dice": best["dice"] if best else 0.0,
                "hd95_mm": best["hd95_mm"] if best else None,
                "mean_surface_mm": best["mean_surface_mm"] if best else None,
                "volume_error_percent": best["volume_error_percent"] if best else None,
                "confidence": best["confidence"] if best else None,
                "rank_by_confidence": rank,
                "false_positives": sum(row["hits"] == -1 for row in record["lesions"]),
                **{f"case_{name}": record["whole_case"][name] for name in ("dice", "precision", "recall")},
            }
        )
    found = [c for c in cases if c["found"]]
    return {
        "n": len(cases),
        "found": len(found),
        "dice_of_found": metrics.summary([c["dice"] for c in found], [c["case"] for c in found]),
        "case_dice": metrics.summary([c["case_dice"] for c in cases], [c["case"] for c in cases]),
        "false_positives_a_scan": metrics.summary([c["false_positives"] for c in cases], [c["case"] for c in cases]),
        "cases": cases,
    }
