"""Agreement of two masks, and the spread of a mean over patients."""

from collections.abc import Sequence

import numpy as np
from LungTumorSegLib.geometry import Box
from scipy import ndimage


def overlap(predicted: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Dice, IoU, precision, recall and pixel accuracy of two masks. Two empty masks agree: 1.

    Args:
        predicted: bool.
        reference: bool, of the same shape.
    """
    both = int(np.count_nonzero(predicted & reference))
    p, r = int(np.count_nonzero(predicted)), int(np.count_nonzero(reference))
    if p + r == 0:
        return {"dice": 1.0, "iou": 1.0, "precision": 1.0, "recall": 1.0, "accuracy": 1.0}
    return {
        "dice": 2 * both / (p + r),
        "iou": both / (p + r - both),
        "precision": both / p if p else 0.0,
        "recall": both / r if r else 0.0,
        "accuracy": 1 - (p + r - 2 * both) / predicted.size,
    }


def touching(lesions, masks, reference: np.ndarray) -> tuple[np.ndarray, int]:
    """The lesions that share a voxel with the reference, and how many others there are.

    Args:
        lesions: Each with its ``label_box``.
        masks: Of each lesion, filling that box.
        reference: bool (z, y, x).

    Returns:
        The touching lesions as one mask on the reference's grid; the number of the others.
    """
    predicted, others = np.zeros(reference.shape, bool), 0
    for lesion, mask in zip(lesions, masks, strict=True):
        box = lesion.label_box
        if (mask & reference[box.slices]).any():
            predicted[box.slices] |= mask
        else:
            others += 1
    return predicted, others


def surface_distances(predicted: np.ndarray, reference: np.ndarray, spacing_zyx) -> tuple[float, float]:
    """HD95 and mean surface distance in mm, over the border voxels of both masks (both directions pooled).

    Border voxels: those with a face neighbour outside the mask. HD95: 95th percentile of the pooled distances
    (Taha and Hanbury, BMC Med Imaging 15:29, 2015).

    Args:
        predicted: bool (z, y, x).
        reference: bool, of the same shape.
        spacing_zyx: mm.

    Raises:
        ValueError: A mask is empty.
    """
    if not predicted.any() or not reference.any():
        raise ValueError("The distance to an empty mask is not defined.")
    # only the part that holds both, with a frame so that a mask at the array's end has its border there
    box = Box.tight(predicted | reference)
    a, b = np.pad(predicted[box.slices], 1), np.pad(reference[box.slices], 1)
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    to_border = [ndimage.distance_transform_edt(~border, spacing_zyx) for border in borders]
    pooled = np.concatenate([to_border[1][borders[0]], to_border[0][borders[1]]])
    return float(np.percentile(pooled, 95)), float(pooled.mean())


def reader_masks(bits: np.ndarray, n_readers: int) -> list[np.ndarray]:
    """Each reader's own mask; readers without a voxel are left out.

    Args:
        bits: Bit k is set where reader k marked the voxel.
        n_readers: How many bits there are.

    Returns:
        bool, of the bits' shape.
    """
    masks = [bits >> k & 1 > 0 for k in range(n_readers)]
    return [mask for mask in masks if mask.any()]


def leave_one_out(predicted: np.ndarray, readers: Sequence[np.ndarray]) -> tuple[float, float]:
    """Dice with the >= 50 % consensus of the other readers, each reader left out in turn.

    Args:
        predicted: bool, the model's mask.
        readers: bool, each reader's, of the same shape.

    Returns:
        Mean Dice of the model, and of the left-out reader.
    """
    model, reader = [], []
    count = np.sum(readers, axis=0)
    for own in readers:
        others = count - own >= max(1, (len(readers) - 1) / 2)
        model.append(overlap(predicted, others)["dice"])
        reader.append(overlap(own, others)["dice"])
    return float(np.mean(model)), float(np.mean(reader))


def bootstrap(values, patients, times: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of ``values`` by drawing patients, not lesions, with replacement.

    Lesions of one patient resemble each other; drawn one by one they would make the interval too narrow.

    Args:
        values: Of each lesion.
        patients: Of each lesion.
        times: How often patients are drawn.
        seed: Decides the draws.

    Returns:
        Low and high; NaN without values.
    """
    values = np.asarray(values, float)
    if not len(values):
        return float("nan"), float("nan")
    _, group = np.unique(np.asarray(patients), return_inverse=True)
    sums, counts = np.bincount(group, values), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(times, len(sums)))
    low, high = np.percentile(sums[drawn].sum(1) / counts[drawn].sum(1), (2.5, 97.5))
    return float(low), float(high)


def summary(values, patients) -> dict[str, float | list[float] | int]:
    """mean, n and 95 % interval by patient, as every figure is quoted.

    Args:
        values: Of each lesion; those that are not finite are left out.
        patients: Of each lesion.
    """
    values = np.asarray(values, float)
    kept = np.isfinite(values)
    values, patients = values[kept], np.asarray(patients)[kept]
    mean = float(values.mean()) if len(values) else float("nan")
    return {"mean": mean, "n": len(values), "interval95": list(bootstrap(values, patients))}
