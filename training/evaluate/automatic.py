"""The automatic run over whole CTs: real tumours, inserted nodules, controls; a JSON a run, so that it resumes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from LungTumorSegLib import segmentation
from LungTumorSegLib.components import components, connected
from LungTumorSegLib.data import CT, Candidate, Options, Result
from LungTumorSegLib.enums import Precision
from LungTumorSegLib.geometry import Box, shared_voxels
from LungTumorSegLib.lesions import confidence
from LungTumorSegLib.model.bundle import CARD, Bundle, load_bundle
from LungTumorSegLib.model.calibration import uncalibrated
from LungTumorSegLib.model.engines.base import Engine
from LungTumorSegLib.model.engines.choose import open_engine
from rich.progress import track

from ..config import FOLDS, Config
from ..data import cases, seen
from ..examples import recipients, whole_ct
from ..examples.patches import Patches
from . import froc, metrics
from .calibration import Histogram
from .froc import Reference

# Whose every nodule from 3 mm on four radiologists have marked: what is found there beside is false. All test nodules
# once more, as many a scan as elsewhere. Of the other recipients nobody knows what is in them.
READ, READ_ROUNDS = "LIDC-IDRI", 8

# Each holds one tumour without a mask, inside the sphere where nobody knows (the pack's README)
LOCATED = ("LungCT-Diagnosis-R_168", "QIN-LSC-0003", "QIN-LSC-0009")

MOST_INSERTED = 14  # a run: more would fill the lungs
ADVICE = "Run `folds` first, or ask without --whole-cts."


@dataclass(frozen=True)
class Model:
    """An opened bundle and where the records of its runs are kept.

    Attributes:
        bundle: The model.
        engine: That runs it.
        folder: Of the records.
        unseen: It was not fitted on the CTs that it is asked about.
        cts: Names of the whole CTs that it is asked about; None for all of the fold.
    """

    bundle: Bundle
    engine: Engine
    folder: Path
    unseen: bool
    cts: frozenset[str] | None = None

    def asks(self, name: str) -> bool:
        return self.cts is None or name in self.cts


def models(config: Config, bundle: Bundle, precision: Precision = Precision.AUTO) -> dict[str, Model]:
    """For each fold the model that was fine-tuned without it.

    The bundled model's confidence is fitted on what these find, so they are not asked about the CTs that are kept
    aside. Where `folds` has not been run, it is ``bundle``, and it is asked about those CTs alone that it has not seen.

    Args:
        config: Says where the run is.
        bundle: The model that is evaluated.
        precision: In which the networks compute.

    Raises:
        DataError: A fold's model has seen the fold's CTs, or ``bundle`` all of them.
        EngineError: A model or the engine can't compute in the precision.
    """
    opened = {}
    folded = has_folds(config)
    known, every = seen.read_card(bundle.folder), seen.asked(config, FOLDS, added=False)
    met = seen.overlap(known.get("seen", {}), (seen.FITTED, seen.CHOSEN), every)
    asked = frozenset(one.name for one in every) - frozenset(config.data.kept_aside if folded else met)
    if not asked and not folded:
        seen.refuse(known, " and ".join(FOLDS), every, ADVICE)
    for fold in FOLDS:
        model = load_bundle(_own(config, fold)) if folded else bundle
        if folded:
            seen.refuse(seen.read_card(model.folder), fold, seen.asked(config, (fold,), added=False), ADVICE)
        folder = records(config, model, precision)
        folder.mkdir(parents=True, exist_ok=True)
        engine = open_engine(model, precision=precision)
        # a card that does not say what the model has seen proves nothing
        opened[fold] = Model(model, engine, folder, folded or "seen" in known, asked)
    return opened


def has_folds(config: Config) -> bool:
    """Whether `folds` has left its models."""
    return all((_own(config, fold) / CARD).exists() for fold in FOLDS)


def _own(config: Config, fold: str) -> Path:
    return Path(config.fit.run) / "folds" / fold / "bundle"


def records(config: Config, bundle: Bundle, precision: Precision = Precision.AUTO) -> Path:
    """Where the records of one model's evaluation are kept.

    The folder is named by weights, thresholds and a precision that was asked for: others start afresh.

    Args:
        config: Says where the run is.
        bundle: The model.
        precision: In which the networks compute.
    """
    points = [f"{p:g}" for p in (bundle.card.threshold, bundle.card.run_threshold) if p is not None]
    asked = [] if precision == Precision.AUTO else [precision]
    return Path(config.fit.run) / "evaluation" / "-".join([bundle.checksum[:12], *points, *asked])


def whole_cts(config: Config, bundle: Bundle, fold: str) -> Histogram:
    """What a bundle's maps of a fold's CTs with known tumours hold, for calibration.

    Args:
        config: Says where the prepared data are.
        bundle: The model; it has not seen these CTs.
        fold: The CTs' role.
    """
    engine, counts = open_engine(bundle), Histogram.empty()
    model = Model(bundle, engine, records(config, bundle), unseen=True)
    known = whole_ct.WholeCTs(Path(config.data.prepared), (fold,), config.data.kept_aside).with_tumour
    for case in track(known, f"Maps of whole CTs, {fold}"):
        counts += Histogram(*(np.array(part) for part in real(config, case.name, model)["histogram"]))
    return counts


def jobs(config: Config, opened: dict[str, Model], role: str) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Every run of the exams.

    Args:
        config: Says where the prepared data are.
        opened: The model of each fold, as `models`.
        role: val, or test, which `val` (the confidence is fitted on it) and the exam in fully annotated CTs go with.

    Yields:
        The exam (real | val | test | read), and the function that does the run or reads its record.
    """
    prepared = Path(config.data.prepared)
    trusted = [
        (fold, case)
        for fold in FOLDS
        for case in whole_ct.WholeCTs(prepared, (fold,)).cases
        if case.source.weight.any() and opened[fold].asks(case.name)
    ]
    read = [(fold, case) for fold, case in trusted if case.name.startswith(READ)]
    patches = {role: Patches(prepared, role) for role in dict.fromkeys(("val", role))}

    def planted(role: str, case: whole_ct.Case, nodules: list[int], seed: int, model: Model) -> dict:
        kernel = cases.kernel(config, case.name)
        return _planted(case, recipients.make(case, patches[role], nodules, seed), model) | {"kernel": kernel}

    def job(exam: str, name: str, fold: str, case: whole_ct.Case, run: Callable[[Model], dict]):
        model = opened[fold]

        def do() -> dict:
            return run(model) | {"case": case.name, "fold": fold, "exam": exam, "unseen": model.unseen}

        return exam, partial(_once, model.folder / "automatic" / f"{name}.json", do)

    for fold, case in trusted:
        if cases.tumours_are_boxed(config, case.name):
            continue
        yield job("real", f"{case.name}-real", fold, case, partial(real, config, case.name))
    for name in patches:
        times = recipients.rounds(patches[name], len(trusted), MOST_INSERTED)
        dealt = recipients.deal(patches[name], times * len(trusted))
        for number, nodules in enumerate(dealt):
            again, at = divmod(number, len(trusted))
            fold, case = trusted[at]
            run = partial(planted, name, case, nodules, 2 * number + (name == "val"))
            yield job(name, f"{case.name}-{name}" + (f"-{again}" if again else ""), fold, case, run)
    if role != "test":
        return
    rounds = [(k, fold, case) for k in range(READ_ROUNDS) for fold, case in read]
    for number, nodules in enumerate(recipients.deal(patches["test"], len(rounds))):
        k, fold, case = rounds[number]
        if nodules:
            yield job(
                "read", f"{case.name}-read-{k}", fold, case, partial(planted, "test", case, nodules, 100 + number)
            )


