"""Every figure that is quoted, measured through the product's own `segment` on patients the network never saw."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from LungTumorSegLib.enums import Precision
from LungTumorSegLib.lesions.confidence import FEATURES
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from rich.progress import track

from ..config import Config, Model
from ..data import seen
from . import automatic, calibration, click, demo, detection, own_cts, page, patches, plots, targets
from .calibration import Histogram

BATCH = 16  # slices at a time: a patch's are 64 x 64 pixels, small for what suits whole slices


def evaluate(
    config: Config,
    model: Path | None = None,
    role: str = "test",
    whole_cts: bool = True,
    precision: Precision = Precision.AUTO,
) -> Path:
    """Evaluate a bundle and return the folder with figures.json, tables, plots and report.html.

    Every run leaves a record in the folder, so that a second call goes on where the first ended. The folder is named
    by the weights' checksum, the threshold and the precision, if one is asked for: others start afresh.
    ``facts-ROLE.json`` is what `export` takes into the card: figures and confidence coefficients (fitted on val).

    Raises:
        DataError: The model has seen what it is asked about, or no nodule has the role.
        EngineError: A model or the engine can't compute in the precision.
    """
    bundle = load_bundle(model)
    nodules = click.Nodules(Path(config.data.prepared), role)
    _refuse_seen(config, bundle, nodules, role)
    engine = open_engine(bundle, precision=precision)
    engine.batch = BATCH
    folder = automatic.records(config, bundle, precision)
    folder.mkdir(parents=True, exist_ok=True)
    rows = _clicks(nodules, engine, bundle, folder / f"click-{role}.csv", role)
    maps = _maps(config, nodules, engine, bundle, folder, role)
    val = maps if role == "val" else _maps(config, None, engine, bundle, folder, "val")
    temperature = calibration.fit_temperature(val.counts)
    line = calibration.fit_temperature_and_offset(val.counts)
    judged, own = _whole_cts(config, bundle, folder, role, precision) if whole_cts else (None, None)
    chosen = judged or own
    figures = {
        "role": role,
        "ours": config.model == Model(),
        "model": {"name": bundle.name, "version": bundle.version, "checksum": bundle.checksum},
        "engine": f"{engine.name}, {engine.precision}",
        "threshold": bundle.card.threshold,
        "best_threshold_on_val": val.best_threshold,
        "click": click.summarise(rows),
        "calibration": _calibration(maps.counts, chosen.histogram if chosen else None, temperature, line, maps.n),
        "listed_without_a_click": patches.share_listed(maps.listed, nodules),
        "automatic": judged and judged.figures,
        "added": own and own.figures,
        "demo": _demo(config, engine, bundle, folder) if role == "test" and config.data.pack else None,
    }
    _write(folder / f"figures-{role}.json", figures)
    _write(folder / f"facts-{role}.json", _facts(figures, chosen))
    for name, found in (("", judged), ("added-", own)):
        if found:
            _write_csv(folder / f"{name}lesions-{role}.csv", [r for record in found.records for r in _flat(record)])
            _write_csv(folder / f"{name}real-{role}.csv", (found.figures["real"] or {"cases": []})["cases"])
    pictures = plots.draw(folder, role, config, rows, maps.counts, chosen, line)
    pictures += [page.draw_cases(folder / f"cases-{role}.png", nodules, rows, engine, bundle)]
    page.write(folder / f"report-{role}.html", figures, pictures)
    targets.show(figures)
    return folder


def _facts(figures: dict, chosen: detection.Exam | None) -> dict[str, object]:
    facts: dict[str, object] = {"figures": targets.brief(figures)}
    if chosen and chosen.coefficients:
        facts["confidence_coefficients"] = asdict(chosen.coefficients)
        if chosen.min_confidence is not None:
            facts["min_confidence"] = chosen.min_confidence
    return facts


def _refuse_seen(config: Config, bundle, nodules: click.Nodules, role: str) -> None:
    """Raise DataError where the model has seen what it is asked about: patches of the pack, or CTs that were added."""
    known = seen.read_card(bundle.folder)
    asked = [seen.Asked(row["patient"], row["patient"]) for row in nodules.of_pack]
    for side, given in ((role, asked), *((side, seen.asked(config, (side,), added=True)) for side in ("val", role))):
        seen.refuse(known, side, given, "Ask a model that has not seen them, or take other CTs for val and test.")


def _whole_cts(
    config: Config, bundle, folder: Path, role: str, precision: Precision
) -> tuple[detection.Exam | None, detection.Exam | None]:
    """The exam on the pack's CTs, and that on the CTs that were added."""
    judged = None
    if config.data.pack:
        jobs = list(automatic.jobs(config, automatic.models(config, bundle, precision), role))
        # a bundle that is asked itself has its own confidence
        given = None if automatic.has_folds(config) else bundle.card.confidence_coefficients
        judged = detection.judge([job() for _, job in track(jobs, "Whole CTs")], role, given)
    model = automatic.Model(bundle, open_engine(bundle, precision=precision), folder, unseen=True)
    return judged, own_cts.exam(config, model, role)


