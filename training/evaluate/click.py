"""The click: one seeded click a nodule, through the product's own `segment`, against the readers' consensus."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LungTumorSegLib import segmentation
from LungTumorSegLib.data import CT, Options, Result
from LungTumorSegLib.errors import NotACTError
from LungTumorSegLib.geometry import Box, Geometry, triple
from LungTumorSegLib.lesions.measurement import measure
from LungTumorSegLib.model.bundle import Bundle
from LungTumorSegLib.model.engines.base import Predictor

from ..data.prepare import DEEP
from ..errors import DataError
from ..examples.patches import Patches
from . import metrics

CLICK_SEED = 4
WHOLE = Box.whole((50, 50, 50))


@dataclass(frozen=True)
class Nodule:
    """A nodule patch as a small CT with what its readers drew. Arrays (50, 50, 50) zyx, 1 mm.

    Attributes:
        index: The patch's number.
        row: Of patches.csv.
        ct: The patch in HU.
        reference: bool, at least half of the readers.
        readers: bool, each reader's own outline of the target.
        soft: uint8, round(255 x share of readers), every lesion of the patch.
        weight: bool, False where nobody knows.
        click_zyx: The voxel that is clicked.
    """

    index: int
    row: dict[str, str]
    ct: CT
    reference: np.ndarray  # bool: at least half of the readers
    readers: list[np.ndarray]  # bool, each reader's own outline of the target
    soft: np.ndarray  # uint8, round(255 x share of readers), every lesion of the patch
    weight: np.ndarray  # bool: False where nobody knows
    click_zyx: tuple[int, int, int]

    @property
    def patient(self) -> str:
        return self.row["patient"]


class NoPrompt:
    """An engine that never sees the prompt channel: the same box and rule, for comparison."""

    def __init__(self, engine: Predictor):
        self.name, self.device, self.reason, self.batch = engine.name, engine.device, engine.reason, engine.batch
        self.precision = engine.precision
        self._engine, self.classifier = engine, engine.classifier
        self.coarse: Predictor | None = None  # it is asked at clicks alone

    def predict(self, batch: np.ndarray) -> np.ndarray:
        without = batch.copy()
        without[..., -1] = 0
        return self._engine.predict(without)


class Nodules:
    """The nodules of one role that lie whole in their patches, opened one at a time.

    Raises:
        DataError: No nodule has the role.
    """

    def __init__(self, prepared: Path, role: str):
        self.patches = Patches(prepared, role)
        if not self.patches.whole:
            raise DataError(f'No nodule has the role "{role}"; the roles are train, val and test.')
        names = ("readers", "lesion", "reader_bits")
        self.marks = {name: np.load(prepared / f"{name}.npy", mmap_mode="r") for name in names}

    @property
    def of_pack(self) -> list[dict]:
        """The rows of those that are not cut from CTs of `add`."""
        return [row for row in self.patches.rows.values() if not row.get("case")]

    def __len__(self) -> int:
        return len(self.patches.whole)

    def __iter__(self) -> Iterator[Nodule]:
        return (self.nodule(index) for index in self.patches.whole)

    def nodule(self, index: int) -> Nodule:
        row, source = self.patches.rows[index], self.patches.source(index)
        target = self.marks["lesion"][index] == 1
        n_readers = int(row["n_readers"])
        reference = target & (self.marks["readers"][index] >= n_readers / 2)
        deep = np.argwhere(self.patches.arrays["target_lesion"][index] & DEEP)
        click = deep[np.random.default_rng((CLICK_SEED, index)).integers(len(deep))]
        origin = triple(float(row[f"origin_{axis}"]) for axis in "xyz")
        ct = CT(source.hu, Geometry(source.hu.shape, (1.0, 1.0, 1.0), origin), f"nodule {index}", {"modality": "CT"})
        readers = metrics.reader_masks(self.marks["reader_bits"][index] * target, n_readers)
        return Nodule(
            index, row, ct, reference, readers, source.target, source.weight > 0, triple(int(i) for i in click)
        )


def clicked(nodule: Nodule, engine: Predictor, bundle: Bundle, threshold: float | None = None) -> Result | None:
    """The product's answer to the click.

    Args:
        nodule: It is clicked.
        engine: That runs the network.
        bundle: The model.
        threshold: The model's if none is given.

    Returns:
        The result; None where it refuses the patch as no CT (less than 1 % of it is air).
    """
    point = triple(nodule.ct.geometry.lps(nodule.click_zyx).tolist())
    options = Options(threshold=threshold, points_lps=(point,))
    try:
        return segmentation.segment(nodule.ct, options, engine=engine, bundle=bundle)
    except NotACTError:
        return None


def mask_of(result: Result | None, shape=(50, 50, 50)) -> np.ndarray:
    """The lesions of a result as one mask on the whole grid.

    Args:
        result: None where there is none: the mask is empty.
        shape: Of the grid (z, y, x).

    Returns:
        bool (z, y, x).
    """
    whole = np.zeros(shape, bool)
    if result is not None:
        for lesion, mask in zip(result.lesions, result.masks, strict=True):
            whole[lesion.label_box.slices] |= mask
    return whole


def figures(nodule: Nodule, result: Result | None, without_prompt: Result | None) -> dict[str, float | int | str]:
    """One row of the click table.

    Args:
        nodule: It was clicked.
        result: The product's answer, None where it refused the patch.
        without_prompt: That of the network without the prompt channel.

    Returns:
        Lengths in mm, volumes in mm3. Where nothing was found Dice is 0 and the distances are empty (NaN).
    """
    predicted = mask_of(result)
    agreement = metrics.overlap(predicted, nodule.reference)
    found = bool(predicted.any())
    long_axis_mm = result.lesions[0].long_axis_mm if result is not None and found else np.nan
    reference = measure(nodule.reference, WHOLE, nodule.ct)
    hd95, mean_distance = (
        metrics.surface_distances(predicted, nodule.reference, (1, 1, 1)) if found else (np.nan, np.nan)
    )
    # merged clusters have more outlines than readers: no reader's own mask there
    comparable = nodule.row["merged_cluster"] == "0" and len(nodule.readers) >= 3
    model, reader = metrics.leave_one_out(predicted, nodule.readers) if comparable else (np.nan, np.nan)
    volume = float(np.count_nonzero(predicted))
    return {
        "index": nodule.index,
        "patient": nodule.patient,
        "diameter_mm": float(nodule.row["diameter_mm"]),
        "texture": float(nodule.row["texture"]),
        "refused": int(result is None),
        "found": int(found),
        **agreement,
        "f1": agreement["dice"],
        "volume_mm3": volume,
        "reference_mm3": reference.volume_mm3,
        "volume_error_percent": 100 * (volume - reference.volume_mm3) / reference.volume_mm3 if found else np.nan,
        "long_axis_mm": long_axis_mm,
        "reference_long_axis_mm": reference.long_axis_mm,
        "diameter_error_mm": long_axis_mm - reference.long_axis_mm,
        "hd95_mm": hd95,
        "mean_surface_mm": mean_distance,
        "model_vs_others": model,
        "reader_vs_others": reader,
        "dice_without_prompt": metrics.overlap(mask_of(without_prompt), nodule.reference)["dice"],
    }


SIZES = {"all": (0, 1e9), "<6 mm": (0, 6), "6-10 mm": (6, 10), "10-20 mm": (10, 20), ">=20 mm": (20, 1e9)}
TEXTURES = {"non-solid": (0, 2.5), "part-solid": (2.5, 4), "solid": (4, 9)}
# everything under 10 mm hides what matters for a tumour
SIZES[">=10 mm"] = (10, 1e9)


def summarise(rows: list[dict]) -> dict:
    """The click's figures: of all, by size and by texture."""
    groups = {name: [r for r in rows if low <= r["diameter_mm"] < high] for name, (low, high) in SIZES.items()}
    groups |= {name: [r for r in rows if low <= r["texture"] < high] for name, (low, high) in TEXTURES.items()}
    return {name: _group(group) for name, group in groups.items() if group}


