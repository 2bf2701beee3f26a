"""Where the lungs are: classical, fast and generous.

Lungs choose only where to compute, tell a lesion's side and drop lesions far from them. No voxel is cut by them.
"""

import numpy as np
from scipy import ndimage

from ..components import connected
from ..data import CT, Lungs
from ..errors import NoLungsFoundError
from ..geometry import Box, Geometry
from .queries import LEFT, RIGHT, distance_outside, missing_side

GRID_MM = 3.0
AIR_HU = -400  # halfway between lung and soft tissue, where lung masks are usually cut
EMPTY_HU = -1015  # no tissue is that low: what a scanner writes outside its circle (-1024, -2000, -3024)
# Air regions of a slice, without their rim, in 16 real CTs: 0.69 or more of a lung lies above -930 HU and hardly any of
# gas. Of regions at the picture's edge, no foam or blanket passed all of: share over 0.85, mean over -890, 20 cm2.
GAS_HU = -930
GAS_TISSUE = 0.1
CUT_LUNG_TISSUE, CUT_LUNG_HU, CUT_LUNG_MM2 = 0.85, -890, 2000
LEAST_LUNG_ML = 300

CROSS = ndimage.generate_binary_structure(3, 1)
CROSS[[0, 2]] = False


def find(ct: CT) -> Lungs:
    """Find both lungs on a grid of about 3 mm.

    Prone or supine, any axis order, one lung missing or white, scans cropped inside the body. The trachea and main
    bronchi may be in it, other gas is not. The hull of `Lungs.hull_distance_mm` is the convex hull of both lungs on
    each axial slice, taken over the 15 mm above and below: it holds the mediastinum and the hila between the lungs and
    what a tumour or a collapsed lobe takes away from one, but, unlike a hull in 3D, not the upper abdomen below the
    domes. Where one lung is missing or under 40 % of the other, the other's mirror image stands in for it.

    Raises NoLungsFoundError where there is less than 300 ml of lung air.
    """
    hu, geometry = _coarse(ct)
    millilitres = geometry.voxel_mm3 / 1000
    lung = _lung_air(hu, geometry)
    found_ml = np.count_nonzero(lung) * millilitres
    if found_ml < LEAST_LUNG_ML:
        raise NoLungsFoundError(
            f"No lungs were found in this CT ({found_ml:.0f} ml of air in lung tissue, at least {LEAST_LUNG_ML} are "
            "needed): choose a chest CT, or segment without lung restriction or at a point."
        )
    body_box = _body_box(hu > AIR_HU, lung)
    label = _sides(lung, geometry.spacing_zyx, sum(body_box.pairs[2]) / 2)
    hull = _hull(label, body_box, geometry.spacing_zyx[0])
    return Lungs(label, distance_outside(hull, geometry), geometry, body_box)