def _once(record: Path, do: Callable[[], dict]) -> dict:
    """The record, made where it is not there."""
    if record.exists():
        return json.loads(record.read_text())
    made = do()
    record.parent.mkdir(exist_ok=True)
    part = record.with_suffix(".part")
    part.write_text(json.dumps(made))
    part.replace(record)
    return made


def _planted(case: whole_ct.Case, recipient: recipients.Recipient, model: Model) -> dict:
    """`inserted_run`, with the side of each nodule and the slice step."""
    middle = float(np.median(case.places["free"][:, 2]))  # mm, x grows to the left
    left = [bool(reference.box.middle[2] > middle) for reference in recipient.inserted]
    return inserted_run(recipient, model) | {"left": left, "step_mm": case.source.step_mm}


def real(config: Config, name: str, model: Model) -> dict:
    """The product on one CT with its own tumour, on its native grid.

    Args:
        config: Says where the prepared data are.
        name: Of a prepared whole CT.
        model: That is asked.

    Returns:
        The record, for JSON.

    Raises:
        UnreadableError: What the CT was prepared from is gone.
    """
    ct, truth, unknown = cases.read(config, name)
    result = segmentation.segment(
        ct, Options(keep_probability=True, min_confidence=0), engine=model.engine, bundle=model.bundle
    )
    references, neutral = (
        [Reference(box, labels[box.slices] == label, counts) for label, box, _ in components(labels)]
        for labels, counts in ((connected(truth)[0], True), (connected(unknown)[0], False))
    )
    predictions = _predictions(result)
    union = np.zeros(truth.shape, bool)
    for box, mask in predictions:
        union[box.slices] |= mask
    counts = Histogram.empty()
    assert result.probability is not None  # since it was asked for
    counts.add(result.probability, truth, ~unknown)
    found = _lesion_rows(result, ct, model, references, neutral)
    for lesion, (box, mask) in zip(found, predictions, strict=True):
        if lesion["hits"] >= 0:
            lesion |= _agreement(box, mask, truth, ct)
    return {
        "lesions": found,
        "located": name in LOCATED,
        "references": [{"ml": float(np.count_nonzero(r.mask)) * ct.geometry.voxel_mm3 / 1000} for r in references],
        "whole_case": metrics.overlap(union, truth),
        "histogram": [counts.voxels.tolist(), counts.target.tolist()],
        "seconds": result.seconds,
    }


