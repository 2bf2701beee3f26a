"""What guidelines suggest for the lesions of a CT, or of a follow-up's last CT, from what was measured of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..data import Result
from ..enums import Fate, LesionType
from .follow_up.change import DoublingTime
from .follow_up.follow import FollowUp
from .follow_up.tracks import Track
from .measures import Measures
from .measuring import measures_of
from .suggestions.bts import bts
from .suggestions.fleischner import fleischner
from .suggestions.lung_rads import lung_rads
from .suggestions.nodule import Growth, Nodule, Patient, Suggestion

GUIDELINES: Mapping[str, Callable[[Nodule, Patient], Suggestion]] = {
    "lung-rads": lung_rads,
    "fleischner": fleischner,
    "bts": bts,
}


@dataclass(frozen=True)
class Asked:
    """What is asked of the guidelines.

    Attributes:
        names: Of `GUIDELINES`.
        patient: What is known of the patient.
    """

    names: tuple[str, ...]
    patient: Patient

    def of(self, nodule: Nodule) -> list[Suggestion]:
        """A suggestion of each guideline, in the order of ``names``."""
        return [GUIDELINES[name](nodule, self.patient) for name in self.names]


def suggested(
    follow_up: FollowUp, names: Sequence[str], patient: Patient, measured: Sequence[Measures] | None = None
) -> dict[int, list[Suggestion]]:
    """What guidelines suggest for the lesions that the last CT lists.

    Args:
        follow_up: The CTs and their lesions' tracks.
        names: Of `GUIDELINES`.
        patient: What is known of the patient.
        measured: `Measures` of each of the last result's ``outlines``, where they are known already.

    Returns:
        By the id of the lesion's track, a suggestion of each guideline in the order of ``names``.
    """
    last, asked = follow_up.points[-1], Asked(tuple(names), patient)
    if measured is None:
        measured = measures_of(last.result, last.ct)
    by_id = {lesion.id: found for (lesion, _), found in zip(last.result.outlines, measured, strict=True)}
    listed = {lesion.id for lesion in last.result.lesions}
    return {
        track.id: asked.of(nodule_of(by_id[number], growth_of(follow_up, track)))
        for track in follow_up.tracks
        if (number := track.lesions[-1]) is not None and number in listed
    }


def suggested_alone(result: Result, measured: Sequence[Measures], asked: Asked) -> dict[int, list[Suggestion]]:
    """What guidelines suggest for the lesions that a CT lists, without an earlier CT.

    Args:
        result: What was found in the CT.
        measured: `Measures` of each of ``result.outlines``.
        asked: The guidelines and the patient.

    Returns:
        By the lesion's id, a suggestion of each guideline in the order of ``asked.names``. What asks for growth says
            that an earlier CT is needed.
    """
    pairs = zip(result.lesions, measured[: len(result.lesions)], strict=True)
    return {lesion.id: asked.of(nodule_of(found)) for lesion, found in pairs}


def nodule_of(measured: Measures, growth: Growth | None = None) -> Nodule:
    """What a guideline is asked with."""
    part_solid = measured.type == LesionType.PART_SOLID
    return Nodule(
        type=measured.type,
        mean_diameter_mm=measured.mean_diameter_mm,
        diameter_error_mm=measured.diameter_error_mm,
        volume_mm3=measured.subvoxel_volume_mm3,
        volume_error_mm3=measured.subvoxel_volume_mm3 * measured.volume_error_percent / 100,
        solid_diameter_mm=measured.solid_diameter_mm if part_solid else None,
        solid_error_mm=measured.diameter_error_mm,
        growth=growth,
    )


def growth_of(follow_up: FollowUp, track: Track) -> Growth | None:
    """How a lesion grew from the last CT but one to the last.

    Args:
        follow_up: The CTs.
        track: The lesion's.

    Returns:
        The growth; None where both could not be compared.
    """
    step = track.steps[-1]
    if step is None or step.fate == Fate.NOT_COMPARED:
        return None
    if step.fate == Fate.NEW:
        return Growth(new=True)
    earlier, later = track.lesions[-2], track.lesions[-1]
    if step.change is None or earlier is None or later is None:
        return None
    one, other = follow_up.points[-2:]
    means = [
        (lesion.long_axis_mm + lesion.short_axis_mm) / 2 for lesion, _ in (one.outline(earlier), other.outline(later))
    ]
    doubling = step.doubling or DoublingTime(None)
    return Growth(
        diameter_mm=means[1] - means[0],
        diameter_error_mm=step.change.long_axis_limit_mm,
        volume_percent=step.change.volume_percent,
        volume_error_percent=step.change.volume_limit_percent,
        days=None if one.date is None or other.date is None else (other.date - one.date).days,
        doubling_days=doubling.days,
        doubling_low=doubling.low,
        doubling_high=doubling.high,
    )