def _coarse(ct: CT) -> tuple[np.ndarray, Geometry]:
    """HU (float32, means of blocks) on an axial grid of about 3 mm, and that grid.

    In plane every voxel counts, along z every k-th slice: no copy of the whole CT is made.
    """
    order, shape = ct.geometry.axial_order(), np.array(ct.geometry.shape_zyx)
    step = np.minimum(np.maximum(1, np.round(GRID_MM / np.array(ct.geometry.spacing_zyx))).astype(int), shape)
    counts = shape // step
    across = order.permutation[0]
    offsets = [range(k) for k in step]
    offsets[across] = [(step[across] - 1) // 2]
    mean = np.zeros(counts, np.float32)
    for first in np.array(np.meshgrid(*offsets)).reshape(3, -1).T:
        mean += ct.voxels_zyx[tuple(slice(f, n * k, k) for f, n, k in zip(first, counts, step, strict=True))]
    mean /= step.prod() / step[across]
    start = (step - 1) / 2
    start[across] = offsets[across][0]
    geometry = Geometry(
        tuple(counts.tolist()),
        tuple((np.array(ct.geometry.spacing_xyz) * step[::-1]).tolist()),
        tuple(ct.geometry.lps(start).tolist()),
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


def inside_air(hu: np.ndarray, pixel_mm2: float) -> np.ndarray:
    """Air with lung tissue in it that is closed in by the body on its axial slice, or cut off by the picture's edge.

    Slice by slice, because through nose and trachea outside and lungs are one in 3D.
    """
    edge = np.ones(hu.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    empty = _touching(hu < EMPTY_HU, edge)
    air = (hu < AIR_HU) & ~empty
    regions, n = ndimage.label(air, CROSS)
    is_open = np.zeros(n + 1, bool)
    is_open[regions[:, edge]] = True
    is_open[regions[ndimage.binary_dilation(empty, CROSS)]] = True
    core = ndimage.binary_erosion(air, CROSS, border_value=1)
    in_core = np.bincount(regions[core], minlength=n + 1)
    tissue = np.bincount(regions[core & (hu > GAS_HU)], minlength=n + 1) / np.maximum(in_core, 1)
    mean = np.bincount(regions[core], hu[core], minlength=n + 1) / np.maximum(in_core, 1)
    closed = ~is_open & ((in_core == 0) | (tissue > GAS_TISSUE))
    # a narrow field of view cuts into a lung; foam, blankets and folds of skin at the edge are small or thinner
    cut_off = is_open & (tissue > CUT_LUNG_TISSUE) & (mean > CUT_LUNG_HU) & (in_core * pixel_mm2 > CUT_LUNG_MM2)
    closed[0] = cut_off[0] = False
    inside = closed[regions]
    if cut_off.any():
        inside |= ndimage.binary_opening(cut_off[regions], CROSS, iterations=2)
    return inside


def _touching(mask: np.ndarray, edge_yx: np.ndarray) -> np.ndarray:
    """The regions of each slice of ``mask`` that reach the edge of the picture."""
    regions, n = ndimage.label(mask, CROSS)
    touches = np.zeros(n + 1, bool)
    touches[regions[:, edge_yx]] = True
    touches[0] = False
    return touches[regions]


def _below_the_throat(lung: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Clear what lies more than 10 mm above the highest slice with 10 cm2 of lung: trachea, pharynx."""
    spacing = geometry.spacing_zyx
    areas = lung.sum((1, 2)) * spacing[1] * spacing[2]
    high = np.flatnonzero(areas > 1000)
    if high.size:
        lung[high[-1] + 1 + int(np.ceil(10 / spacing[0])) :] = False
    return lung


def _body_box(tissue: np.ndarray, lung: np.ndarray) -> Box:
    """The box of the body: the lungs' slices, and there the median extent in y and x (arms hardly move it)."""
    z0, z1 = Box.around(lung).pairs[0]
    solid = ndimage.binary_opening(tissue[z0:z1], CROSS, iterations=2)
    parts, _ = connected(solid, connectivity=6)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    body = (parts == sizes.argmax()) if sizes.any() else tissue[z0:z1]
    body = body | lung[z0:z1]
    extents = []
    for across in (2, 1):
        line = body.any(across)
        line = line[line.any(1)]
        first, last = line.argmax(1), line.shape[1] - line[:, ::-1].argmax(1)
        extents.append((int(np.median(first)), int(np.median(last))))
    return Box.of_pairs([(z0, z1), *extents])


def _sides(lung: np.ndarray, spacing_zyx, middle_x: float) -> np.ndarray:
    """Label the lungs 1 right, 2 left (uint8), also where they touch or hang together through the bronchi.

    Shrunk step by step until each large piece lies on one side of the body's middle; the pieces then grow back and
    meet where the lung between them is thinnest (watershed). What never comes apart, a lung that crosses the middle or
    two that are one, is decided by its share, and divided at the middle only where neither side has two thirds.
    """
    from skimage.segmentation import watershed  # not part of Slicer

    box = Box.around(lung)
    cropped = lung[box.slices]
    by_middle = np.where(np.arange(*box.pairs[2]) + 0.5 > middle_x, LEFT, RIGHT).astype(np.uint8)
    by_middle = np.broadcast_to(by_middle, cropped.shape)
    depth = ndimage.distance_transform_edt(np.pad(cropped, 1, mode="edge"), spacing_zyx)[1:-1, 1:-1, 1:-1]
    for shrink in range(0, 19, 3):
        pieces, share_left, large = _large_pieces(depth > shrink, by_middle)
        if ((share_left < 0.2) | (share_left > 0.8))[large].all():
            break
    side = np.select([share_left > 2 / 3, share_left < 1 / 3], [LEFT, RIGHT], 0).astype(np.uint8)
    seeds = np.where(large[pieces], side[pieces], 0)
    divided = (large & (side == 0))[pieces]
    seeds[divided] = by_middle[divided]
    grown = watershed(-depth, seeds, mask=cropped).astype(np.uint8)
    label = np.zeros(lung.shape, np.uint8)
    label[box.slices] = np.where(cropped & (grown == 0), by_middle, grown)  # small pieces apart have no seed
    return label


def _large_pieces(lung: np.ndarray, by_middle: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Connected pieces (labels), and of each label the share left of the middle and whether it has 3 % of the whole."""
    pieces, _ = connected(lung, connectivity=6)
    size = np.bincount(pieces.ravel())
    left = np.bincount(pieces[by_middle == LEFT], minlength=len(size))
    large = size > 0.03 * size[1:].sum()
    large[0] = False
    return pieces, left / np.maximum(size, 1), large


def _hull(label: np.ndarray, body_box: Box, step_mm: float) -> np.ndarray:
    """Convex hull of both lungs on each slice, over the 15 mm above and below (bool)."""
    from skimage.morphology import convex_hull_image  # not part of Slicer

    lungs = label > 0
    missing = missing_side(label)
    if missing:
        # whatever stands for the other lung lies in the mirror image of the one that is there
        other = label != missing
        mirrored = np.round(sum(body_box.pairs[2]) - 1 - np.arange(label.shape[2])).astype(int)
        inside = (mirrored >= 0) & (mirrored < label.shape[2])
        lungs[:, :, inside] |= (lungs & other)[:, :, mirrored[inside]]
    reach = int(15 / step_mm)
    lungs = ndimage.maximum_filter1d(lungs.view(np.uint8), 2 * reach + 1, axis=0, mode="constant").view(bool)
    hull = np.zeros(label.shape, bool)
    box = Box.around(lungs)
    _, rows, columns = box.slices
    for z in range(*box.pairs[0]):
        if lungs[z].any():
            hull[z, rows, columns] = convex_hull_image(lungs[z, rows, columns])
    return hull
