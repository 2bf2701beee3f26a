"""What a click means: the component of the probability at a point, and the threshold that gives it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..components import fill_holes
from ..geometry import Box, Geometry, Point
from ..model.calibration import as_p
from .splitting import components_from, nearest_body, split_bodies

REACH_MM = 3.0
LEAST_P = 0.1
OpenSides = Sequence[tuple[bool, bool]]  # (low, high) of each axis
ALL_OPEN: OpenSides = ((True, True),) * 3


@dataclass(frozen=True)
class Clicked:
    """What `click` found.

    Attributes:
        threshold: The one that holds.
        mask: The component, bool, in the block's shape.
        at_border: Whether it is cut off at a side where the CT goes on.
    """

    threshold: float
    mask: np.ndarray
    at_border: bool


def open_sides(box: Box, whole: Geometry) -> OpenSides:
    """Where an image goes on beyond a box of it.

    Args:
        box: A part of the image.
        whole: The image's grid.

    Returns:
        ((low, high), ...) of the axes, True where the image goes on.
    """
    return tuple((start > 0, stop < n) for (start, stop), n in zip(box.pairs, whole.shape_zyx, strict=True))


def click(
    block: np.ndarray,
    geometry: Geometry,
    point_lps: Point,
    threshold: float,
    open_sides: OpenSides = ALL_OPEN,
    raise_until_inside: bool = False,
) -> Clicked | None:
    """The click rule on one box of probability: the component at the point, and the threshold that gives it.

    If p at the point is under ``threshold``, the threshold falls to half the highest p within 3 mm, at least 0.1. The
    component is the one at the point, else the nearest within 3 mm; of it the body (`split_bodies`) that is nearest to
    the point.

    Args:
        block: uint8 (255 p) or float p, on ``geometry``.
        geometry: The block's grid.
        point_lps: The click, LPS mm.
        threshold: The probability from which a voxel belongs to the component.
        open_sides: ((low, high), ...) of the block's axes, True where the CT goes on beyond the block: only there a
            component is cut off.
        raise_until_inside: If it is cut off, raise the threshold to the lowest at which it no longer is; if it always
            is, to the highest at which there is one.

    Returns:
        What was found; None if there is nothing at the point.
    """
    places, at_point = places_near(geometry, point_lps)
    if not len(places):
        return None
    near = as_p(block[tuple(places.T)])
    if not at_point or near[0] < threshold:
        threshold = min(threshold, max(LEAST_P, float(near.max()) / 2))
    found = _component_at(block, places, threshold, open_sides, geometry.spacing_zyx)
    if found is None or not found.at_border or not raise_until_inside:
        return found
    # the smaller the threshold the larger the component: halve the interval, down to one step of uint8
    low, high = threshold, float(near.max())
    best = _component_at(block, places, high, open_sides, geometry.spacing_zyx)
    if best is None or best.at_border:
        return best
    while high - low > 1 / 255:
        middle = (low + high) / 2
        tried = _component_at(block, places, middle, open_sides, geometry.spacing_zyx)
        if tried is None or tried.at_border:
            low = middle
        else:
            best, high = tried, middle
    return best


def places_near(geometry: Geometry, point_lps: Point) -> tuple[np.ndarray, bool]:
    """The voxels within 3 mm of a point.

    Args:
        geometry: The voxels' grid.
        point_lps: The point, LPS mm.

    Returns:
        Their indices (n, 3), nearest first, and whether the first is the voxel the point lies in.
    """
    index, shape = geometry.index(point_lps), np.array(geometry.shape_zyx)
    reach = REACH_MM / np.array(geometry.spacing_zyx)
    low = np.maximum(np.floor(index - reach), 0).astype(int)
    high = np.minimum(np.ceil(index + reach), shape - 1).astype(int)
    places = np.stack(np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
    places = places.reshape(-1, 3)
    distances = np.linalg.norm(geometry.lps(places) - np.asarray(point_lps, float), axis=1)
    # with thick slices the voxel that holds the point may have its centre further off
    own = (np.floor(index + 0.5) == places).all(1)
    distances[own] = 0
    near = np.argsort(distances, kind="stable")[: np.count_nonzero(distances <= REACH_MM)]
    return places[near], bool(own.any())


def first_label(labels: np.ndarray, places: np.ndarray) -> int:
    """The first component that places come across.

    Args:
        labels: Of the components, 0 outside.
        places: Indices (n, 3), in the order in which they are tried.

    Returns:
        Its label, 0 if none.
    """
    there = labels[tuple(places.T)]
    return int(there[(there > 0).argmax()]) if there.any() else 0


def _component_at(
    block: np.ndarray, places: np.ndarray, threshold: float, open_sides: OpenSides, spacing_zyx: Sequence[float]
) -> Clicked | None:
    labels = components_from(block, threshold)
    label = first_label(labels, places)
    if not label:
        return None
    box = Box.of_slices(ndimage.find_objects(labels, label)[label - 1])
    bodies = split_bodies(fill_holes(labels[box.slices] == label), spacing_zyx)
    mask = np.zeros(labels.shape, bool)
    mask[box.slices] = nearest_body(bodies, places - box.start, spacing_zyx) > 0
    at_border = any(
        is_open and mask.take(end, axis).any()
        for axis, sides in enumerate(open_sides)
        for is_open, end in zip(sides, (0, -1), strict=True)
    )
    return Clicked(threshold, mask, at_border)
