"""What a card may ask for at most. A wrong or hostile number must not take the computer's memory, nor reach its files.

The bundled model has 5 levels of up to 256 channels, 5 slices within 5 mm, and pixels of 1 mm.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .card import Card

MOST_LEVELS, MOST_CHANNELS = 8, 1024
MOST_CUBE_LEVELS = 4  # the classifier's cube of 32 pixels is halved as often, once more by its first convolution
MOST_SLICES = 64
MOST_OFFSET_MM = 100.0
# a pixel of 1 micrometre would make a CT's slice 10^11 pixels large
SPACING_MM = (0.1, 10.0)
SIGMA_MM = (0.1, 100.0)
TEMPERATURE = (0.01, 100.0)
MOST_HU = 1e5
MOST_RANGES, MOST_SHARE = 100, 100.0


def beyond(card: "Card") -> Iterator[tuple[str, Any, str]]:
    """What a card says beyond what is allowed.

    Args:
        card: Its types are right.

    Yields:
        Key, value, and what it has to be, in words.
    """
    parts = {"architecture": (card.architecture.filters, MOST_LEVELS)}
    if card.classifier:
        parts["classifier"] = (card.classifier.filters, MOST_CUBE_LEVELS)
    if card.coarse:
        parts["coarse"] = (card.coarse.filters, MOST_LEVELS)
    for key, (filters, levels) in parts.items():
        if len(filters) > levels or not all(1 <= n <= MOST_CHANNELS for n in filters):
            yield f"{key}.filters", filters, f"at most {levels} numbers from 1 to {MOST_CHANNELS}"
    slices = card.architecture.slices
    if not 1 <= slices <= MOST_SLICES:
        yield "architecture.slices", slices, f"a number from 1 to {MOST_SLICES}"
    if card.coarse and card.coarse.slices != slices:
        yield "coarse.slices", card.coarse.slices, f"{slices}, as architecture.slices"
    if len(card.offsets_mm) != slices or max(map(abs, card.offsets_mm)) > MOST_OFFSET_MM:
        yield "offsets_mm", card.offsets_mm, f"one number a slice, within {MOST_OFFSET_MM:g} mm"
    low, high = card.window_hu
    if not -MOST_HU <= low < high <= MOST_HU:
        yield "window_hu", card.window_hu, "two rising numbers in Hounsfield units"
    ranges = {"spacing_mm": (card.spacing_mm, SPACING_MM), "prompt_sigma_mm": (card.prompt_sigma_mm, SIGMA_MM)}
    for key, line in (("map_calibration", card.map_calibration), ("run_calibration", card.run_calibration)):
        if line:
            ranges[f"{key}.temperature"] = line.temperature, TEMPERATURE
    for key, (number, (least, most)) in ranges.items():
        if not least <= number <= most:
            yield key, number, f"a number from {least:g} to {most:g}"
    for key, limits in (
        ("slice_step_mm", card.limits.slice_step_mm),
        ("pixel_spacing_mm", card.limits.pixel_spacing_mm),
    ):
        if limits and not 0 < limits[0] <= limits[1]:
            yield f"limits.{key}", limits, "two numbers above 0, the smaller one first"
    yield from _size_ranges(card)
    for name in card.files:
        if not _is_plain(name):
            yield "files", name, "the name of a file in the model's own folder"


def _size_ranges(card: "Card") -> Iterator[tuple[str, Any, str]]:
    starts = [each.from_mm for each in card.size_ranges]
    if len(starts) > MOST_RANGES or starts != sorted(set(starts)):
        yield "size_ranges", starts, f"at most {MOST_RANGES}, in rising order of from_mm"
    for i, each in enumerate(card.size_ranges):
        for key, shares in (("volume", each.volume), ("diameter", each.diameter)):
            if not 0 < shares[0] <= shares[1] <= MOST_SHARE:
                yield f"size_ranges[{i}].{key}", shares, f"two numbers above 0, up to {MOST_SHARE:g}, the smaller first"


def _is_plain(name: str) -> bool:
    """A file's name alone: no folder, no drive, nothing that a system or a terminal reads another way."""
    return name.isprintable() and name not in ("", ".", "..") and not set(name) & set('/\\:*?"<>|')
