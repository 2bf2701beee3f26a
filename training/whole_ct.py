"""Examples from whole CTs: real tumours, background, transplanted nodules and their shams."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from .examples import EVERY, Draw, Patches, Source, make_example, slab_matrix
from .prepare import DEEP, TARGET

PLACES = ("free", "pleura", "hilum")
# of twelve crops; half are background, as most of a CT is
KINDS = (
    "background", "tumour", "background", "transplant", "background", "clicked tumour",
    "background", "transplant", "background", "clicked transplant", "background", "sham",
)  # fmt: skip
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
    """The prepared whole CTs of some roles."""

    def __init__(self, prepared: Path, roles: tuple[str, ...]):
        hard_file = prepared / "hard_negatives.json"
        hard = json.loads(hard_file.read_text()) if hard_file.exists() else {}
        self.cases = []
        for folder in sorted((prepared / "volumes").iterdir()):
            facts = json.loads((folder / "case.json").read_text())
            if facts["role"] in roles:
                self.cases.append(_open(folder, facts, np.array(hard.get(folder.name, []), float).reshape(-1, 3)))
        self.with_tumour = [c for c in self.cases if len(c.tumours)]

    def draw_tumour(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        case = self.with_tumour[rng.integers(len(self.with_tumour))]
        return case.source, Draw(self._near(rng, case.tumours[rng.integers(len(case.tumours))], case, crop), crop)

    def draw_prompted(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        """A tumour with a click on it: among the deeper half of its voxels on the slice that was drawn."""
        case = self.with_tumour[rng.integers(len(self.with_tumour))]
        z, y, x = case.tumours[rng.integers(len(case.tumours))]
        depth = ndimage.distance_transform_edt(case.source.target[z] >= 128)
        deep = np.argwhere(depth >= np.median(depth[depth > 0])) if depth.any() else np.array([[y, x]])
        py, px = deep[rng.integers(len(deep))] + rng.normal(0, 1.5, 2)
        z_mm = z * case.source.step_mm
        # the slice of another voxel of the tumour, sometimes just beyond its ends: where does it stop?
        other_z = case.tumours[rng.integers(len(case.tumours))][0] + round(rng.normal(0, 3) / case.source.step_mm)
        centre_z = float(np.clip(other_z, 0, len(case.source.hu) - 1)) * case.source.step_mm
        centre = (centre_z, *(np.array((py, px)) + rng.uniform(-8, 8, 2)))
        return case.source, Draw(centre, crop, point_zyx_mm=(z_mm, py, px))

    def draw_background(self, rng: np.random.Generator, crop: int) -> tuple[Source, Draw]:
        """Mostly around the network's own false positives where there are any, else anywhere around the lungs."""
        case = self.cases[rng.integers(len(self.cases))]
        if len(case.hard) and rng.random() < 0.7:
            centre = case.hard[rng.integers(len(case.hard))]
        else:
            places = case.places[PLACES[rng.integers(len(PLACES))]]
            centre = places[rng.integers(len(places))]
        index = (centre / (case.source.step_mm, 1, 1)).astype(int)
        return case.source, Draw(self._near(rng, index, case, crop), crop)

    def draw_transplant(
        self, rng: np.random.Generator, crop: int, patches: Patches, sham: bool, prompted: bool = False
    ) -> tuple[Source, Draw]:
        """A nodule of a patch at a place in a CT, or clicked; as sham nodule-free lung of a patch, blended in alike."""
        case = self.cases[rng.integers(len(self.cases))]
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
        marked = np.flatnonzero(shape.any((1, 2)))
        off_centre = (marked[rng.integers(len(marked))] - centre_of(shape)[0]) * zoom
        z = round(float(place[0] + off_centre) / case.source.step_mm)
        z_mm = float(np.clip(z, 0, len(case.source.hu) - 1)) * case.source.step_mm
        source, local = transplant(rng, case.source, place, z_mm, given, shape, centre, zoom, sham, alone=prompted)
        point = None
        if prompted:
            deep = np.argwhere(patches.arrays["target_lesion"][index] & DEEP)
            off = (deep[rng.integers(len(deep))] - centre) * zoom + rng.normal(0, rng.uniform(1, 2), 3)
            point = tuple(local + off + (place[0] - z_mm, 0, 0))
        shift = rng.uniform(-crop / 4, crop / 4, 2)
        return source, Draw((local[0], local[1] + shift[0], local[2] + shift[1]), crop, point_zyx_mm=point)

    @staticmethod
    def _near(rng: np.random.Generator, index_zyx, case: Case, crop: int) -> tuple[float, float, float]:
        y, x = index_zyx[1:] + rng.uniform(-crop / 3, crop / 3, 2)
        return (float(index_zyx[0]) * case.source.step_mm, float(y), float(x))


