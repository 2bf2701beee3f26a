"""Examples from patches of nodules: a pure function of (seed, step), made through the product's own `slices`."""

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.card import NetworkCard

from ..data.prepare import DEEP, HARD_PATCHES, TARGET
from ..errors import DataError
from . import reformat
from .augment import make_example
from .sources import Draw, Source, off_centre

# lesion sizes are drawn uniformly over these bins (mm); the last is filled by zooming
SIZE_BINS = (4, 6, 10, 20, 40, 100)
# one nodule in eight is not solid; drawn alike, the clicks on them were outlined far too small
SUBSOLID_OFTEN = 3
EVERY = slice(None)
OFF_CENTRE = 1 / 4  # of the crop: so far from its middle may a false positive lie
HARD_SHARE = 0.7  # of the background where false positives were mined


class Patches:
    """The prepared nodule patches of one role.

    Raises:
        DataError: By every draw, where there is nothing to draw from.
    """

    def __init__(self, prepared: Path, role: str):
        self.role = role
        names = ("ct", "target", "weight", "target_lesion")
        self.arrays = {name: np.load(prepared / f"{name}.npy", mmap_mode="r") for name in names}
        with (prepared / "patches.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.rows = {int(r["index"]): r for r in rows if r["role"] == role}
        self.free = {i: [int(z) for z in r["free_z"].split()] for i, r in self.rows.items() if r["free_z"]}
        # of the nodules: a patch of background has none
        self.size = size = {i: float(r["diameter_mm"]) for i, r in self.rows.items() if float(r["diameter_mm"])}
        self.whole = [i for i in size if int(self.rows[i].get("cut") or 0) == 0]
        self.bins = [[i for i in size if a <= min(size[i], 99) < b] for a, b in itertools.pairwise(SIZE_BINS)]
        self.zoomable = [i for i in size if size[i] >= 12 and float(self.rows[i]["texture"]) >= 4]
        whole = set(self.whole)
        self.whole_pools = [[i for i in b if i in whole] for b in self.bins], [i for i in self.zoomable if i in whole]
        hard_file = prepared / HARD_PATCHES
        mined = json.loads(hard_file.read_text()) if hard_file.exists() else {}
        self.hard = {int(i): np.array(points) for i, points in mined.items() if int(i) in self.rows}
        often = {i: SUBSOLID_OFTEN if float(r["texture"]) < 4 else 1 for i, r in self.rows.items()}
        self.often = often

    def source(self, index: int) -> Source:
        a = self.arrays
        hu = a["ct"][index].astype(np.int16) * 8 - 1024
        return Source(hu, a["target"][index], a["weight"][index], 1.0)

    def need(self, pool: list, what: str) -> list:
        """The pool, unless it is empty.

        Raises:
            DataError: It is empty.
        """
        if not pool:
            raise DataError(f"No {what} is among the prepared patches of the role {self.role}.")
        return pool

    def pick_lesion(self, rng: np.random.Generator, whole: bool = False) -> tuple[int, float]:
        """Pick a nodule, of a size drawn uniformly over the bins.

        Where no nodule has the size, and none can be enlarged to it, the nearest size is taken.

        Args:
            rng: Drawn from.
            whole: Only one that does not reach beyond its patch.

        Returns:
            The patch's number, and the zoom that brings it to the size.

        Raises:
            DataError: There is no nodule.
        """
        bins, zoomable = self.whole_pools if whole else (self.bins, self.zoomable)
        bin_ = int(rng.integers(len(bins)))
        enlarged = SIZE_BINS[bin_] >= 20 and bool(zoomable)
        if enlarged and (bin_ == len(bins) - 1 or rng.random() < 0.5 or not bins[bin_]):
            index = int(rng.choice(zoomable))
            low = max(2.0 if self.size[index] * 2 < 100 else 1.5, SIZE_BINS[bin_] / self.size[index])
            return index, float(rng.uniform(low, max(low, min(4.0, SIZE_BINS[bin_ + 1] / self.size[index]))))
        filled = [k for k, pool in enumerate(bins) if pool]
        bin_ = min(filled, key=lambda k: (abs(k - bin_), k), default=bin_)
        pool = self.need(bins[bin_], f"nodule of {SIZE_BINS[bin_]} to {SIZE_BINS[bin_ + 1]} mm")
        chances = np.array([self.often[i] for i in pool])
        return int(rng.choice(pool, p=chances / chances.sum())), 1.0

    def draw_lesion(
        self, rng: np.random.Generator, crop: int, prompted: bool, augment: bool = True, thickened: bool = False
    ) -> tuple[int, Source, Draw]:
        """Draw a nodule, with the prompt if wanted.

        Args:
            rng: Drawn from.
            crop: Pixels of the example's side.
            prompted: With a click on it; other lesions then count neither way.
            augment: In half of the cases the axes are exchanged. The patches are isotropic, and there are few of them:
                without this the val Dice fell from step 3,400 on while the loss went on falling.
            thickened: Half of what is then no axial slice comes from thick ones.

        Returns:
            The patch's number, its source, and what was drawn of it.

        Raises:
            DataError: There is no nodule.
        """
        index, zoom = self.pick_lesion(rng)
        axes = rng.permutation(3) if augment and rng.random() < 0.5 else (0, 1, 2)
        given = self.source(index)
        if thickened and axes[0] != 0 and rng.random() < 0.5:
            given = reformat.thickened(rng, given)
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
        """Draw a slice 8 mm or more along z from any label of its patch: vessels, pleura, bone, soft tissue.

        Args:
            rng: Drawn from.
            crop: Pixels of the example's side.
            mined: Mostly around the network's own false positives instead.

        Returns:
            The patch's number, its source, and what was drawn of it.

        Raises:
            DataError: There is no slice without a label.
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
    """Batch number ``step``: lesions (half with the prompt) and background.

    Args:
        patches: Drawn from.
        card: Of the network that the examples are for.
        seed: With ``step`` it decides the batch.
        step: The batch's number.
        n: Examples in the batch.
        crop: Pixels of an example's side.
        augment: Turned, deformed, thick, noisy; False: as they are.
        prompt: False: no example carries a click.
        mirrored_share: Of the patches go on as their own mirror image beyond their edges, the others end in air. The
            edge of a patch tells where its nodule is: fitted on such crops alone, the network found 14 % of the
            inserted val nodules in whole CTs; after 2,400 more steps with half of them mirrored, 86 %.
        background_share: Of the examples are background.
        turned_share: Of the background is seen from another side, as half of the lesions are anyway.
        mined: See `Patches.draw_background`.
        part: Which of the ``n`` examples are made, the same ones whoever makes the others.

    Returns:
        x (n, y, x, c), y (n, y, x, 1) and weight (n, y, x, 1).

    Raises:
        DataError: There is nothing to draw from.
    """
    made = []
    for i in range(n)[part]:
        rng = np.random.default_rng((seed, step, i))
        if int((i + 1) * background_share) > int(i * background_share):
            _, source, draw = patches.draw_background(rng, crop, mined)
            if augment and turned_share and rng.random() < turned_share:
                source, draw = reformat.turned_patch(rng, source, draw)
            if mined:
                draw = off_centre(rng, draw, OFF_CENTRE)
        else:
            prompted = bool(rng.random() < 0.5) and prompt
            _, source, draw = patches.draw_lesion(rng, crop, prompted, augment, turned_share > 0)
        source = replace(source, mirrored=bool(rng.random() < mirrored_share))
        made.append(make_example(rng, source, draw, card, augment))
    x, y, w = (np.stack(part) for part in zip(*made, strict=True))
    return x, y[..., None], w[..., None]
