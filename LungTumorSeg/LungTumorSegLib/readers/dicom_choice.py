"""Which of several series is the chest CT: what the voxels show comes before what words say."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from ..lungs.air import inside_air
from . import dicom_stack
from .dicom_headers import Slice

RULE = (
    "series that show lungs over at least 60 % of the length of the one that shows most come first, then plain "
    "reconstructions before derived images and projections, axial ones before reformatted ones, those named chest, "
    "lung or thorax before unnamed ones before other body parts, then those that cover at least 80 % of the longest of "
    "these, then the thinnest slices (1 mm and less count the same), then the lowest series number"
)
# a series is judged by so many of its slices at most, each on a grid of about 3 mm
MOST_SLICES, GRID_MM = 16, 3.0
LUNG_MM2 = 2000.0  # of lung on a slice that shows lungs
LUNG_SHARE, LENGTH_SHARE = 0.6, 0.8

_CHEST = re.compile(r"chest|thora|torax|lung|pulm|胸|肺|груд|легк", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"head|skull|brain|neck|sinus|abd|pelv|liver|colon|spine|column|lumb|extrem|knee|hip\b|leg|foot|hand|shoulder",
    re.IGNORECASE,
)
_DERIVED = re.compile(
    r"(?<![a-z])(m|min|max|av|a)ip(?![a-z])|vrt|projection|kev|mono|iodine|(?<![a-z])(cad|vnc|pbv)(?![a-z])"
    r"|overlay|subtra[ck]|perfusion|scout|topogram|fused|投影|減算|差分|减影|碘|проекц|вычит",
    re.IGNORECASE,
)


class Series(Protocol):
    """What is asked of a series, see `dicom_series.Series`."""

    @property
    def slices(self) -> tuple[Slice, ...]:
        """All in one orientation."""

    @property
    def facts(self) -> dict:
        """What describes it, by name; nothing names the patient."""

    @property
    def uid(self) -> str:
        """Its Series Instance UID."""

    @property
    def name(self) -> str:
        """How the user is told of it."""

    @property
    def length_mm(self) -> float:
        """Covered along the normal, mm."""

    @property
    def step_mm(self) -> float:
        """Distance between slices, mm."""

    @property
    def axial(self) -> bool:
        """Whether its slices are axial, a tilted gantry's too."""


S = TypeVar("S", bound=Series)


def ordered(usable: Sequence[S]) -> list[S]:
    """The best chest CT first, by `RULE`.

    Args:
        usable: series without a problem.
    """
    lungs = {s.uid: lungs_mm(s) for s in usable} if len(usable) > 1 else {s.uid: 0.0 for s in usable}
    most = max(lungs.values(), default=0.0)
    kinds = {s.uid: (lungs[s.uid] < LUNG_SHARE * most, *_kind(s)) for s in usable}
    longest = {kind: max(s.length_mm for s in usable if kinds[s.uid] == kind) for kind in kinds.values()}

    def rank(s: Series) -> tuple:
        short = s.length_mm < LENGTH_SHARE * longest[kinds[s.uid]]
        return (*kinds[s.uid], short, max(1.0, round(s.step_mm, 1)), s.facts["series_number"], s.uid)

    return sorted(usable, key=rank)


def lungs_mm(series: Series) -> float:
    """Over how many mm along the normal a series shows lungs, told from at most 16 of its slices.

    Returns:
        mm; 0 where no slice can be read: whoever chooses the series is told.
    """
    stack = dicom_stack.sort(list(series.slices), series.name)
    places = np.unique(np.linspace(0, len(stack.slices) - 1, MOST_SLICES).round().astype(int))
    step = max(1, round(GRID_MM / min(stack.slices[0].pixel_spacing)))
    planes = [plane[::step, ::step] for plane in dicom_stack.planes_hu([stack.slices[i] for i in places])]
    if not planes:  # whoever chooses the series is told
        return 0.0
    pixel_mm2 = float(np.prod(stack.slices[0].pixel_spacing)) * step**2
    areas = inside_air(np.stack(planes), pixel_mm2).sum((1, 2)) * pixel_mm2
    return float(np.mean(areas > LUNG_MM2)) * series.length_mm


def _kind(series: Series) -> tuple[int, bool, int]:
    """Derived, reformatted, region; the least is the best."""
    words = series.slices[0].words
    words = "".join(c for c in unicodedata.normalize("NFKD", words) if not unicodedata.combining(c)).replace("_", " ")
    chest, elsewhere = bool(_CHEST.search(words)), bool(_ELSEWHERE.search(words))
    region = 1 if chest == elsewhere else 0 if chest else 2
    image_type = series.slices[0].image_type
    derived = 2 if _DERIVED.search(" ".join((words, *image_type))) else int("DERIVED" in image_type[:1])
    return derived, not series.axial, region
