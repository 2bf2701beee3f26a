"""Where a lesion lies in the lungs: upper, middle or lower third, and how far from the pleura."""

import numpy as np
from scipy import ndimage

from ..components import fill_holes
from ..data import Lungs
from ..enums import LungThird, Side
from ..geometry import Geometry
from ..lungs.queries import LEFT, RIGHT, mask_points_lps

# vessels up to twice as wide, and the steps of the coarse grid, lie inside the pleura though they are no air
VESSEL_MM = 6.0


class Places:
    """What the lungs tell of a place; made once for all lesions of a CT."""

    def __init__(self, lungs: Lungs) -> None:
        self._lungs = lungs
        spacing = lungs.geometry.spacing_zyx
        reach = int(np.ceil(VESSEL_MM / min(spacing))) + 1
        lung = np.pad(lungs.label_zyx > 0, reach)
        wider = ndimage.distance_transform_edt(~lung, spacing) <= VESSEL_MM if lung.any() else lung
        closed = lung | (ndimage.distance_transform_edt(wider, spacing) > VESSEL_MM)
        depth = ndimage.distance_transform_edt(fill_holes(closed), spacing)
        self._depth = depth[reach:-reach, reach:-reach, reach:-reach]

    def third(self, mask: np.ndarray, geometry: Geometry, side: Side) -> LungThird:
        """The third of the lung's height, as far as the CT shows it, in which the middle of a lesion lies.

        Above or below the lung counts as its upper or lower third.

        Args:
            mask: bool, on ``geometry``.
            geometry: The mask's grid.
            side: Of the lesion. The lung is that of this side, both lungs where it is unknown or that lung was not
                found.
        """
        label = self._lungs.label_zyx
        own = {Side.RIGHT: RIGHT, Side.LEFT: LEFT}.get(side)
        of_side = (label == own).any((1, 2))
        slices = np.flatnonzero(of_side if of_side.any() else label.any((1, 2)))
        if not len(slices):
            return LungThird.UNKNOWN
        z = self._lungs.geometry.index(mask_points_lps(mask, geometry, 5000).mean(0))[0]
        height = (z - slices[0] + 0.5) / (slices[-1] - slices[0] + 1)
        return LungThird.LOWER if height < 1 / 3 else LungThird.MIDDLE if height < 2 / 3 else LungThird.UPPER

    def pleura_distance(self, mask: np.ndarray, geometry: Geometry) -> float:
        """Shortest distance from a lesion to the border of the lungs.

        Chest wall, diaphragm and mediastinum count as border; fissures are not seen. The lungs are coarse, about 3 mm,
        and so is the distance.

        Args:
            mask: bool, on ``geometry``.
            geometry: The mask's grid.

        Returns:
            mm; 0 where the lesion touches or crosses the border.
        """
        index = np.rint(self._lungs.geometry.index(mask_points_lps(mask, geometry, 5000))).astype(int)
        if (index < 0).any() or (index >= self._depth.shape).any():
            return 0.0
        # depth is to the centre of the first voxel outside; the border lies half a voxel before
        return max(0.0, float(self._depth[tuple(index.T)].min()) - min(self._lungs.geometry.spacing_zyx) / 2)
