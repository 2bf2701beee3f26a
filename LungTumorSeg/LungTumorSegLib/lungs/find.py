"""Where the lungs are: classical, fast and generous.

Lungs choose only where to compute, tell a lesion's side and drop lesions far from them. No voxel is cut by them.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..components import connected
from ..data import CT, Lungs, missing_side
from ..errors import NoLungsFoundError
from ..geometry import Box, Geometry, triple
from . import situs
from .air import AIR_HU, CROSS, inside_air
from .queries import distance_outside
from .sides import label_lungs

GRID_MM = 3.0
LEAST_LUNG_ML = 300


def find(ct: CT) -> Lungs:
    """Find both lungs on a grid of about 3 mm.

    Prone or supine, any axis order, one lung missing or white, scans cropped inside the body. The trachea and main
    bronchi may be in it, other gas is not. The hull of `Lungs.hull_distance_mm` is the convex hull of both lungs on
    each axial slice, taken over the 15 mm above and below: it holds the mediastinum and the hila between the lungs and
    what a tumour or a collapsed lobe takes away from one, but, unlike a hull in 3D, not the upper abdomen below the
    domes. Where one lung is missing or under 40 % of the other, the other's mirror image stands in for it if the
    midline is seen.

    Raises:
        NoLungsFoundError: there is less than 300 ml of lung air.
    """
    hu, geometry = coarse(ct)
    millilitres = geometry.voxel_mm3 / 1000
    lung = _lung_air(hu, geometry)
    found_ml = np.count_nonzero(lung) * millilitres
    if found_ml < LEAST_LUNG_ML:
        raise NoLungsFoundError(
            f"No lungs were found in this CT ({found_ml:.0f} ml of air in lung tissue, at least {LEAST_LUNG_ML} are "
            "needed): choose a chest CT, or segment without lung restriction or at a point."
        )
    body = _body(hu > AIR_HU, lung)
    label, middle = label_lungs(hu, lung, body, geometry)
    hull = _hull(label, middle, geometry.spacing_zyx[0])
    doubts = situs.notes(hu, label, hull, middle, geometry.spacing_zyx)
    return Lungs(label, distance_outside(hull, geometry), geometry, _body_box(body), middle, doubts)


def coarse(ct: CT) -> tuple[np.ndarray, Geometry]:
    """The CT on an axial grid of about 3 mm.

    In plane every voxel counts, along z every k-th slice: no copy of the whole CT is made.

    Returns:
        HU (z, y, x), float32, means of blocks, and that grid.
    """
    order, shape = ct.geometry.axial_order(), np.array(ct.geometry.shape_zyx)
    step = np.minimum(np.maximum(1, np.round(GRID_MM / np.array(ct.geometry.spacing_zyx))).astype(int), shape)
    counts = shape // step
    across = order.permutation[0]
    offsets: list[Sequence[int]] = [range(k) for k in step]
    offsets[across] = [(step[across] - 1) // 2]
    mean = np.zeros(counts, np.float32)
    for first in np.array(np.meshgrid(*offsets)).reshape(3, -1).T:
        mean += ct.voxels_zyx[tuple(slice(f, n * k, k) for f, n, k in zip(first, counts, step, strict=True))]
    mean /= step.prod() / step[across]
    start = (step - 1) / 2
    start[across] = offsets[across][0]
    geometry = Geometry(
        triple(counts.tolist()),
        triple((np.array(ct.geometry.spacing_xyz) * step[::-1]).tolist()),
        triple(ct.geometry.lps(start).tolist()),
        ct.geometry.direction,
    )
    return np.ascontiguousarray(order.view(mean)), geometry.axial()


def _lung_air(hu: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Air in lung tissue (bool): inside the body, not gas, not the trachea above the lungs."""
    pixel_mm2 = geometry.spacing_xyz[0] * geometry.spacing_xyz[1]
    parts, _ = connected(inside_air(hu, pixel_mm2), connectivity=6)
    size = np.bincount(parts.ravel())
    size[0] = 0
    # pieces of a lung that a tumour or fluid cuts off count, crumbs do not
    return _below_the_throat((size > 0.03 * size.max())[parts] & (parts > 0), geometry)


def _below_the_throat(lung: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Clear what lies more than 10 mm above the highest slice with 10 cm2 of lung: trachea, pharynx."""
    spacing = geometry.spacing_zyx
    areas = lung.sum((1, 2)) * spacing[1] * spacing[2]
    high = np.flatnonzero(areas > 1000)
    if high.size:
        lung[high[-1] + 1 + int(np.ceil(10 / spacing[0])) :] = False
    return lung


def _body(tissue: np.ndarray, lung: np.ndarray) -> np.ndarray:
    """The body with the lungs in it (bool), in the lungs' slices."""
    z0, z1 = Box.tight(lung).pairs[0]
    solid = ndimage.binary_opening(tissue[z0:z1], CROSS, iterations=2)
    parts, _ = connected(solid, connectivity=6)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    body = np.zeros(lung.shape, bool)
    body[z0:z1] = lung[z0:z1] | ((parts == sizes.argmax()) if sizes.any() else tissue[z0:z1])
    return body


def _body_box(body: np.ndarray) -> Box:
    """The box of the body: its slices, and there the median extent in y and x (arms hardly move it)."""
    z0, z1 = Box.tight(body).pairs[0]
    extents = []
    for across in (2, 1):
        line = np.asarray(body[z0:z1].any(across))
        line = line[line.any(1)]
        first, last = line.argmax(1), line.shape[1] - line[:, ::-1].argmax(1)
        extents.append((int(np.median(first)), int(np.median(last))))
    return Box.of_pairs([(z0, z1), *extents])


def _hull(label: np.ndarray, midline: float | None, step_mm: float) -> np.ndarray:
    """Convex hull of both lungs on each slice, over the 15 mm above and below (bool)."""
    from skimage.morphology import convex_hull_image  # not part of Slicer

    lungs = label > 0
    missing = missing_side(label)
    if missing and midline is not None:
        # whatever stands for the other lung lies in the mirror image of the one that is there
        other = label != missing
        mirrored = np.round(2 * midline - np.arange(label.shape[2])).astype(int)
        inside = (mirrored >= 0) & (mirrored < label.shape[2])
        lungs[:, :, inside] |= (lungs & other)[:, :, mirrored[inside]]
    reach = int(15 / step_mm)
    lungs = ndimage.maximum_filter1d(lungs.view(np.uint8), 2 * reach + 1, axis=0, mode="constant").view(bool)
    hull = np.zeros(label.shape, bool)
    box = Box.tight(lungs)
    _, rows, columns = box.slices
    for z in range(*box.pairs[0]):
        if lungs[z].any():
            hull[z, rows, columns] = convex_hull_image(lungs[z, rows, columns])
    return hull
