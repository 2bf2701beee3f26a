"""From the network's map to candidates: the regions that may hold a lesion, each with a block of its own."""

from dataclasses import dataclass

import numpy as np

from ..components import components, connected
from ..data import Candidate
from ..geometry import Box, Geometry, Point
from ..sampling.slices import Plan

LEAST_P = 13  # of 255: p >= 0.05
MOST = 200
PADDING_MM = 5.0


@dataclass(frozen=True)
class Region:
    """A component of a map.

    Attributes:
        label: Its number in the labels of the map.
        box: Where it lies in the map.
        voxels: How many it has.
        highest: Its highest value of 255.
    """

    label: int
    box: Box
    voxels: int
    highest: int

    def owns(self, labels: np.ndarray) -> np.ndarray:
        """Where no other region is.

        Args:
            labels: Of the map or a part of it; 0 where no region is.

        Returns:
            bool, in the shape of ``labels``.
        """
        return (labels == self.label) | (labels == 0)


def candidates_of(plan: Plan, values: np.ndarray, geometry: Geometry) -> list[Candidate]:
    """The 200 best (by highest p, then size) components of p >= 0.05 of a map.

    Args:
        plan: Where the map lies in the CT.
        values: The map (z, y, x), uint8, 255 p.
        geometry: The CT's stored grid.

    Returns:
        The candidates, best first, each as a block on the CT's stored grid.
    """
    labels, regions = best_regions(values)
    return [_cut(plan, values, labels, region, geometry) for region in regions]


def best_regions(values: np.ndarray) -> tuple[np.ndarray, list[Region]]:
    """The components of p >= 0.05 of a map.

    Args:
        values: The map (z, y, x), uint8, 255 p.

    Returns:
        Labels of all components in the map's shape, and the 200 best of them, by highest p, then size.
    """
    labels, _ = connected(values >= LEAST_P)
    regions = [
        Region(label, box, voxels, highest=int(values[box.slices][labels[box.slices] == label].max()))
        for label, box, voxels in components(labels)
    ]
    return labels, sorted(regions, key=lambda region: (-region.highest, -region.voxels))[:MOST]


def longest_mm(plan: Plan, map_box: Box) -> float:
    """The longest side of a box of the map."""
    part = plan.part(map_box)
    along_z = float(part.runs[-1] - part.runs[0]) * plan.axial.spacing_zyx[0]
    return max(along_z, *(n * plan.card.spacing_mm for n in part.box_yx.shape))


def widened(plan: Plan, map_box: Box, margin_mm: float) -> Box:
    """A box of the map with at least ``margin_mm`` more on each side."""
    pixel = plan.card.spacing_mm
    margins = [int(np.ceil(margin_mm / mm)) for mm in (plan.axial.spacing_zyx[0], pixel, pixel)]
    return map_box.expand(margins, plan.shape)


def _cut(plan: Plan, values: np.ndarray, labels: np.ndarray, region: Region, geometry: Geometry) -> Candidate:
    box, wide = plan.voxel_box(region.box, PADDING_MM), widened(plan, region.box, 2 + PADDING_MM)
    own = np.where(region.owns(labels[wide.slices]), values[wide.slices], 0)  # neighbours have their own block
    return candidate_of(plan.part(wide).to_voxels(own, box), box, geometry)


def candidate_of(
    block: np.ndarray, box: Box, geometry: Geometry, point_lps: Point | None = None, threshold: float | None = None
) -> Candidate:
    """A block of the axial view as a candidate on the CT's stored grid.

    Args:
        block: uint8 (z, y, x), round(255 p), in the axial view's order of axes.
        box: Where the block lies in the axial view.
        geometry: Of the CT.
        point_lps: The click that asked for it, LPS mm.
        threshold: The candidate's own.
    """
    order, shape = geometry.axial_order(), geometry.axial().shape_zyx
    return Candidate(order.undo_box(box, shape), np.ascontiguousarray(order.undo(block)), point_lps, threshold)
