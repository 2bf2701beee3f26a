"""By how much a lesion has changed, and how much of that its measurement alone can make."""

import datetime
import math
from dataclasses import dataclass

from ...enums import Fate
from ...geometry import Geometry
from ..measurement_error import diameter_error, volume_error

# Of the same nodule in two CTs within minutes, 95 % lie within this change of volume (MILD, quoted with its limits in
# docs/follow-up.md)
REPEATED_VOLUME = 0.27
FEWEST_SLICES = 4  # a doubling time of a lesion that is less high is not reliable (PMC5989730 on slices of 2.5 to 5 mm)
COARSE_MM = 2.5


@dataclass(frozen=True)
class Size:
    """What is compared of a lesion.

    Attributes:
        volume_mm3: Of the lesion.
        long_axis_mm: Of the lesion.
        step_mm: Between the slices of its CT.
        pixel_mm: In plane, the larger spacing.
    """

    volume_mm3: float
    long_axis_mm: float
    step_mm: float
    pixel_mm: float

    @classmethod
    def of(cls, volume_mm3: float, long_axis_mm: float, geometry: Geometry) -> "Size":
        """The size of a lesion.

        Args:
            volume_mm3: Of the lesion.
            long_axis_mm: Of the lesion.
            geometry: Of the CT.
        """
        z, y, x = geometry.axial().spacing_zyx
        return cls(volume_mm3, long_axis_mm, z, max(x, y))


@dataclass(frozen=True)
class Change:
    """By how much a lesion has changed, later minus earlier.

    The limits are what 95 of 100 lesions that are as they were stay within.

    Attributes:
        volume_percent: Change of the volume.
        volume_limit_percent: Limit of the growth; its inverse is that of the shrinkage.
        long_axis_mm: Change of the long axis.
        long_axis_limit_mm: Its limit.
    """

    volume_percent: float
    volume_limit_percent: float
    long_axis_mm: float
    long_axis_limit_mm: float

    @property
    def fate(self) -> Fate:
        """By the volume: growing, shrinking, or within its error stable."""
        log, limit = math.log1p(self.volume_percent / 100), math.log1p(self.volume_limit_percent / 100)
        if abs(log) <= limit:
            return Fate.STABLE
        return Fate.GROWING if log > 0 else Fate.SHRINKING


@dataclass(frozen=True)
class DoublingTime:
    """Days in which the volume doubles, with a 95 % interval.

    Attributes:
        days: None where it is not given.
        low: Lower end of the interval.
        high: Upper end; None where the lesion may not grow at all.
        remark: Why ``days`` is None.
    """

    days: float | None
    low: float | None = None
    high: float | None = None
    remark: str = ""


def change(earlier: Size, later: Size) -> Change:
    """The change between two CTs and its error.

    The volume's limit: the repeatability of the same nodule and the counting error of both CTs (`measurement_error`),
    added as squares. The long axis': the same repeatability in one direction, and its error in both CTs.

    Args:
        earlier: Size in the earlier CT.
        later: Size in the later CT.
    """
    counted = [_volume_error(size) for size in (earlier, later)]
    long_axis = max(earlier.long_axis_mm, later.long_axis_mm)
    measured = [_diameter_error(size) for size in (earlier, later)]
    return Change(
        100 * (later.volume_mm3 / earlier.volume_mm3 - 1),
        100 * math.hypot(REPEATED_VOLUME, *counted),
        later.long_axis_mm - earlier.long_axis_mm,
        math.hypot(long_axis * ((1 + REPEATED_VOLUME) ** (1 / 3) - 1), *measured),
    )


def doubling_time(
    earlier: Size, later: Size, found: Change, dates: tuple[datetime.date | None, datetime.date | None]
) -> DoublingTime:
    """Days * ln 2 / ln(V2 / V1) (Schwartz, Cancer 14:1272, 1961), and the same at the ends of the change's error.

    Args:
        earlier: Size in the earlier CT.
        later: Size in the later CT.
        found: The change between both.
        dates: Of the earlier and the later CT.

    Returns:
        The doubling time; a remark instead of days without dates, between CTs of one day, without growth, within the
            error, and of a lesion under 4 slices high with slices of 2.5 mm or more.
    """
    first, second = dates
    if first is None or second is None:
        return DoublingTime(None, remark="no dates")
    days = (second - first).days
    if days < 1:
        return DoublingTime(None, remark="both CTs are of one day")
    coarse = max((earlier, later), key=lambda size: size.step_mm)
    if coarse.step_mm >= COARSE_MM and min(earlier.long_axis_mm, later.long_axis_mm) < FEWEST_SLICES * coarse.step_mm:
        return DoublingTime(None, remark=f"not reliable with {coarse.step_mm:g} mm slices")
    growth = math.log(later.volume_mm3 / earlier.volume_mm3)
    limit = math.log1p(found.volume_limit_percent / 100)
    if growth <= 0:
        return DoublingTime(None, remark="no growth")
    low = days * math.log(2) / (growth + limit)
    if growth <= limit:
        return DoublingTime(None, low, remark=f"within the error; longer than {low:.0f} days")
    return DoublingTime(days * math.log(2) / growth, low, days * math.log(2) / (growth - limit))


def size_errors(size: Size) -> tuple[float, float]:
    """The errors of one measurement in a follow-up.

    Those of two CTs, added as squares, give the limits of their change (`change`): the volume's exactly, the long
    axis' where both are of about one size.

    Args:
        size: Of the lesion in one CT.

    Returns:
        Of the volume, percent; of the long axis, mm.
    """
    repeated_mm = size.long_axis_mm * ((1 + REPEATED_VOLUME) ** (1 / 3) - 1)
    volume = math.hypot(REPEATED_VOLUME / math.sqrt(2), _volume_error(size))
    return 100 * volume, math.hypot(repeated_mm / math.sqrt(2), _diameter_error(size))


def _volume_error(size: Size) -> float:
    """A share."""
    return volume_error(size.long_axis_mm, size.step_mm, from_probability=False) / 100


def _diameter_error(size: Size) -> float:
    return diameter_error(size.long_axis_mm, size.step_mm, size.pixel_mm, from_probability=False)
