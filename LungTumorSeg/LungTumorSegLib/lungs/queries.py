"""What the lungs tell of other places: where to compute, a lesion's side, how far it lies from them."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..data import CT, LEFT, RIGHT, UNKNOWN, Lungs
from ..enums import Side
from ..geometry import Box, Geometry

MARGIN_MM = 30
MARGIN_OF_MISSING_MM = 60  # along z: the diaphragm under a white lung stands elsewhere than the other one
NEAR_MM, FAR_MM = 10, 40
BESIDE_MM = 20


def where_to_compute(lungs: Lungs, ct: CT) -> Box:
    """Where lung tumours are looked for.

    The lungs and 30 mm around; on a side whose lung is missing or under 40 % of the other, out to the body's edge, over
    the body's depth, and 60 mm above and below.

    Returns:
        A box in the CT's axial view (z, y, x).
    """
    margin = np.full((3, 2), float(MARGIN_MM))
    edges = np.array(Box.tight(lungs.label_zyx).pairs, float)
    missing = lungs.missing_side
    if missing and lungs.body_box:
        margin[0] = MARGIN_OF_MISSING_MM
        body = np.array(lungs.body_box.pairs)
        edges[1] = min(edges[1, 0], body[1, 0]), max(edges[1, 1], body[1, 1])
        if missing == RIGHT:
            edges[2, 0] = min(edges[2, 0], body[2, 0])
        else:
            edges[2, 1] = max(edges[2, 1], body[2, 1])
    # both grids have the axes of the same axial view: only the scale and the start differ
    axial = ct.geometry.axial()
    corners = axial.index(lungs.geometry.lps(edges.T - 0.5)).T
    corners += margin * [-1, 1] / np.array(axial.spacing_zyx)[:, None]
    box = Box(np.floor(corners[:, 0] + 0.5).astype(int), np.ceil(corners[:, 1] + 0.5).astype(int))
    return box.intersect(Box.whole(axial.shape_zyx))


def distance_outside(hull: np.ndarray, geometry: Geometry) -> np.ndarray:
    """`Lungs.hull_distance_mm` of a hull.

    Args:
        hull: bool (z, y, x), on ``geometry``.
    """
    return ndimage.distance_transform_edt(~hull, geometry.spacing_zyx).astype(np.float32)


def hull_distance(points_lps: np.ndarray, lungs: Lungs) -> np.ndarray:
    """Distance of points from the hull of both lungs.

    Args:
        points_lps: (n, 3), LPS mm.

    Returns:
        (n) mm; 0 inside.
    """
    return lungs.hull_distance_mm[tuple(_nearest_index(points_lps, lungs).T)]


def is_away(points_lps: np.ndarray, lungs: Lungs) -> bool:
    """Whether points lie outside the lungs' hull, all of them, and there is no lung within 20 mm.

    So lie stomach, bowel and liver below the lungs; what grows from a lung into the chest wall does not.

    Args:
        points_lps: (n, 3), LPS mm.

    Returns:
        False too where one lung is missing: there nobody knows.
    """
    if not hull_distance(points_lps, lungs).all() or lungs.missing_side:
        return False
    _, box = _around(_nearest_index(points_lps, lungs), lungs, BESIDE_MM)
    return not lungs.label_zyx[box.slices].any()


def side_of(mask: np.ndarray, geometry: Geometry, lungs: Lungs) -> Side:
    """The patient's side of a lesion.

    The nearest lung of each voxel votes, of those within 10 mm of the lesion, else within 40 mm. Where one lung is
    missing or under 40 % of the other, a voxel more than 10 mm from any lung votes for its side of the midline; where
    that is not seen either, it has no vote.

    Args:
        mask: bool, on ``geometry``.
    """
    index = _nearest_index(mask_points_lps(mask, geometry, 300), lungs)
    if lungs.missing_side:
        votes = _votes_beside_a_missing_lung(index, lungs)
    else:
        votes = _nearest_sides(index, lungs, NEAR_MM)
        if not votes.any():
            votes = _nearest_sides(index, lungs, FAR_MM)
    right, left, unknown = np.bincount(votes, minlength=4)[1:]
    if right > max(left, unknown):
        return Side.RIGHT
    return Side.LEFT if left > max(right, unknown) else Side.UNKNOWN


def mask_points_lps(mask: np.ndarray, geometry: Geometry, most: int) -> np.ndarray:
    """Centres of a mask's voxels, evenly thinned.

    Args:
        mask: bool, on ``geometry``.
        most: to about so many.

    Returns:
        (n, 3), LPS mm.
    """
    inside = np.flatnonzero(mask)
    inside = inside[:: max(1, len(inside) // most)]
    return geometry.lps(np.column_stack(np.unravel_index(inside, mask.shape)))


def _nearest_sides(index: np.ndarray, lungs: Lungs, reach_mm: float) -> np.ndarray:
    """The side of the lung that each of the points (grid indices) is nearest to.

    Looks at the lungs in the points' box and ``reach_mm`` around it, none there: 0.
    """
    spacing, box = _around(index, lungs, reach_mm)
    around = lungs.label_zyx[box.slices]
    sides = [side for side in (RIGHT, LEFT, UNKNOWN) if (around == side).any()]
    if len(sides) < 2:
        return np.repeat(sides or 0, len(index))
    places = np.argwhere(around)
    _, nearest = cKDTree(places * spacing).query((index - box.start) * spacing)
    return around[tuple(places[nearest].T)]


def _votes_beside_a_missing_lung(index: np.ndarray, lungs: Lungs) -> np.ndarray:
    """The side of the lung within 10 mm of each point, else of the midline; 0 where that is not seen."""
    spacing, box = _around(index, lungs, NEAR_MM)
    around = lungs.label_zyx[box.slices]
    if lungs.midline is None:
        half = np.zeros(len(index), np.uint8)
    else:
        half = np.where(index[:, 2] > lungs.midline, LEFT, RIGHT).astype(np.uint8)
    places = np.argwhere(around)
    if not len(places):
        return half
    far, nearest = cKDTree(places * spacing).query((index - box.start) * spacing)
    return np.where(far <= NEAR_MM, around[tuple(places[nearest].T)], half)


def _around(index: np.ndarray, lungs: Lungs, reach_mm: float) -> tuple[np.ndarray, Box]:
    spacing = np.array(lungs.geometry.spacing_zyx)
    reach = np.ceil(reach_mm / spacing).astype(int)
    return spacing, Box(index.min(0), index.max(0) + 1).expand(reach, lungs.label_zyx.shape)


def _nearest_index(points_lps: np.ndarray, lungs: Lungs) -> np.ndarray:
    index = np.rint(lungs.geometry.index(points_lps)).astype(int)
    return np.clip(index, 0, np.array(lungs.label_zyx.shape) - 1)
