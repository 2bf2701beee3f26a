"""Hard negatives: where in whole CTs and in patches the network sees tumour and there is none."""

import json
from pathlib import Path

import numpy as np
from LungTumorSegLib import segmentation
from LungTumorSegLib.data import CT, Options, Result
from LungTumorSegLib.errors import NotACTError
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from rich.progress import track
from scipy import ndimage
from scipy.spatial import cKDTree

from ..config import Config, Stage
from ..data import cases, seen
from ..data.prepare import HARD_PATCHES
from .patches import Patches
from .whole_ct import HARD_NEGATIVES

LEAST_P = 0.3
AWAY_MM = 8.0  # from any label, as in the patches
APART_MM = 30.0  # a large false positive gets several points
MOST, MOST_OF_ONE = 60, 12  # points of a case, and of one false positive: a huge one must not take all
ENOUGH = 20_000  # voxels of a false positive that are looked at


def for_stage(config: Config, stage: Stage, model: Path) -> None:
    """Mine what a stage draws from."""
    if stage.mined:
        mine_patches(config, model)
    if stage.ct_share:
        mine_cts(config, model)


def mine_patches(config: Config, model: Path | None = None) -> Path:
    """Run the product over every ``train`` patch and write ``hard_patches.json``.

    369 patients' vessels and chest walls, where the whole CTs are sixteen.

    Args:
        config: Says where the prepared data are.
        model: A bundle, else the bundled one.

    Returns:
        The file, {index: [[z, y, x], ...]} in mm.
    """
    opened = load_bundle(model)
    engine = open_engine(opened)
    prepared = Path(config.data.prepared)
    patches = Patches(prepared, "train")
    found = {}
    for index in track(patches.rows, "False positives in patches"):
        source = patches.source(index)
        ct = CT(source.hu, Geometry(source.hu.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), f"nodule {index}")
        try:
            result = segmentation.segment(ct, Options(lung_restriction=False), engine=engine, bundle=opened)
        except NotACTError:  # less than 1 % of it is air
            continue
        points = false_positives(result, ct, source.target, source.weight)
        if len(points):
            found[index] = points.tolist()
    return _write(prepared / HARD_PATCHES, found)


def mine_cts(config: Config, model: Path | None = None) -> Path:
    """Run the product over every whole CT and write ``hard_negatives.json`` beside the prepared volumes.

    Cases whose background can't be trusted (weight 0 everywhere) are left out, and those of val and test.

    Args:
        config: Says where the prepared data are.
        model: A bundle, else the bundled one.

    Returns:
        The file, {case: [[z, y, x], ...]}: mm from voxel 0's centre in the axial view, highest probability first.

    Raises:
        UnreadableError: A CT is no longer where it was prepared from.
    """
    opened = load_bundle(model)
    engine = open_engine(opened)
    prepared = Path(config.data.prepared)
    found = {}
    learnt = [name for name, facts in seen.cases(config).items() if facts["role"] not in ("val", "test")]
    names = [name for name in learnt if name not in config.data.kept_aside]
    for name in names:
        cases.check_there(config, name)
    for name in track(names, "False positives"):
        folder = prepared / "volumes" / name
        weight = np.load(folder / "weight.npy", mmap_mode="r")
        if weight.any():
            ct = cases.read(config, name)[0]
            result = segmentation.segment(ct, Options(), engine=engine, bundle=opened)
            label = np.load(folder / "target.npy", mmap_mode="r")
            found[name] = [point.tolist() for point in false_positives(result, ct, label, weight)]
    return _write(prepared / HARD_NEGATIVES, found)


def _write(target: Path, found: dict) -> Path:
    unfinished = target.with_suffix(".part")
    unfinished.write_text(json.dumps(found))
    return unfinished.replace(target)


def false_positives(result: Result, ct: CT, label_zyx: np.ndarray, weight_zyx: np.ndarray) -> np.ndarray:
    """Points of p >= 0.3 more than 8 mm from any label, 30 mm apart, best first.

    At most 60, and 12 of one false positive.

    Args:
        result: The product's, with its candidates.
        ct: That it was asked about.
        label_zyx: As `prepare` writes it, on the CT's slices and 1 mm in plane.
        weight_zyx: As `prepare` writes it, on the same voxels.

    Returns:
        (n, 3) zyx mm in the axial view.
    """
    order, axial = ct.geometry.axial_order(), ct.geometry.axial()
    spacing, unit = np.array(axial.spacing_zyx), np.array([axial.spacing_zyx[0], 1.0, 1.0])
    marked = np.argwhere(label_zyx > 0) * unit
    tree = cKDTree(marked) if len(marked) else None
    points, heights = [], []
    for candidate in result.candidates:
        box = order.view_box(candidate.box, axial.shape_zyx)
        block = order.view(candidate.block)
        high = np.argwhere(block >= LEAST_P * 255)
        high = high[:: max(1, len(high) // ENOUGH)]
        if not len(high):
            continue
        # 8-bit maps have plateaus: the mean over 5 mm finds their middle
        height = ndimage.gaussian_filter(block.astype(np.float32), 2.5 / spacing)[tuple(high.T)]
        places = (high + box.start) * spacing
        index = np.minimum(np.rint(places / unit).astype(int), np.array(weight_zyx.shape) - 1)
        trusted = weight_zyx[tuple(index.T)] > 0
        if tree is not None:
            trusted &= tree.query(places, distance_upper_bound=AWAY_MM)[0] > AWAY_MM
        places, height = places[trusted], height[trusted]
        for _ in range(MOST_OF_ONE):
            if not len(places):
                break
            best = places[height.argmax()]
            points.append(best)
            heights.append(float(height.max()))
            far = np.linalg.norm(places - best, axis=1) > APART_MM
            places, height = places[far], height[far]
    best = np.argsort(-np.array(heights), kind="stable")[:MOST]
    return np.array(points).reshape(-1, 3)[best]
