"""Whether RECIST 1.1 calls a lesion measurable, and why."""

LEAST_MM = 10.0
THICKEST_MM = 5.0


def measurability(long_axis_mm: float, slice_step_mm: float, error_mm: float) -> tuple[bool, str]:
    """Whether a lesion of the lung is measurable by RECIST 1.1, and why.

    At least 10 mm with slices of at most 5 mm; with thicker slices at least twice their thickness (Eisenhauer et al.,
    Eur J Cancer 45:228-247, 2009; the rule for thicker slices was read in texts that quote it). Lymph nodes, with a
    rule of their own, are not told apart.

    Args:
        long_axis_mm: Of the lesion.
        slice_step_mm: Distance of the slices. It stands for their thickness, which may be larger where they overlap.
        error_mm: Of the long axis; one within it of the limit is said to be.

    Returns:
        Whether it is, and a sentence that says why.
    """
    thick = slice_step_mm > THICKEST_MM
    least = 2 * slice_step_mm if thick else LEAST_MM
    limit = f"{least:g} mm, twice the slice distance" if thick else f"{least:g} mm"
    measurable = long_axis_mm >= least
    word, compared = ("Measurable", "at least") if measurable else ("Not measurable", "under")
    why = f"{word}: the long axis of {long_axis_mm:.1f} mm is {compared} {limit}."
    if abs(long_axis_mm - least) <= error_mm:
        why += f" It lies within its measurement error of {error_mm:.1f} mm of the limit."
    return measurable, why
