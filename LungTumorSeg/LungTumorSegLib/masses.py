"""Large masses in a run: found at half and a third of the CT's resolution, outlined as a click into their middle is.

At its own scale the first network sees nothing in the middle of a large mass (`coarser`): of 13 `val` masses from 90 mm
on a run lists 2 without this, 12 with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from .coarser import ALIKE, FRAGMENT_TIMES, SCALES, Least, outline, smaller
from .components import components, connected, framed
from .data import CT, Candidate
from .geometry import Box, Geometry, Point, triple
from .inference import Inference
from .lesions.extraction import masks_of
from .model.calibration import calibrated
from .model.unet import receptive_radius
from .sampling.slices import Plan, plan_box, resampling_matrix

# In nine CTs without a mass three components of the coarser scales' map reach both; of 21 `val` masses 19 do, with a
# mean p of 0.68 to 0.91. After the click the scales agree in at most 0.50 of the three outlines, in 0.89 to 0.97 of
# the 19
LEAST_MM = 50.0
LEAST_MEAN_P = 0.6


def find_masses(
    ct: CT, box: Box, threshold: float, found: Sequence[Candidate], inference: Inference
) -> list[Candidate]:
    """The masses that the network's own scale does not hold.

    Args:
        ct: of the run.
        box: of the axial view (z, y, x), where to look.
        threshold: of the run, a probability.
        found: what the own scale shows. A mass of which that holds a third or more is left to it.
        inference: its notes get a sentence for each mass.

    Returns:
        A candidate for each, with a threshold of its own where ``threshold`` does not outline it; none if the bundle
            has no network of the coarser scales, as the first one was not fitted on masses.

    Raises:
        Cancelled, EngineError: as of `Inference.run`.
    """
    if inference.bundle.card.coarse is None:
        return []
    masses: list[Candidate] = []
    for middle, places in _seen(ct, box, threshold, inference):
        if _is_held(places, threshold, [*found, *masses], ct.geometry):
            continue
        mass = outline(ct, middle, threshold, Least(LEAST_MM, alike=ALIKE), inference, chest=True)
        if mass:
            masses.append(mass)
    return masses


def _is_held(places: np.ndarray, threshold: float, found: Sequence[Candidate], geometry: Geometry) -> bool:
    """Whether a lesion that is found holds a third of the places (n, 3), LPS mm, of a mass."""
    index = np.rint(geometry.index(places)).astype(int)
    for candidate in found:
        if np.mean(_inside(index, candidate.box)) * FRAGMENT_TIMES < 1:
            continue
        for box, mask in masks_of(candidate, geometry, threshold):
            held = mask[tuple((index[_inside(index, box)] - box.start).T)]
            if np.count_nonzero(held) * FRAGMENT_TIMES >= len(index):
                return True
    return False


def _inside(index: np.ndarray, box: Box) -> np.ndarray:
    return np.all((index >= box.start) & (index < box.stop), axis=1)


def _seen(ct: CT, box: Box, threshold: float, inference: Inference) -> Iterator[tuple[Point, np.ndarray]]:
    """What may be a mass on the coarser scales' mean map: its deepest point, and all its places (n, 3), LPS mm."""
    axial, card = ct.geometry.axial(), inference.bundle.card
    (near, values), (far, others) = (_map(ct, box, scale, inference) for scale in SCALES)
    mean = np.rint((values + _onto(near, far, others)) / 2).astype(np.uint8)
    block = calibrated(mean, card, chest=True)
    spacing = np.array([near.every * axial.spacing_zyx[0], *[SCALES[0] * card.spacing_mm] * 2])
    start = np.array([near.runs[0] / near.every, *near.box_yx.start])
    labels, _ = connected(block >= 255 * threshold)
    for label, inner, _ in components(labels):
        own = labels[inner.slices] == label
        if max(inner.shape * spacing) < LEAST_MM or block[inner.slices][own].mean() < 255 * LEAST_MEAN_P:
            continue
        depth = ndimage.distance_transform_edt(framed(own), spacing)[1:-1, 1:-1, 1:-1]
        pixels = np.concatenate([[np.unravel_index(depth.argmax(), depth.shape)], np.argwhere(own)])
        middle, *places = axial.lps((pixels + inner.start + start) * spacing / axial.spacing_zyx)
        yield triple(middle.tolist()), np.array(places)


def _map(ct: CT, box: Box, scale: int, inference: Inference) -> tuple[Plan, np.ndarray]:
    """The axial map (not calibrated) of a box of the CT as if the patient were ``scale`` times smaller."""
    card = inference.bundle.card
    margin_px = receptive_radius(card.coarse or card.architecture)
    plan = plan_box(smaller(ct.geometry.axial(), scale), card, box, margin_px)
    step = plan.every * plan.axial.spacing_zyx[0]
    plan = replace(plan, runs=plan.runs[:: max(1, round(card.spacing_mm / step))])
    return plan, inference.map(plan, ct.axial_view, coarse=True)


def _onto(near: Plan, far: Plan, values: np.ndarray) -> np.ndarray:
    """The map of the coarsest scale on the grid of the other, float32."""
    own, step = far.card.spacing_mm, far.axial.spacing_zyx[0]
    # mm of the plan `far`, in which the patient is as many times smaller as its scale says
    ratio = SCALES[0] / SCALES[1]
    firsts = [(near.runs[0] - far.runs[0]) * step, *(np.array(near.box_yx.start) * ratio - far.box_yx.start) * own]
    axes = zip((far.every * step, own, own), (near.every * step, own * ratio, own * ratio), firsts, strict=True)
    out = values.astype(np.float32)
    for axis, ((step_in, step_out, first), count) in enumerate(zip(axes, near.shape, strict=True)):
        matrix = resampling_matrix(out.shape[axis], step_in, count, step_out, float(first))
        lines = np.moveaxis(out, axis, 0)
        made = matrix @ lines.reshape(len(lines), -1)
        out = np.moveaxis(made.reshape(count, *lines.shape[1:]), 0, axis)
    return out
