"""The main job: a CT -> the network's probability -> candidates -> lesions. Panel, console, command and evaluation
all call `segment`.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial

import cc3d
import numpy as np

from . import memory
from .checks import check
from .data import CT, Candidate, Options, Progress, Rating, Result, check_threshold, operating_threshold
from .errors import Cancelled, InputError, OutOfMemoryError
from .geometry import Box, Geometry, ras_from_lps
from .lesions.extraction import click, extract, masks_of
from .lungs.find import find_lungs, where_to_compute
from .model import classifier, unet
from .model.bundle import Bundle, load_bundle
from .model.calibration import calibrated
from .model.engines.base import Engine
from .model.engines.choose import open_engine
from .sampling import multiview, slices

CANDIDATE_P = 13  # of 255: p >= 0.05
MOST_CANDIDATES = 200
PADDING_MM = 5.0
AGAIN_P = 77  # of 255: a candidate that nowhere reaches 0.3 is not looked at again; all 125 found on `val` reached 0.5
AGAIN_MM = 2.0  # around a candidate, for the views from the other sides
CONTEXT_PX = 16  # what these see around that
LARGEST_MM = 120.0  # a candidate that is longer is not looked at again: it is as slow as the whole lung
CLICK_BOX_MM, CLICK_BOX_LARGE_MM = 60.0, 120.0

ProgressCallback = Callable[[Progress], None]


def segment(
    ct: CT,
    options: Options | None = None,
    progress: ProgressCallback | None = None,
    cancelled: Callable[[], bool] | None = None,
    engine: Engine | None = None,
    bundle: Bundle | None = None,
) -> Result:
    """Find the lung tumours of a CT, or with ``options.points_lps`` the lesions at these points.

    ct: voxels in HU on any grid of at least 16 mm a side; every output is on its stored grid. progress: called with
    `Progress`. cancelled: asked between batches. engine, bundle: already opened ones, to stay warm between runs.

    Raises NotACTError, GeometryError, NoLungsFoundError and other InputErrors for the input, ModelError and
    EngineError for the model, Cancelled when ``cancelled`` says so.
    """
    options = options or Options()
    run = _Run(ct, options, progress or (lambda _: None), cancelled or (lambda: False))
    check_threshold(options.threshold)
    check(ct)
    bundle = bundle or load_bundle(options.model)
    with run.stage("lungs"):
        found = find_lungs(ct) if options.lung_restriction and not options.points_lps else None
    with run.stage("engine"):
        run.engine = engine or open_engine(bundle, options.engine, options.device)
        run.batch = run.engine.batch
        run.bundle = bundle
    probability = None
    if options.points_lps:
        with run.stage("network"):
            candidates = [c for point in options.points_lps if (c := run.click(tuple(point))) is not None]
    else:
        with run.stage("network"):
            plan, values = run.whole(found)
        with run.stage("views"):
            values = calibrated(run.look_again(plan, values), bundle.card, chest=found is not None)
            candidates = candidates_of(plan, values, ct.geometry)
            if options.keep_probability:
                probability = _full_map(plan, values, ct.geometry)
    with run.stage("classifier"):
        # at the model's own threshold whatever the user's: moved in the panel, that gives the same confidences
        candidates = run.rated(candidates, operating_threshold(Options(), bundle.card, found is not None))
    with run.stage("lesions"):
        made, masks = extract(candidates, ct, found, options, bundle.card)
    return Result(
        geometry=ct.geometry,
        candidates=tuple(candidates),
        lungs=found,
        lesions=made,
        masks=masks,
        options=options,
        model={"name": bundle.name, "version": bundle.version, "checksum": bundle.checksum},
        engine=run.engine.name,
        device=run.engine.device,
        reason=run.engine.reason,
        seconds=run.seconds,
        peak_memory_mb=memory.peak_mb(),
        notes=tuple(run.notes),
        probability=probability,
    )


class _Run:
    """What one call of `segment` carries along."""

    def __init__(self, ct: CT, options: Options, progress: ProgressCallback, cancelled: Callable[[], bool]):
        self.ct, self.options, self.progress, self.cancelled = ct, options, progress, cancelled
        self.axial = ct.geometry.axial()
        self.view = ct.geometry.axial_order().view(ct.voxels_zyx)
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self.engine: Engine
        self.batch: int  # slices at a time; stays halved once memory was short
        self.bundle: Bundle

    def stage(self, name: str) -> "_Stage":
        return _Stage(self, name)

    def ask_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled("Cancelled. Nothing was changed.")

    def whole(self, found) -> tuple[slices.Plan, np.ndarray]:
        """The network over all that may hold lung tumour."""
        box = Box.whole(self.axial.shape_zyx) if found is None else where_to_compute(found, self.ct)
        card = self.bundle.card
        plan = slices.plan_box(self.axial, card, box, unet.receptive_radius(card["architecture"]))
        return plan, self.network(plan, self.view, report=True)

    def look_again(self, plan: slices.Plan, values: np.ndarray) -> np.ndarray:
        """A whole run's map: around its candidates the mean with coronal and sagittal view. Not calibrated, as what is
        given.
        """
        looked, began = values.copy(), time.perf_counter()
        axial = calibrated(values, self.bundle.card)
        labels, found = _components(axial)
        for number, (label, box, highest) in enumerate(found, 1):
            if highest >= AGAIN_P and _longest_mm(plan, box) <= LARGEST_MM:
                wide = _widened(plan, box, AGAIN_MM)
                sides, near = multiview.look(plan, self.view, wide, self.network, CONTEXT_PX), labels[wide.slices]
                own = (near == label) | (near == 0)
                looked[wide.slices][own] = multiview.mean(values[wide.slices], sides)[own]
            left = (time.perf_counter() - began) / number * (len(found) - number)
            self.progress(Progress("views", number, len(found), left))
        return looked

    def rated(self, candidates: list[Candidate], threshold: float) -> list[Candidate]:
        """The candidates with the classifier's word on each lesion that they hold at this threshold.

        What is nowhere as high is rated at half of its highest p: somebody may ask for a lower threshold.
        """
        if not self.engine.classifier:
            return candidates
        geometry, middles = self.ct.geometry, []
        for candidate in candidates:
            highest = candidate.block.max(initial=0) / 255
            held = masks_of(candidate, geometry, threshold if highest >= threshold else highest / 2)
            middles.append([tuple(geometry.middle_lps(mask, box).tolist()) for box, mask in held])
        every = [middle for each in middles for middle in each]
        if not every:
            return candidates
        places_mm = self.axial.index(every) * self.axial.spacing_zyx
        given = classifier.cubes(self.view, self.axial.spacing_zyx, places_mm, self.bundle.card)
        logits = iter(self.classified(given).tolist())
        return [
            replace(candidate, ratings=tuple(Rating(middle, next(logits)) for middle in each))
            for candidate, each in zip(candidates, middles, strict=True)
        ]

    def classified(self, cubes: np.ndarray) -> np.ndarray:
        """Their logits. Halves the batch when memory is short, then takes the CPU."""

        def predict(some: np.ndarray) -> np.ndarray:
            self.ask_cancelled()
            return self.engine.classifier.predict(some)

        while True:
            try:
                return classifier.logits(predict, cubes, self.batch)
            except OutOfMemoryError:
                self._after_out_of_memory()

    def network(self, plan: slices.Plan, view: np.ndarray, point_lps=None, report: bool = False) -> np.ndarray:
        """Run the plan's slices; uint8 map (runs, y, x). Halves the batch when memory is short, then takes the CPU."""
        values = np.zeros(plan.shape, np.uint8)
        done, began = 0, time.perf_counter()
        while done < len(values):
            try:
                with closing(_one_ahead(plan.batches(view, self.batch, point_lps, done))) as batches:
                    for which, given in batches:
                        self.ask_cancelled()
                        values[which] = np.rint(self.engine.predict(given) * 255)
                        done = which.stop
                        left = (time.perf_counter() - began) / done * (len(values) - done)
                        if report:
                            self.progress(Progress("network", done, len(values), left))
            except OutOfMemoryError:
                self._after_out_of_memory()
        return values

    def _after_out_of_memory(self) -> None:
        if self.batch > 1:
            before, self.batch = self.batch, self.batch // 2
            self.notes.append(
                f"{self.engine.device} ran out of memory with {before} slices at a time; went on with {self.batch}."
            )
            return
        if self.engine.device == "CPU":
            raise
        self.notes.append(f"{self.engine.device} has too little memory even for one slice; went on on the CPU.")
        self.engine = open_engine(self.bundle, self.options.engine, "cpu")
        self.engine.reason = "the GPU ran out of memory"
        self.batch = self.engine.batch

    def click(self, point_lps: tuple[float, float, float]) -> Candidate | None:
        """The click rule: a 60 mm box around the point with the prompt; 120 mm when the lesion reaches its border."""
        index = self.axial.index(point_lps)
        if np.any(index < -0.5) or np.any(index > np.array(self.axial.shape_zyx) - 0.5):
            raise InputError(
                f"The point {_ras(point_lps)} (R, A, S in mm) lies outside the CT. Choose a point inside it."
            )
        card = self.bundle.card
        for side_mm in (CLICK_BOX_MM, CLICK_BOX_LARGE_MM):
            plan = slices.plan_around(self.axial, card, point_lps, side_mm)
            values = self.network(plan, self.view, point_lps, report=True)
            everything = Box.whole(plan.shape)
            network = partial(self.network, point_lps=point_lps)
            values = calibrated(multiview.mean(values, multiview.look(plan, self.view, everything, network)), card)
            box = plan.voxel_box(everything)
            block = plan.to_voxels(values, box)
            open_sides = tuple((a > 0, b < n) for (a, b), n in zip(box.pairs, self.axial.shape_zyx, strict=True))
            last = side_mm == CLICK_BOX_LARGE_MM
            threshold = operating_threshold(self.options, card, chest=False)
            rule = click(block, self.axial.crop(box), point_lps, threshold, open_sides, last)
            if rule is None:
                self.notes.append(f"Nothing was found at the point {_ras(point_lps)} (R, A, S in mm).")
                return None
            if not rule.at_border or last:
                return _candidate(block, box, self.ct.geometry, point_lps, rule.threshold)
        return None


