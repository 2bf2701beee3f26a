"""Whether a CT's grid lies inside what the model was trained on, by the card's optional key ``limits``."""

from ..geometry import Geometry

# rounding in headers: 0.9765 and 0.976562 are the same pixel
TOLERANCE = 0.01


def outside(geometry: Geometry, card: dict) -> list[str]:
    """A sentence for each way in which a CT's grid lies outside the model's training data; empty if in none.

    card: its ``limits`` hold ``[lowest, highest]`` in mm for ``slice_step_mm`` (axial slices) and ``pixel_spacing_mm``
    (in the axial plane). What is missing there is not judged. Nor is the length: the lungs choose where to compute.
    """
    axial, limits = geometry.axial(), card.get("limits", {})
    z, y, x = axial.spacing_zyx
    # the pixel that is further off, should they not be square
    pixel = max((x, y), key=lambda p: _excess(p, limits.get("pixel_spacing_mm")))
    told = {
        "slice_step_mm": ("Slices lie {0:.3g} mm apart; the model was trained on {1:.3g} to {2:.3g} mm.", z),
        "pixel_spacing_mm": ("Pixels measure {0:.3g} mm; the model was trained on {1:.3g} to {2:.3g} mm.", pixel),
    }
    return [
        sentence.format(value, *limits[name])
        for name, (sentence, value) in told.items()
        if _excess(value, limits.get(name)) > 1 + TOLERANCE
    ]


def _excess(value: float, limits) -> float:
    """How far outside, as a factor; 1 or less is inside."""
    return max(limits[0] / value, value / limits[1]) if limits else 0.0
