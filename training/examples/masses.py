"""Masses of known size: lesions of the pack, enlarged to 60 to 150 mm and set onto a surface of another CT's lung.

The pack's largest tumour has 68 ml. What is larger is made, as no data with outlines holds it.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from LungTumorSegLib.data import CT, Lungs
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.lesions.measurement import measure
from scipy import ndimage

from ..data.prepare import TARGET
from .patches import Patches
from .transplant import noise

INVASION_MM = 8.0  # so far beyond the lung a mass reaches into what it lies on
INWARD = 0.3  # of its length: its middle lies so far from the surface
EDGE_MM = 2.0  # width of the border
CORE_MM = 1.5  # voxels nearer to the lesion's border hold lung as well: the core's density goes out to the border
LEAST_LEFT = 0.5  # of a body that does not fit its place so much is left at least
TRIES = 40
VESSEL_VOXELS = 3  # of the coarse lungs
# CTs with room for a mass that are asked about (`training masses`); no mass of the fit is set onto them. Those of test,
# whose figures are quoted, the bundled model (0.5.0) has not seen
RECIPIENTS = {
    "val": ("LIDC-IDRI-0002", "R01-001", "TCGA-DE-A4MA", "QIN-LSC-0088"),
    "test": ("LIDC-IDRI-0028", "LIDC-IDRI-0295", "QIN-LSC-0003", "QIN-LSC-0009"),
}
# of a nodule that is enlarged: texture, size, shortest over longest side, median HU, calcification (6: absent)
LEAST_SOLID, LEAST_BODY_MM, LEAST_ROUND, LEAST_HU, LEAST_UNCALCIFIED = 4, 15, 0.6, -20, 5


class Surface(StrEnum):
    DIAPHRAGM = "diaphragm"
    MEDIASTINUM = "mediastinum"
    CHEST_WALL = "chest wall"


@dataclass(frozen=True)
class Body:
    """A lesion to be enlarged.

    Attributes:
        name: Of the lesion.
        hu: (z, y, x), with some mm around the lesion.
        mask: bool, on the same voxels.
        spacing_zyx: mm.
        long_axis_mm: As `measure` has it.
    """

    name: str
    hu: np.ndarray
    mask: np.ndarray
    spacing_zyx: tuple[float, float, float]
    long_axis_mm: float


@dataclass(frozen=True)
class Mass:
    """A CT with a mass in it.

    Attributes:
        ct: With the mass.
        mask: bool (z, y, x) on the CT's grid.
        body: What it was made of.
        surface: Where it lies.
        long_axis_mm: Its measured length.
    """

    ct: CT
    mask: np.ndarray
    body: str
    surface: Surface
    long_axis_mm: float


def bodies(patches: Patches) -> list[int]:
    """The patches whose nodule can stand for a mass: solid, not calcified, 15 mm and more, about as long as wide.

    Returns:
        Their numbers.
    """
    chosen = []
    for index in patches.whole:
        row = patches.rows[index]
        if patches.size[index] < LEAST_BODY_MM or float(row["texture"]) < LEAST_SOLID:
            continue
        if float(row["calcification"]) < LEAST_UNCALCIFIED:
            continue
        body = of_patch(patches, index)
        sides = Box.tight(body.mask).shape
        if min(sides) >= LEAST_ROUND * max(sides) and np.median(body.hu[body.mask]) >= LEAST_HU:
            chosen.append(index)
    return chosen


def of_patch(patches: Patches, index: int) -> Body:
    """The nodule of a patch (1 mm)."""
    hu, mask = patches.source(index).hu, patches.arrays["target"][index] >= 128
    mask &= patches.arrays["target_lesion"][index] & TARGET > 0
    patch = CT(hu, Geometry(hu.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
    return of_ct(patch, mask, f"nodule {index}")


def of_ct(ct: CT, tumour: np.ndarray, name: str) -> Body:
    """A tumour of a CT, with 10 mm around it.

    Args:
        ct: In HU.
        tumour: bool, on the CT's grid.
        name: Of the body.
    """
    order, axial = ct.geometry.axial_order(), ct.geometry.axial()
    mask = order.view(tumour)
    box = Box.tight(mask).expand([int(np.ceil(10 / mm)) for mm in axial.spacing_zyx], mask.shape)
    tight = Box.tight(tumour)
    return Body(
        name,
        order.view(ct.voxels_zyx)[box.slices].astype(np.float32),
        mask[box.slices],
        axial.spacing_zyx,
        measure(tumour[tight.slices], tight, ct).long_axis_mm,
    )


def set_onto(ct: CT, lungs: Lungs, body: Body, surface: Surface, long_axis_mm: float, seed: int) -> Mass | None:
    """Set a body, enlarged, onto a surface of one lung.

    The body takes the lung's place and, 8 mm deep, that of what it lies on; the rest of it is cut off, so that its
    base is the surface's.

    Args:
        ct: In axial order (z to the head, y to the back, x to the left), as the pack's are.
        lungs: Of the CT.
        body: What is enlarged.
        surface: Where it is set.
        long_axis_mm: To which it is enlarged.
        seed: Decides side, place and noise.

    Returns:
        The CT with the mass; None where no place holds half of it.
    """
    rng, zoom = np.random.default_rng(seed), long_axis_mm / body.long_axis_mm
    depth = ndimage.distance_transform_edt(body.mask, body.spacing_zyx)
    inside = ndimage.distance_transform_edt(~body.mask, body.spacing_zyx) - depth  # mm, negative inside
    core = depth > min(CORE_MM, depth.max() / 2)
    nearest = ndimage.distance_transform_edt(~core, body.spacing_zyx, return_distances=False, return_indices=True)
    density, middle = body.hu[tuple(nearest)], np.array(ndimage.center_of_mass(body.mask))
    volume = np.count_nonzero(body.mask) * np.prod(body.spacing_zyx) * zoom**3
    for _ in range(TRIES):
        side = int(rng.choice(np.unique(lungs.label_zyx[lungs.label_zyx > 0])))
        centre = _place(rng, lungs, side, surface, INWARD * long_axis_mm)
        if centre is None:
            continue
        reach = np.ceil((long_axis_mm * 0.8) / np.array(ct.geometry.spacing_zyx)).astype(int)
        voxel = np.rint(ct.geometry.index(centre)).astype(int)
        box = Box(voxel, voxel + 1).expand(reach, ct.voxels_zyx.shape)
        grid = ct.geometry.lps(np.stack(np.meshgrid(*(np.arange(*e) for e in box.pairs), indexing="ij"), -1))
        offsets = (grid - centre)[..., ::-1] / zoom / body.spacing_zyx
        places = np.moveaxis(offsets + middle, -1, 0)
        outside = ndimage.map_coordinates(inside, places, order=1, mode="nearest") * zoom
        beyond = _mm_from_lung(lungs, side, grid) - INVASION_MM
        distance = np.maximum(outside, beyond)
        mask = _largest(distance <= 0)
        if np.count_nonzero(mask) * ct.geometry.voxel_mm3 < LEAST_LEFT * volume:
            continue
        hu = ndimage.map_coordinates(density, places, order=1, mode="nearest")
        hu += rng.normal(0, noise(ct.voxels_zyx[box.slices].astype(np.float32)), hu.shape)
        # what was cut off and lies apart from the largest part is no tumour
        share = np.clip(0.5 - distance / EDGE_MM, 0, 1) * ndimage.binary_dilation(mask, iterations=2)
        voxels = ct.voxels_zyx.copy()
        part = voxels[box.slices]
        part[:] = np.clip(np.rint(part + share * (hu - part)), -1024, 3071)
        whole = np.zeros(voxels.shape, bool)
        whole[box.slices] = mask
        made, tight = CT(voxels, ct.geometry, ct.name, {"modality": "CT"}), Box.tight(whole)
        return Mass(made, whole, body.name, surface, measure(whole[tight.slices], tight, made).long_axis_mm)
    return None


def _place(rng: np.random.Generator, lungs: Lungs, side: int, surface: Surface, inward_mm: float) -> np.ndarray | None:
    """A point ``inward_mm`` inside the surface of one lung (its label), LPS mm; None where it has no such surface."""
    z, _, x = np.nonzero(lungs.label_zyx == side)
    others = np.nonzero((lungs.label_zyx > 0) & (lungs.label_zyx != side))[2]
    lung = _closed(lungs, side)
    medial = 1 if (others.mean() if len(others) else lung.shape[2] / 2) > x.mean() else -1
    axis, step = {
        Surface.DIAPHRAGM: (0, -1),
        Surface.MEDIASTINUM: (2, medial),
        Surface.CHEST_WALL: (2, -medial),
    }[surface]
    border = lung & ~np.roll(lung, -step, axis)
    low, high = np.quantile(z, (0.01, 0.15) if surface is Surface.DIAPHRAGM else (0.25, 0.75))
    border[: int(low)] = border[int(high) + 1 :] = False
    places = np.argwhere(border)
    if not len(places):
        return None
    place = places[rng.integers(len(places))].astype(float)
    place[axis] -= step * inward_mm / lungs.geometry.spacing_zyx[axis]
    return lungs.geometry.lps(place)


def _mm_from_lung(lungs: Lungs, side: int, grid: np.ndarray) -> np.ndarray:
    """How far each of the points (..., 3) LPS mm lies outside one lung."""
    away = ndimage.distance_transform_edt(~_closed(lungs, side), lungs.geometry.spacing_zyx)
    places = np.moveaxis(lungs.geometry.index(grid), -1, 0)
    return ndimage.map_coordinates(away, places, order=1, mode="nearest")


def _closed(lungs: Lungs, side: int) -> np.ndarray:
    """One lung without the gaps of its vessels."""
    lung = np.pad(lungs.label_zyx == side, VESSEL_VOXELS)
    return ndimage.binary_closing(lung, iterations=VESSEL_VOXELS)[(slice(VESSEL_VOXELS, -VESSEL_VOXELS),) * 3]


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    return labels == np.bincount(labels.ravel())[1:].argmax() + 1 if count else mask
