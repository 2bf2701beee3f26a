"""Why the network marks a lesion, and how sure it is of it: uncertainty from flips, and an occlusion heat map.

Both look at the axial slices of the box in which a click is answered, through any engine. The outline comes from the
coronal and the sagittal view as well, so that the probability there differs a little.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .data import CT, Lesion
from .enums import Stage
from .errors import GeometryError
from .geometry import Box, Point, triple
from .inference import Inference, in_batches
from .model.bundle import Bundle
from .model.calibration import calibrated
from .model.engines.base import Predictor
from .sampling import slices

SIDE_MM, LARGE_SIDE_MM = 60.0, 120.0  # as for a click
ROOM_MM = 10.0  # of surroundings that a lesion keeps on each side in the smaller box
# the eraser fills in aerated lung; HU of parenchyma at full inspiration
LUNG_HU = -850.0
GRID = 16  # places along a side of the box where the eraser is put: 4 mm apart in the smaller one
ERASER_STEPS = 0.75  # sigma of the eraser, in distances of two places


@dataclass(frozen=True)
class Spot:
    """Where to look: a cube of ``side_mm`` around ``centre_lps``.

    Attributes:
        centre_lps: LPS mm.
        point_lps: the click in LPS mm, None if there was none.
    """

    centre_lps: Point
    side_mm: float = SIDE_MM
    point_lps: Point | None = None


@dataclass(frozen=True)
class Uncertainty:
    """Over the views of the mirrored box. Arrays are float32 (z, y, x), in stored order.

    Attributes:
        box: what the arrays fill of the CT.
        probability: mean p.
        deviation: standard deviation of p, 0 to 0.5.
    """

    box: Box
    probability: np.ndarray
    deviation: np.ndarray

    @property
    def entropy(self) -> np.ndarray:
        """Of the mean probability, in bits: 0 where the network is sure, 1 where p is a half."""
        return entropy(self.probability)


@dataclass(frozen=True)
class Heat:
    """Where on the lesion's largest axial slice the network looks.

    Attributes:
        box: what ``fall`` fills of the CT.
        fall: float32, stored order, one axial slice thick: by how much the mean probability of the lesion falls when
            the tissue there is replaced by lung. Negative where it rises.
        probability: that mean, nothing replaced.
    """

    box: Box
    fall: np.ndarray
    probability: float


def spot_of(ct: CT, lesion: Lesion, point_lps: Point | None = None) -> Spot:
    """The box around a lesion; the larger one where the lesion would fill the smaller.

    Args:
        point_lps: the click in LPS mm, if any.
    """
    extents = np.multiply(lesion.label_box.shape, ct.geometry.spacing_zyx)
    centre = triple(ct.geometry.lps(lesion.label_box.middle).tolist())
    return Spot(centre, SIDE_MM if extents.max() + 2 * ROOM_MM <= SIDE_MM else LARGE_SIDE_MM, point_lps)


def entropy(p: np.ndarray) -> np.ndarray:
    """Of a yes or no with probability ``p``, in bits."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))


def uncertainty(ct: CT, spot: Spot, inference: Inference) -> Uncertainty:
    """What the network makes of the box as it is, mirrored left to right, head to feet, and both.

    Test-time augmentation as an estimate of uncertainty: Wang et al., Neurocomputing 338:34-45, 2019. Only mirrorings
    that the training used as well; head to feet by reversing the neighbouring slices, which needs offsets that are
    symmetrical (else left to right alone).

    Raises:
        GeometryError, EngineError, Cancelled: as for a click.
    """
    plan, card = _plan(ct, spot, inference.bundle), inference.bundle.card
    count = len(card.offsets_mm)
    reversible = count > 1 and np.allclose(card.offsets_mm, -np.array(card.offsets_mm)[::-1])
    views = [(x, z) for x in (False, True) for z in ((False, True) if reversible else (False,))]
    total, squares = np.zeros(plan.shape), np.zeros(plan.shape)

    def batches(first: int, size: int) -> Iterator[tuple[slice, np.ndarray]]:
        return plan.batches(ct.axial_view, size, spot.point_lps, first)

    def answer(engine: Predictor, inputs: np.ndarray) -> np.ndarray:
        return np.stack([_predict(engine, inputs, count, *view) for view in views])

    for which, answers in inference.run(batches, len(plan.runs), answer, stage=Stage.EXPLAIN):
        for p in calibrated(answers, card):
            total[which] += p
            squares[which] += p.astype(float) ** 2
    mean = total / len(views)
    deviation = np.sqrt(np.maximum(squares / len(views) - mean**2, 0))
    box = plan.voxel_box(Box.whole(plan.shape))
    return Uncertainty(_stored(ct, box), *(_block(ct, plan, values, box) for values in (mean, deviation)))


