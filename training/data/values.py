"""What the numbers of plain pictures and label arrays mean. What cannot be told is refused, never guessed.

Pictures are (n, y, x, c), labels (n, y, x, k). Both sides of a split are looked at together: they must mean the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from LungTumorSegLib.errors import GeometryError

from ..config import Network
from ..errors import DataError

AIR_HU = -500  # a chest CT has voxels below, whatever its window
STORED_HU = 4200  # stored values of 12 bits, 1024 too high
# The brightest pixel. Darker: percent, or divided twice. Bytes may be darker, but do not end at 100
LEAST_8_BIT, PERCENT, LEAST_FRACTION = 200, 100, 0.1
OUTLIERS = (0.1, 99.9)  # percentiles that standardised pictures are brought to 0 and 1 with
LEAST_SPREAD = 0.02  # of scaled pictures: standard deviation
BLURRED_VALUES, BLURRED_SHARE = 8, 0.05  # a mask that was resized, or saved as JPEG
MOST_CLASSES = 32


@dataclass(frozen=True)
class Scale:
    """(value - low) / (high - low), clipped to 0 to 1.

    Attributes:
        kind: Of the pictures, in words.
        low: The value that becomes 0.
        high: The value that becomes 1.
    """

    kind: str
    low: float
    high: float

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        scaled = (pictures.astype(np.float32) - np.float32(self.low)) / np.float32(self.high - self.low)
        return np.clip(scaled, 0, 1)


def scale(sides: dict[str, np.ndarray]) -> Scale:
    """What the pictures of all sides are scaled with.

    Args:
        sides: By name, (n, y, x, c) each.

    Raises:
        DataError: Their values are of no known kind, the sides or single pictures are of another scale, or the pictures
            of a side are nearly uniform.
    """
    found = {side: _scale(pictures, side) for side, pictures in sides.items()}
    kinds = {one.kind for one in found.values()}
    if len(kinds) > 1:
        listed = ", ".join(f"{side}: {one.kind}" for side, one in found.items())
        raise DataError(f"The sides differ ({listed}). Bring all pictures to one scale.")
    for side, pictures in sides.items():
        _check_each(pictures, found[side], side)
    chosen = next(iter(found.values()))  # standardised pictures: by those that are learnt from
    for side, pictures in sides.items():
        if np.std(chosen(pictures)) < LEAST_SPREAD:
            raise DataError(f"The {side} pictures are nearly uniform, taken as {chosen.kind}. Check their values.")
    return chosen


def _scale(pictures: np.ndarray, side: str) -> Scale:
    """Of one side."""
    if pictures.dtype == bool or pictures.dtype.kind not in "uif":
        raise DataError(f"The {side} pictures are of type {pictures.dtype}, no grey values.")
    if not np.isfinite(pictures).all():
        raise DataError(f"The {side} pictures hold values without a number (NaN or infinite). Make them anew.")
    low, high = float(pictures.min()), float(pictures.max())
    says = f"The {side} pictures have values from {low:.4g} to {high:.4g}"
    if _at_most_two_values(pictures):
        raise DataError(f"{says} and nothing between: are they masks, or empty?")
    if low >= -1e-6:
        return _from_zero(pictures, high, says)
    if low <= AIR_HU and high > AIR_HU:
        return Scale("Hounsfield units", *Network().window_hu)
    mean, spread = float(np.mean(pictures, dtype=np.float64)), float(np.std(pictures, dtype=np.float64))
    if low >= -1 - 1e-6 and high <= 1 + 1e-6 and low <= -0.9:
        return Scale("pictures from -1 to 1", -1.0, 1.0)
    if abs(mean) < 0.5 and 0.5 < spread < 2 and pictures.dtype.kind == "f":
        return Scale("standardised pictures", *np.percentile(pictures, OUTLIERS).tolist())
    raise DataError(
        f"{says} (mean {mean:.3g}, standard deviation {spread:.3g}): neither 0 to 255, 0 to 1, -1 to 1, standardised "
        "nor a chest's Hounsfield units. Bring them to one of these."
    )


def _from_zero(pictures: np.ndarray, high: float, says: str) -> Scale:
    """Of pictures without negative values."""
    if pictures.dtype == np.uint8 and high > 1 and high != PERCENT:
        return Scale("8-bit pictures", 0, 255)
    if LEAST_FRACTION <= high <= 1 + 1e-6 and pictures.dtype.kind == "f":
        return Scale("pictures from 0 to 1", 0, 1)
    if LEAST_8_BIT <= high <= 255:
        return Scale("8-bit pictures", 0, 255)
    if 1 < high < LEAST_8_BIT:
        raise DataError(
            f"{says}: percent, or dark 8-bit pictures? Divide percent by 100, so that they run from 0 to 1; save 8-bit "
            "pictures as uint8."
        )
    if 255 < high <= STORED_HU:
        raise DataError(
            f"{says}: a CT's stored values, about 1024 too high? Take 1024 from them, so that air is about -1000; or "
            "bring them to 0 to 255."
        )
    if 32767 < high <= 65535 and pictures.dtype.kind in "uif":
        if not ((pictures > 8192) & (pictures < 57344)).any():
            raise DataError(f"{says}, but none in between: negative numbers that lost their sign? Save them as int16.")
        return Scale("16-bit pictures", 0, 65535)
    raise DataError(f"{says}: neither 0 to 255, 0 to 1 nor 16 bits. Bring them to one of these.")


def _check_each(pictures: np.ndarray, taken_as: Scale, side: str) -> None:
    """Raise DataError where some of the pictures are of another scale than all together are taken for."""
    if pictures.dtype.kind != "f" and taken_as.kind != "Hounsfield units":
        return
    other = []
    for number, picture in enumerate(pictures):
        low, high = picture.min(), picture.max()
        if taken_as.kind == "Hounsfield units":
            strange = low >= 0  # noise and fat lie below in any piece of a body
        else:
            strange = taken_as.kind == "8-bit pictures" and high <= 1 and (picture != np.rint(picture)).any()
        if strange and low < high:
            other.append(number)
    if other:
        picture = pictures[other[0]]
        raise DataError(
            f"{len(other)} of the {len(pictures)} {side} pictures are of another scale (number {other[0]}: "
            f"{picture.min():.4g} to {picture.max():.4g}) than {taken_as.kind}. Bring all pictures to one scale."
        )


def _at_most_two_values(pictures: np.ndarray) -> bool:
    low, high = pictures.min(), pictures.max()
    return bool(all(((picture == low) | (picture == high)).all() for picture in pictures))


def channels_last(array: np.ndarray, what: str) -> np.ndarray:
    """Bring a stack of pictures to (n, y, x, c).

    Args:
        array: (n, y, x), (n, y, x, c) or (n, c, y, x).
        what: Its name, for the error.

    Raises:
        GeometryError: It has any other shape.
    """
    if array.ndim == 3:
        n, y, x = array.shape
        if n == y != x:
            raise GeometryError(f"{what} {array.shape} seems to be stacked along its last axis. Put that first.")
        array = array[..., None]
    if array.ndim != 4 or not all(array.shape):
        raise GeometryError(f"{what} {array.shape} is no stack of pictures, (n, y, x) or (n, y, x, channels).")
    if array.shape[1] <= 16 < min(array.shape[2:]):
        array = np.moveaxis(array, 1, -1)
    if array.shape[3] > 16:
        raise GeometryError(f"{what} {array.shape} has {array.shape[3]} channels. Give slices, not whole volumes.")
    return array


def single_grey(array: np.ndarray) -> np.ndarray:
    """One channel of a grey picture that was saved in colour; any other as it is."""
    alike = array.shape[3] == 3 and all((picture == picture[..., :1]).all() for picture in array)
    return array[..., :1] if alike else array


def marked(sides: dict[str, np.ndarray], labels: Sequence[int] = ()) -> tuple[dict[str, np.ndarray], str]:
    """Where the labels of all sides mark tumour, and how they say it.

    Args:
        sides: By name, (n, y, x, k) each.
        labels: The classes that are tumour. Without them there must be one class beside the background.

    Returns:
        bool (n, y, x) by name, and how the labels say it, in words.

    Raises:
        DataError: There are more classes, the labels are none, or they mark nothing or more than half.
    """
    for side, given in sides.items():
        if given.dtype.kind not in "buif" or not np.isfinite(given).all():
            raise DataError(f"The {side} labels ({given.dtype}) are no numbers. Give 0 and 1.")
    depth = {given.shape[3] for given in sides.values()}
    if len(depth) > 1:
        raise DataError("The labels of the two sides have different numbers of channels.")
    if depth == {1}:
        found, words = _by_value({side: given[..., 0] for side, given in sides.items()}, labels)
    else:
        found, words = _one_hot(sides, labels)
    for side, where in found.items():
        if not where.any():
            raise DataError(f"{side}_labels marks no tumour in any picture. Check the masks.")
        if where.mean() > 0.5:
            raise DataError(f"The {side} labels mark {where.mean():.0%} of all pixels: is background taken for tumour?")
    return found, words


def _one_hot(sides: dict[str, np.ndarray], labels: Sequence[int]) -> tuple[dict[str, np.ndarray], str]:
    """Class 0 must be the background: it has more than half of the pixels."""
    top = max(float(given.max()) for given in sides.values())
    for side, given in sides.items():
        one = (given == top).sum(-1) == 1
        if not (top > 0 and one.all() and ((given == top) | (given == 0)).all()):
            raise DataError(
                f"The {side} labels have {given.shape[3]} channels that are no one-hot classes: they must be 0 but for "
                "one in each pixel. Give one channel, 0 and 1."
            )
    classes = {side: given.argmax(-1) for side, given in sides.items()}
    if np.mean(np.concatenate([given.ravel() for given in classes.values()]) == 0) <= 0.5:
        raise DataError("The first of the one-hot classes is not the background: it has less than half of the pixels.")
    found, words = _by_value(classes, labels)
    return found, f"one-hot, {words}"


def _by_value(sides: dict[str, np.ndarray], labels: Sequence[int]) -> tuple[dict[str, np.ndarray], str]:
    each = [_some_values(given).astype(float) for given in sides.values()]
    values = np.unique(np.concatenate(each))
    top = float(values[-1])
    if labels:
        if not set(labels) & set(values):
            raise DataError(f"No label is {', '.join(map(str, labels))}; there are {_listed(values)}.")
        return {s: np.isin(given, labels) for s, given in sides.items()}, f"tumour is {_listed(labels)}"
    plain = all(set(own) <= {0, 1} or set(own) <= {0, 255} for own in each)  # one side may be 0 and 1, the other 255
    if plain or (len(values) <= 2 and values[0] in (0, -1) and (values[0] == 0 or top == 1)):
        return {s: given > 0 for s, given in sides.items()}, f"tumour is {top:g}"
    if values[0] >= 0 and (250 <= top <= 255 or 0.98 <= top <= 1) and _blurred(sides, values, top):
        return {
            s: given >= top / 2 for s, given in sides.items()
        }, f"blurred masks up to {top:g}, tumour from {top / 2:g}"
    if len(values) > MOST_CLASSES or (values != np.rint(values)).any():
        raise DataError(f"The labels are no masks: they have values from {values[0]:g} to {top:g}. Give 0 and 1.")
    if 0 not in values:
        raise DataError(f"The labels have no background, 0; there are {_listed(values)}. Name the tumour with --label.")
    raise DataError(
        f"The labels have several classes, {_listed(values)}, and nothing says which is tumour. Name it, for example "
        f"--label {top:g}; several: --label 1 --label 2."
    )


def _some_values(labels: np.ndarray) -> np.ndarray:
    """The different values; of more than a thousand, some."""
    found = np.zeros(0, labels.dtype)
    for picture in labels:
        found = np.union1d(found, picture)
        if len(found) > 1000:
            break
    return found


def _blurred(sides: dict[str, np.ndarray], values: np.ndarray, top: float) -> bool:
    """Nearly all that is not background lies at the top."""
    if len(values) < BLURRED_VALUES:
        return False
    share = {s: (np.count_nonzero((g > 0.1 * top) & (g < 0.9 * top)), g.size) for s, g in sides.items()}
    return all(between <= BLURRED_SHARE * size for between, size in share.values())


def _listed(values) -> str:
    return ", ".join(f"{value:g}" for value in [*values][:8])
