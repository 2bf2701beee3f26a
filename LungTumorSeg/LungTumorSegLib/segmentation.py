"""The main job: a CT -> the network's probability -> candidates -> lesions. Panel, console, command and evaluation
all call `segment`.
"""

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np

from . import memory
from .at_point import candidate_at
from .checks import check
from .data import CT, Candidate, Lungs, Options, Progress, Rating, Result, apart
from .enums import Stage
from .geometry import Box, Geometry, triple
from .inference import Inference, Job
from .lesions.candidates import candidates_of, longest_mm, widened
from .lesions.extraction import extract, masks_of
from .lesions.regions import LEAST_P, Region, best_regions
from .lungs import find
from .lungs.queries import where_to_compute
from .masses import find_masses
from .model.bundle import Bundle, load_bundle
from .model.calibration import calibrated
from .model.card import check_threshold
from .model.engines.base import Predictor
from .model.engines.choose import open_engine
from .model.unet import receptive_radius
from .sampling import multiview
from .sampling.cubes import classifier_cubes
from .sampling.slices import Plan, plan_box

AGAIN_P = 77  # of 255: a candidate that nowhere reaches 0.3 is not looked at again; all 125 found on `val` reached 0.5
AGAIN_MM = 2.0  # around a candidate, for the views from the other sides
CONTEXT_PX = 16  # what these see around that
LARGEST_MM = 120.0  # a candidate that is longer is not looked at again: it is as slow as the whole lung


def segment(
    ct: CT,
    options: Options | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    engine: Predictor | None = None,
    bundle: Bundle | None = None,
) -> Result:
    """Find the lung tumours of a CT, or with ``options.points_lps`` the lesions at these points.

    Args:
        ct: voxels in HU on any grid of at least 16 mm a side; every output is on its stored grid.
        progress: called with `Progress`.
        cancelled: asked between batches; Cancelled is raised when it says so.
        engine: an already opened one, as ``bundle`` is, to stay warm between runs.

    Raises:
        InputError: of the input: NotACTError, GeometryError, NoLungsFoundError and others.
        ModelError, EngineError: of the model.
    """
    options, job, probability = options or Options(), Job(progress, cancelled), None
    check_threshold(options.threshold)
    check(ct)
    bundle = bundle or load_bundle(options.model)
    with job.stage(Stage.LUNGS):
        lungs = find.find(ct) if options.lung_restriction and not options.points_lps else None
    with job.stage(Stage.ENGINE):
        engine = engine or open_engine(bundle, options.engine, options.device, options.precision, options.threads)
        inference = Inference(engine, bundle, job, options)
    if options.points_lps:
        with job.stage(Stage.NETWORK):
            at_points = [candidate_at(ct, triple(point), options, inference) for point in options.points_lps]
        candidates = [candidate for candidate in at_points if candidate]
    else:
        candidates, probability = _everywhere(ct, lungs, options, inference)
    with job.stage(Stage.CLASSIFIER):
        # at the model's own threshold whatever the user's: moved in the panel, that gives the same confidences
        threshold = bundle.card.operating_threshold(Options(), lungs is not None)
        candidates = _rated(ct, candidates, threshold, inference)
    with job.stage(Stage.LESIONS):
        lesions, masks, less_likely, less_likely_masks = apart(*extract(candidates, ct, lungs, options, bundle.card))
    return Result(
        geometry=ct.geometry,
        candidates=tuple(candidates),
        lungs=lungs,
        lesions=lesions,
        masks=masks,
        options=options,
        model=_model(bundle),
        engine=inference.engine.name,
        device=inference.engine.device,
        reason=inference.engine.reason,
        precision=inference.engine.precision,
        seconds=job.seconds,
        peak_memory_mb=memory.peak_mb(),
        notes=(*(lungs.notes if lungs else ()), *inference.notes),
        probability=probability,
        less_likely=less_likely,
        less_likely_masks=less_likely_masks,
    )


def _model(bundle: Bundle) -> dict:
    """What a result says of its model. Sizes are measured later, without the card: it takes what that says of them."""
    told = {"name": bundle.name, "version": bundle.version, "checksum": bundle.checksum}
    ranges = [asdict(each) for each in bundle.card.size_ranges]
    return told | ({"size_ranges": ranges} if ranges else {})


