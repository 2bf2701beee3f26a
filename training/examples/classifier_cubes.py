"""Cubes around nodules and around what only looks like one: what the classifier learns from."""

import functools
from pathlib import Path

import numpy as np
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.model.card import CUBE_SIDE
from LungTumorSegLib.sampling.slices import scale_hu
from rich.progress import track
from scipy import ndimage
from scipy.spatial import cKDTree

from ..config import Config
from ..data.prepare import TARGET
from . import recipients, whole_ct
from .hard_negatives import AWAY_MM
from .patches import Patches
from .sources import Source
from .transplant import centre_of

POOLED = CUBE_SIDE + 8  # the classifier's cube is cut out of it anywhere: up to 4 mm off
JITTER_MM = 1.0
SPOT_SIGMAS_MM = (1.6, 2.6, 4.2)  # balls of 5 to 15 mm
SPOT_HU = 120  # least response
TIMES, TIMES_SUBSOLID, SMALL_MM = 3, 5, 5.0  # a nodule's cubes, each augmented anew; one only of what is below 5 mm
SPOTS_A_PATCH, SPOTS_A_CT, SPOTS = 5, 900, 14_400  # of all CTs: 0.9 GB of cubes
HARD_TIMES_PATCH, HARD_TIMES_CT = 3, 6
RECIPIENTS, NODULES_A_RECIPIENT = 5, 14  # inserted into each CT
NEAR_LUNG_MM = 12.0
# Looked at: 17 of the 48 false positives rated highest on `val` lie in this CT of a patient with colorectal cancer,
# most of them round, sharp and solid. Nobody has read it; they are not shown as what is no nodule.
UNREAD = ("CMB-CRC-MSB-01068",)


def of_patches(config: Config) -> dict[str, np.ndarray]:
    """Cubes of the ``train`` patches.

    Returns:
        ``x`` (n, 40, 40, 40) uint8, 255 x the scaled HU, and ``y`` (n), 1 for a nodule.
    """
    rng, patches, pool = np.random.default_rng((config.fit.seed, 0)), Patches(Path(config.data.prepared), "train"), []
    for index in track(patches.rows, "Cubes of patches"):
        source, shape = patches.source(index), patches.arrays["target_lesion"][index] & TARGET > 0
        solid = float(patches.rows[index]["texture"]) >= 4
        size = patches.size.get(index)  # none: background
        times = 0 if size is None else 1 if size < SMALL_MM else TIMES if solid else TIMES_SUBSOLID
        pool += [(_cube(rng, config, source, centre_of(shape)), 1) for _ in range(times)]
        places, response = spots(source.hu, 1.0)
        away = _away(source, places) & ((places > 6) & (places < 44)).all(1)
        chosen = [*_some(rng, places[away], response[away], SPOTS_A_PATCH)]
        chosen += [*patches.hard.get(index, ())] * HARD_TIMES_PATCH
        pool += [(_cube(rng, config, source, place), 0) for place in chosen]
    return _arrays(pool)


