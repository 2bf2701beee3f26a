"""Lesions through several CTs as a flat table: a row for each lesion and CT in which it is seen or missed."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.tracks import Track
from .lesion_table import centre_ras

COLUMNS = (
    "lesion",
    "time_point",
    "date",
    "fate",
    "id",
    "found_by",
    "listed",
    "long_axis_mm",
    "short_axis_mm",
    "volume_mm3",
    "mean_hu",
    "side",
    "centre_r",
    "centre_a",
    "centre_s",
    "volume_change_percent",
    "volume_error_percent",
    "long_axis_change_mm",
    "long_axis_error_mm",
    "doubling_days",
    "doubling_days_low",
    "doubling_days_high",
    "doubling_remark",
    "merged_into",
    "split_from",
    "target",
    "evidence",
)


def rows(follow_up: FollowUp, targets: Collection[int]) -> Iterator[dict]:
    """The rows of the table, for each lesion and CT in which it is seen or missed.

    Args:
        targets: Ids of the target lesions, as in `recist`.

    Yields:
        Values by column of `COLUMNS`, None where there is none. ``time_point`` counts from 1; ``id`` is that in its own
            table.
    """
    for track in follow_up.tracks:
        for k, number in enumerate(track.lesions):
            step = track.steps[k - 1] if k else None
            if number is not None or step is not None:
                yield dict.fromkeys(COLUMNS) | _row(follow_up, track, k) | {"target": track.id in targets}


def write_csv(path: Path, follow_up: FollowUp, targets: Collection[int]) -> None:
    """Write ``follow_up.csv``: commas and decimal points whatever the user's locale, UTF-8.

    Args:
        targets: As in `rows`.

    Raises:
        OSError: The file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows(follow_up, targets):
            writer.writerow({name: str(v).lower() if isinstance(v, bool) else v for name, v in row.items()})


def _row(follow_up: FollowUp, track: Track, k: int) -> dict:
    point, number = follow_up.points[k], track.lesions[k]
    row: dict = {
        "lesion": track.id,
        "time_point": k + 1,
        "date": point.date and point.date.isoformat(),
        "merged_into": track.merged_into,
        "split_from": track.split_from,
    }
    if number is not None:
        lesion, mask = point.outline(number)
        row |= {name: getattr(lesion, name) for name in COLUMNS if hasattr(lesion, name)}
        row |= zip(("centre_r", "centre_a", "centre_s"), centre_ras(point.geometry, lesion, mask), strict=True)
        row["found_by"] = "click" if number in point.clicked else "run"
    if k and (step := track.steps[k - 1]):
        row |= {"fate": str(step.fate), "evidence": step.evidence}
        if step.change:
            row["volume_change_percent"] = step.change.volume_percent
            row["volume_error_percent"] = step.change.volume_limit_percent
            row["long_axis_change_mm"] = step.change.long_axis_mm
            row["long_axis_error_mm"] = step.change.long_axis_limit_mm
        if step.doubling:
            row["doubling_days"] = step.doubling.days
            row["doubling_days_low"], row["doubling_days_high"] = step.doubling.low, step.doubling.high
            row["doubling_remark"] = step.doubling.remark
    return row
