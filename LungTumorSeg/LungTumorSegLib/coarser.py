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
from .lesions.splitting import components_from
from .model.calibration import calibrated
from .sampling import multiview
from .sampling.slices import Plan, plan_around

SCALES = 2, 3
BOX_MM = 240.0
# Of four `val` masses of 56 to 99 mm the own scale outlines a part (Dice 0.24 to 0.40). The coarser ones show 4 to 7
# times as much (Dice 0.85 to 0.91), alike in 0.88 to 0.93 of three of them. Of four real tumours they show 1.0 to 1.5
# times the volume; of one with collapsed lung beside it 6 times, alike in 0.56 (Dice 0.27, at the own scale 0.78)
FRAGMENT_TIMES, ALIKE = 3.0, 0.75
SURE = "Check its border."
# Mean p without the click inside the outline, of 21 `val` masses: 0.48 to 0.86 in 19, else 0.12 and 0.24. Of 35 clicks
# deep in soft tissue six outlined more than 60 mm, the heart and other organs: 0.00 to 0.20; in three of these p at the
# click is too low as well
SEEN_P = 0.3
UNSEEN = "Without the click the network sees no mass there: check whether it is the heart or another organ."
# of the same nine the five at whose point p reaches the threshold have a mean Dice of 0.86, the others of 0.42
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


def outline(
    ct: CT, point_lps: Point, threshold: float, least: Least, inference: Inference, chest: bool = False
) -> Candidate | None:
    """What the coarser scales show at a click, and a note for the user in ``inference.notes``.

    A note, and no outline, where they show enough of a mass (`Least.mm3`) but do not agree on it.

    Args:
        point_lps: the click, LPS mm.
        threshold: probability from which a voxel belongs to the lesion.
        least: what is believed.
        chest: nobody clicked: a run over a whole chest found the point. The candidate has none then, nothing but the
            mass, and a threshold of its own only where that is not ``threshold``.

    Returns:
        None where that is nothing, is not believed, has no border within 240 mm, or where the network of the coarser
            scales is not sure with the click and sees no mass without it.
    """
    axial, card = ct.geometry.axial(), inference.bundle.card
    seen = [_map(ct, axial, point_lps, scale, inference) for scale in SCALES]
    boxes = [plan.voxel_box(Box.whole(plan.shape)) for plan, _ in seen]
    box = boxes[0].intersect(boxes[1])
    near, far = (plan.to_voxels(calibrated(values, card, chest), box) for plan, values in seen)
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
    said = SURE if found.threshold >= threshold else UNSURE
    asked = card.coarse is not None and not chest  # the first network sees no mass without a click
    if asked and _without_click(ct, [plan for plan, _ in seen], box, found.mask, inference) < SEEN_P:
        if said == UNSURE:
            return None
        said = UNSEEN
    inference.notes.append(
        f"The mass at the point {_place(point_lps)} (R, A, S in mm) is too large for the network's own scale: it was "
        f"outlined at half and a third of the CT's resolution. {said}"
    )
    labels, _ = connected(block >= LEAST_P)
    own = int(np.bincount(labels[found.mask])[1:].argmax()) + 1  # 0 is in its holes
    inner = next(c.box for c in components(labels) if c.label == own)
    inner = inner.expand([int(np.ceil(PADDING_MM / mm)) for mm in axial.spacing_zyx], block.shape)
    only = np.where(labels[inner.slices] == own, block[inner.slices], 0)
    inner_box = inner.shift(box.start)
    if not chest:
        return candidate_of(only, inner_box, ct.geometry, point_lps, found.threshold)
    # without a click all that reaches the threshold becomes lesions: what else is linked at p < threshold shall not
    parts = components_from(only, found.threshold)
    one = int(np.bincount(parts[found.mask[inner.slices]])[1:].argmax()) + 1
    only[(parts > 0) & (parts != one)] = 0
    return candidate_of(only, inner_box, ct.geometry, None, None if found.threshold == threshold else found.threshold)


def smaller(axial: Geometry, scale: int) -> Geometry:
    """The axial view as if the patient were ``scale`` times smaller.

    So all that is in mm, the network's pixels, the offsets of its slices and the ball of the click, is larger instead.
    """
    return replace(
        axial,
        spacing_xyz=triple(mm / scale for mm in axial.spacing_xyz),
        origin_lps=triple(mm / scale for mm in axial.origin_lps),
    )


def note_part(point_lps: Point, inference: Inference) -> None:
    """Tell the user in ``inference.notes`` that what is outlined at a click (LPS mm) may not be all."""
    inference.notes.append(
        f"The lesion at the point {_place(point_lps)} (R, A, S in mm) may be a part of a larger mass. Check its border."
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


def _without_click(ct: CT, plans: list[Plan], box: Box, mask: np.ndarray, inference: Inference) -> float:
    """The mean p of a mask, which fills a box of the axial view, as axial slices show it that carry no click."""
    maps = [inference.map(plan, ct.axial_view, coarse=True) for plan in plans]
    shown = [
        plan.to_voxels(calibrated(values, inference.bundle.card, chest=True), box)[mask].mean()
        for plan, values in zip(plans, maps, strict=True)
    ]
    return float(np.mean(shown)) / 255


def _map(ct: CT, axial: Geometry, point_lps: Point, scale: int, inference: Inference) -> tuple[Plan, np.ndarray]:
    """The map (not calibrated) of the CT as if the patient were ``scale`` times smaller, and its plan."""
    point = triple(mm / scale for mm in point_lps)
    plan = plan_around(smaller(axial, scale), inference.bundle.card, point, BOX_MM / scale)
    values = inference.map(plan, ct.axial_view, point, coarse=True)
    looks = multiview.Looks(plan, ct.axial_view, [Box.whole(plan.shape)], point_lps=point)
    (sides,) = inference.look(looks, coarse=True)
    return plan, multiview.mean(values, sides)
