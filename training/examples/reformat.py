"""Examples from the other two sides: what the run sees in its coronal and sagittal views (`sampling/multiview.py`)."""

from dataclasses import replace

import numpy as np
from LungTumorSegLib.geometry import Box, triple
from LungTumorSegLib.sampling import slices
from LungTumorSegLib.sampling.multiview import CORONAL, SAGITTAL

from .sources import Draw, Source, slab_matrix

THICK_MM = (1.5, 5.0)
THICKEST_MM = 5.0  # thicker slices show too little between them to learn from
ALONG_MM = 30.0  # to both sides of a slice: neighbours, slabs and zooms


def pick_side(rng: np.random.Generator) -> tuple[int, int, int]:
    return (CORONAL, SAGITTAL)[rng.integers(2)]


def thickened(rng: np.random.Generator, source: Source) -> Source:
    """A patch as if its slices were 1.5 to 5 mm thick: box-averaged along z, and back to 1 mm linearly.

    Args:
        rng: The thickness is drawn from it.
        source: A patch (1 mm).
    """
    count, thick = len(source.hu), rng.uniform(*THICK_MM)
    places = np.arange(rng.uniform(0, thick), count, thick)
    back = slices.resampling_matrix(len(places), thick, count, 1.0, -places[0])
    along_z = back @ slab_matrix(count, 1.0, places, thick)
    return replace(source, hu=_along_z(along_z, source.hu), target=_along_z(along_z, source.target), sideways=True)


def turned_patch(rng: np.random.Generator, source: Source, draw: Draw) -> tuple[Source, Draw]:
    """A patch and what was drawn of it, from the front or the side; half of the times from thick slices."""
    if rng.random() < 0.5:
        source = thickened(rng, source)
    return _permuted(source, draw, pick_side(rng))


def turned(source: Source, draw: Draw, axes: tuple[int, int, int]) -> tuple[Source, Draw]:
    """The surroundings of what was drawn of a CT, on a 1 mm grid and with exchanged axes.

    Args:
        source: A CT, (z, y, x).
        draw: What was drawn of it.
        axes: The source's axes in their new order; slices lie across the first.
    """
    unit = np.array([source.step_mm, 1.0, 1.0])
    centre, reach = np.array(draw.centre_zyx_mm), np.full(3, float(draw.crop))
    reach[axes[0]] = ALONG_MM
    low = np.maximum(0, np.floor((centre - reach) / unit)).astype(int)
    high = np.minimum(source.hu.shape, np.ceil((centre + reach) / unit).astype(int) + 1)
    part = Box(low, high).slices
    slabs = high[0] - low[0]
    finer = int((slabs - 1) * source.step_mm) + 1
    along_z = slices.resampling_matrix(slabs, source.step_mm, finer, 1.0).toarray()
    known = _along_z(along_z, source.weight[part].astype(np.float32)) > 0.99
    hu, target = _along_z(along_z, source.hu[part]), _along_z(along_z, source.target[part])
    cut = Source(hu, target, known.astype(np.uint8), 1.0)
    start = low * unit
    point = None if draw.point_zyx_mm is None else tuple(np.array(draw.point_zyx_mm) - start)
    return _permuted(cut, replace(draw, centre_zyx_mm=tuple(centre - start), point_zyx_mm=point), axes)


def _permuted(source: Source, draw: Draw, axes) -> tuple[Source, Draw]:
    arrays = {name: getattr(source, name).transpose(axes) for name in ("hu", "target", "weight")}
    point = None if draw.point_zyx_mm is None else triple(draw.point_zyx_mm[a] for a in axes)
    centre = triple(draw.centre_zyx_mm[a] for a in axes)
    return replace(source, **arrays, sideways=True), replace(draw, centre_zyx_mm=centre, point_zyx_mm=point)


def _along_z(matrix: np.ndarray, volume: np.ndarray) -> np.ndarray:
    made = np.tensordot(matrix.astype(np.float32), volume.astype(np.float32), 1)
    return made if volume.dtype == np.float32 else np.rint(made).astype(volume.dtype)
