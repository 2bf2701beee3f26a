"""Whether a CT's grid lies inside what the model was trained on, by the card's optional ``limits``."""

from ..geometry import Geometry
from .card import Card

# rounding in headers: 0.9765 and 0.976562 are the same pixel
TOLERANCE = 0.01


def outside(geometry: Geometry, card: Card) -> list[str]:
    """In which ways a CT's grid lies outside the model's training data.

    What is missing in the card's ``limits`` is not judged. Nor is the length: the lungs choose where to compute.

    Args:
        geometry: The CT's grid.
        card: Has the limits in mm; up to 1 % beyond them counts as inside.

    Returns:
        A sentence for each way; empty if in none.
    """
    axial, limits = geometry.axial(), card.limits
    z, y, x = axial.spacing_zyx
    # the pixel that is further off, should they not be square
    pixel = max((x, y), key=lambda p: _excess(p, limits.pixel_spacing_mm))
    rules = (
        ("Slices lie {0:.3g} mm apart; the model was trained on {1:.3g} to {2:.3g} mm.", z, limits.slice_step_mm),
        ("Pixels measure {0:.3g} mm; the model was trained on {1:.3g} to {2:.3g} mm.", pixel, limits.pixel_spacing_mm),
    )
    return [
        sentence.format(value, *limit)
        for sentence, value, limit in rules
        if limit is not None and _excess(value, limit) > 1 + TOLERANCE
    ]


def _excess(value: float, limits: tuple[float, float] | None) -> float:
    """How far outside, as a factor; 1 or less is inside."""
    return max(limits[0] / value, value / limits[1]) if limits else 0.0