def heat(ct: CT, spot: Spot, lesion: Lesion, mask: np.ndarray, inference: Inference) -> Heat:
    """Erase the surroundings place by place, and see how the probability of the lesion changes.

    Occlusion sensitivity (Zeiler and Fergus, ECCV 2014) with a soft eraser: at each place of a grid the tissue of all
    slices of the input is faded into lung, by a Gaussian. The map is the mean of the changes, each weighted by its
    eraser; the click's mark stays. It says what the network's answer depends on, not whether it is right.

    Args:
        mask: bool, filling ``lesion.label_box``; its largest axial slice is explained.

    Raises:
        GeometryError: the lesion does not reach a pixel of its slice in the spot's box; else as for `uncertainty`.
        EngineError, Cancelled: as for `uncertainty`.
    """
    plan, card = _plan(ct, spot, inference.bundle), inference.bundle.card
    order, axial = ct.geometry.axial_order(), ct.geometry.axial()
    lesion_box = order.view_box(lesion.label_box, axial.shape_zyx)
    lesion_view = order.view(mask)
    largest = lesion_box.start[0] + int(lesion_view.sum((1, 2)).argmax())
    one = replace(plan, runs=plan.runs[[int(np.abs(plan.runs - largest).argmin())]])
    target = _on_network_grid(one, lesion_box, lesion_view)
    if not target.any():
        raise GeometryError("The outline of this lesion is too small or too large for a heat map; look at another one.")
    (_, slice_input), *_ = one.batches(ct.axial_view, 1, spot.point_lps)
    erasers, count = _erasers(slice_input.shape[1:3]), len(card.offsets_mm)
    lung = slices.scale_hu(np.array(LUNG_HU), card.window_hu)

    def erased(first: int, size: int) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(first, len(erasers), size):
            part = erasers[start : start + size, ..., None]
            inputs = np.repeat(slice_input, len(part), 0)
            inputs[..., :count] += part * (lung - inputs[..., :count])
            yield slice(start, start + len(part)), inputs

    ((_, whole_p),) = inference.run(in_batches(slice_input), 1)
    before = float(calibrated(whole_p, card)[0][target].mean())
    falls = np.empty(len(erasers))
    for which, p in inference.run(erased, len(erasers), stage=Stage.EXPLAIN):
        falls[which] = before - calibrated(p, card)[:, target].mean(1)
    shown = np.tensordot(falls, erasers, 1) / erasers.sum(0)
    box = one.voxel_box(Box.whole(one.shape))
    return Heat(_stored(ct, box), _block(ct, one, shown[None], box), before)


def _plan(ct: CT, spot: Spot, bundle: Bundle) -> slices.Plan:
    return slices.plan_around(ct.geometry.axial(), bundle.card, spot.centre_lps, spot.side_mm)


def _predict(engine: Predictor, given: np.ndarray, count: int, mirror_x: bool, mirror_z: bool) -> np.ndarray:
    if mirror_z:
        given = np.concatenate([given[..., :count][..., ::-1], given[..., count:]], -1)
    if not mirror_x:
        return engine.predict(given)
    return engine.predict(np.ascontiguousarray(given[:, :, ::-1]))[:, :, ::-1]


def _erasers(shape_yx: tuple[int, int]) -> np.ndarray:
    """(GRID * GRID, y, x) float32: Gaussians of height 1 at evenly spaced places."""
    along = []
    for n in shape_yx:
        step = n / GRID
        places = (np.arange(GRID) + 0.5) * step - 0.5
        along.append(np.exp(-((np.arange(n)[None] - places[:, None]) ** 2) / (2 * (ERASER_STEPS * step) ** 2)))
    rows, columns = along
    return np.einsum("ay,bx->abyx", rows, columns).reshape(-1, *shape_yx).astype(np.float32)


def _on_network_grid(plan: slices.Plan, lesion_box: Box, mask: np.ndarray) -> np.ndarray:
    """The lesion on the plan's one slice, bool (y, x) in network pixels; the nearest voxel counts."""
    z = int(np.clip(plan.runs[0] - lesion_box.start[0], 0, len(mask) - 1))
    index, inside = [], []
    sides = zip(plan.box_yx.pairs, plan.axial.spacing_zyx[1:], lesion_box.start[1:], mask.shape[1:], strict=True)
    for pixels, mm, start, count in sides:
        voxels = np.rint(np.arange(*pixels) * plan.card.spacing_mm / mm).astype(int) - start
        inside.append((voxels >= 0) & (voxels < count))
        index.append(np.clip(voxels, 0, count - 1))
    return mask[z][np.ix_(*index)] & inside[0][:, None] & inside[1]


def _stored(ct: CT, box: Box) -> Box:
    return ct.geometry.axial_order().undo_box(box, ct.geometry.axial().shape_zyx)


def _block(ct: CT, plan: slices.Plan, values: np.ndarray, box: Box) -> np.ndarray:
    """A map (runs, y, x) on the voxels of ``box`` of the axial view, in stored order."""
    return np.ascontiguousarray(ct.geometry.axial_order().undo(plan.to_voxels(values.astype(np.float32), box)))
