"""The CTs that are compared: each with its result and its date."""

import datetime
from dataclasses import dataclass, replace

import numpy as np

from ...data import CT, Result
from ...enums import Status
from ...geometry import Geometry
from ...lungs.queries import side_of
from ..matching import Outline, in_place_of_any
from .change import Size

REJECTED_MM = 3.0  # registered places of lesions of two real CTs were off by up to 2.7 mm


@dataclass(frozen=True)
class TimePoint:
    """A CT and what was found in it.

    Attributes:
        ct: The CT.
        result: What was found.
        date: Of the CT; None where it is not known.
        clicked: Ids of the lesions that only a click at a registered place found.
    """

    ct: CT
    result: Result
    date: datetime.date | None = None
    clicked: frozenset[int] = frozenset()

    @property
    def geometry(self) -> Geometry:
        """The CT's grid, on which the masks lie."""
        return self.result.geometry

    @property
    def outlines(self) -> tuple[Outline, ...]:
        """Every lesion that was not rejected: the listed ones, then the less likely."""
        return tuple(pair for pair in self.result.outlines if pair[0].status != Status.REJECTED)

    def outline(self, lesion_id: int) -> Outline:
        """The lesion of this id and its mask, bool (z, y, x).

        Raises:
            KeyError: There is none of this id.
        """
        for lesion, mask in self.result.outlines:
            if lesion.id == lesion_id:
                return lesion, mask
        raise KeyError(f"no lesion {lesion_id}")

    def size(self, lesion_id: int) -> Size:
        """What is compared of a lesion."""
        lesion, _ = self.outline(lesion_id)
        return Size.of(lesion.volume_mm3, lesion.long_axis_mm, self.geometry)

    def holds(self, point_lps: np.ndarray) -> bool:
        """Whether places lie in the CT.

        Args:
            point_lps: (3,) or (n, 3), LPS mm.

        Returns:
            Whether all of them do.
        """
        index = self.geometry.index(point_lps)
        return bool(((index > -0.5) & (index < np.array(self.geometry.shape_zyx) - 0.5)).all())

    def rejected_at(self, place_lps: np.ndarray) -> bool:
        """Whether a lesion that the user rejected lies within 3 mm of a place (3,), LPS mm."""
        for lesion, mask in self.result.outlines:
            if lesion.status == Status.REJECTED:
                inside = self.geometry.lps(np.argwhere(mask) + lesion.label_box.start)
                if np.linalg.norm(inside - place_lps, axis=1).min() <= REJECTED_MM:
                    return True
        return False

    def with_click(self, found: Result) -> "TimePoint":
        """The same with the first lesion that a click found.

        Args:
            found: The click's. It looks for no lungs; those of this CT tell the lesion's side.

        Returns:
            A new time point; itself where the lesion is there already or the click found none.
        """
        if not found.lesions:
            return self
        lesion, mask = found.lesions[0], found.masks[0]
        if in_place_of_any((lesion, mask), [(other.label_box, m) for other, m in self.result.outlines]):
            return self
        if self.result.lungs is not None:
            lesion = replace(lesion, side=side_of(mask, self.geometry.crop(lesion.label_box), self.result.lungs))
        number = max((other.id for other, _ in self.result.outlines), default=0) + 1
        result = replace(
            self.result,
            lesions=(*self.result.lesions, replace(lesion, id=number, listed=True)),
            masks=(*self.result.masks, mask),
            candidates=(*self.result.candidates, *found.candidates),
        )
        return replace(self, result=result, clicked=self.clicked | {number})
