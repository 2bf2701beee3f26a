"""Masses that the first network's scale does not hold: the CT at half and a third of its resolution.

In the middle of a large mass, with no lung in sight, a network that was fitted on nodules finds nothing. At half the
resolution a mass of 120 mm looks like one of 60. The bundle's network of the coarser scales was fitted on such masses;
without one the first network sees them. Nine enlarged `val` nodules of 74 to 120 mm, a click each, the first network:
mean Dice 0.46 at half, 0.59 at a third and 0.61 at a quarter of the resolution; 0.67 by the mean of the first two, as
where one of them leaks or sees nothing the other seldom does.
"""

from dataclasses import dataclass, replace

import numpy as np

from .components import components, connected
from .data import CT, Candidate
from .geometry import Box, Geometry, Point, ras_from_lps, triple
from .inference import Inference
from .lesions.candidates import PADDING_MM, candidate_of
from .lesions.click import click, open_sides
from .lesions.regions import LEAST_P
from .model.calibration import calibrated
from .sampling import multiview
from .sampling.slices import Plan, plan_around

SCALES = 2, 3
BOX_MM = 240.0
# of the same nine the five at whose point p reaches the threshold have a mean Dice of 0.86, the others of 0.42
SURE = "Check its border."
# of 35 clicks deep in soft tissue without a mass 5 outlined more than 60 mm, 4 of them the heart
OUTLINED = "Check its border: the heart, or another organ, can be outlined like a mass."
UNSURE = "The network is not sure of it: the outline may hold a part of it, or too much."


@dataclass(frozen=True)
class Least:
    """What is less than this is not believed.

    Attributes:
        mm: length.
        mm3: volume; more than 0 where the outline at the network's own scale may be a part of a mass of this volume.
        alike: share of the outline in which each scale alone reaches the threshold.
    """

    mm: float
    mm3: float = 0.0
    alike: float = 0.0

    def reached(self, mask: np.ndarray, geometry: Geometry) -> bool:
        """Whether an outline is large enough.

        Args:
            mask: bool, not empty.
            geometry: the grid of the mask; its spacing alone counts.
        """
        return length_mm(mask, geometry) >= self.mm and volume_mm3(mask, geometry) >= self.mm3


def outline(ct: CT, point_lps: Point, threshold: float, least: Least, inference: Inference) -> Candidate | None:
    """What the coarser scales show at a click, and a note for the user in ``inference.notes``.

    A note, and no outline, where they show enough of a mass (`Least.mm3`) but do not agree on it.

    Args:
        point_lps: the click, LPS mm.
        threshold: probability from which a voxel belongs to the lesion.
        least: what is believed.

    Returns:
        None where that is nothing, is not believed or has no border within 240 mm.
    """
    axial, card = ct.geometry.axial(), inference.bundle.card
    seen = [_map(ct, axial, point_lps, scale, inference) for scale in SCALES]
    boxes = [plan.voxel_box(Box.whole(plan.shape)) for plan, _ in seen]
    box = boxes[0].intersect(boxes[1])
    near, far = (plan.to_voxels(calibrated(values, card), box) for plan, values in seen)
    block = (near // 2 + far // 2 + (near & far & 1)).astype(np.uint8)  # the mean, without a larger type
    found = click(block, axial.crop(box), point_lps, threshold, open_sides(box, axial), raise_until_inside=True)
    if found is None or found.at_border:
        return None
    if not least.reached(found.mask, axial):
        return None
    if float(np.mean(np.minimum(near, far)[found.mask] >= 255 * threshold)) < least.alike:
        if least.mm3:
            note_part(point_lps, inference)
        return None
    inference.notes.append(
        f"The mass at the point {_place(point_lps)} (R, A, S in mm) is too large for the network's own scale: it was "
        f"outlined at half and a third of the CT's resolution. {OUTLINED if found.threshold >= threshold else UNSURE}"
    )
    labels, _ = connected(block >= LEAST_P)
    own = int(np.bincount(labels[found.mask])[1:].argmax()) + 1  # 0 is in its holes
    inner = next(c.box for c in components(labels) if c.label == own)
    inner = inner.expand([int(np.ceil(PADDING_MM / mm)) for mm in axial.spacing_zyx], block.shape)
    only = np.where(labels[inner.slices] == own, block[inner.slices], 0)
    return candidate_of(only, inner.shift(box.start), ct.geometry, point_lps, found.threshold)


def note_part(point_lps: Point, inference: Inference) -> None:
    """Tell the user in ``inference.notes`` that what is outlined at a click (LPS mm) may not be all."""
    inference.notes.append(
        f"The lesion at the point {_place(point_lps)} (R, A, S in mm) may be a part of a larger mass. {SURE}"
    )


def _place(point_lps: Point) -> str:
    return ", ".join(f"{mm:.1f}" for mm in ras_from_lps(point_lps))


def length_mm(mask: np.ndarray, geometry: Geometry) -> float:
    """The longest side of the box of a mask.

    Args:
        mask: bool, not empty.
        geometry: the grid of the mask; its spacing alone counts.
    """
    return max(n * mm for n, mm in zip(Box.tight(mask).shape, geometry.spacing_zyx, strict=True))


def volume_mm3(mask: np.ndarray, geometry: Geometry) -> float:
    """The volume of a mask.

    Args:
        mask: bool.
        geometry: the grid of the mask; its spacing alone counts.
    """
    return np.count_nonzero(mask) * geometry.voxel_mm3


def _map(ct: CT, axial: Geometry, point_lps: Point, scale: int, inference: Inference) -> tuple[Plan, np.ndarray]:
    """The map (not calibrated) of the CT as if the patient were ``scale`` times smaller, and its plan.

    So all that is in mm, the network's pixels, the offsets of its slices and the ball of the click, is larger instead.
    """
    smaller = replace(
        axial,
        spacing_xyz=triple(mm / scale for mm in axial.spacing_xyz),
        origin_lps=triple(mm / scale for mm in axial.origin_lps),
    )
    point = triple(mm / scale for mm in point_lps)
    plan = plan_around(smaller, inference.bundle.card, point, BOX_MM / scale)
    values = inference.map(plan, ct.axial_view, point, coarse=True)
    looks = multiview.Looks(plan, ct.axial_view, [Box.whole(plan.shape)], point_lps=point)
    (sides,) = inference.look(looks, coarse=True)
    return plan, multiview.mean(values, sides)
