"""Four paired ablations: short fits that differ in one thing, from one seed, asked about the same examples.

The differences are paired by example, their intervals drawn by patient. They hold for this one seed: how much two seeds
differ is not in them.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from ..config import FOLDS, Config, Stage
from ..evaluate import metrics
from ..examples.patches import Patches, make_example
from ..examples.sources import Draw, Source, off_centre
from ..examples.whole_ct import OFF_CENTRE, WholeCTs
from ..fitting import folds, losses
from ..fitting.unet import fit_stage

SEED = 20_000  # of the examples that are asked about; the fit's own validation has others
VAL_EXAMPLES, CT_EXAMPLES = 768, 48  # of all val patches; of each whole CT
KINDS = ("automatic", "click", "empty")
SHIFTED = {"automatic": "tumour", "click": "clicked tumour", "empty": "background"}  # as in the whole-CT batches
MARKED_PIXELS = 10  # from so many on a picture without a lesion counts as marked, as in the fit's log
MEASURES = {
    "automatic": "slice Dice, automatic",
    "click": "slice Dice, click",
    "empty": "pictures without a lesion that are marked",
}
PATCHES, CTS = "val patches", f"whole CTs of {FOLDS[1]}"


@dataclass(frozen=True)
class Pair:
    """Two variants that are compared.

    Attributes:
        what: In words.
        a: The first's name.
        b: The second's name.
        sets: The examples that both are asked about.
    """

    what: str
    a: str
    b: str
    sets: tuple[str, ...] = (PATCHES,)


PAIRS = (
    Pair("five slices, one slice", "bundled", "one-slice"),
    Pair("soft labels, hard labels", "bundled", "hard-labels"),
    Pair("inserted nodules on, off", "inserted", "no-inserted", (PATCHES, CTS)),
    Pair("prompt on, off", "bundled", "no-prompt"),
)


def variants(config: Config, steps: int) -> dict[str, Config]:
    """A configuration of one stage each. The inserted nodules' two go on from the patch stage, with one fold's CTs.

    Args:
        config: Of the bundled model's fit.
        steps: Of each stage.

    Returns:
        By the variant's name.
    """
    patch, whole = (_short(config, stage, steps) for stage in (config.fit.stages[0], folds.first_with_cts(config)))

    def of(stage: Stage, **network) -> Config:
        fitting = replace(config.fit, stages=(stage,), epoch_steps=min(config.fit.epoch_steps, max(1, steps // 2)))
        return replace(config, fit=fitting, network=replace(config.network, **network))

    whole = replace(whole, ct_roles=FOLDS[:1])
    return {
        "bundled": of(patch),
        "one-slice": of(patch, offsets_mm=(0.0,)),
        "hard-labels": of(replace(patch, hard_labels=True)),
        "no-prompt": of(replace(patch, prompt=False)),
        "inserted": of(replace(whole, inserted_nodules=True)),
        "no-inserted": of(replace(whole, inserted_nodules=False)),
    }


def _short(config: Config, stage: Stage, steps: int) -> Stage:
    return replace(stage, steps=steps, warmup_steps=min(stage.warmup_steps, steps // 5))


def run(config: Config, steps: int) -> Path:
    """Fit and measure all variants. A second call goes on where the first ended.

    Args:
        config: Of the bundled model's fit.
        steps: Of each fit.

    Returns:
        ``ablations.md``; ``ablations.json`` lies beside it.

    Raises:
        OrderError: The patch stage has left no weights.
        SettingsError: There is no patch stage.
    """
    shared = folds.shared_weights(config)
    folder = Path(config.fit.run) / "ablations" / f"{steps}-steps"
    measured = {}
    for name, variant in variants(config, steps).items():
        own = replace(variant, fit=replace(variant.fit, run=str(folder / name)))
        record = folder / name / "measured.json"
        if not record.exists():
            weights = fit_stage(own, 0, shared if variant.fit.stages[0].ct_share else None)
            made = {what: measure(own, weights, examples(own)) for what, examples in SETS.items()}
            partial = record.with_suffix(".part")
            partial.write_text(json.dumps(made))
            partial.replace(record)
        measured[name] = json.loads(record.read_text())
    rows = [row for pair in PAIRS for row in compare(pair, measured)]
    facts = {"steps": steps, "seed": config.fit.seed, "rows": rows}
    (folder / "ablations.json").write_text(json.dumps(facts, indent=1))
    table = folder / "ablations.md"
    table.write_text(as_markdown(rows))
    return table


@dataclass(frozen=True)
class Example:
    """A picture that a variant is asked about.

    Attributes:
        kind: What is asked about it, one of KINDS.
        source: What it is made from.
        draw: What is drawn of that.
        patient: Whose it is.
    """

    kind: str
    source: Source
    draw: Draw
    patient: str


def val_examples(config: Config) -> Iterator[Example]:
    """Nodules without and with a click, and pictures without one, by turns, of the val patches."""
    patches, crop = Patches(Path(config.data.prepared), "val"), config.fit.stages[0].crop
    for i in range(VAL_EXAMPLES):
        rng, kind = np.random.default_rng((SEED, i)), KINDS[i % len(KINDS)]
        if kind == "empty":
            index, source, draw = patches.draw_background(rng, crop)
        else:
            index, source, draw = patches.draw_lesion(rng, crop, prompted=kind == "click")
        yield Example(kind, source, draw, patches.rows[index]["patient"])


def ct_examples(config: Config) -> Iterator[Example]:
    """The same of whole CTs that the variants were not fitted on: their real tumours, and what surrounds the lungs."""
    all_of_them, crop = WholeCTs(Path(config.data.prepared), FOLDS[1:]), config.fit.stages[0].crop
    for number, case in enumerate(all_of_them.cases):
        cts = copy.copy(all_of_them)
        cts.cases = cts.with_tumour = [case]
        draws = {"automatic": cts.draw_tumour, "click": cts.draw_prompted, "empty": cts.draw_background}
        for i in range(CT_EXAMPLES):
            kind = KINDS[i % len(KINDS)]
            if kind == "empty" or len(case.tumours):
                rng = np.random.default_rng((SEED, number, i, 2))
                source, draw = draws[kind](rng, crop)
                yield Example(kind, source, off_centre(rng, draw, OFF_CENTRE[SHIFTED[kind]]), case.name)


SETS = {PATCHES: val_examples, CTS: ct_examples}


def measure(config: Config, weights: Path, examples: Iterator[Example]) -> list[dict]:
    """Ask one variant about examples.

    A network that was fitted without the prompt gets the clicked pictures without it.

    Args:
        config: The variant's.
        weights: The variant's.
        examples: That it is asked about.

    Returns:
        For each example kind, patient and value: Dice with the consensus, or whether an empty picture is marked. The
            value is None where there is nothing to ask: fewer than 5 pixels of a lesion, or a lesion in an empty
            picture.
    """
    import keras
    from LungTumorSegLib.model.unet import build

    keras.mixed_precision.set_global_policy("float32")
    model = build(config.network.card.architecture)
    model.load_weights(weights)
    rng = np.random.default_rng(SEED)  # not drawn from without augmentation
    asked, made = [], []
    for example in examples:
        asked.append((example.kind, example.patient))
        made.append(make_example(rng, example.source, example.draw, config.network.card, augment=False))
    x, target, weight = (np.stack(part) for part in zip(*made, strict=True))
    if not config.fit.stages[0].prompt:
        x[..., -1] = 0
    probability = model.predict(x, batch_size=32, verbose=0)[..., 0]
    rows = []
    for (kind, patient), t, w, p in zip(asked, target, weight, probability, strict=True):
        if kind == "empty":
            value = float(((p >= 0.5) & (w > 0)).sum() >= MARKED_PIXELS) if t.max() == 0 and w.any() else None
        else:
            value = next(iter(losses.hard_dice(t[None], w[None], p[None])), None)
        rows.append({"kind": kind, "patient": patient, "value": value})
    return rows


def compare(pair: Pair, measured: dict[str, dict[str, list[dict]]]) -> list[dict]:
    """Means and paired difference of two variants.

    Args:
        pair: The variants and the sets.
        measured: By variant and set, as `measure` returns it.

    Returns:
        A row for each set and measure.
    """
    rows = []
    for examples in pair.sets:
        for kind, what in MEASURES.items():
            both = [
                (a["value"], b["value"], a["patient"])
                for a, b in zip(measured[pair.a][examples], measured[pair.b][examples], strict=True)
                if a["kind"] == kind and a["value"] is not None
            ]
            if both:
                first, second, patients = zip(*both, strict=True)
                difference = metrics.summary(np.subtract(first, second), patients)
                rows.append(
                    {"pair": pair.what, "examples": examples, "measure": what}
                    | {"first": float(np.mean(first)), "second": float(np.mean(second))}
                    | {"difference": difference["mean"], "interval95": difference["interval95"]}
                    | {"n": len(both), "patients": len(set(patients))}
                )
    return rows


def as_markdown(rows: list[dict]) -> str:
    head = ("first, second", "asked about", "measure", "n (patients)", "first", "second", "difference", "95 % interval")
    lines = [head, ("---",) * len(head)]
    for row in rows:
        low, high = row["interval95"]
        numbers = (f"{row[k]:.3f}" for k in ("first", "second"))
        n, interval = f"{row['n']} ({row['patients']})", f"{low:+.3f} to {high:+.3f}"
        lines.append((row["pair"], row["examples"], row["measure"], n, *numbers, f"{row['difference']:+.3f}", interval))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
