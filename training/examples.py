"""Training examples: a pure function of (seed, step), made through the product's own `slices`.

An example is the network's input (y, x, slices + 1), its soft target (y, x) and its loss weight (y, x).
"""

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.model.card import NetworkCard
from LungTumorSegLib.sampling import slices
from scipy import ndimage

from . import turning
from .prepare import DEEP, TARGET
from .sources import Draw, Source, off_centre, slab_matrix

# lesion sizes are drawn uniformly over these bins (mm); the last is filled by zooming
SIZE_BINS = (4, 6, 10, 20, 40, 100)
# one nodule in eight is not solid; drawn alike, the clicks on them were outlined far too small
SUBSOLID_OFTEN = 3
AIR = slices.AIR_HU
EVERY = slice(None)
HARD_PATCHES = "hard_patches.json"  # written by `mine`
OFF_CENTRE = 1 / 4  # of the crop: so far from its middle may a false positive lie
HARD_SHARE = 0.7  # of the background where false positives were mined


def elastic(rng: np.random.Generator, crop: int, amplitude_mm: float) -> np.ndarray:
    """Smooth random displacement (2, y, x) in mm, from a 4 x 4 grid of control points."""
    coarse = rng.normal(0, amplitude_mm, (2, 4, 4))
    return np.stack([ndimage.zoom(c, crop / 4, order=3, mode="nearest", grid_mode=True) for c in coarse])


def make_example(rng: np.random.Generator, source: Source, draw: Draw, card: NetworkCard, augment: bool = True):
    """One example around ``draw.centre_zyx_mm`` (mm from the source's first voxel).

    Half of all samples get thick slices: a box average of 2 to 8 mm along z, sampled at that spacing. A zoom enlarges
    image, mask and neighbour distances together: 1 mm of the network is 1 / zoom mm of the source.
    """
    zoom, crop, (cz, cy, cx) = draw.zoom, draw.crop, draw.centre_zyx_mm
    thick = augment and rng.random() < 0.5 and not source.sideways
    step = float(rng.uniform(2, 8)) if thick else source.step_mm * zoom
    step = max(step, source.step_mm)
    reach = int(np.ceil(max(abs(o) for o in card.offsets_mm) / step)) + 1
    steps = np.arange(-reach, reach + 1)
    places = cz + steps * step / zoom
    inside = (places >= 0) & (places <= (len(source.hu) - 1) * source.step_mm)
    inside[reach] = True
    steps, places = steps[inside], places[inside]
    turn, where = _plane(rng, draw, augment)

    # only the part of the source that the crop can see
    low = np.clip(np.floor(where.min((1, 2))).astype(int) - 1, 0, np.array(source.hu.shape[1:]) - 2)
    high = np.clip(np.ceil(where.max((1, 2))).astype(int) + 2, low + 2, source.hu.shape[1:])
    window = Box(low, high).slices
    where = where - low[:, None, None]
    slab = max(step / zoom, 0.0) if thick else 0.0
    mixing = slab_matrix(len(source.hu), source.step_mm, places, slab)
    used = np.flatnonzero(mixing.any(0))
    native = slice(int(used.min()), int(used.max()) + 1)

    def sample(volume, matrix, order, cval, mirrored=source.mirrored):
        part = volume[native][:, window[0], window[1]].astype(np.float32)
        flat = (matrix[:, native] @ part.reshape(len(part), -1)).reshape(len(matrix), *part.shape[1:])
        mode = "mirror" if mirrored else "constant"
        return np.stack([ndimage.map_coordinates(s, where, order=order, mode=mode, cval=cval) for s in flat])

    stack = sample(source.hu, mixing, 1, AIR)
    centre = slab_matrix(len(source.hu), source.step_mm, np.array([cz]), slab)
    target = np.clip(sample(source.target, centre, 1, 0)[0] / 255, 0, 1)
    # Outside is air, and no lesion; or a mirror image, where a click's lesion would be a second time.
    twice = source.mirrored and draw.point_zyx_mm is not None
    weight = sample(source.weight, centre, 1, 0 if twice else 1, source.mirrored and not twice)[0]
    weight = (weight > 0.99).astype(np.float32)
    if augment:
        stack = change_intensity(rng, stack, step, zoom)
    k0 = steps[0]
    point = None
    if draw.point_zyx_mm is not None:
        pz, *pyx = draw.point_zyx_mm
        y, x = np.linalg.solve(turn, np.array(pyx) - (cy, cx)) + (crop - 1) / 2
        point = ((pz - cz) * zoom - k0 * step, y, x)
    if augment and rng.random() < 0.5:  # mirrored along z
        stack, k0 = stack[::-1], -steps[-1]
        if point is not None:
            point = (-(draw.point_zyx_mm[0] - cz) * zoom - k0 * step, *point[1:])
    inputs = slices.network_input(stack, [-k0 * step], step, card, point)[0]
    return inputs, target.astype(np.float32), weight


