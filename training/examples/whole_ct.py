"""Examples from whole CTs: real tumours, background, inserted nodules and their negative controls."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LungTumorSegLib.geometry import triple
from LungTumorSegLib.model.card import NetworkCard
from scipy import ndimage

from ..data.prepare import DEEP, TARGET
from ..errors import DataError
from . import reformat
from .augment import make_example
from .patches import EVERY, Patches
from .sources import Draw, Source, off_centre
from .transplant import centre_of, draw_negative_control, transplant

PLACES = ("free", "pleura", "hilum")
# of twelve crops; half are background, as most of a CT is
KINDS = (
    "background", "tumour", "background", "inserted", "background", "clicked tumour",
    "background", "inserted", "background", "clicked inserted", "background", "control",
)  # fmt: skip
HARD_NEGATIVES = "hard_negatives.json"  # written by `mine`


@dataclass(frozen=True)
class Case:
    """A prepared whole CT.

    Attributes:
        name: The CT's.
        source: Its arrays (z, y, x), 1 mm in plane.
        tumours: (n, 3) voxel indices inside tumours, thinned.
        places: mm positions (n, 3) in the lungs, by kind.
        hard: (n, 3) mm, centres of false positives.
    """

    name: str
    source: Source
    tumours: np.ndarray  # (n, 3) voxel indices inside tumours, thinned
    places: dict[str, np.ndarray]
    hard: np.ndarray  # (n, 3) mm: centres of false positives


class WholeCTs:
    """The prepared whole CTs of some roles.

    Args:
        prepared: Where they are.
        roles: Theirs.
        without: Names of those that are left out.

    Raises:
        DataError: By every draw, where there is nothing to draw from.
    """

    def __init__(self, prepared: Path, roles: tuple[str, ...], without: tuple[str, ...] = ()):
        hard_file = prepared / HARD_NEGATIVES
        hard = json.loads(hard_file.read_text()) if hard_file.exists() else {}
        self.roles, self.cases = roles, []
        for file in sorted(prepared.glob("volumes/*/case.json")):  # written last: a killed `add` leaves none
            folder, facts = file.parent, json.loads(file.read_text())
            if facts["role"] in roles and folder.name not in without:
                self.cases.append(_open(folder, facts, np.array(hard.get(folder.name, []), float).reshape(-1, 3)))
        self.with_tumour = [c for c in self.cases if len(c.tumours)]

    def _pick(self, rng: np.random.Generator, cases: list[Case], what: str) -> Case:
        if not cases:
            raise DataError(f"No {what} of the role {' or '.join(self.roles)} is prepared. Check ct_roles.")
        return cases[rng.integers(len(cases))]

    def draw_tumour(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        case = self._pick(rng, self.with_tumour, "whole CT with a tumour")
        return case.source, Draw(_mm(case, case.tumours[rng.integers(len(case.tumours))]), crop)

    def draw_prompted(self, rng: np.random.Generator, crop: int, across: int = 0) -> tuple[Source, Draw]:
        """Draw a tumour with a click on it: among the deeper half of its voxels on the slice that was drawn.

        Args:
            rng: Drawn from.
            crop: Pixels of the example's side.
            across: The axis that the example's slice lies across.

        Raises:
            DataError: There is no tumour.
        """
        case = self._pick(rng, self.with_tumour, "whole CT with a tumour")
        z, y, x = case.tumours[rng.integers(len(case.tumours))]
        depth = ndimage.distance_transform_edt(case.source.target[z] >= 128)
        deep = np.argwhere(depth >= np.median(depth[depth > 0])) if depth.any() else np.array([[y, x]])
        py, px = deep[rng.integers(len(deep))] + rng.normal(0, 1.5, 2)
        point = (z * case.source.step_mm, float(py), float(px))
        # the slice of another voxel of the tumour, sometimes just beyond its ends: where does it stop?
        other = _mm(case, case.tumours[rng.integers(len(case.tumours))])[across] + rng.normal(0, 3)
        last = (case.source.hu.shape[across] - 1) * (case.source.step_mm, 1, 1)[across]
        centre = [float(np.clip(other, 0, last)) if axis == across else mm for axis, mm in enumerate(point)]
        return case.source, Draw(triple(centre), crop, point_zyx_mm=point)

    def draw_background(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        """Mostly around the network's own false positives where there are any, else anywhere around the lungs."""
        case = self._pick(rng, self.cases, "whole CT")
        if len(case.hard) and rng.random() < 0.7:
            centre = case.hard[rng.integers(len(case.hard))]
        else:
            places = case.places[PLACES[rng.integers(len(PLACES))]]
            centre = places[rng.integers(len(places))]
        return case.source, Draw(_mm(case, (centre / (case.source.step_mm, 1, 1)).astype(int)), crop)

    def draw_inserted(
        self,
        rng: np.random.Generator,
        crop: int,
        patches: Patches,
        control: bool,
        prompted: bool = False,
        across: int = 0,
    ) -> tuple[Source, Draw]:
        """Draw a nodule of a patch at a place in a CT, or clicked.

        Args:
            rng: Drawn from.
            crop: Pixels of the example's side.
            patches: The nodule is one of these.
            control: Instead nodule-free lung of a patch, blended in alike.
            prompted: With a click on it.
            across: The axis that the example's slice lies across; 0 draws from what little the axial slice needs.

        Raises:
            DataError: There is no CT, no nodule, or no lung for a control.
        """
        case = self._pick(rng, self.cases, "whole CT")
        places = case.places[PLACES[rng.integers(len(PLACES))]]
        place = places[rng.integers(len(places))]
        if control:
            given, shape, centre = draw_negative_control(rng, patches)
            zoom = 1.0
        else:
            index, zoom = patches.pick_lesion(rng, whole=True)
            zoom, given = min(zoom, 3.0), patches.source(index)
            shape = patches.arrays["target_lesion"][index] & TARGET > 0
            centre = centre_of(shape)
        marked = np.flatnonzero(shape.any(tuple(axis for axis in range(3) if axis != across)))
        off_centre = (marked[rng.integers(len(marked))] - centre_of(shape)[across]) * zoom
        z = round(float(place[0] + (0 if across else off_centre)) / case.source.step_mm)
        z_mm = float(np.clip(z, 0, len(case.source.hu) - 1)) * case.source.step_mm
        along_mm = crop if across else None
        source, local = transplant(
            rng, case.source, place, z_mm, given, shape, centre, zoom, control, along_mm, alone=prompted
        )
        point = None
        if prompted:
            deep = np.argwhere(patches.arrays["target_lesion"][index] & DEEP)
            off = (deep[rng.integers(len(deep))] - centre) * zoom + rng.normal(0, rng.uniform(1, 2), 3)
            point = tuple(local + off + (place[0] - z_mm, 0, 0))
        if across:
            local[across] += off_centre
        return source, Draw(tuple(local), crop, point_zyx_mm=point)


