"""The lesion at a click: in a box of 60 mm, then of 120; a mass that these do not hold on the CT at coarser scales."""

import numpy as np

from .coarser import ALIKE, FRAGMENT_TIMES, Least, length_mm, note_part, outline, volume_mm3
from .data import CT, Candidate, Options
from .enums import Stage
from .errors import InputError
from .geometry import Box, Geometry, Point, ras_from_lps
from .inference import Inference
from .lesions.candidates import candidate_of
from .lesions.click import Clicked, click, open_sides
from .model.calibration import calibrated
from .sampling import multiview
from .sampling.slices import plan_around

BOX_MM, LARGE_BOX_MM = 60.0, 120.0
HELD_MM = 90.0  # what is longer at the network's own scale may be part of something longer still
DENSE_HU = -100, 200  # soft tissue, with contrast or without; no bone
DENSE_MM = 10.0
AERATED_HU, AERATED_SHARE = -500, 0.1
FRAGMENT_MM = 30.0  # a longer outline in soft tissue may be a fragment


def candidate_at(ct: CT, point_lps: Point, options: Options, inference: Inference) -> Candidate | None:
    """The click rule: a 60 mm box around the point with the prompt; 120 mm when the lesion reaches its border.

    Where that holds no lesion whole, or one in soft tissue that is longer than 30 mm and so may be a fragment,
    `coarser.outline`. What may still be a part of a mass has a note in ``inference.notes``.

    Args:
        point_lps: LPS mm.

    Returns:
        None, with a note in ``inference.notes``, where there is nothing.

    Raises:
        InputError: the point lies outside the CT.
    """
    axial, place = ct.geometry.axial(), ", ".join(f"{mm:.1f}" for mm in ras_from_lps(point_lps))
    index = axial.index(point_lps)
    if np.any(index < -0.5) or np.any(index > np.array(axial.shape_zyx) - 0.5):
        raise InputError(f"The point {place} (R, A, S in mm) lies outside the CT. Choose a point inside it.")
    threshold = inference.bundle.card.operating_threshold(options, chest=False)
    block, box, found = _look(ct, axial, point_lps, BOX_MM, threshold, inference)
    if found and found.at_border:
        block, box, found = _look(ct, axial, point_lps, LARGE_BOX_MM, threshold, inference)
    least = _least(ct, found, point_lps, threshold)
    mass = outline(ct, point_lps, threshold, least, inference) if least else None
    if mass:
        return mass
    if found and found.at_border:
        note_part(point_lps, inference)
    if found is None:
        inference.notes.append(f"Nothing was found at the point {place} (R, A, S in mm).")
        return None
    return candidate_of(block, box, ct.geometry, point_lps, found.threshold)


def _look(
    ct: CT, axial: Geometry, point_lps: Point, side_mm: float, threshold: float, inference: Inference
) -> tuple[np.ndarray, Box, Clicked | None]:
    """Calibrated probability (uint8), which fills a box of the axial view, the box, and the component at the point."""
    plan = plan_around(axial, inference.bundle.card, point_lps, side_mm)
    everything = Box.whole(plan.shape)
    values = inference.map(plan, ct.axial_view, point_lps, Stage.NETWORK)
    (sides,) = inference.look(multiview.Looks(plan, ct.axial_view, [everything], point_lps=point_lps))
    values = multiview.mean(values, sides)
    box = plan.voxel_box(everything)
    block = plan.to_voxels(calibrated(values, inference.bundle.card), box)
    last = side_mm == LARGE_BOX_MM
    return block, box, click(block, axial.crop(box), point_lps, threshold, open_sides(box, axial), last)


def _least(ct: CT, found: Clicked | None, point_lps: Point, threshold: float) -> Least | None:
    """What the coarser scales have to show to be believed; None where they are not asked.

    They are where the lesion is longer than 90 mm, or cut off by the larger box at every threshold; for each outline of
    more than 30 mm in soft tissue, as it may be a fragment: three times as much is believed, if the scales agree; and
    where nothing is found there, or in the middle of it only at a lower threshold: then what fills the smaller box is
    believed, next to lung if the scales agree. Otherwise a lesion that a higher threshold keeps inside the box stays as
    it is: of CTs kept aside, tumours of 61 to 156 ml are outlined best at the network's own scale, and 15 to 90 % too
    large at coarser ones.
    """
    axial = ct.geometry.axial()
    length = length_mm(found.mask, axial) if found else 0.0
    if found and (found.at_border or length > HELD_MM):
        return Least(HELD_MM, alike=0.0 if found.at_border else ALIKE)
    soft, aerated = _tissue(ct, point_lps)
    if not soft:
        return None
    if found and length > FRAGMENT_MM:
        return Least(FRAGMENT_MM, FRAGMENT_TIMES * volume_mm3(found.mask, axial), ALIKE)
    if aerated <= AERATED_SHARE and (found is None or found.threshold < threshold):
        return Least(BOX_MM)
    return None if found else Least(BOX_MM, alike=ALIKE)


def _tissue(ct: CT, point_lps: Point) -> tuple[bool, float]:
    """Whether the 10 mm around the point are soft tissue, by their median as noise is wide, and the share of lung."""
    middle = np.rint(ct.geometry.index(point_lps)).astype(int)
    reach = np.ceil(DENSE_MM / np.array(ct.geometry.spacing_zyx)).astype(int)
    around = ct.voxels_zyx[Box(middle, middle + 1).expand(reach, ct.voxels_zyx.shape).slices]
    low, high = DENSE_HU
    return bool(low < np.median(around) < high), float(np.mean(around < AERATED_HU))
