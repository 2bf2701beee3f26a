"""Examples of masses at the product's coarser scales (`prepared_masses`), half of them clicked."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LungTumorSegLib.geometry import Box, triple
from LungTumorSegLib.model.card import NetworkCard

from ..errors import DataError
from . import reformat
from .augment import make_example
from .patches import EVERY
from .sources import Draw, Source, off_centre

# shares of what is clicked, and of what is seen without a click, as a run sees it
KINDS = {"mass": 0.57, "own": 0.1, "soft": 0.33}
UNCLICKED = {"mass": 0.4, "own": 0.1, "soft": 0.5}
UNCLICKED_SHARE = 0.5
TURNED_SHARE = 0.5  # coronal or sagittal
OFF_CENTRE = 1 / 12  # of the crop, from its middle: as near as a click is in the run
UNCLICKED_OFF_CENTRE = 1 / 3
POINT_SD, BEYOND_SD = 0.7, 3.0  # network mm: of the click; of the slice beyond the mass's ends
SEEN, SEEN_ACROSS_MM = 1.5, 40.0  # of the crop; network mm: what `reformat.turned` and `make_example` look at is less
SOFT_SD, SOFT_OFF = 15.0, 0.7  # network mm, of the slice from a click that shall give nothing; in so many of them


@dataclass(frozen=True)
class Clicked:
    """What can be clicked in a CT at a scale.

    Attributes:
        file: Its part of the CT.
        ct: The CT's background, VOXEL (z, y, x), memory-mapped.
        step_mm: Of both, in network mm.
        deep: (n, 3) voxels, where it is clicked.
        every: (n, 3) voxels, through which its slices lie.
    """

    file: Path
    ct: np.ndarray
    step_mm: float
    deep: np.ndarray
    every: np.ndarray

    def source(self, box: Box) -> Source:
        """A box of the CT with what is clicked in it, and nothing else, as the target."""
        voxels = np.array(self.ct[box.slices])
        with np.load(self.file) as made:
            start, block = made["start"], made["block"]
        shared = Box(start, start + block.shape).intersect(box)
        voxels[shared.shift(-low for low in box.start).slices] = block[shared.shift(-start).slices]
        return Source(voxels["hu"], voxels["target"], voxels["weight"], self.step_mm)


class Masses:
    """The prepared masses on CTs of some roles.

    Args:
        prepared: Where they are.
        roles: Of their CTs.
        without: Names of CTs that are left out.

    Raises:
        DataError: By every draw, where there is none.
    """

    def __init__(self, prepared: Path, roles: tuple[str, ...], without: tuple[str, ...] = ()):
        self.roles = roles
        self.kinds: dict[str, list[Clicked]] = {kind: [] for kind in KINDS}
        for file in sorted(prepared.glob("masses/*/*.npz")):
            facts = json.loads((prepared / "volumes" / file.parent.name / "case.json").read_text())
            with np.load(file) as made:
                step, deep, every = float(made["step"]), made["deep"], made["every"]
            if facts["role"] in roles and file.parent.name not in without and len(deep):
                kind, scale = file.stem.split("-")[0], file.stem.split("-")[-1]
                ct = np.load(file.with_name(f"ct-{scale}.npy"), mmap_mode="r")
                self.kinds[kind].append(Clicked(file, ct, step, deep, every))

    def draw(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        """Draw a click, or what a run sees without one, with its slice: axial, coronal or sagittal.

        Raises:
            DataError: No mass is prepared.
        """
        if not self.kinds["mass"]:
            roles = " or ".join(self.roles)
            raise DataError(f"No mass on a CT of the role {roles} is prepared. Check ct_roles, and run `prepare`.")
        click = rng.random() >= UNCLICKED_SHARE
        shares = np.array([share * bool(self.kinds[k]) for k, share in (KINDS if click else UNCLICKED).items()])
        kind = list(KINDS)[rng.choice(len(KINDS), p=shares / shares.sum())]
        one = self.kinds[kind][rng.integers(len(self.kinds[kind]))]
        turned = rng.random() < TURNED_SHARE and one.step_mm <= reformat.THICKEST_MM
        axes = reformat.pick_side(rng) if turned else (0, 1, 2)
        across, unit = axes[0], np.array([one.step_mm, 1.0, 1.0])
        point = one.deep[rng.integers(len(one.deep))] * unit + rng.normal(0, POINT_SD, 3)
        centre = point.copy()
        last = (one.ct.shape[across] - 1) * unit[across]
        if kind != "soft":
            other = (one.every[rng.integers(len(one.every))] * unit)[across] + rng.normal(0, BEYOND_SD)
        else:
            other = point[across] + rng.normal(0, SOFT_SD) * (rng.random() < SOFT_OFF)
        centre[across] = np.clip(other, 0, last)
        reach = np.full(3, SEEN * crop)
        reach[across] = SEEN_ACROSS_MM
        low = np.clip(np.floor((centre - reach) / unit), 0, None).astype(int)
        box = Box(low, np.minimum(np.ceil((centre + reach) / unit).astype(int) + 1, one.ct.shape))
        centre, point = centre - low * unit, point - low * unit
        at = triple(point.tolist()) if click else None
        source, draw = one.source(box), Draw(triple(centre.tolist()), crop, point_zyx_mm=at)
        if across:
            source, draw = reformat.turned(source, draw, axes)
        return source, off_centre(rng, draw, OFF_CENTRE if click else UNCLICKED_OFF_CENTRE)


def mass_batch(masses: Masses, card: NetworkCard, seed: int, step: int, n: int, crop: int, part: slice = EVERY):
    """Batch ``step`` of ``n`` examples.

    Args:
        masses: Drawn from.
        card: Of the network that the examples are for.
        seed: With ``step`` it decides the batch.
        step: The batch's number.
        n: Examples in the batch.
        crop: Pixels of an example's side.
        part: Which of them are made.

    Returns:
        x (n, y, x, c), y (n, y, x, 1) and weight (n, y, x, 1).

    Raises:
        DataError: There is nothing to draw from.
    """
    made = []
    for i in range(n)[part]:
        rng = np.random.default_rng((seed, step, i, 3))
        source, draw = masses.draw(rng, crop)
        made.append(make_example(rng, source, draw, card))
    x, y, w = (np.stack(part) for part in zip(*made, strict=True))
    return x, y[..., None], w[..., None]
