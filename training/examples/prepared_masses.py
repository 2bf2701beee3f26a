"""Masses at the product's coarser scales, prepared once: a network fitted on nodules alone knows none.

``masses/NAME/`` has of a CT of the pack, for each scale: ``ct-2.npy``, its background, and what is shown of it:
``mass-*-2.npz``, masses made of `train` nodules; ``own-2.npz``, its tumour; ``soft-2.npz``, soft tissue, where a click
shall give nothing.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from LungTumorSegLib.coarser import SCALES
from LungTumorSegLib.data import Lungs
from LungTumorSegLib.lungs import find
from rich.progress import track

from ..config import Config, Stage
from ..data import seen
from ..errors import OrderError
from . import coarse_sources, masses
from .patches import Patches
from .sources import Source

EACH = 24  # masses on a CT
SIZES_MM = 55.0, 155.0


def prepare(config: Config) -> None:
    """Prepare what stages with masses draw from; nothing without such a stage. What is there is passed over.

    Raises:
        DataError: No `train` nodule can stand for a mass.
        NoLungsFoundError: A CT shows no aerated lungs.
    """
    left = _left(config, config.every_stage)
    if not left:
        return
    prepared = Path(config.data.prepared)
    patches = Patches(prepared, "train")
    bodies = patches.need(masses.bodies(patches), "solid nodule of 15 mm and more that can be enlarged")
    numbers = {name: number for number, name in enumerate(recipients(config))}
    for name in track(left, "Masses"):
        facts = seen.cases(config)[name]
        hu, target, weight = (
            np.load(prepared / "volumes" / name / f"{what}.npy") for what in ("hu", "target", "weight")
        )
        whole, folder = Source(hu, target, weight, facts["step_mm"]), prepared / "masses" / name
        folder.mkdir(parents=True, exist_ok=True)
        lungs = find.find(coarse_sources.ct_of(whole, 1))
        jobs = _jobs(1000 * numbers[name], patches, bodies)
        for scale in SCALES:
            _prepare_scale(folder, whole, scale, lungs, jobs)


def check(config: Config) -> None:
    """Check that what the stages of the fit (``[[fit.stages]]``) draw from is there.

    Raises:
        OrderError: Some of it is missing.
    """
    if left := _left(config, config.fit.stages):
        raise OrderError(f"The masses on {', '.join(left)} are missing: run `python -m training prepare` first.")


def recipients(config: Config) -> list[str]:
    """The pack's CTs that masses are set onto: none that is kept aside or that the study `masses` asks about."""
    asked = {name for names in masses.RECIPIENTS.values() for name in names} | set(config.data.kept_aside)
    return [name for name, facts in seen.cases(config).items() if "source" not in facts and name not in asked]


def _left(config: Config, stages: tuple[Stage, ...]) -> list[str]:
    """The CTs of which something is missing, if any of the stages has masses."""
    if not any(stage.mass_share for stage in stages):
        return []
    root = Path(config.data.prepared) / "masses"
    clicked = ["own", "soft", *map(_name, range(EACH))]
    files = [f"{what}-{s}.npz" for s in SCALES for what in clicked] + [f"ct-{s}.npy" for s in SCALES]
    return [name for name in recipients(config) if not all((root / name / file).exists() for file in files)]


def _name(number: int) -> str:
    return f"mass-{number:02}"


def _jobs(seed: int, patches: Patches, bodies: list[int]) -> dict[str, tuple[masses.Body, tuple]]:
    """Of each mass of a CT its body, and surface, length in mm and seed."""
    found = {}
    for number in range(EACH):
        rng, surface = np.random.default_rng(seed + number), list(masses.Surface)[number % 3]
        size, body = float(rng.uniform(*SIZES_MM)), masses.of_patch(patches, bodies[rng.integers(len(bodies))])
        found[_name(number)] = body, (surface, size, seed + number)
    return found


def _prepare_scale(folder: Path, whole: Source, scale: int, lungs: Lungs, jobs: dict) -> None:
    source = coarse_sources.at_scale(whole, scale)
    step, ct = source.step_mm, coarse_sources.background(source)
    makers: dict[str, Callable[[], dict]] = {
        "own": partial(coarse_sources.own_tumour, source, ct, scale),
        "soft": partial(coarse_sources.soft_tissue, ct, step),
    }
    for name, (body, place) in jobs.items():
        makers[name] = partial(coarse_sources.mass, ct, step, scale, lungs, body, place)
    _write(folder / f"ct-{scale}.npy", lambda file: np.save(file, ct))
    for name, make in makers.items():
        _write(folder / f"{name}-{scale}.npz", partial(_save, make, step))


def _save(make: Callable[[], dict], step: float, file: BinaryIO) -> None:
    np.savez_compressed(file, step=step, **make())


def _write(target: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file, unless it is there; a kill in between leaves none."""
    if target.exists():
        return
    partly = target.with_suffix(".part")
    with partly.open("wb") as file:
        write(file)
    partly.replace(target)
