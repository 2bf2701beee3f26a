"""CTs as the product's coarser scales show them (`LungTumorSegLib/coarser.py`), and what is clicked in them.

At scale 2 a pixel of the network has 2 mm of the patient, at scale 3 it has 3 mm, along z as well.
"""

import numpy as np
from LungTumorSegLib.data import CT, Lungs
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.sampling import slices
from scipy import ndimage

from . import masses
from .sources import Source

VOXEL = np.dtype([("hu", np.int16), ("target", np.uint8), ("weight", np.uint8)])  # as in `Source`
THINNED = 0.75  # network mm, about; nearer slices are left out
AROUND = 2  # voxels around a tumour that count neither way; further from its mask a mass changes nothing
LEAST_OWN_ML = 8.0  # of a tumour; half the resolution leaves an eighth of it
SOFT_HU, SOFT_DEPTH = (-80, 180), 4.0  # a click into soft tissue lies so many network mm inside it
MOST_POINTS = 1500


def at_scale(source: Source, scale: int) -> Source:
    """A prepared CT at a coarser scale, resampled by the product's own `slices`.

    Args:
        source: A whole CT, 1 mm in plane.
        scale: One of the product's `SCALES`; 1 changes nothing.

    Returns:
        In network mm: 1 in plane, ``step_mm`` along z.
    """
    every = max(1, round(THINNED * scale / source.step_mm))
    rows, columns = slices.in_plane_matrices(source.hu.shape[1:], (1 / scale, 1 / scale), 1.0)

    def share(array: np.ndarray) -> np.ndarray:
        return np.stack([(columns @ (rows @ s.astype(np.float32)).T).T for s in array[::every]])

    hu = np.stack([slices.in_plane(s, rows, columns) for s in source.hu[::every]])
    known = (share(source.weight) > 0.98).astype(np.uint8)
    return Source(hu, np.rint(share(source.target)).astype(np.uint8), known, every * source.step_mm / scale)


def ct_of(source: Source, scale: int) -> CT:
    """The same as a CT in the patient's mm, its first voxel at LPS (0, 0, 0)."""
    spacing = (float(scale), float(scale), source.step_mm * scale)
    return CT(np.asarray(source.hu), Geometry(source.hu.shape, spacing, (0.0, 0.0, 0.0)), "", {"modality": "CT"})


def background(source: Source) -> np.ndarray:
    """A CT without a target, VOXEL (z, y, x). Its tumours have no weight."""
    voxels = np.zeros(source.hu.shape, VOXEL)
    voxels["hu"] = source.hu
    voxels["weight"] = (source.weight > 0) & ~ndimage.binary_dilation(source.target > 0, iterations=AROUND)
    return voxels


def soft_tissue(voxels: np.ndarray, step_mm: float) -> dict[str, np.ndarray]:
    """Clicks into soft tissue without a tumour, as `clicked`.

    Args:
        voxels: `background`.
        step_mm: Of the source.
    """
    low, high = SOFT_HU
    soft = (voxels["hu"] > low) & (voxels["hu"] < high)
    depth = ndimage.distance_transform_edt(soft, (step_mm, 1, 1))
    places = _some(np.argwhere((depth > SOFT_DEPTH) & (voxels["weight"] > 0)))
    return {"start": np.zeros(3, int), "block": voxels[:0, :0, :0], "deep": places, "every": places}


def own_tumour(source: Source, voxels: np.ndarray, scale: int) -> dict[str, np.ndarray]:
    """The largest tumour of a CT, as `clicked`; nothing to click where it has less than 8 ml.

    Args:
        source: `at_scale`.
        voxels: Its `background`.
        scale: Of both.
    """
    labels, count = ndimage.label(source.target > 0)
    shares = ndimage.sum_labels(source.target, labels, range(1, count + 1)) / 255
    if not count or shares.max() * source.step_mm * scale**3 / 1000 < LEAST_OWN_ML:
        return clicked(np.zeros(voxels.shape, bool), voxels, source.step_mm)
    own = labels == shares.argmax() + 1
    others = ndimage.binary_dilation((labels > 0) & ~own, iterations=AROUND)
    made = voxels.copy()
    made["target"] = source.target * own
    made["weight"] = (source.weight > 0) & ~others | own
    return clicked(source.target * own >= 128, made, source.step_mm)


def mass(
    voxels: np.ndarray, step_mm: float, scale: int, lungs: Lungs, body: masses.Body, place: tuple
) -> dict[str, np.ndarray]:
    """A mass set onto a CT, as `clicked`; nothing to click where no place holds it.

    It is set at the coarse scale itself: 0.1 to 0.6 s of processor time instead of 20 s on the CT's own pixels.

    Args:
        voxels: `background`.
        step_mm: Of the source.
        scale: Of both.
        lungs: Of the CT.
        body: What is enlarged.
        place: Surface, length in mm and seed, as `masses.set_onto` takes them.
    """
    source = Source(voxels["hu"], voxels["target"], voxels["weight"], step_mm)
    set_on = masses.set_onto(ct_of(source, scale), lungs, body, *place)
    if set_on is None:
        return clicked(np.zeros(voxels.shape, bool), voxels, step_mm)
    made = voxels.copy()
    made["hu"] = set_on.ct.voxels_zyx
    made["target"] = 255 * set_on.mask
    made["weight"] |= set_on.mask
    return clicked(set_on.mask, made, step_mm)


def clicked(mask: np.ndarray, voxels: np.ndarray, step_mm: float) -> dict[str, np.ndarray]:
    """What is clicked, as far as it differs from its CT's background.

    Args:
        mask: bool (z, y, x), what is clicked.
        voxels: VOXEL, with it.
        step_mm: Of the source.

    Returns:
        ``block`` VOXEL and its ``start``; ``deep`` and ``every`` (n, 3) voxels of it: the deeper half, and all of
            them, thinned.
    """
    box = Box.around(mask)
    if box is None:
        none = np.zeros((0, 3), np.int16)
        return {"start": np.zeros(3, int), "block": voxels[:0, :0, :0], "deep": none, "every": none}
    box = box.expand(AROUND + 1, mask.shape)
    inside = mask[box.slices]
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), (step_mm, 1, 1))[1:-1, 1:-1, 1:-1]
    deep = depth >= np.median(depth[inside])
    deep, every = (_some(np.argwhere(part) + box.start) for part in (deep & inside, inside))
    return {"start": np.array(box.start), "block": voxels[box.slices], "deep": deep, "every": every}


def _some(places: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).permutation(places)[:MOST_POINTS].astype(np.int16)
