"""Sensitivity against false positives a scan: which predictions hit, and the curve over their confidence.

A prediction hits a reference lesion where their IoU is at least 0.1; a reference takes one prediction only. Lesions
under 6 mm, and those that one reader marked, count neither way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from LungTumorSegLib.geometry import Box, shared_voxels

HIT_IOU = 0.1
RATES = (0.5, 1, 2, 4, 8)  # false positives a scan that are told
COMPETITION = (0.125, 0.25, *RATES)


@dataclass(frozen=True)
class Reference:
    """A lesion that should be found.

    Attributes:
        box: Of the CT; the mask fills it.
        mask: bool (z, y, x).
        counts: False for what counts neither way.
    """

    box: Box
    mask: np.ndarray
    counts: bool = True


@dataclass(frozen=True)
class Scan:
    """One scan's matching.

    Attributes:
        scores: Of each prediction that counts.
        hits: bool, whether it hits a reference.
        references: How many there are.
        patient: Whose scan it is.
    """

    scores: np.ndarray
    hits: np.ndarray  # bool
    references: int
    patient: str = ""


def match(predictions: list[tuple[Box, np.ndarray]], scores, references: list[Reference]) -> np.ndarray:
    """What each prediction hits.

    The best-scored predictions choose first. A second one on a reference that is taken is a false positive, unless it
    touches a lesion that counts neither way.

    Args:
        predictions: Box of the CT, and the mask that fills it.
        scores: Of each prediction.
        references: Of the same CT.

    Returns:
        For each prediction the number of the reference it hits, -1 for a false positive, -2 for neither.
    """
    matched = np.full(len(predictions), -1)
    taken: set[int] = set()
    for i in sorted(range(len(predictions)), key=lambda i: -scores[i]):
        box, mask = predictions[i]
        size, best, best_iou = int(np.count_nonzero(mask)), -1, 0.0
        for j, reference in enumerate(references):
            both = shared_voxels(box, mask, reference.box, reference.mask)
            if not both:
                continue
            if not reference.counts:
                matched[i] = -2
                continue
            iou = both / (size + int(np.count_nonzero(reference.mask)) - both)
            if j not in taken and iou >= HIT_IOU and iou > best_iou:
                best, best_iou = j, iou
        if best >= 0:
            matched[i] = best
            taken.add(best)
    return matched


def told(scans: list[Scan]) -> dict[str, dict]:
    """Sensitivity with its 95 % interval at each of `RATES`, by its name."""
    return {
        str(rate): {
            "sensitivity": sensitivity_at(scans, rate),
            "interval95": interval(scans, partial(sensitivity_at, false_positives=rate)),
        }
        for rate in RATES
    }


def scan(record: dict) -> Scan:
    """What counts of a run."""
    matched = np.array([row["hits"] for row in record["lesions"]], int)
    # what lies on a control is counted apart: recipients without controls have none
    controls = np.array([row["control"] >= 0 for row in record["lesions"]], bool)
    kept = (matched != -2) & ~(controls & (matched < 0))
    scores = np.array([row["confidence"] for row in record["lesions"]], float)
    return Scan(scores[kept], matched[kept] >= 0, len(record["references"]), record["case"])


def curve(scans: list[Scan]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The FROC curve, from strict to lax.

    Returns:
        False positives a scan, sensitivity, and the score from which a prediction is kept.
    """
    scores = np.concatenate([s.scores for s in scans]) if scans else np.zeros(0)
    hits = np.concatenate([s.hits for s in scans]) if scans else np.zeros(0, bool)
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True)) if len(scores) else np.zeros(0, int)
    false = np.cumsum(~hits)[last] / max(len(scans), 1)
    found = np.cumsum(hits)[last] / max(sum(s.references for s in scans), 1)
    return np.append(0.0, false), np.append(0.0, found), np.append(np.inf, scores[last])


def sensitivity_at(scans: list[Scan], false_positives: float) -> float:
    """The highest sensitivity with at most so many false positives a scan."""
    false, found, _ = curve(scans)
    return float(found[false <= false_positives].max())


def score_at(scans: list[Scan], false_positives: float) -> float:
    """The lowest score to keep for at most so many false positives a scan."""
    false, _, scores = curve(scans)
    return float(scores[false <= false_positives].min())


def competition(scans: list[Scan]) -> float:
    """The mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives a scan (Setio et al., LUNA16, 2017)."""
    return float(np.mean([sensitivity_at(scans, rate) for rate in COMPETITION]))


def interval(scans: list[Scan], of: Callable[[list[Scan]], float], times: int = 1000, seed: int = 0) -> list[float]:
    """95 % interval of a figure by drawing patients with replacement: one's scans share false positives.

    Args:
        scans: Of all patients.
        of: The figure of some scans.
        times: How often patients are drawn.
        seed: Decides the draws.

    Returns:
        Low and high; NaN without scans.
    """
    rng = np.random.default_rng(seed)
    by_patient: dict[str, list[Scan]] = {}
    for one in scans:
        by_patient.setdefault(one.patient, []).append(one)
    each = list(by_patient.values())
    drawn = [
        of([one for i in rng.integers(len(each), size=len(each)) for one in each[i]])
        for _ in range(times if scans else 0)
    ]
    return [float(v) for v in np.percentile(drawn, (2.5, 97.5))] if drawn else [float("nan")] * 2
