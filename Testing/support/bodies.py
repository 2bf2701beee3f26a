"""Bodies of known size as a scanner sees them: of each voxel the share that lies in the body."""

from collections.abc import Callable

import numpy as np
from LungTumorSegLib.data import CT, Candidate, Lesion
from LungTumorSegLib.enums import Side
from LungTumorSegLib.geometry import Box, Geometry
from scipy.spatial.transform import Rotation

# from points (n, 3) in LPS mm to mm outside the body, below 0 inside; at most as large as the distance from its border
Body = Callable[[np.ndarray], np.ndarray]
PARTS = 5  # of a voxel along each axis
NONE = Rotation.identity()


def ellipsoid(centre, semi_axes, turned: Rotation = NONE) -> Body:
    def outside(points):
        along = turned.inv().apply(points - centre) / semi_axes
        return (np.linalg.norm(along, axis=1) - 1) * min(semi_axes)

    return outside


def brick(centre, sides, turned: Rotation = NONE) -> Body:
    def outside(points):
        return (np.abs(turned.inv().apply(points - centre)) - np.divide(sides, 2)).max(1)

    return outside


def grid(spacing_xyz, reach_mm: float) -> Geometry:
    """Voxels around (0, 0, 0), as far as the body reaches and two more."""
    half = np.ceil(reach_mm / np.array(spacing_xyz)).astype(int) + 2
    origin = -half * np.array(spacing_xyz, float)
    return Geometry(tuple((2 * half[::-1] + 1).tolist()), tuple(map(float, spacing_xyz)), tuple(origin.tolist()))


def shares(geometry: Geometry, body: Body) -> np.ndarray:
    """float (z, y, x), 0 to 1."""
    index = np.indices(geometry.shape_zyx).reshape(3, -1).T
    away = body(geometry.lps(index))
    share = (away < 0).astype(float)
    border = np.abs(away) <= np.linalg.norm(geometry.spacing_zyx) / 2
    steps = (np.arange(PARTS) + 0.5) / PARTS - 0.5
    parts = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    points = geometry.lps(index[border][:, None] + parts)
    share[border] = (body(points.reshape(-1, 3)) < 0).reshape(-1, len(parts)).mean(1)
    return share.reshape(geometry.shape_zyx)


def lesion_of(share: np.ndarray, geometry: Geometry, hu=(-850, 40)) -> tuple[Lesion, np.ndarray, CT, Candidate]:
    """The lesion that a probability equal to the shares gives at 0.5, its mask, its CT (lung and tissue), candidate."""
    block = np.rint(255 * share).astype(np.uint8)
    box = Box.tight(block >= 128)
    voxels = np.rint(hu[0] + share * (hu[1] - hu[0])).astype(np.int16)
    lesion = Lesion(1, box, 0.0, 0.0, 0.0, (), 0, 0.0, Side.UNKNOWN, None, 0.5)
    return lesion, block[box.slices] >= 128, CT(voxels, geometry), Candidate(Box.whole(block.shape), block)