def _plane(rng: np.random.Generator, draw: Draw, augment: bool) -> tuple[np.ndarray, np.ndarray]:
    """The in-plane map from the network's pixels to the source's.

    Its matrix (2, 2), and where each pixel of the crop lies in the source's slice (2, crop, crop), deformed at random.
    """
    angle = np.deg2rad(rng.uniform(-25, 25)) if augment else 0.0
    scale = (float(np.exp(rng.uniform(-0.2, 0.2))) if augment else 1.0) * draw.zoom
    flip = np.array([1, -1 if augment and rng.random() < 0.5 else 1])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * flip[None] / scale
    grid = np.stack(np.meshgrid(*[np.arange(draw.crop) - (draw.crop - 1) / 2] * 2, indexing="ij")).astype(float)
    if augment and rng.random() < 0.5:
        grid += elastic(rng, draw.crop, 1.5)
    return turn, np.tensordot(turn, grid, 1) + np.array(draw.centre_zyx_mm[1:])[:, None, None]


def change_intensity(rng: np.random.Generator, stack: np.ndarray, step_mm: float, zoom: float) -> np.ndarray:
    """Blur or sharpen, noise, HU shift and scale. Thick slices are less noisy; a zoomed patch lost its grain."""
    if rng.random() < 0.4:
        blurred = ndimage.gaussian_filter(stack, (0, *[rng.uniform(0.4, 1.0)] * 2))
        stack = blurred if rng.random() < 0.6 else stack + rng.uniform(0.3, 1.0) * (stack - blurred)
    if rng.random() < 0.6 or zoom > 1:
        grain = rng.normal(0, 1, stack.shape)
        if rng.random() < 0.5:
            grain = ndimage.gaussian_filter(grain, (0, 0.7, 0.7))
            grain /= max(grain.std(), 1e-6)
        stack = stack + grain * rng.uniform(5, 45) / np.sqrt(max(step_mm, 1) / 1.5)
    return (stack + 1000) * rng.uniform(0.96, 1.04) - 1000 + rng.normal(0, 12)


