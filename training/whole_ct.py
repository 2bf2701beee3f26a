"""Examples from whole CTs: real tumours, background, transplanted nodules and their shams."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.model.card import NetworkCard
from scipy import ndimage

from . import turning
from .examples import EVERY, Patches, make_example
from .prepare import DEEP, TARGET
from .sources import Draw, Source, off_centre, slab_matrix

PLACES = ("free", "pleura", "hilum")
# of twelve crops; half are background, as most of a CT is
KINDS = (
    "background", "tumour", "background", "transplant", "background", "clicked tumour",
    "background", "transplant", "background", "clicked transplant", "background", "sham",
)  # fmt: skip
HARD_NEGATIVES = "hard_negatives.json"  # written by `mine`
SHAM_TRIES = 10_000  # in the pack every third qualifies
RIM_MM = 4.0  # width of the soft blend around a transplanted nodule


@dataclass(frozen=True)
class Case:
    """A prepared whole CT: arrays (z, y, x), 1 mm in plane; ``places``: mm positions in the lungs by kind."""

    name: str
    source: Source
    tumours: np.ndarray  # (n, 3) voxel indices inside tumours, thinned
    places: dict[str, np.ndarray]
    hard: np.ndarray  # (n, 3) mm: centres of false positives


class WholeCTs:
    """The prepared whole CTs of some roles. Every draw raises ValueError where there is nothing to draw from."""

    def __init__(self, prepared: Path, roles: tuple[str, ...]):
        hard_file = prepared / HARD_NEGATIVES
        hard = json.loads(hard_file.read_text()) if hard_file.exists() else {}
        self.roles, self.cases = roles, []
        for file in sorted(prepared.glob("volumes/*/case.json")):  # written last: a killed `add` leaves none
            folder, facts = file.parent, json.loads(file.read_text())
            if facts["role"] in roles:
                self.cases.append(_open(folder, facts, np.array(hard.get(folder.name, []), float).reshape(-1, 3)))
        self.with_tumour = [c for c in self.cases if len(c.tumours)]

    def _pick(self, rng: np.random.Generator, cases: list[Case], what: str) -> Case:
        if not cases:
            raise ValueError(f"No {what} of the role {' or '.join(self.roles)} is prepared. Check ct_roles.")
        return cases[rng.integers(len(cases))]

    def draw_tumour(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        case = self._pick(rng, self.with_tumour, "whole CT with a tumour")
        return case.source, Draw(_mm(case, case.tumours[rng.integers(len(case.tumours))]), crop)

    def draw_prompted(self, rng: np.random.Generator, crop: int, across: int = 0) -> tuple[Source, Draw]:
        """A tumour with a click on it: among the deeper half of its voxels on the slice that was drawn.

        across: the axis that the example's slice lies across.
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
        return case.source, Draw(tuple(centre), crop, point_zyx_mm=point)

    def draw_background(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        """Mostly around the network's own false positives where there are any, else anywhere around the lungs."""
        case = self._pick(rng, self.cases, "whole CT")
        if len(case.hard) and rng.random() < 0.7:
            centre = case.hard[rng.integers(len(case.hard))]
        else:
            places = case.places[PLACES[rng.integers(len(PLACES))]]
            centre = places[rng.integers(len(places))]
        return case.source, Draw(_mm(case, (centre / (case.source.step_mm, 1, 1)).astype(int)), crop)

    def draw_transplant(
        self,
        rng: np.random.Generator,
        crop: int,
        patches: Patches,
        sham: bool,
        prompted: bool = False,
        across: int = 0,
    ) -> tuple[Source, Draw]:
        """A nodule of a patch at a place in a CT, or clicked; as sham nodule-free lung of a patch, blended in alike.

        across: the axis that the example's slice lies across; 0 draws from what little the axial slice needs.
        """
        case = self._pick(rng, self.cases, "whole CT")
        places = case.places[PLACES[rng.integers(len(PLACES))]]
        place = places[rng.integers(len(places))]
        if sham:
            given, shape, centre = draw_sham(rng, patches)
            zoom = 1.0
        else:
            index, zoom = patches.pick_lesion(rng)
            zoom, given = min(zoom, 3.0), patches.source(index)
            shape = patches.arrays["target_lesion"][index] & TARGET > 0
            centre = centre_of(shape)
        marked = np.flatnonzero(shape.any(tuple(axis for axis in range(3) if axis != across)))
        off_centre = (marked[rng.integers(len(marked))] - centre_of(shape)[across]) * zoom
        z = round(float(place[0] + (0 if across else off_centre)) / case.source.step_mm)
        z_mm = float(np.clip(z, 0, len(case.source.hu) - 1)) * case.source.step_mm
        along_mm = crop if across else None
        source, local = transplant(
            rng, case.source, place, z_mm, given, shape, centre, zoom, sham, along_mm, alone=prompted
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


def draw_sham(rng: np.random.Generator, patches: Patches) -> tuple[Source, np.ndarray, np.ndarray]:
    """Lung without a nodule, in the outline of some nodule: donor, shape (bool) and the centre to cut from.

    Only parenchyma: chest wall or a thick vessel in a nodule's outline would look like a nodule and teach the network
    to leave them out (with them the validation Dice fell from 0.81 to 0.76 within 600 steps). Raises ValueError where
    no patch has such lung.
    """
    indices = patches.need(list(patches.rows), "nodule")
    for _ in range(SHAM_TRIES):
        shape = patches.arrays["target_lesion"][indices[rng.integers(len(indices))]] & TARGET > 0
        _, donor, drawn = patches.draw_background(rng, 64)
        centre = np.array(drawn.centre_zyx_mm)
        places = np.rint(np.argwhere(shape) - centre_of(shape) + centre).astype(int)
        if (places < 0).any() or (places > 49).any():
            continue
        hu = donor.hu[tuple(places.T)]
        if hu.mean() < -700 and np.mean(hu > -500) < 0.02:
            return donor, shape, centre
    raise ValueError(f"No patch of the role {patches.role} has enough lung without a nodule for a sham.")


def centre_of(shape: np.ndarray) -> np.ndarray:
    return np.array(ndimage.center_of_mass(shape))


def transplant(
    rng,
    host: Source,
    place_mm,
    z_mm: float,
    donor: Source,
    shape,
    centre,
    zoom: float,
    sham: bool,
    along_mm=None,
    alone=False,
):
    """Blend ``shape`` of the donor patch (1 mm) into the host; its centre comes to lie on ``place_mm``.

    alone: the host's own tumours get weight 0, as a click asks for one lesion only.
    centre: where the donor's voxels are taken from (for a sham elsewhere than the shape). Returns a local copy of
    the host around the slice at ``z_mm`` (a Source), thick enough for all neighbours or ``along_mm`` to both sides,
    and (z, y, x) mm of that slice and the place in it. The donor is brought to the host's slice spacing by slab means
    and, where it is smoother, to its noise; the blend falls off over RIM_MM.
    """
    step, place = host.step_mm, np.asarray(place_mm, float)
    around = _around(host, np.array([z_mm, *place[1:]]), along_mm)
    hu, target, weight = (array[around.slices].copy() for array in (host.hu, host.target, host.weight))
    hu = hu.astype(np.float32)
    if alone:
        weight[target > 0] = 0
        target[:] = 0
    local = place - around.start * np.array([step, 1.0, 1.0])

    shape_centre = centre_of(shape)
    depth = ndimage.distance_transform_edt(~shape) * zoom
    blend = np.clip(1 - depth / RIM_MM, 0, 1)
    # only the pixels that the patch covers
    reach = int(25 * zoom + RIM_MM)
    pixel = local[1:].astype(int)
    near = Box(pixel, pixel + 1).expand(reach, hu.shape[1:])
    z = np.arange(len(hu)) * step

    def bring(volume, middle, fill):
        along_z = slab_matrix(50, 1.0, (z - local[0]) / zoom + middle[0], step / zoom)
        flat = (along_z @ volume.reshape(50, -1).astype(np.float32)).reshape(len(z), 50, 50)
        y, x = ((np.arange(*ends) - c) / zoom + m for ends, c, m in zip(near.pairs, local[1:], middle[1:], strict=True))
        grid = np.meshgrid(y, x, indexing="ij")
        sampled = [ndimage.map_coordinates(s, grid, order=1, cval=fill) for s in flat]
        return np.where(along_z.sum(1)[:, None, None] < 0.5, fill, np.stack(sampled))

    part = (slice(None), *near.slices)
    share = bring(blend, shape_centre, 0)
    # around the nodule the donor shows lung: into the host's wall or vessels it would cut a dark rim
    share[(share < 0.99) & (hu[part] > -400)] = 0
    other = bring(donor.hu, np.asarray(centre, float), -850)
    other += _missing_noise(rng, hu[part], donor)
    hu[part] += share * (other - hu[part])
    if not sham:
        new = np.clip(np.rint(bring(donor.target * shape, shape_centre, 0)), 0, 255).astype(np.uint8)
        target[part] = np.maximum(target[part], new)
        weight[part] = np.where(share > 0, 1, weight[part])
    local[0] = z_mm - around.start[0] * step
    return Source(np.rint(hu).astype(np.int16), target, weight, step), local


def _around(host: Source, centre_mm: np.ndarray, along_mm: float | None) -> Box:
    """The voxels within 128 mm of the centre in the plane, along z within ``along_mm`` or as the neighbours need."""
    context = np.array([along_mm or 10.0 + 2 * host.step_mm, 128.0, 128.0])
    unit = np.array([host.step_mm, 1.0, 1.0])
    low = np.maximum(0, np.floor((centre_mm - context) / unit)).astype(int)
    high = np.minimum(host.hu.shape, np.ceil((centre_mm + context) / unit).astype(int) + 1)
    return Box(low, high)


def _missing_noise(rng, hu: np.ndarray, donor: Source):
    """What brings the donor to the noise of ``hu``: normal, of its shape; 0 where the donor is as noisy."""
    missing = _noise(hu) ** 2 - _noise(donor.hu[20:30].astype(np.float32)) ** 2
    return rng.normal(0, np.sqrt(missing), hu.shape) if missing > 0 else 0


def _noise(hu: np.ndarray) -> float:
    """Noise of the lung in HU: spread of the residual of a small blur over aerated voxels."""
    lung = (hu > -950) & (hu < -700)
    if np.count_nonzero(lung) < 200:
        return 0.0
    residual = (hu - ndimage.gaussian_filter(hu, (0, 1, 1)))[lung]
    return float(1.48 * np.median(np.abs(residual)))


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
    "tumour": 1 / 3, "background": 1 / 3, "transplant": 1 / 4, "sham": 1 / 4,
    "clicked tumour": 1 / 12, "clicked transplant": 1 / 4,
}  # fmt: skip


def ct_batch(
    cts: WholeCTs,
    patches: Patches,
    card: NetworkCard,
    seed: int,
    step: int,
    n: int,
    crop: int,
    transplants: bool = True,
    prompt: bool = True,
    turned_share: float = 0.0,
    part: slice = EVERY,
):
    """Batch ``step`` of ``n`` examples, kind after kind as in KINDS, from where the batch before ended.

    turned_share: of them are coronal or sagittal. part: which of them are made.
    """
    made = []
    for i in range(n)[part]:
        rng = np.random.default_rng((seed, step, i, 2))
        kind = KINDS[(step * n + i) % len(KINDS)]
        if not prompt:
            kind = kind.removeprefix("clicked ")
        axes = turning.pick_side(rng) if rng.random() < turned_share else (0, 1, 2)
        if kind == "tumour":
            source, draw = cts.draw_tumour(rng, crop)
        elif kind == "clicked tumour":
            source, draw = cts.draw_prompted(rng, crop, axes[0])
        elif kind == "background" or not transplants:
            source, draw = cts.draw_background(rng, crop)
        else:
            sham, prompted = kind == "sham", kind == "clicked transplant"
            source, draw = cts.draw_transplant(rng, crop, patches, sham, prompted, axes[0])
        if axes[0] and source.step_mm <= turning.THICKEST_MM:
            source, draw = turning.turned(source, draw, axes)
        made.append(make_example(rng, source, off_centre(rng, draw, OFF_CENTRE[kind]), card))
    x, y, w = (np.stack(part) for part in zip(*made, strict=True))
    return x, y[..., None], w[..., None]
