"""How well a follow-up works on real CTs: `python -m Testing.tools.follow_up PACK [CT ...]`.

Each CT of the training pack is compared with itself, moved and bent by a known amount, its largest known tumour grown
by a known amount, with noise of its own: what is matched, wrongly matched, how the tumour's change is measured. With
--register only the lungs' grids of CT and copy are registered, without the network; with --others those of pairs of
different patients.
"""

import argparse
import time
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path

import numpy as np
from LungTumorSegLib.comparison import compare
from LungTumorSegLib.components import components, connected
from LungTumorSegLib.data import CT
from LungTumorSegLib.findings.follow_up.registration import Chest, register
from LungTumorSegLib.lungs import find
from scipy import ndimage
from scipy.spatial.transform import Rotation

from training.data import pack

TURN_DEGREES, SHIFT_MM, BEND_MM, SIGMA_MM = 4.0, (8.0, -6.0, 7.0), 15.0, 35.0
GROWTH = 1.25  # of the diameter: the volume is 1.95 times as large
GRID_MM = 6.0  # of the field that bends
NOISE_HU = 15.0
DATES = date(2024, 1, 1), date(2024, 7, 1)


class Moved:
    """A CT after the motion. ``field``: where each place of the later CT was in the earlier one, LPS mm."""

    def __init__(self, ct: CT, tumour: np.ndarray | None, seed: int) -> None:
        axial = ct.geometry
        low, high = (axial.lps(index) for index in ((0, 0, 0), np.array(axial.shape_zyx) - 1))
        start, stop = np.minimum(low, high), np.maximum(low, high)
        shape = np.ceil((stop - start) / GRID_MM).astype(int)[::-1] + 2
        self.start = start - GRID_MM / 2
        places = np.moveaxis(np.indices(shape), 0, -1)[..., ::-1] * GRID_MM + self.start
        noise = np.random.default_rng(seed).standard_normal((3, *shape))
        bend = np.moveaxis([ndimage.gaussian_filter(part, SIGMA_MM / GRID_MM) for part in noise], 0, -1)
        bend *= BEND_MM / np.linalg.norm(bend, axis=-1).max()
        turn = Rotation.from_rotvec(np.radians(TURN_DEGREES) * np.array((0.5, 0.6, 0.62))).as_matrix()
        middle = (start + stop) / 2
        self.field = (places - middle) @ turn.T + middle + SHIFT_MM + bend - places
        self.centre, self.radius = _sphere(ct, tumour)

    def earlier(self, points: np.ndarray) -> np.ndarray:
        """Where places (n, 3) of the later CT were in the earlier one."""
        index = ((points - self.start) / GRID_MM)[:, ::-1].T
        field = np.moveaxis(self.field, -1, 0)
        found = points + np.column_stack(
            [ndimage.map_coordinates(part, index, order=1, mode="nearest") for part in field]
        )
        if not self.radius:
            return found
        # the tumour and as much around it again: inside, lengths are GROWTH times as long in the later CT
        away = found - self.centre
        r = np.linalg.norm(away, axis=1, keepdims=True)
        inner, outer = GROWTH * self.radius, 2 * GROWTH * self.radius
        shrunk = np.where(r < inner, r / GROWTH, self.radius + (r - inner) * (outer - self.radius) / (outer - inner))
        return self.centre + away * np.where(r < outer, shrunk / np.maximum(r, 1e-6), 1.0)

    def later(self, points: np.ndarray) -> np.ndarray:
        """The inverse."""
        found = points.copy()
        for _ in range(100):
            found = found + 0.5 * (points - self.earlier(found))
        return found

    def of(self, ct: CT, seed: int) -> CT:
        """The later CT."""
        voxels = np.empty_like(ct.voxels_zyx)
        rng = np.random.default_rng(seed)
        plane = np.moveaxis(np.indices(voxels.shape[1:]), 0, -1).reshape(-1, 2)
        for z in range(len(voxels)):
            places = self.earlier(ct.geometry.lps(np.column_stack([np.full(len(plane), z), plane])))
            index = ct.geometry.index(places).T
            values = ndimage.map_coordinates(ct.voxels_zyx, index, np.float32, order=1, cval=-1000)
            voxels[z] = np.rint(values + rng.normal(0, NOISE_HU, values.shape)).reshape(voxels.shape[1:])
        return replace(ct, voxels_zyx=voxels, name=f"{ct.name} later")