def _mm(case: Case, index_zyx) -> tuple[float, float, float]:
    z, y, x = index_zyx
    return (float(z) * case.source.step_mm, float(y), float(x))


def _open(folder: Path, facts: dict, hard: np.ndarray) -> Case:
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("hu", "target", "weight", "lungs")}
    source = Source(arrays["hu"], arrays["target"], arrays["weight"], facts["step_mm"])
    tumours = np.argwhere(np.asarray(source.target) >= 128)
    spacing, start = np.array(facts["lungs_spacing_zyx"]), np.array(facts["lungs_start_zyx"])
    lung = np.asarray(arrays["lungs"]) > 0
    depth = ndimage.distance_transform_edt(lung, spacing)
    middle = np.argwhere(lung)[:, 2].mean()
    medial = np.abs(np.arange(lung.shape[2]) - middle) * spacing[2] < 60
    kinds = {
        "free": depth > 12,
        "pleura": (depth > 0) & (depth < 5) & ~medial,
        "hilum": (depth > 0) & (depth < 10) & medial,
    }
    places = {k: np.argwhere(mask) * spacing + start for k, mask in kinds.items()}
    return Case(folder.name, source, tumours[:: max(1, len(tumours) // 2000)], places, hard)


# how far from the middle of the crop (a share of it) what was drawn may lie; a click is near the middle, as in the run
OFF_CENTRE = {
    "tumour": 1 / 3, "background": 1 / 3, "inserted": 1 / 4, "control": 1 / 4,
    "clicked tumour": 1 / 12, "clicked inserted": 1 / 4,
}  # fmt: skip


def ct_batch(
    cts: WholeCTs,
    patches: Patches,
    card: NetworkCard,
    seed: int,
    step: int,
    n: int,
    crop: int,
    inserted: bool = True,
    prompt: bool = True,
    turned_share: float = 0.0,
    part: slice = EVERY,
):
    """Batch ``step`` of ``n`` examples, kind after kind as in KINDS, from where the batch before ended.

    Args:
        cts: Drawn from.
        patches: Nodules to insert are of these.
        card: Of the network that the examples are for.
        seed: With ``step`` it decides the batch.
        step: The batch's number.
        n: Examples in the batch.
        crop: Pixels of an example's side.
        inserted: False: background instead of inserted nodules and controls.
        prompt: False: no example carries a click.
        turned_share: Of the examples are coronal or sagittal.
        part: Which of them are made.

    Returns:
        x (n, y, x, c), y (n, y, x, 1) and weight (n, y, x, 1).

    Raises:
        DataError: There is nothing to draw from.
    """
    made, inserted = [], inserted and bool(patches.whole)
    for i in range(n)[part]:
        rng = np.random.default_rng((seed, step, i, 2))
        kind = KINDS[(step * n + i) % len(KINDS)]
        if not prompt:
            kind = kind.removeprefix("clicked ")
        axes = reformat.pick_side(rng) if rng.random() < turned_share else (0, 1, 2)
        if kind == "tumour":
            source, draw = cts.draw_tumour(rng, crop)
        elif kind == "clicked tumour":
            source, draw = cts.draw_prompted(rng, crop, axes[0])
        elif kind == "background" or not inserted:
            source, draw = cts.draw_background(rng, crop)
        else:
            control, prompted = kind == "control", kind == "clicked inserted"
            source, draw = cts.draw_inserted(rng, crop, patches, control, prompted, axes[0])
        if axes[0] and source.step_mm <= reformat.THICKEST_MM:
            source, draw = reformat.turned(source, draw, axes)
        made.append(make_example(rng, source, off_centre(rng, draw, OFF_CENTRE[kind]), card))
    x, y, w = (np.stack(part) for part in zip(*made, strict=True))
    return x, y[..., None], w[..., None]