class Patches:
    """The prepared nodule patches of one role. Every draw raises ValueError where there is nothing to draw from."""

    def __init__(self, prepared: Path, role: str):
        self.role = role
        names = ("ct", "target", "weight", "target_lesion")
        self.arrays = {name: np.load(prepared / f"{name}.npy", mmap_mode="r") for name in names}
        with (prepared / "patches.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.rows = {int(r["index"]): r for r in rows if r["role"] == role}
        self.free = {i: [int(z) for z in r["free_z"].split()] for i, r in self.rows.items() if r["free_z"]}
        size = {i: float(r["diameter_mm"]) for i, r in self.rows.items()}
        self.bins = [[i for i in size if a <= size[i] < b] for a, b in itertools.pairwise(SIZE_BINS)]
        self.zoomable = [i for i in size if size[i] >= 12 and float(self.rows[i]["texture"]) >= 4]
        self.size = size
        hard_file = prepared / HARD_PATCHES
        mined = json.loads(hard_file.read_text()) if hard_file.exists() else {}
        self.hard = {int(i): np.array(points) for i, points in mined.items() if int(i) in self.rows}
        often = {i: SUBSOLID_OFTEN if float(r["texture"]) < 4 else 1 for i, r in self.rows.items()}
        self.chances = [np.array([often[i] for i in b]) / max(1, sum(often[i] for i in b)) for b in self.bins]

    def source(self, index: int) -> Source:
        a = self.arrays
        hu = a["ct"][index].astype(np.int16) * 8 - 1024
        return Source(hu, a["target"][index], a["weight"][index], 1.0)

    def need(self, pool: list, what: str) -> list:
        """The pool. Raises ValueError where it is empty."""
        if not pool:
            raise ValueError(f"No {what} is among the prepared patches of the role {self.role}.")
        return pool

    def pick_lesion(self, rng: np.random.Generator) -> tuple[int, float]:
        """A nodule, of a size drawn uniformly over the bins, and the zoom that brings it there."""
        bin_ = int(rng.integers(len(self.bins)))
        if SIZE_BINS[bin_] >= 20 and (bin_ == len(self.bins) - 1 or rng.random() < 0.5 or not self.bins[bin_]):
            index = int(rng.choice(self.need(self.zoomable, "solid nodule of 12 mm or more, to enlarge,")))
            low = max(2.0 if self.size[index] * 2 < 100 else 1.5, SIZE_BINS[bin_] / self.size[index])
            return index, float(rng.uniform(low, max(low, min(4.0, SIZE_BINS[bin_ + 1] / self.size[index]))))
        bin_ = bin_ if self.bins[bin_] else bin_ - 1
        sizes = f"{SIZE_BINS[bin_]} to {SIZE_BINS[bin_ + 1]} mm"
        return int(rng.choice(self.need(self.bins[bin_], f"nodule of {sizes}"), p=self.chances[bin_])), 1.0

    def draw_lesion(
        self, rng: np.random.Generator, crop: int, prompted: bool, augment: bool = True, thickened: bool = False
    ) -> tuple[int, Source, Draw]:
        """A nodule, with the prompt if wanted.

        augment: in half of the cases the axes are exchanged. The patches are isotropic, and there are few of them:
        without this the val Dice fell from step 3,400 on while the loss went on falling. thickened: half of what is
        then no axial slice comes from thick ones.
        """
        index, zoom = self.pick_lesion(rng)
        axes = rng.permutation(3) if augment and rng.random() < 0.5 else (0, 1, 2)
        given = self.source(index)
        if thickened and axes[0] != 0 and rng.random() < 0.5:
            given = turning.thickened(rng, given)
        turned = {name: getattr(given, name).transpose(axes) for name in ("hu", "target", "weight")}
        source = replace(given, **turned)
        bits = self.arrays["target_lesion"][index].transpose(axes)
        target = (bits & TARGET) > 0
        point = None
        if prompted:
            deep = np.argwhere(bits & DEEP)
            point = tuple(deep[rng.integers(len(deep))] + rng.normal(0, rng.uniform(1, 2), 3) / zoom)
            others = (source.target > 0) & ~target
            source = replace(source, target=np.where(others, 0, source.target), weight=source.weight * ~others)
        # a quarter of the slices may lie up to 8 mm beyond the ends: where does it stop?
        beyond = (8 if rng.random() < 0.25 else 2) / zoom
        along = np.flatnonzero(target.any((1, 2)))
        cz = rng.uniform(along[0] - beyond, along[-1] + beyond)
        spot = np.argwhere(target.any(0))
        shift = rng.uniform(-1, 1, 2) * min(crop / 4, 18) / zoom
        cy, cx = spot[rng.integers(len(spot))] + shift
        return index, source, Draw((float(np.clip(cz, 0, 49)), cy, cx), crop, zoom, point)

    def draw_background(self, rng: np.random.Generator, crop: int, mined: bool = False) -> tuple[int, Source, Draw]:
        """A slice 8 mm or more along z from any label of its patch: vessels, pleura, bone, soft tissue.

        mined: mostly around the network's own false positives instead.
        """
        if mined and self.hard and rng.random() < HARD_SHARE:
            index = int(list(self.hard)[rng.integers(len(self.hard))])
            points = self.hard[index]
            return index, self.source(index), Draw(tuple(points[rng.integers(len(points))]), crop)
        indices = self.need(list(self.free), "slice without a label")
        index = int(indices[rng.integers(len(indices))])
        cz = float(rng.choice(self.free[index]))
        cy, cx = 24.5 + rng.uniform(-8, 8, 2)
        source = self.source(index)
        # labels further along z may reach into the neighbouring slices; they do not count here
        return index, source, Draw((cz, cy, cx), crop)


def patch_batch(
    patches: Patches,
    card: NetworkCard,
    seed: int,
    step: int,
    n: int,
    crop: int,
    augment: bool = True,
    prompt: bool = True,
    mirrored_share: float = 0.0,
    background_share: float = 0.25,
    turned_share: float = 0.0,
    mined: bool = False,
    part: slice = EVERY,
):
    """Batch number ``step``: lesions (half with the prompt) and ``background_share`` background. x, y and weight.

    mirrored_share: of the patches go on as their own mirror image beyond their edges, the others end in air. The edge
    of a patch tells where its nodule is: fitted on such crops alone, the network found 14 % of the val transplants in
    whole CTs; after 2,400 more steps with half of them mirrored, 86 %.
    turned_share: of the background is seen from another side, as half of the lesions are anyway. mined: see
    `Patches.draw_background`.
    part: which of the ``n`` examples are made, the same ones whoever makes the others.
    """
    made = []
    for i in range(n)[part]:
        rng = np.random.default_rng((seed, step, i))
        if int((i + 1) * background_share) > int(i * background_share):
            _, source, draw = patches.draw_background(rng, crop, mined)
            if augment and turned_share and rng.random() < turned_share:
                source, draw = turning.turned_patch(rng, source, draw)
            if mined:
                draw = off_centre(rng, draw, OFF_CENTRE)
        else:
            prompted = bool(rng.random() < 0.5) and prompt
            _, source, draw = patches.draw_lesion(rng, crop, prompted, augment, turned_share > 0)
        source = replace(source, mirrored=bool(rng.random() < mirrored_share))
        made.append(make_example(rng, source, draw, card, augment))
    x, y, w = (np.stack(part) for part in zip(*made, strict=True))
    return x, y[..., None], w[..., None]