def _sphere(ct: CT, tumour: np.ndarray | None) -> tuple[np.ndarray, float]:
    """Centre (LPS mm) and radius of the largest tumour; radius 0 where there is none."""
    if tumour is None or not tumour.any():
        return np.zeros(3), 0.0
    labels, _ = connected(tumour)
    largest = max(components(labels), key=lambda part: part.voxels)
    inside = ct.geometry.lps(np.argwhere(labels == largest.label))
    centre = inside.mean(0)
    return centre, float(np.linalg.norm(inside - centre, axis=1).max())


def examine(folder: Path, name: str, seed: int) -> None:
    """Print a line on one CT and its moved copy."""
    ct, tumour = pack.read(folder, name), pack.read_mask(folder, name)
    motion = Moved(ct, tumour, seed)
    followed = compare([ct, motion.of(ct, seed)], DATES, same_patient=True)
    first, second = followed.points
    off, right, wrong, fates, changed = [], 0, 0, [], ""
    for track in followed.tracks:
        one, other = track.lesions
        fates.append(str(track.steps[0].fate))
        if one is None:
            continue
        lesion, mask = first.outline(one)
        middle = first.geometry.middle_lps(mask, lesion.label_box)[None]
        place = motion.later(middle)
        off.append(np.linalg.norm(followed.registrations[0].later(middle) - place))
        if other is not None:
            partner, other_mask = second.outline(other)
            distance = np.linalg.norm(second.geometry.middle_lps(other_mask, partner.label_box) - place)
            is_right = distance < max(5.0, partner.long_axis_mm / 2)
            right, wrong = right + is_right, wrong + (not is_right)
            if motion.radius and np.linalg.norm(middle - motion.centre) < motion.radius / 2:
                change = track.steps[0].change
                changed = f"tumour {lesion.long_axis_mm:.1f} mm: volume {change.volume_percent:+.0f} %, long axis "
                changed += f"{change.long_axis_mm:+.1f} mm, {track.steps[0].fate}"
    found = followed.registrations[0].agreement
    clicked = len(first.clicked), len(second.clicked)
    counts = ", ".join(f"{fates.count(fate)} {fate}" for fate in sorted(set(fates)))
    print(
        f"{name}: {len(off)} lesions of the first CT, {right} matched, {wrong} wrong; registered places off by "
        f"{np.mean(off):.1f} mm (most {np.max(off):.1f}); vessels {found.vessels:.2f}, surfaces "
        f"{found.surface_95_mm:.1f} mm; found by clicks {clicked}; {counts}; {changed}",
        flush=True,
    )


def registered(folder: Path, name: str) -> None:
    """Print a line on the registration of one CT, as the lungs' grid of about 3 mm shows it, and its moved copy."""
    ct = pack.read(folder, name)
    first = Chest.of(ct, find.find(ct))
    coarse = CT(first.hu_zyx, first.lungs.geometry, name)
    motion = Moved(coarse, None, seed=1)
    later = motion.of(coarse, seed=1)
    second = Chest.of(later, find.find(later))
    began = time.process_time()
    found = register(first, second)
    spent = time.process_time() - began
    places = coarse.geometry.lps(np.argwhere(first.lungs.label_zyx > 0)[::50])
    off = np.linalg.norm(found.later(places) - motion.later(places), axis=1)
    print(f"{name}: places off by {off.mean():.2f} mm (most {off.max():.1f}), {spent:.1f} CPU s, {found.agreement}")


def others(folder: Path, names: list[str], most: int) -> None:
    """Print the agreement of pairs of different patients."""
    pairs = list(combinations(names, 2))
    np.random.default_rng(0).shuffle(pairs)
    chests = {}
    for pair in pairs[:most]:
        for name in pair:
            if name not in chests:
                ct = pack.read(folder, name)
                chests[name] = Chest.of(ct, find.find(ct))
        print(*pair, register(*(chests[name] for name in pair)).agreement, flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("pack", type=Path)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--others", type=int, default=0, metavar="PAIRS")
    arguments.add_argument("--register", action="store_true")
    given = arguments.parse_args()
    names = given.names or pack.names(given.pack)
    if given.others:
        others(given.pack, names, given.others)
        return
    if given.register:
        for name in names:
            registered(given.pack, name)
        return
    for seed, name in enumerate(names):
        examine(given.pack, name, seed)


if __name__ == "__main__":
    main()
