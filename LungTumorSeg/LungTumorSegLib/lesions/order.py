"""Which lesions the table lists, and in which order."""

from collections.abc import Sequence

from ..data import Lesion

# Mostly sections of vessels; under 6 mm routine follow-up is not asked for (MacMahon et al., Radiology 284:228, 2017)
LISTED_FROM_MM = 4.0


def is_listed(confidence: float | None, long_axis_mm: float, clicked: bool, away: bool, min_confidence: float) -> bool:
    """Whether a lesion is in the table, or less likely: under the minimum confidence or 4 mm, or away from the lungs.

    Args:
        confidence: 0 to 1; None is not judged.
        long_axis_mm: Of the lesion.
        clicked: Such a lesion is listed always.
        away: See `queries.is_away`; a mass of 44 mm in the upper abdomen was listed, while each of the eleven known
            tumours has at least 99 % of its voxels in the hull.
        min_confidence: 0 to 1.
    """
    if clicked or away:
        return clicked
    return long_axis_mm >= LISTED_FROM_MM and (confidence is None or confidence >= min_confidence)


def rank(lesion: Lesion) -> tuple[float, float]:
    """A lesion's place in the table's order.

    A finer step than 0.1 would put a vessel of 4 mm before a tumour of 40 for a hundredth of confidence. Those that
    were never rated come last, by volume: so are all of a model that rates none.

    Returns:
        The smaller, the earlier. By confidence in steps of 0.1 (0.9 to 1 first), within a step by long axis.
    """
    if lesion.confidence is None:
        return 1, -lesion.volume_mm3
    return place(lesion.confidence, lesion.long_axis_mm)


def place(confidence: float, long_axis_mm: float) -> tuple[float, float]:
    """As `rank`, of a lesion with a confidence."""
    return -min(int(10 * confidence), 9), -long_axis_mm


def order_sentence(lesions: Sequence[Lesion]) -> str:
    """What is said below a table of these lesions."""
    if any(lesion.confidence is not None for lesion in lesions):
        return "Ordered by confidence in steps of 0.1, then by long axis, greatest first."
    return "Ordered by volume, greatest first."
