"""The files that a user gets from a comparison, all of them or none."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

from .. import __version__, record
from ..errors import OutputError
from ..findings.follow_up.follow import FollowUp
from ..findings.follow_up.recist import Recist, recist
from ..findings.follow_up.tracks import Track
from ..findings.follow_up.verdict import verdict
from ..findings.measures import Measures
from ..findings.suggestions.nodule import Suggestion
from . import follow_up_table, output_folder, result_files, suggestion_table

TABLE, RECORD, POINT = "follow_up.csv", "follow_up.json", "time_point_{}"
# in the order in which they move into the folder: where follow_up.json is, the result is whole
FILES = ("time_point_*", "lesion_*.png", suggestion_table.FILE, *result_files.REPORT, TABLE, RECORD)
SCHEMA = 1


def reserved(
    folder: Path, count: int, overwrite: bool = False, also: Collection[str] = ()
) -> AbstractContextManager[None]:
    """Keep ``folder`` for a comparison of so many CTs until `save_follow_up` has written into it.

    Args:
        folder: Of the comparison, made if need be.
        count: Of the CTs.
        overwrite: As in `save_follow_up`.
        also: What is written beside the folders, table and record.

    Raises:
        OutputError: It could not write there.
    """
    certain = (*(POINT.format(k + 1) for k in range(count)), TABLE, RECORD, *also)
    return output_folder.reserved(Path(folder), FILES, certain, overwrite)


def save_follow_up(
    follow_up: FollowUp,
    folder: Path,
    overwrite: bool = False,
    *,
    targets: Sequence[int] | None = None,
    response: Recist | None = None,
    suggestions: Mapping[int, Sequence[Suggestion]] | None = None,
    identify: bool = False,
    measured: Sequence[Sequence[Measures]] | None = None,
    also: Sequence[Callable[[Path], object]] = (),
) -> list[Path]:
    """Write a comparison into a folder.

    ``time_point_1`` and so on: a folder for each CT with what `save` writes; ``follow_up.csv`` (`follow_up_table`),
    ``follow_up.json`` (`user_record`) and ``lesion_<id>.png``, each lesion in all CTs.

    Args:
        folder: Made if need be.
        overwrite: Replace an earlier comparison in the folder.
        targets: As in `recist`.
        response: Of `recist`, where it is known already.
        suggestions: Of `suggested`, written into ``suggestions.csv`` and ``follow_up.json``.
        identify: As in `save`.
        measured: For each CT `Measures` of each of its result's ``outlines``, where they are known already.
        also: Each writes further files of `FILES` into the folder that it gets (see `report`).

    Returns:
        What was written.

    Raises:
        InputError: Targets that cannot be. The folder is then as it was.
        OutputError: As `save` does. The folder is then as it was.
    """
    folder = Path(folder)
    if response is None:
        response = recist(follow_up, targets)
    with output_folder.all_or_nothing(folder, FILES, overwrite) as part:
        for k, point in enumerate(follow_up.points):
            known = None if measured is None else measured[k]
            result_files.save(point.result, point.ct, part / POINT.format(k + 1), identify=identify, measured=known)
        follow_up_table.write_csv(part / TABLE, follow_up, response.targets)
        if suggestions is not None:
            suggestion_table.write_csv(part / suggestion_table.FILE, suggestions)
        _write_pictures(part, follow_up)
        for write in also:
            write(part)
        written = sorted([*(path.name for path in part.iterdir()), RECORD])
        values = user_record(follow_up, response)
        if suggestions is not None:
            values["suggestions"] = suggestion_table.records(suggestions)
        record.write(part / RECORD, values | {"files": written})
    return [folder / name for name in written]


def user_record(follow_up: FollowUp, response: Recist) -> dict:
    """All that a comparison tells, for JSON.

    Args:
        response: Of `recist`.

    Returns:
        A record in which ``time_point`` counts from 1. Sizes of lesions are in their own tables.
    """
    points = [
        {
            "folder": POINT.format(k + 1),
            "name": point.ct.name,
            "date": point.date and point.date.isoformat(),
            "found_by_click": sorted(point.clicked),
        }
        for k, point in enumerate(follow_up.points)
    ]
    registrations = [
        {"from": k + 1, "to": k + 2, "verdict": str(verdict(each.agreement)), **asdict(each.agreement)}
        for k, each in enumerate(follow_up.registrations)
    ]
    return {
        "schema": SCHEMA,
        "program": f"LungTumorSeg {__version__}, for research, not a medical device",
        "time_points": points,
        "registrations": registrations,
        "lesions": [_track_record(track) for track in follow_up.tracks],
        "recist": asdict(response),
        "notes": list(follow_up.notes),
    }


def _track_record(track: Track) -> dict:
    """ids: the lesion's in the table of each time point; steps: from each to the next."""
    steps = [None if step is None else asdict(step) for step in track.steps]
    return {
        "lesion": track.id,
        "ids": track.lesions,
        "merged_into": track.merged_into,
        "split_from": track.split_from,
        "steps": steps,
    }


def _write_pictures(folder: Path, follow_up: FollowUp) -> None:
    try:
        from . import follow_up_pictures  # here, since Slicer does not bring matplotlib along
    except ModuleNotFoundError as error:
        raise OutputError(f"The pictures need {error.name}, which is not installed. Install it.") from None
    follow_up_pictures.write(folder, follow_up)