def _clicks(nodules: click.Nodules, engine, bundle, table: Path, role: str) -> list[dict]:
    """The click table; rows that an earlier call wrote are read back."""
    done = {}
    if table.exists():
        with table.open(newline="") as file:
            done = {int(row["index"]): _numbers(row) for row in csv.DictReader(file)}
    left = [index for index in nodules.patches.whole if index not in done]
    without = click.NoPrompt(engine)
    for index in track(left, f"Clicks, {role}"):
        nodule = nodules.nodule(index)
        row = click.figures(nodule, click.clicked(nodule, engine, bundle), click.clicked(nodule, without, bundle))
        new = not table.exists()
        with table.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if new:
                writer.writeheader()
            writer.writerow(row)
        done[index] = row
    return [done[index] for index in nodules.patches.whole]


def _maps(config: Config, nodules: click.Nodules | None, engine, bundle, folder: Path, role: str) -> patches.Maps:
    record = folder / f"maps-{role}.json"
    coefficients = bundle.card.confidence_coefficients
    # what is listed depends on them, and the folder is not named by them
    by = [bundle.card.min_confidence, asdict(coefficients) if coefficients else None]
    if not record.exists() or json.loads(record.read_text()).get("listed_by") != by:
        nodules = nodules or click.Nodules(Path(config.data.prepared), role)
        made = patches.run(nodules, engine, bundle, f"Maps, {role}")
        kept = {"voxels": made.counts.voxels.tolist(), "target": made.counts.target.tolist()}
        _write(record, kept | {"dice": made.dice, "n": made.n, "listed": made.listed, "listed_by": by})
    read = json.loads(record.read_text())
    counts = Histogram(np.array(read["voxels"]), np.array(read["target"]))
    dice, listed = {float(t): d for t, d in read["dice"].items()}, {int(k): v for k, v in read["listed"].items()}
    return patches.Maps(counts, dice, read["n"], listed)


def _demo(config: Config, engine, bundle, folder: Path) -> dict | None:
    """None where `make demo` has not left its CTs."""
    given, record = Path(config.data.demo).expanduser(), folder / "demo.json"
    if not all((given / f"{name}_image.nrrd").exists() for name in demo.NAMES):
        return None
    if not record.exists():
        _write(record, demo.run(given, engine, bundle))
    return json.loads(record.read_text())


def _calibration(patch_counts: Histogram, ct_counts: Histogram | None, temperature: float, line, n: int) -> dict:
    made = {"temperature": temperature, "with_offset": {"temperature": line[0], "offset": line[1]}, "patches": n}
    for name, counts in (("patches", patch_counts), ("whole_cts", ct_counts)):
        if counts is not None and counts.voxels.any():
            made[f"error_{name}"] = calibration.expected_error(counts)
            made[f"error_{name}_with_temperature"] = calibration.expected_error(counts, temperature)
            made[f"error_{name}_with_offset"] = calibration.expected_error(counts, *line)
    return made


def _flat(record: dict) -> list[dict]:
    keys = ("case", "fold", "exam", "unseen")
    names = ("hits", "control", "dice", "confidence", "long_axis_mm", *FEATURES)
    return [{k: record[k] for k in keys} | {name: row.get(name, "") for name in names} for row in record["lesions"]]


def _numbers(row: dict[str, str]) -> dict:
    return {k: v if k == "patient" else int(v) if k == "index" else float(v) for k, v in row.items()}


def _write_csv(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys() if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def _write(path: Path, content: dict) -> None:
    """JSON with null for what is not a number, written in one go."""
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(_clean(content), indent=1))
    partial.replace(path)


def _clean(value):
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