def _one_ahead(batches: Iterator) -> Iterator:
    """The same batches in the same order; a second thread makes the next one while one is being used."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = maker.submit(next, batches, None)
            yield batch


class _Stage:
    def __init__(self, run: _Run, name: str):
        self.run, self.name = run, name

    def __enter__(self):
        self.run.ask_cancelled()
        self.began = time.perf_counter()
        self.run.progress(Progress(self.name, 0, 1))

    def __exit__(self, *_):
        self.run.seconds[self.name] = time.perf_counter() - self.began


def candidates_of(plan: slices.Plan, values: np.ndarray, geometry: Geometry) -> list[Candidate]:
    """The 200 best (by highest p, then size) components of p >= 0.05, each as a block on the CT's stored grid."""
    labels, found = _components(values)
    return [_cut(plan, values, labels, label, box, geometry) for label, box, _ in found]


def _components(values: np.ndarray) -> tuple[np.ndarray, list[tuple[int, Box, int]]]:
    """Labels of the components of p >= 0.05 of a map; label, box and highest value of the 200 best."""
    labels, count = cc3d.connected_components(values >= CANDIDATE_P, connectivity=26, return_N=True)
    if not count:
        return labels, []
    stats = cc3d.statistics(labels, no_slice_conversion=False)
    boxes, sizes = [Box.of_slices(s) for s in stats["bounding_boxes"][1:]], stats["voxel_counts"][1:]
    highest = [int(values[b.slices][labels[b.slices] == i + 1].max()) for i, b in enumerate(boxes)]
    best = sorted(range(count), key=lambda i: (-highest[i], -int(sizes[i])))[:MOST_CANDIDATES]
    return labels, [(i + 1, boxes[i], highest[i]) for i in best]


