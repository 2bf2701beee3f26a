"""Several CTs to the child process, and their lesions through all of them back: JSON, and voxels beside it in files.

Each CT has a folder of its own in the run's: its voxels, and what was found in it as `record` writes it. Where both
sides know a result, the caller's is what a user has reviewed.
"""

import datetime
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .. import record
from ..chronology import InOrder
from ..data import CT, Result
from ..enums import Fate
from ..findings.follow_up.agreement import Agreement
from ..findings.follow_up.change import Change, DoublingTime
from ..findings.follow_up.fates import Step
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.points import TimePoint
from ..findings.follow_up.registration import Registration
from ..findings.follow_up.tracks import Track
from . import protocol

_CT, _DISPLACEMENT = "ct_{}", "displacement_{}.npy"


def hand_over(cts: Sequence[CT], known: InOrder, results: Sequence[Result | None], folder: Path) -> dict:
    """Write CTs, and what is known of them, for the other side.

    Args:
        cts: The earliest first.
        known: As `tracking.track` takes it.
        results: As `tracking.track` takes them.
        folder: Into which they are written.

    Returns:
        What describes them in a request.

    Raises:
        OSError: They cannot be written.
    """
    described = []
    for k, (ct, result) in enumerate(zip(cts, results, strict=True)):
        own = folder / _CT.format(k)
        own.mkdir()
        described.append(protocol.hand_over(ct, own) | {"given": result is not None})
        if result is not None:
            record.save(result, ct, own)
    dates = [date and date.isoformat() for date in known.dates]
    return {"cts": described, "dates": dates, "same_patient": known.same_patient, "notes": known.notes}


def take_over(request: dict, folder: Path) -> tuple[list[CT], InOrder, list[Result | None]]:
    """The CTs, mapped into memory, what is known of them, and the results that `hand_over` left in ``folder``."""
    cts, results = [], []
    for k, described in enumerate(request["cts"]):
        own = folder / _CT.format(k)
        cts.append(protocol.take_over(described, own))
        results.append(record.load(own) if described["given"] else None)
    dates = tuple(date and datetime.date.fromisoformat(date) for date in request["dates"])
    known = InOrder(tuple(range(len(cts))), dates, request["same_patient"], tuple(request["notes"]))
    return cts, known, results


def hand_over_found(followed: FollowUp, folder: Path) -> dict:
    """Write what became of the lesions for the other side, beside the CTs.

    Returns:
        What describes it in an answer.

    Raises:
        OSError: It cannot be written.
    """
    for k, point in enumerate(followed.points):
        record.save(point.result, point.ct, folder / _CT.format(k))
    for k, registration in enumerate(followed.registrations):
        np.save(folder / _DISPLACEMENT.format(k), registration.displacement_zyx)
    return {
        "dates": [point.date and point.date.isoformat() for point in followed.points],
        "clicked": [sorted(point.clicked) for point in followed.points],
        "registrations": [
            {"geometry": record.geometry_record(each.geometry), "agreement": asdict(each.agreement)}
            for each in followed.registrations
        ],
        "tracks": [asdict(track) for track in followed.tracks],
        "notes": followed.notes,
    }


def take_over_found(answer: dict, folder: Path, cts: Sequence[CT]) -> FollowUp:
    """What `hand_over_found` left; read, not mapped, as the folder goes away.

    Args:
        cts: As they were handed over.

    Raises:
        UnreadableError: A result is damaged.
    """
    points = []
    for k, (ct, date, clicked) in enumerate(zip(cts, answer["dates"], answer["clicked"], strict=True)):
        result = record.load(folder / _CT.format(k))
        points.append(TimePoint(ct, result, date and datetime.date.fromisoformat(date), frozenset(clicked)))
    registrations = [
        Registration(
            np.load(folder / _DISPLACEMENT.format(k)),
            record.geometry_from(each["geometry"]),
            Agreement(**each["agreement"]),
        )
        for k, each in enumerate(answer["registrations"])
    ]
    tracks = tuple(_track(each) for each in answer["tracks"])
    return FollowUp(tuple(points), tuple(registrations), tracks, tuple(answer["notes"]))


def _track(described: dict) -> Track:
    steps = tuple(each and _step(each) for each in described["steps"])
    return Track(**described | {"lesions": tuple(described["lesions"]), "steps": steps})


def _step(described: dict) -> Step:
    change, doubling = described["change"], described["doubling"]
    return Step(
        Fate(described["fate"]),
        described["evidence"],
        change and Change(**change),
        doubling and DoublingTime(**doubling),
    )