def _everywhere(
    ct: CT, lungs: Lungs | None, options: Options, inference: Inference
) -> tuple[list[Candidate], np.ndarray | None]:
    """The candidates of all that may hold lung tumour, and where it is asked for the whole map."""
    axial, card, chest = ct.geometry.axial(), inference.bundle.card, lungs is not None
    box = Box.whole(axial.shape_zyx) if lungs is None else where_to_compute(lungs, ct)
    plan = plan_box(axial, card, box, receptive_radius(card.architecture))
    with inference.job.stage(Stage.NETWORK):
        values = inference.map(plan, ct.axial_view, stage=Stage.NETWORK)
    with inference.job.stage(Stage.VIEWS):
        _enter_other_views(ct, plan, values, chest, inference)
        for plane in values:  # in place: copies of 600 slices are 88 MB each
            plane[:] = calibrated(plane, card, chest=chest)
        probability = _full_map(plan, values, ct.geometry) if options.keep_probability else None
        candidates = candidates_of(plan, values, ct.geometry)
        if chest:
            # at the model's own threshold whatever the user's: what is a mass does not depend on it
            masses = find_masses(ct, box, card.operating_threshold(Options(), chest), candidates, inference)
            candidates += masses
            if probability is not None:
                for mass in masses:
                    probability[mass.box.slices] = np.maximum(probability[mass.box.slices], mass.block)
        return candidates, probability


def _enter_other_views(ct: CT, plan: Plan, values: np.ndarray, chest: bool, inference: Inference) -> None:
    """Around the candidates of a whole run's map, the mean with coronal and sagittal view takes its place.

    Not calibrated, as what is given. chest: as for `calibrated`. First a candidate's coronal and sagittal slice through
    its highest p stand for all of them. What thus stays under 0.05, where candidates end, is left at that.
    """
    card = inference.bundle.card
    regions = best_regions(values, lambda part: calibrated(part, card))
    again = [r for r in regions if r.highest >= AGAIN_P and longest_mm(plan, r.box) <= LARGEST_MM]
    boxes = [widened(plan, region.box, AGAIN_MM) for region in again]
    axial = [values[box.slices].copy() for box in boxes]  # boxes overlap
    owns = [region.owns(box, calibrated(p, card)) for region, box, p in zip(again, boxes, axial, strict=True)]
    looks = multiview.Looks(plan, ct.axial_view, boxes, CONTEXT_PX)
    looks.glance([_highest(values, region, box) for region, box in zip(again, boxes, strict=True)])

    def enter(sides: list[np.ndarray], which: list[int]) -> None:
        for i in which:
            values[boxes[i].slices][owns[i]] = multiview.mean(axial[i], sides[i])[owns[i]]

    means = map(multiview.mean, axial, inference.look(looks))
    wanted = [bool((calibrated(p, card, chest)[own] >= LEAST_P).any()) for p, own in zip(means, owns, strict=True)]
    looks.go_on(wanted)
    seen = inference.look(looks, Stage.VIEWS)
    # what was looked at whole last: around it boxes overlap
    enter(seen, [i for i, want in enumerate(wanted) if not want])
    enter(seen, [i for i, want in enumerate(wanted) if want])


def _highest(values: np.ndarray, region: Region, box: Box) -> tuple[int, int]:
    """Row and column of a region's highest p, in a box around it."""
    own = np.where(region.mask, values[region.box.slices], 0)
    place = np.unravel_index(own.argmax(), own.shape)
    _, row, column = np.add(place, region.box.inside(box).start).tolist()
    return row, column


def _rated(ct: CT, candidates: list[Candidate], threshold: float, inference: Inference) -> list[Candidate]:
    """The candidates with the classifier's word on each lesion that they hold at this threshold.

    What is nowhere as high is rated at half of its highest p: somebody may ask for a lower threshold.
    """
    if not inference.engine.classifier:
        return candidates
    geometry, axial, middles = ct.geometry, ct.geometry.axial(), []
    for candidate in candidates:
        highest = candidate.block.max(initial=0) / 255
        held = masks_of(candidate, geometry, threshold if highest >= threshold else highest / 2)
        middles.append([triple(geometry.middle_lps(mask, box).tolist()) for box, mask in held])
    every = [middle for each in middles for middle in each]
    if not every:
        return candidates
    places_mm = axial.index(every) * axial.spacing_zyx
    cubes = classifier_cubes(ct.axial_view, axial.spacing_zyx, places_mm, inference.bundle.card)
    logits = iter(inference.classify(cubes).tolist())
    return [
        replace(candidate, ratings=tuple(Rating(middle, next(logits)) for middle in each))
        for candidate, each in zip(candidates, middles, strict=True)
    ]


def _full_map(plan: Plan, values: np.ndarray, geometry: Geometry) -> np.ndarray:
    whole = np.zeros(plan.axial.shape_zyx, np.uint8)
    box = plan.voxel_box(Box.whole(plan.shape))
    whole[box.slices] = plan.to_voxels(values, box)
    return np.ascontiguousarray(geometry.axial_order().undo(whole))