def of_cts(config: Config, role: str) -> dict[str, np.ndarray]:
    """Cubes of the whole CTs of one role: inserted nodules; spots, hard negatives and controls.

    Returns:
        ``x`` and ``y``, as `of_patches`.
    """
    prepared, pool = Path(config.data.prepared), []
    patches = Patches(prepared, "train")
    large = [index for index in patches.whole if patches.size[index] >= SMALL_MM]
    cts = whole_ct.WholeCTs(prepared, (role,), config.data.kept_aside)
    cases = [case for case in cts.cases if case.source.weight.any()]
    for number, case in enumerate(track(cases, f"Cubes of whole CTs, {role}")):
        rng, source = np.random.default_rng((config.fit.seed, 1, number)), case.source
        if case.name not in UNREAD:
            lung_mm = np.concatenate(list(case.places.values()))
            lung, unit = cKDTree(lung_mm), np.array([source.step_mm, 1, 1])
            low = np.maximum(0, (lung_mm.min(0) - NEAR_LUNG_MM) // unit).astype(int)
            high = np.ceil((lung_mm.max(0) + NEAR_LUNG_MM) / unit).astype(int)
            places, response = spots(source.hu[Box(low, high).slices], source.step_mm)
            places = places + low * unit
            kept = (lung.query(places, distance_upper_bound=NEAR_LUNG_MM)[0] < NEAR_LUNG_MM) & _away(source, places)
            most = min(SPOTS_A_CT, SPOTS // len(cases))
            chosen = [*_some(rng, places[kept], response[kept], most), *[*case.hard] * HARD_TIMES_CT]
            pool += [(_cube(rng, config, source, place), 0) for place in chosen]
        for k in range(RECIPIENTS if large else 0):
            nodules = rng.choice(large, min(NODULES_A_RECIPIENT, len(large)), replace=False).tolist()
            recipient = recipients.make(
                case, patches, nodules, 1000 + RECIPIENTS * number + k
            )  # seeds that the exam does not use
            inside = Source(recipient.ct.voxels_zyx, source.target, source.weight, source.step_mm)
            for references, times, kind in ((recipient.inserted, TIMES, 1), (recipient.controls, 1, 0)):
                for reference in references:
                    middle = centre_of(reference.mask) + reference.box.start
                    place = middle * (source.step_mm, 1, 1)
                    pool += [(_cube(rng, config, inside, place), kind) for _ in range(times)]
    return _arrays(pool)


def spots(hu: np.ndarray, step_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Bright spots of 5 to 15 mm, vessels and nodules alike.

    Maxima of the scale-normalised Laplacian of Gaussian (Lindeberg, IJCV 1998).

    Args:
        hu: (z, y, x), 1 mm in plane.
        step_mm: Between the slices.

    Returns:
        Places (n, 3) zyx in mm from the first voxel, and response (n,) in HU.
    """
    soft = np.clip(hu, -1000, 100).astype(np.float32)
    made = (
        -(sigma**2) * ndimage.gaussian_laplace(soft, (sigma / step_mm, sigma, sigma), mode="mirror")
        for sigma in SPOT_SIGMAS_MM
    )
    response = functools.reduce(np.maximum, made)
    around = (max(1, int(5 / step_mm)) | 1, 5, 5)
    found = np.argwhere((ndimage.maximum_filter(response, around) == response) & (response > SPOT_HU))
    return found * (step_mm, 1.0, 1.0), response[tuple(found.T)]


def _away(source: Source, places_mm: np.ndarray) -> np.ndarray:
    """Which places are 8 mm or more from any label and from where nobody knows."""
    unit = np.array([source.step_mm, 1, 1])
    marked = ((source.target > 0) | (source.weight == 0)).astype(np.uint8)
    grown = ndimage.maximum_filter(marked, 2 * np.ceil(AWAY_MM / unit).astype(int) + 1)
    return grown[tuple(np.rint(places_mm / unit).astype(int).T)] == 0


def _some(rng: np.random.Generator, places: np.ndarray, response: np.ndarray, most: int) -> np.ndarray:
    if not len(places):
        return places
    return places[rng.choice(len(places), min(most, len(places)), replace=False, p=response / response.sum())]


def _cube(rng: np.random.Generator, config: Config, source: Source, centre_mm) -> np.ndarray:
    """Rotated, scaled, sometimes thick-sliced, blurred, noisy; mirrored beyond the source's edges."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if rng.random() < 0.5 else np.eye(3)[rng.permutation(3)]
    turn = turn / np.exp(rng.uniform(-0.2, 0.2))
    grid = np.stack(np.meshgrid(*[np.arange(POOLED) - (POOLED - 1) / 2] * 3, indexing="ij")).reshape(3, -1)
    where = turn @ grid + np.reshape(centre_mm + rng.normal(0, JITTER_MM, 3), (3, 1))
    where[0] /= source.step_mm
    low = np.clip(np.floor(where.min(1)).astype(int) - 1, 0, np.array(source.hu.shape) - 2)
    high = np.clip(np.ceil(where.max(1)).astype(int) + 2, low + 2, source.hu.shape)
    part = np.asarray(source.hu[Box(low, high).slices], np.float32)
    if rng.random() < 0.4:
        slab = max(1, round(rng.uniform(2, 5) / source.step_mm))
        part = ndimage.uniform_filter1d(part, slab, axis=0, mode="nearest")
    made = ndimage.map_coordinates(part, where - low[:, None], order=1, mode="mirror").reshape([POOLED] * 3)
    if rng.random() < 0.3:
        made = ndimage.gaussian_filter(made, rng.uniform(0.4, 0.9))
    if rng.random() < 0.6:
        made = made + ndimage.gaussian_filter(rng.normal(0, 1, made.shape), 0.5) * rng.uniform(10, 80)
    made = (made + 1000) * rng.uniform(0.96, 1.04) - 1000 + rng.normal(0, 12)
    return np.rint(255 * scale_hu(made, config.network.window_hu)).astype(np.uint8)


def _arrays(pool: list[tuple[np.ndarray, int]]) -> dict[str, np.ndarray]:
    return {"x": np.stack([cube for cube, _ in pool]), "y": np.array([kind for _, kind in pool], np.uint8)}
