"""How whole a click and a run outline a large mass: enlarged lesions on diaphragm, mediastinum and chest wall."""

import json
from collections.abc import Iterator
from itertools import cycle, islice, product
from pathlib import Path

import numpy as np
from LungTumorSegLib import segmentation
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.geometry import Box, Point, triple
from LungTumorSegLib.lungs import find
from LungTumorSegLib.model.bundle import Bundle, load_bundle
from LungTumorSegLib.model.engines.base import Predictor
from LungTumorSegLib.model.engines.choose import open_engine
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import ndimage

from ..config import Config
from ..data import pack
from ..errors import DataError
from ..evaluate import metrics
from ..evaluate.click import mask_of
from ..examples import masses
from ..examples.patches import Patches

SIZES_MM = (60, 75, 90, 105, 120, 135, 150)
GROUPS = ((50, 75), (75, 90), (90, 120), (120, 165))  # mm, as measured
LEAST_DICE = 0.3  # of what is listed in a run; less is something else, or a fragment
LARGEST = ("113_HM10395", "RIDER-1129164940", "QIN-LUNG-01-0013")  # tumours of 52 to 68 ml, which the model has seen


def run(config: Config, folder: Path | None, role: str) -> Path:
    """Click into each mass of a role, run over its CT without a click, and print Dice by size.

    Args:
        config: Says where the pack and the prepared data are.
        folder: Of the model's bundle, else the bundled one.
        role: val | test.

    Returns:
        The file with every click.

    Raises:
        DataError: It is another role, there is no pack, or a tumour's mask is gone.
    """
    if role not in masses.RECIPIENTS or not config.data.pack:
        raise DataError("Masses are made of nodules of the role val or test and of the pack's CTs. Give one of these.")
    bundle = load_bundle(folder)
    engine = open_engine(bundle)
    rows = [
        clicked(mass, point, engine, bundle) | in_a_run(mass, engine, bundle)
        for mass, point in track(made(config, role), "Masses")
    ]
    out = Path(config.fit.run) / f"masses-{role}-{bundle.checksum[:12]}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"model": bundle.version, "groups": summarise(rows), "masses": rows}, indent=1))
    show(rows)
    return out


def made(config: Config, role: str) -> Iterator[tuple[masses.Mass, Point]]:
    """Make the masses: every size on every surface.

    Args:
        config: Says where the pack and the prepared data are.
        role: val | test.

    Yields:
        Each mass that found a place, and a random one of its deeper half's voxels, LPS mm.

    Raises:
        DataError: A tumour's mask is gone.
    """
    root, patches = Path(config.data.pack), Patches(Path(config.data.prepared), role)
    bodies = [masses.of_patch(patches, index) for index in masses.bodies(patches)]
    if role == "val":
        bodies += [masses.of_ct(*_tumour(root, name), name) for name in LARGEST]
    jobs = list(product(SIZES_MM, masses.Surface))
    given = masses.RECIPIENTS[role]
    for k, name in enumerate(given):
        ct = pack.read(root, name)
        lungs = find.find(ct)
        for number in range(k, len(jobs), len(given)):
            size, surface = jobs[number]
            body = next(islice(cycle(bodies), number, None))
            mass = masses.set_onto(ct, lungs, body, surface, size, number)
            if mass:
                yield mass, _deep_point(mass, number)


def clicked(mass: masses.Mass, point: Point, engine: Predictor, bundle: Bundle) -> dict:
    """What the product makes of the click.

    Args:
        mass: It is clicked.
        point: The click, LPS mm.
        engine: That runs the network.
        bundle: The model.

    Returns:
        The row: CT, body, surface, measured length in mm, the mass's ml, Dice, volume error in percent, notes.
    """
    result = segmentation.segment(mass.ct, Options(points_lps=(point,)), engine=engine, bundle=bundle)
    outlined = mask_of(result, mass.mask.shape)
    volume, reference = (np.count_nonzero(m) * mass.ct.geometry.voxel_mm3 / 1000 for m in (outlined, mass.mask))
    return {
        "ct": mass.ct.name,
        "body": mass.body,
        "surface": str(mass.surface),
        "long_axis_mm": mass.long_axis_mm,
        "ml": reference,
        "dice": metrics.overlap(outlined, mass.mask)["dice"],
        "volume_error_percent": 100 * (volume - reference) / reference,
        "notes": result.notes,
    }


def in_a_run(mass: masses.Mass, engine: Predictor, bundle: Bundle) -> dict:
    """What the product makes of the CT without a click.

    Args:
        mass: It is in the CT.
        engine: That runs the network.
        bundle: The model.

    Returns:
        More of the row: of the table's lesion that agrees best with the mass the Dice and the number, 0 where none
        has anything of it.
    """
    result = segmentation.segment(mass.ct, Options(), engine=engine, bundle=bundle)
    agreement = [
        (2 * np.count_nonzero(mass.mask[lesion.label_box.slices] & own) / (own.sum() + mass.mask.sum()), lesion.id)
        for lesion, own in zip(result.lesions, result.masks, strict=True)
    ]
    dice, number = max(agreement, default=(0.0, 0))
    return {"run_dice": float(dice), "run_row": number if dice else 0}


def summarise(rows: list[dict]) -> list[dict]:
    """Dice and volume by measured length."""
    groups = []
    for low, high in GROUPS:
        inside = [row for row in rows if low <= row["long_axis_mm"] < high]
        if inside:
            dice = metrics.summary([row["dice"] for row in inside], [row["body"] for row in inside])
            errors = [row["volume_error_percent"] for row in inside]
            group = {"mm": [low, high], "dice": dice, "volume_error_percent": float(np.median(errors))}
            group["run_dice"] = metrics.summary([row["run_dice"] for row in inside], [row["body"] for row in inside])
            group["listed"] = sum(row["run_dice"] >= LEAST_DICE for row in inside)
            groups.append(group)
    return groups


def show(rows: list[dict]) -> None:
    """Print the figures by size."""
    names = "mm", "n", "click: Dice", "volume", "run: listed", "Dice"
    table = Table(*names, title="Masses, with a click and without")
    for group in summarise(rows):
        dice = group["dice"]
        low, high = group["mm"]
        error, listed = f"{group['volume_error_percent']:+.0f} %", str(group["listed"])
        table.add_row(f"{low}-{high}", str(dice["n"]), _interval(dice), error, listed, _interval(group["run_dice"]))
    Console().print(table)


def _interval(values: dict) -> str:
    low, high = values["interval95"]
    return f"{values['mean']:.2f} ({low:.2f}-{high:.2f})"


def _tumour(root: Path, name: str) -> tuple[CT, np.ndarray]:
    tumour = pack.read_mask(root, name)
    if tumour is None:
        raise DataError(f"{name} has no tumour mask in {root}. Bring it back.")
    return pack.read(root, name), tumour


def _deep_point(mass: masses.Mass, seed: int) -> Point:
    tight = Box.tight(mass.mask)
    framed = np.pad(mass.mask[tight.slices], 1)
    depth = ndimage.distance_transform_edt(framed, mass.ct.geometry.spacing_zyx)[1:-1, 1:-1, 1:-1]
    deep = np.argwhere(depth >= np.median(depth[depth > 0]))
    voxel = deep[np.random.default_rng(seed).integers(len(deep))] + tight.start
    return triple(mass.ct.geometry.lps(voxel).tolist())