def draw_sham(rng: np.random.Generator, patches: Patches) -> tuple[Source, np.ndarray, np.ndarray]:
    """Lung without a nodule, in the outline of some nodule: donor, shape (bool) and the centre to cut from.

    Only parenchyma: chest wall or a thick vessel in a nodule's outline would look like a nodule and teach the network
    to leave them out (with them the validation Dice fell from 0.81 to 0.76 within 600 steps).
    """
    indices = list(patches.rows)
    while True:
        shape = patches.arrays["target_lesion"][indices[rng.integers(len(indices))]] & TARGET > 0
        _, donor, drawn = patches.draw_background(rng, 64)
        centre = np.array(drawn.centre_zyx_mm)
        places = np.rint(np.argwhere(shape) - centre_of(shape) + centre).astype(int)
        if (places < 0).any() or (places > 49).any():
            continue
        hu = donor.hu[tuple(places.T)]
        if hu.mean() < -700 and np.mean(hu > -500) < 0.02:
            return donor, shape, centre


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
    centre_of_box = np.array([z_mm, *place[1:]])
    context = np.array([along_mm or 10.0 + 2 * step, 128.0, 128.0])
    unit = np.array([step, 1.0, 1.0])
    low = np.maximum(0, np.floor((centre_of_box - context) / unit)).astype(int)
    high = np.minimum(host.hu.shape, np.ceil((centre_of_box + context) / unit).astype(int) + 1)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    hu, target, weight = host.hu[box].astype(np.float32), host.target[box].copy(), host.weight[box].copy()
    if alone:
        weight[target > 0] = 0
        target[:] = 0
    local = place - low * unit

    shape_centre = centre_of(shape)
    depth = ndimage.distance_transform_edt(~shape) * zoom
    blend = np.clip(1 - depth / RIM_MM, 0, 1)
    # only the pixels that the patch covers
    reach = int(25 * zoom + RIM_MM)
    rows, columns = (
        slice(max(0, int(c) - reach), min(n, int(c) + reach + 1)) for n, c in zip(hu.shape[1:], local[1:], strict=True)
    )
    z = np.arange(len(hu)) * step

    def bring(volume, middle, fill):
        along_z = slab_matrix(50, 1.0, (z - local[0]) / zoom + middle[0], step / zoom)
        flat = (along_z @ volume.reshape(50, -1).astype(np.float32)).reshape(len(z), 50, 50)
        y, x = (
            (np.arange(part.start, part.stop) - c) / zoom + m
            for part, c, m in zip((rows, columns), local[1:], middle[1:], strict=True)
        )
        grid = np.meshgrid(y, x, indexing="ij")
        sampled = [ndimage.map_coordinates(s, grid, order=1, cval=fill) for s in flat]
        return np.where(along_z.sum(1)[:, None, None] < 0.5, fill, np.stack(sampled))

    part = (slice(None), rows, columns)
    share = bring(blend, shape_centre, 0)
    # around the nodule the donor shows lung: into the host's wall or vessels it would cut a dark rim
    share[(share < 0.99) & (hu[part] > -400)] = 0
    other = bring(donor.hu, np.asarray(centre, float), -850)
    missing = _noise(hu[part]) ** 2 - _noise(donor.hu[20:30].astype(np.float32)) ** 2
    if missing > 0:
        other += rng.normal(0, np.sqrt(missing), other.shape)
    hu[part] += share * (other - hu[part])
    if not sham:
        new = np.clip(np.rint(bring(donor.target * shape, shape_centre, 0)), 0, 255).astype(np.uint8)
        target[part] = np.maximum(target[part], new)
        weight[part] = np.where(share > 0, 1, weight[part])
    local[0] = z_mm - low[0] * step
    return Source(np.rint(hu).astype(np.int16), target, weight, step), local


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


def ct_batch(
    cts: WholeCTs,
    patches: Patches,
    card: dict,
    seed: int,
    step: int,
    n: int,
    crop: int,
    transplants: bool = True,
    prompt: bool = True,
    part: slice = EVERY,
):
    """Batch ``step`` of ``n`` examples, kind after kind as in KINDS, from where the batch before ended.

    part: which of them are made.
    """
    made = []
    for i in range(n)[part]:
        rng = np.random.default_rng((seed, step, i, 2))
        kind = KINDS[(step * n + i) % len(KINDS)]
        if not prompt:
            kind = kind.removeprefix("clicked ")
        if kind == "tumour":
            source, draw = cts.draw_tumour(rng, crop)
        elif kind == "clicked tumour":
            source, draw = cts.draw_prompted(rng, crop)
        elif kind == "background" or not transplants:
            source, draw = cts.draw_background(rng, crop)
        else:
            sham, prompted = kind == "sham", kind == "clicked transplant"
            source, draw = cts.draw_transplant(rng, crop, patches, sham, prompted)
        made.append(make_example(rng, source, draw, card))
    x, y, w = (np.stack(part) for part in zip(*made, strict=True))
    return x, y[..., None], w[..., None]
