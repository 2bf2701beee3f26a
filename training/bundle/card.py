"""What a model card says about its making: data, split, how it was fitted, and whether the engines agree."""

import csv
import json
import os
import platform
from collections import Counter
from pathlib import Path

import numpy as np
from LungTumorSegLib.enums import Device
from LungTumorSegLib.model.bundle import CLASSIFIER, COARSE, UNET, load_bundle, sha256
from LungTumorSegLib.model.engines.choose import installed, open_engine

from ..config import Config, check_named
from ..data import seen
from ..fitting import coarse, operating_point

THICKEST_MM = 8.0  # `examples` makes slices as thick as this of thinner ones


def facts(config: Config) -> dict:
    """What the card says: ``data``, ``limits`` and ``fitted``, and the operating point as `calibrate` found it.

    With the pack also ``split_sha256`` and its attribution; ``started_from``, with its own ``data``, names the model
    that the fit went on from.

    Raises:
        SettingsError: CTs were added, or a model was gone on from, and [model] still has our name; or that model has no
            card.
        DataError: A patient of the pack's split has two roles.
    """
    added = [facts for facts in seen.cases(config).values() if "source" in facts]
    if added or config.fit.start:
        check_named(config.model)
    sides = {facts["patient"]: facts["role"] for facts in added}
    data = {"description": config.model.data, "licence": config.model.licence}
    more: dict[str, object] = {}
    if config.data.pack:
        split = Path(config.data.split)
        sides |= {name: role for name, role in seen.roles(split).items() if name not in config.data.kept_aside}
        data["attribution"] = (Path(__file__).parents[1] / "attribution.txt").read_text(encoding="utf-8").strip()
        more["split_sha256"] = sha256(split)
    if config.fit.start:
        before = seen.read_card(Path(config.fit.start))
        kept = {key: before.get(key) for key in ("name", "version", "data", "started_from") if key in before}
        more["started_from"] = kept | {"checksum": load_bundle(config.fit.start).checksum}
    return operating_point.operating_point(config) | {
        "data": {"patients": dict(Counter(sides.values())), **data},
        **more,
        "limits": limits(config),
        "fitted": {
            "seed": config.fit.seed,
            "precision": config.fit.precision,
            "hardware": f"{os.cpu_count()} cores, {_processor()}",
            "stages": _stages(Path(config.fit.run)),
            "coarse_stages": _stages(Path(coarse.own(config).fit.run)),
            "classifier_steps": [config.classifier.patch_steps, config.classifier.ct_steps],
        },
    }


def _stages(run: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(run.glob("stage*/done.json"))]


def limits(config: Config) -> dict[str, list[float]]:
    """What the network was fitted on, for `LungTumorSegLib.model.limits`.

    ``pixel_spacing_mm``: of the CTs that the patches were cut from. ``slice_step_mm``: theirs and the whole CTs', up to
    the thickest slices that `examples` makes.

    Returns:
        ``[lowest, highest]`` in mm by these names. What the prepared data do not tell is left out.
    """
    prepared, found = Path(config.data.prepared), {}
    roles = {"train", *(role for stage in config.every_stage if stage.whole_cts for role in stage.ct_roles)}
    rows = []
    if (prepared / "patches.csv").exists():
        with (prepared / "patches.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["role"] in roles and row.get("pixel_spacing")]
    cases = [facts for name, facts in seen.cases(config).items() if name not in config.data.kept_aside]
    pixels = [float(row["pixel_spacing"]) for row in rows]
    steps = [float(row["slice_spacing"]) for row in rows] + [c["step_mm"] for c in cases if c["role"] in roles]
    if pixels:
        found["pixel_spacing_mm"] = [min(pixels), max(pixels)]
    if steps:
        found["slice_step_mm"] = [min(steps), max(THICKEST_MM, *steps)]
    return found


def engines_agree(folder: Path) -> list[str]:
    """Compare each installed engine with the bundle's stored output.

    Returns:
        The folder, and a line for each engine and network: the largest difference, in probability.

    Raises:
        ModelMismatchError: One differs by more than its precision allows.
    """
    bundle, lines = load_bundle(folder), [f"{folder}:"]
    for name in installed():
        engine = open_engine(bundle, name, Device.CPU)
        opened = [(engine, UNET)]
        if engine.classifier:
            opened.append((engine.classifier, CLASSIFIER))
        if engine.coarse:
            opened.append((engine.coarse, COARSE))
        for network, part in opened:
            given, expected = bundle.stored_pair(part)
            worst = np.abs(network.predict(given) - expected).max()
            lines.append(f"{name} ({network.precision}) is within {worst:.2g} of the stored output, {part.pair}")
    return lines


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
