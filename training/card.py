"""What a model card says about its making: data, split, how it was fitted, and whether the engines agree."""

import json
import os
import platform
from collections import Counter
from pathlib import Path

import numpy as np
from LungTumorSegLib import bundle as bundles
from LungTumorSegLib import engines

from . import calibrate, prepare
from .config import Config


def facts(config: Config) -> dict:
    """The card's ``data``, ``split_sha256`` and ``fitted``, and the operating point as `calibrate` found it."""
    split = Path(config.data.split)
    return calibrate.operating_point(config) | {
        "data": {
            "patients": dict(Counter(prepare.roles(split).values())),
            "licence": "CC BY 3.0 and 4.0, by collection; see attribution",
            "attribution": (Path(__file__).parent / "attribution.txt").read_text(encoding="utf-8").strip(),
        },
        "split_sha256": bundles.sha256(split),
        "fitted": {
            "seed": config.fit.seed,
            "precision": config.fit.precision,
            "hardware": f"{os.cpu_count()} cores, {_processor()}",
            "stages": [json.loads(p.read_text()) for p in sorted(Path(config.fit.run).glob("stage*/done.json"))],
        },
    }


def engines_agree(folder: Path) -> list[str]:
    """A line for each installed engine: its largest difference, in probability, from the bundle's stored output.

    Raises ModelMismatchError where one differs by more than its precision allows.
    """
    bundle = bundles.load(folder)
    given, expected = bundle.stored_pair()
    lines = [f"{folder}:"]
    for name in engines.installed():
        engine = engines.open_engine(bundle, name, "cpu")
        worst = np.abs(engine.predict(given) - expected).max()
        lines.append(f"{name} ({engine.precision}) is within {worst:.2g} of the stored output")
    return lines


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