def inserted_run(recipient: recipients.Recipient, model: Model) -> dict:
    """The product on a CT with inserted nodules and negative controls."""
    result = segmentation.segment(recipient.ct, Options(min_confidence=0), engine=model.engine, bundle=model.bundle)
    rows = _lesion_rows(result, recipient.ct, model, recipient.inserted, recipient.neutral)
    for row, (box, mask) in zip(rows, _predictions(result), strict=True):
        row["control"] = next((k for k, control in enumerate(recipient.controls) if _lies_on(box, mask, control)), -1)
        if row["hits"] >= 0:
            reference = recipient.inserted[row["hits"]]
            both = shared_voxels(box, mask, reference.box, reference.mask)
            row["dice"] = 2 * both / int(np.count_nonzero(mask) + np.count_nonzero(reference.mask))
    return {
        "lesions": rows,
        "references": [
            {"diameter_mm": d, "patient": p} for d, p in zip(recipient.diameters, recipient.patients, strict=True)
        ],
        "controls": len(recipient.controls),
        "seconds": result.seconds,
    }


def _predictions(result: Result) -> list[tuple[Box, np.ndarray]]:
    """The less likely ones too, which the confidence is to tell from the others."""
    return [(lesion.label_box, mask) for lesion, mask in result.outlines]


def _lesion_rows(
    result: Result, ct: CT, model: Model, references: list[Reference], neutral: list[Reference]
) -> list[dict]:
    """Each lesion's features, and what it hits: a reference's number, -1 nothing, -2 what counts neither way.

    Matched best first by highest probability, since the confidence may not be fitted yet.
    """
    predictions = _predictions(result)
    rows = []
    for (box, mask), (lesion, _) in zip(predictions, result.outlines, strict=True):
        part, candidate = _seen(result, box, mask)
        ratings = confidence.ratings_of(candidate, lesion.long_axis_mm)
        probability = uncalibrated(part, model.bundle.card, result.lungs is not None)
        found = confidence.features(mask, probability, box, ct, ratings)
        rows.append(found | {"long_axis_mm": lesion.long_axis_mm, "listed": lesion.listed})
    scores = [row["max_p"] + row["mean_p"] for row in rows]
    for row, hits in zip(rows, froc.match(predictions, scores, references + neutral), strict=True):
        row["hits"] = int(hits)
    return rows


def _seen(result: Result, box: Box, mask: np.ndarray) -> tuple[np.ndarray, Candidate]:
    """The lesion's part of its candidate's block (uint8), and the candidate: that which holds most of it."""
    best: np.ndarray | None = None
    held_by: Candidate | None = None
    for candidate in result.candidates:
        if box.intersect(candidate.box) == box:
            part = candidate.block[box.inside(candidate.box).slices]
            if best is None or int(part[mask].sum()) > int(best[mask].sum()):
                best, held_by = part, candidate
    if best is None or held_by is None:
        raise ValueError(f"no candidate holds the lesion in {box}")
    return best, held_by


def _agreement(box: Box, mask: np.ndarray, truth: np.ndarray, ct: CT) -> dict[str, float]:
    """The hitting lesion against the whole reference of the case."""
    predicted = np.zeros(truth.shape, bool)
    predicted[box.slices] = mask
    hd95, mean_distance = metrics.surface_distances(predicted, truth, ct.geometry.spacing_zyx)
    volume, reference = np.count_nonzero(predicted), np.count_nonzero(truth)
    return metrics.overlap(predicted, truth) | {
        "hd95_mm": hd95,
        "mean_surface_mm": mean_distance,
        "volume_error_percent": 100 * (volume - reference) / reference,
    }


def _lies_on(box: Box, mask: np.ndarray, control: Reference) -> bool:
    """Half of the prediction, or a tenth of their union, is on the control."""
    both, size = shared_voxels(box, mask, control.box, control.mask), np.count_nonzero(mask)
    return bool(both >= size / 2 or both >= froc.HIT_IOU * (size + np.count_nonzero(control.mask) - both))