def _group(rows: list[dict]) -> dict:
    patients = [r["patient"] for r in rows]

    def column(name: str) -> np.ndarray:
        return np.array([r[name] for r in rows], float)

    made = {
        name: metrics.summary(column(name), patients)
        for name in ("dice", "precision", "recall", "f1", "accuracy", "volume_error_percent", "diameter_error_mm",
                     "hd95_mm", "mean_surface_mm", "model_vs_others", "reader_vs_others", "dice_without_prompt")
    }  # fmt: skip
    made["absolute_volume_error_percent"] = metrics.summary(np.abs(column("volume_error_percent")), patients)
    made["absolute_diameter_error_mm"] = metrics.summary(np.abs(column("diameter_error_mm")), patients)
    # a shift to one side, whichever it is: a ruler that is always long or short
    made["volume_bias_percent"] = _away_from_0(np.median, column("volume_error_percent"))
    made["diameter_bias_mm"] = _away_from_0(np.mean, column("diameter_error_mm"))
    made["model_minus_reader"] = metrics.summary(column("model_vs_others") - column("reader_vs_others"), patients)
    made["missed_or_below_0.3"] = metrics.summary(column("dice") < 0.3, patients)
    return made


def _away_from_0(middle: Callable[[np.ndarray], float], errors: np.ndarray) -> dict:
    errors = errors[np.isfinite(errors)]
    return {"mean": abs(float(middle(errors))) if len(errors) else float("nan"), "n": len(errors)}
