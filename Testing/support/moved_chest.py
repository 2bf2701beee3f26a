"""A phantom's chest a second time: lying elsewhere, breathed in differently, its lesions grown by a known amount.

Its results are made up from the known lesions, so that what is tested is not the network.
"""

from dataclasses import dataclass, replace

import numpy as np
from LungTumorSegLib.data import CT, Lesion, Lungs, Options, Result
from LungTumorSegLib.findings.follow_up.points import TimePoint
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lesions.measurement import measure
from scipy import ndimage
from scipy.spatial.transform import Rotation

from Testing.support import phantoms


@dataclass(frozen=True)
class Motion:
    """Where the places of the later CT were in the earlier one: turned, shifted, bent by up to ``bend_mm``."""

    turn_degrees: float = 5.0
    shift_mm: tuple[float, float, float] = (9.0, -7.0, 6.0)
    bend_mm: float = 15.0
    wave_mm: float = 220.0

    def earlier(self, points_lps: np.ndarray) -> np.ndarray:
        """(n, 3) LPS mm."""
        points = np.asarray(points_lps, float)
        turn = Rotation.from_rotvec(np.radians(self.turn_degrees) * np.array((0.5, 0.6, 0.62))).as_matrix()
        phase = 2 * np.pi * points[:, [2, 0, 1]] / self.wave_mm + np.array((0.3, 1.1, 2.0))
        bend = self.bend_mm / np.sqrt(3) * np.sin(phase)
        return points @ turn.T + self.shift_mm + bend

    def later(self, points_lps: np.ndarray) -> np.ndarray:
        """The inverse."""
        points = np.asarray(points_lps, float)
        found = points.copy()
        for _ in range(60):
            found = found + 0.7 * (points - self.earlier(found))
        return found


def chest(spacing_mm: float = 4.0) -> CT:
    """A phantom without lesions whose lungs have a texture of small vessels, which is what a registration goes by."""
    ct, _ = phantoms.chest((spacing_mm,) * 3, (384, 288, 204), lesions=())
    noise = np.random.default_rng(1).standard_normal(ct.voxels_zyx.shape, np.float32)
    texture = ndimage.gaussian_filter(noise, 4 / spacing_mm)
    texture *= 120 / texture.std()
    in_lung = (ct.voxels_zyx > -930) & (ct.voxels_zyx < -770)
    return replace(ct, voxels_zyx=(ct.voxels_zyx + np.where(in_lung, texture, 0)).astype(np.int16))


def painted(ct: CT, lesions) -> CT:
    """The CT with spheres in it."""
    voxels = ct.voxels_zyx.astype(np.float32)
    for centre, diameter, hu in lesions:
        box, share = phantoms._sphere_share(ct.geometry, centre, diameter / 2)
        voxels[box.slices] += share * (hu - voxels[box.slices])
    return replace(ct, voxels_zyx=np.rint(voxels).astype(np.int16))


def moved(ct: CT, motion: Motion, seed: int = 5, noise: float = 20.0) -> CT:
    """The same chest after the motion, on the same grid, with noise of its own."""
    geometry = ct.geometry
    voxels = np.empty(geometry.shape_zyx, np.float32)
    rng = np.random.default_rng(seed)
    plane = np.moveaxis(np.indices(geometry.shape_zyx[1:]), 0, -1).reshape(-1, 2)
    for z in range(geometry.shape_zyx[0]):
        places = motion.earlier(geometry.lps(np.column_stack([np.full(len(plane), z), plane])))
        index = geometry.index(places).T
        voxels[z] = ndimage.map_coordinates(ct.voxels_zyx, index, np.float32, order=1, cval=-1000).reshape(
            voxels.shape[1:]
        )
    voxels += rng.standard_normal(voxels.shape, np.float32) * np.float32(noise)
    return replace(ct, voxels_zyx=np.rint(voxels).astype(np.int16), name="later phantom")


def spheres(count: int, seed: int, apart_mm: float = 8.0, diameters=(5.0, 20.0)) -> list[tuple]:
    """Lesions ((x, y, z) LPS mm, diameter mm, HU) inside both lungs, so far apart from each other."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        centre, radii = (phantoms.RIGHT_LUNG, phantoms.LEFT_LUNG)[len(found) % 2]
        place = np.array(centre) + rng.uniform(-0.8, 0.8, 3) * radii
        diameter = rng.uniform(*diameters)
        if np.linalg.norm((place - centre) / radii) > 0.8:
            continue
        if all(np.linalg.norm(place - p) > (diameter + d) / 2 + apart_mm for p, d, _ in found):
            found.append((tuple(place.tolist()), float(diameter), phantoms.SOFT))
    return found


def outlines(ct: CT, lesions) -> tuple[tuple[Lesion, ...], tuple[np.ndarray, ...]]:
    """Each sphere, or several together, as a lesion with its mask; ids from 1 in this order."""
    found, masks = [], []
    for number, lesion in enumerate(lesions, 1):
        parts = [
            phantoms._sphere_share(ct.geometry, centre, diameter / 2)
            for centre, diameter, _ in (lesion if isinstance(lesion, list) else [lesion])
        ]
        starts, stops = np.array([box.start for box, _ in parts]), np.array([box.stop for box, _ in parts])
        around = Box(starts.min(0), stops.max(0))
        whole = np.zeros(around.shape, bool)
        for part, share in parts:
            whole[part.inside(around).slices] |= share >= 0.5
        inner = Box.tight(whole)
        box, mask = inner.shift(around.start), whole[inner.slices]
        values = vars(measure(mask, box, ct))
        found.append(Lesion(id=number, label_box=box, confidence=0.9, threshold=0.5, **values))
        masks.append(mask)
    return tuple(found), tuple(masks)


def point(ct: CT, lesions, lungs: Lungs | None = None, date=None) -> TimePoint:
    """What a run that outlines exactly these lesions would give."""
    found, masks = outlines(ct, lesions)
    model = {"name": "made up", "version": "1", "checksum": "0"}
    result = Result(ct.geometry, (), lungs, found, masks, Options(), model, "none", "CPU", "made up", {}, 0.0)
    return TimePoint(ct, result, date)
