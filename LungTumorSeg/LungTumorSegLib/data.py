"""The plain data that travels between the parts."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from .enums import Device, MapKind, Precision, Side, Stage, Status
from .geometry import Box, Geometry, Point


@dataclass(frozen=True)
class CT:
    """A CT volume: its voxels and their grid.

    Attributes:
        voxels_zyx: Hounsfield units, int16 or float32, in the stored axis order.
        geometry: the grid of these voxels.
        source: what is worth writing into a result: path, format, series UID, modality, warnings.
        frames: of a DICOM series, file and frame (from 0; None in a file of one slice) of each slice that was read;
            else empty.
    """

    voxels_zyx: np.ndarray
    geometry: Geometry
    name: str = "CT"
    source: dict = field(default_factory=dict)
    frames: tuple[tuple[Path, int | None], ...] = ()

    @property
    def axial_view(self) -> np.ndarray:
        """The voxels seen as axial slices (z to the head, y to the back, x to the left), on ``geometry.axial()``."""
        return self.geometry.axial_order().view(self.voxels_zyx)


@dataclass(frozen=True)
class Options:
    """What the user can ask for. ``None`` means what the model's card says.

    Attributes:
        threshold: probability from which a voxel belongs to a lesion.
        min_diameter_mm: lesions with a smaller long axis are left out.
        points_lps: clicks in LPS mm; then only the lesions at these points are looked for.
        lung_restriction: compute only around the lungs and drop lesions away from them.
        engine: auto | tensorflow | onnxruntime | openvino.
        precision: see `engines.base.Engine`.
        threads: of the CPU that the network takes; None: as many as may be used (`processors`).
        model: a bundle's folder.
        keep_probability: return the full map.
        min_confidence: lesions of a smaller confidence are less likely, but for clicked ones.
    """

    threshold: float | None = None
    min_diameter_mm: float = 3.0
    points_lps: tuple[Point, ...] = ()
    lung_restriction: bool = True
    engine: str = "auto"
    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    threads: int | None = None
    model: Path | None = None
    keep_probability: bool = False
    min_confidence: float | None = None


@dataclass(frozen=True)
class Progress:
    """What ``progress`` is called with: ``done`` of ``total`` slices (candidates, steps) of ``stage``.

    Attributes:
        seconds_left: estimate for the stage, None while unknown.
    """

    stage: Stage
    done: int
    total: int
    seconds_left: float | None = None


@dataclass(frozen=True)
class Rating:
    """What the classifier says of a place.

    Attributes:
        point_lps: in the middle of its cube, LPS mm.
        logit: of a nodule, 0 undecided.
    """

    point_lps: Point
    logit: float


@dataclass(frozen=True)
class Candidate:
    """A connected region of p >= 0.05 with 5 mm around it, from which lesions are made without the network.

    Attributes:
        box: where ``block`` lies in the CT's stored array.
        block: uint8 (z, y, x), round(255 p).
        point_lps: the click that asked for it, or None.
        threshold: the operating threshold the click rule chose for it.
        ratings: of what it holds at the model's own operating threshold, or if that is nothing at half of its highest
            p; empty where the bundle has no classifier.
    """

    box: Box
    block: np.ndarray
    point_lps: Point | None = None
    threshold: float | None = None
    ratings: tuple[Rating, ...] = ()


RIGHT, LEFT, UNKNOWN = 1, 2, 3  # labels of `Lungs`
SMALL_LUNG = 0.4  # a lung under this share of the other counts as missing


def missing_side(label: np.ndarray) -> int:
    """Which lung is missing or under 40 % of the other.

    Args:
        label: labels as those of `Lungs`.

    Returns:
        RIGHT or LEFT, else 0; 0 too where neither has a side.
    """
    right, left = (np.count_nonzero(label == side) for side in (RIGHT, LEFT))  # bincount: 5 ms
    if min(right, left) >= SMALL_LUNG * max(right, left):
        return 0
    return RIGHT if right < left else LEFT


@dataclass(frozen=True)
class Lungs:
    """Coarse lungs, to choose where to compute and to tell side and distance; never to cut voxels.

    Attributes:
        label_zyx: uint8, 1 right, 2 left (the patient's), 3 where that can't be told, on ``geometry``.
        hull_distance_mm: float32, same grid, mm outside the hull of both lungs (0 inside).
        geometry: their own axial grid (about 3 mm).
        body_box: same grid: the body in the slices of the lungs.
        midline: x index of the patient's midline on that grid, None where nothing is seen that tells it.
        notes: sentences for the user.
    """

    label_zyx: np.ndarray
    hull_distance_mm: np.ndarray
    geometry: Geometry
    body_box: Box | None = None
    midline: float | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def missing_side(self) -> int:
        """That of the labels, see the function of this name; asked for each lesion."""
        return missing_side(self.label_zyx)


@dataclass(frozen=True)
class Lesion:
    """One lesion. Field names and order are those of csv, json and table.

    Attributes:
        label_box: where it lies in the CT's stored array.
        long_axis_mm: longest in-plane diameter on any axial slice.
        short_axis_mm: the longest perpendicular to that.
        axis_points_lps: the four ends, long axis first.
        slice_index: the axial slice they lie on, in the CT's own numbering along its axial axis.
        confidence: 0 to 1, None if the card has no coefficients.
        listed: in the table; False for a less likely one.
    """

    id: int
    label_box: Box
    volume_mm3: float
    long_axis_mm: float
    short_axis_mm: float
    axis_points_lps: tuple[Point, ...]
    slice_index: int
    mean_hu: float
    side: Side
    confidence: float | None
    threshold: float
    status: Status = Status.ACCEPTED
    listed: bool = True


def apart(
    lesions: tuple[Lesion, ...], masks: tuple[np.ndarray, ...]
) -> tuple[tuple[Lesion, ...], tuple[np.ndarray, ...], tuple[Lesion, ...], tuple[np.ndarray, ...]]:
    """The listed lesions apart from the less likely ones.

    Args:
        lesions: the listed ones first.
        masks: theirs, in the same order.

    Returns:
        The listed lesions, their masks, the less likely ones, theirs.
    """
    n = sum(lesion.listed for lesion in lesions)
    return lesions[:n], masks[:n], lesions[n:], masks[n:]


@dataclass(frozen=True)
class Result:
    """What `segment` returns. Lesions are ordered as the table shows them, best first; ``masks`` go with them.

    Attributes:
        masks: bool (z, y, x) arrays, ``masks[i]`` fills ``lesions[i].label_box``.
        seconds: time of each stage.
        notes: sentences for the user (a fall-back to the CPU, a click that found nothing, ...).
        probability: uint8 map on the CT's stored grid, round(255 p), only with ``Options.keep_probability``.
        precision: in which the network computed (float32, bfloat16, int8); empty in results from before it was kept.
        less_likely: lesions that are not listed: no segments, in no total and no picture.
        less_likely_masks: theirs, as ``masks``.
    """

    geometry: Geometry
    candidates: tuple[Candidate, ...]
    lungs: Lungs | None
    lesions: tuple[Lesion, ...]
    masks: tuple[np.ndarray, ...]
    options: Options
    model: dict
    engine: str
    device: str
    reason: str
    seconds: dict[str, float]
    peak_memory_mb: float
    notes: tuple[str, ...] = ()
    probability: np.ndarray | None = None
    precision: str = ""
    less_likely: tuple[Lesion, ...] = ()
    less_likely_masks: tuple[np.ndarray, ...] = ()

    @property
    def outlines(self) -> tuple[tuple[Lesion, np.ndarray], ...]:
        """Every lesion with its mask: the listed ones, then the less likely."""
        listed = zip(self.lesions, self.masks, strict=True)
        return (*listed, *zip(self.less_likely, self.less_likely_masks, strict=True))


@dataclass(frozen=True)
class LesionMap:
    """What the network can tell about one lesion, see `explain`.

    Attributes:
        kind: uncertainty (standard deviation of p over mirrored views, 0 to 0.5) | heat (one axial slice: by how much
            the lesion's mean p falls when the tissue there is replaced by lung; negative where it rises).
        box: what ``values`` fill of the CT's stored array.
        values: float32 (z, y, x).
        probability: of heat, the lesion's mean p with nothing replaced.
        notes: sentences for the user (a smaller batch, a fall-back to the CPU).
    """

    kind: MapKind
    box: Box
    values: np.ndarray
    probability: float | None = None
    notes: tuple[str, ...] = ()
