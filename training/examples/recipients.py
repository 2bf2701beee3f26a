"""Whole CTs with many nodules inserted into each, and controls: the automatic run's exam with known answers."""

from dataclasses import dataclass
from itertools import cycle

import numpy as np
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Box, Geometry

from ..data.prepare import TARGET
from ..evaluate.froc import Reference
from . import whole_ct
from .patches import Patches
from .sources import Source
from .transplant import RIM_MM, centre_of, draw_negative_control, transplant

RECIPIENT_SEED = 11
LEAST_MM = 6.0  # smaller lesions count neither way
ALONG_MM = 30.0  # half a patch and the blend
GAP_MM = 15.0  # between two inserted nodules
CONTROLS = 5  # a recipient
FEWEST_VOXELS = 3  # what thick slices leave of a nodule; less can't be seen


@dataclass(frozen=True)
class Recipient:
    """A CT (1 mm in plane) with inserted nodules.

    Attributes:
        ct: With what was inserted.
        inserted: The nodules.
        diameters: Of the nodules in mm, in the order of ``inserted``.
        patients: Of the nodules, in the order of ``inserted``.
        controls: The negative controls.
        neutral: The recipient's own tumours, and where nobody knows.
    """

    ct: CT
    inserted: list[Reference]
    diameters: list[float]
    patients: list[str]
    controls: list[Reference]
    neutral: list[Reference]  # the recipient's own tumours, and where nobody knows


def deal(patches: Patches, count: int) -> list[list[int]]:
    """Every nodule of 6 mm and more of the role to one of ``count`` recipients, in a fixed random order."""
    large = [i for i, size in patches.size.items() if size >= LEAST_MM]
    order = np.random.default_rng(RECIPIENT_SEED).permutation(large)
    return [order[k::count].tolist() for k in range(count)]


def rounds(patches: Patches, count: int, most: int) -> int:
    """How often each of ``count`` recipients is used, so that a run has at most ``most`` nodules."""
    return -(-sum(size >= LEAST_MM for size in patches.size.values()) // (most * max(count, 1)))


def make(case: whole_ct.Case, patches: Patches, nodules: list[int], seed: int) -> Recipient:
    """Insert nodules into a case, by turns free in the lung, at the pleura and at the hilum; then controls.

    What finds no place, or leaves fewer than three voxels, is left out.

    Args:
        case: The recipient.
        patches: The nodules are of these.
        nodules: Numbers of patches.
        seed: Decides the places.

    Raises:
        DataError: No patch has lung for a negative control.
    """
    rng = np.random.default_rng((RECIPIENT_SEED, seed))
    given = case.source
    hu = np.array(given.hu)
    empty = np.zeros(hu.shape, np.uint8)
    unit = np.array([given.step_mm, 1.0, 1.0])
    occupied = [(place * unit, GAP_MM + 10) for place in case.tumours]
    inserted, diameters, patients, controls = [], [], [], []
    kinds = cycle(whole_ct.PLACES)
    wanted: list[int | None] = [*nodules, *[None] * CONTROLS]  # None: a control
    for index in wanted:
        if index is None:
            donor, shape, centre = draw_negative_control(rng, patches)
        else:
            donor, shape = patches.source(index), patches.arrays["target_lesion"][index] & TARGET > 0
            centre = centre_of(shape)
        radius = float(np.ptp(np.argwhere(shape), axis=0).max()) / 2 + RIM_MM
        place = _free_place(rng, case.places[next(kinds)], occupied, radius, given)
        if place is None:
            continue
        source = Source(hu, empty, given.weight, given.step_mm)
        z_mm = round(place[0] / given.step_mm) * given.step_mm
        made, local = transplant(rng, source, place, z_mm, donor, shape, centre, 1.0, index is None, ALONG_MM)
        low = np.rint((np.array([z_mm, *place[1:]]) - local) / unit).astype(int)
        box = Box.whole(made.hu.shape).shift(low)
        mask = made.hu != hu[box.slices] if index is None else made.target >= 128
        hu[box.slices] = made.hu
        occupied.append((place, radius))
        if np.count_nonzero(mask) < FEWEST_VOXELS:
            continue
        tight = Box.tight(mask)
        reference = Reference(tight.shift(box.start), mask[tight.slices])
        if index is None:
            controls.append(reference)
        else:
            inserted.append(reference)
            diameters.append(patches.size[index])
            patients.append(patches.rows[index]["patient"])
    ct = CT(hu, Geometry(hu.shape, (1.0, 1.0, given.step_mm), (0.0, 0.0, 0.0)), case.name, {"modality": "CT"})
    neutral = [
        Reference(Box.whole(mask.shape), np.asarray(mask), counts=False)
        for mask in (given.target > 0, given.weight == 0)
        if mask.any()
    ]
    return Recipient(ct, inserted, diameters, patients, controls, neutral)


def _free_place(rng, places: np.ndarray, occupied, radius: float, source: Source) -> np.ndarray | None:
    """A place well inside the scan, where the background is known, and away from what is there already."""
    height = (len(source.hu) - 1) * source.step_mm
    for _ in range(200):
        place = places[rng.integers(len(places))]
        index = (int(place[0] / source.step_mm), int(place[1]), int(place[2]))
        inside = min(radius, 10) <= place[0] <= height - min(radius, 10)
        apart = all(np.linalg.norm(place - other) > radius + its + GAP_MM for other, its in occupied)
        if inside and apart and source.weight[index] > 0:
            return np.asarray(place, float)
    return None
