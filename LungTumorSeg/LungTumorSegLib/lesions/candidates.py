"""From the network's map to candidates: the regions that may hold a lesion, each with a block of its own."""

import numpy as np

from ..data import Candidate
from ..geometry import Box, Geometry, Point
from ..sampling.slices import Plan
from .regions import Region, best_regions

PADDING_MM = 5.0


def candidates_of(plan: Plan, values: np.ndarray, geometry: Geometry) -> list[Candidate]:
    """The 200 best (by highest p, then size) components of p >= 0.05 of a map.

    Args:
        plan: Where the map lies in the CT.
        values: The map (z, y, x), uint8, 255 p.
        geometry: The CT's stored grid.

    Returns:
        The candidates, best first, each as a block on the CT's stored grid.
    """
    return [_cut(plan, values, region, geometry) for region in best_regions(values)]


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


def _cut(plan: Plan, values: np.ndarray, region: Region, geometry: Geometry) -> Candidate:
    box, wide = plan.voxel_box(region.box, PADDING_MM), widened(plan, region.box, 2 + PADDING_MM)
    part = values[wide.slices]
    own = np.where(region.owns(wide, part), part, 0)  # neighbours have their own block
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