def _longest_mm(plan: slices.Plan, map_box: Box) -> float:
    part = plan.part(map_box)
    along_z = float(part.runs[-1] - part.runs[0]) * plan.axial.spacing_zyx[0]
    return max(along_z, *(n * plan.card["spacing_mm"] for n in part.box_yx.shape))


def _widened(plan: slices.Plan, map_box: Box, margin_mm: float) -> Box:
    """A box of the map with at least ``margin_mm`` more on each side."""
    pixel = plan.card["spacing_mm"]
    margins = [int(np.ceil(margin_mm / mm)) for mm in (plan.axial.spacing_zyx[0], pixel, pixel)]
    return map_box.expand(margins, plan.shape)


def _cut(plan, values, labels, label: int, map_box: Box, geometry: Geometry) -> Candidate:
    box, wide = plan.voxel_box(map_box, PADDING_MM), _widened(plan, map_box, 2 + PADDING_MM)
    near = labels[wide.slices]
    own = np.where((near == label) | (near == 0), values[wide.slices], 0)  # neighbours have their own block
    return _candidate(plan.part(wide).to_voxels(own, box), box, geometry)


def _candidate(block: np.ndarray, box: Box, geometry: Geometry, point_lps=None, threshold=None) -> Candidate:
    order, shape = geometry.axial_order(), geometry.axial().shape_zyx
    return Candidate(order.undo_box(box, shape), np.ascontiguousarray(order.undo(block)), point_lps, threshold)


def _full_map(plan: slices.Plan, values: np.ndarray, geometry: Geometry) -> np.ndarray:
    whole = np.zeros(plan.axial.shape_zyx, np.uint8)
    box = plan.voxel_box(Box.whole(plan.shape))
    whole[box.slices] = plan.to_voxels(values, box)
    return np.ascontiguousarray(geometry.axial_order().undo(whole))


def _ras(point_lps) -> str:
    return ", ".join(f"{mm:.1f}" for mm in ras_from_lps(point_lps))
