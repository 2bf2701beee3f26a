"""int8 weights: quantised after training, measured against the float model, and used only if they cost nothing."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from LungTumorSegLib.data import Candidate
from LungTumorSegLib.enums import Device, Precision
from LungTumorSegLib.model.bundle import CARD, INT8, ONNX, Bundle, load_bundle, sha256
from LungTumorSegLib.model.card import NetworkCard
from LungTumorSegLib.model.engines.base import Engine
from LungTumorSegLib.model.engines.onnxruntime_engine import import_onnxruntime
from LungTumorSegLib.model.engines.openvino_engine import OpenVinoEngine
from onnx import TensorProto, numpy_helper
from rich.progress import track

from ..config import FOLDS, Config
from ..errors import SettingsError
from ..evaluate import automatic, click, detection, metrics
from ..examples.patches import Patches, patch_batch
from ..examples.whole_ct import WholeCTs, ct_batch

CALIBRATION_BATCHES, CALIBRATION_BATCH, CROP = 12, 8, 64
# The first convolution sees the scan itself and the last makes the probability: 1.5 % of the work, most of the error
KEPT_FLOAT = ("down0_conv1", "logit", "probability_first")
ROLE = "val"
MOST_DICE, MOST_SENSITIVITY = 0.005, 0.01  # may change by so much


def quantise(config: Config, folder: Path) -> dict:
    """Quantise a bundle, measure what that costs on `val`, and write the figures into its card.

    The int8 file joins the bundle only if, against the same weights in float32, the mean Dice of the clicks stays
    within 0.005 and the sensitivity for inserted nodules at two false positives a scan within 0.01.

    Args:
        config: Says where the pack and the prepared data are.
        folder: The bundle's.

    Returns:
        What the card's ``int8`` holds either way: the figures, with the median, the 99th percentile and the most by
            which the probability around the clicks differs.

    Raises:
        SettingsError: There is no pack.
    """
    if not config.data.pack:
        raise SettingsError("int8 weights are measured on the training pack, and there is none (pack is empty).")
    bundle = load_bundle(folder)
    nodules = click.Nodules(Path(config.data.prepared), ROLE)
    with tempfile.TemporaryDirectory() as kept:
        trial_folder = Path(kept) / "bundle"
        shutil.copytree(bundle.folder, trial_folder)
        write(config, bundle, trial_folder / INT8)
        trial = _with_int8(trial_folder, {"used": True})
        figures: dict = {"role": ROLE, "clicks": len(nodules)}
        answers: list[list[Candidate | None]] = []
        for model, precision in ((bundle, Precision.FLOAT32), (trial, Precision.INT8)):
            engine = OpenVinoEngine(model, Device.CPU, precision)
            figures[f"dice_{precision}"], found = _clicks(nodules, engine, bundle)
            answers.append(found)
            figures[f"sensitivity_{precision}"] = _sensitivity(config, engine, bundle, Path(kept) / precision)
        figures["difference"] = _difference(*answers)
        figures["used"] = (
            abs(figures["dice_int8"] - figures["dice_float32"]) <= MOST_DICE
            and abs(figures["sensitivity_int8"] - figures["sensitivity_float32"]) <= MOST_SENSITIVITY
        )
        if figures["used"]:
            shutil.copy(trial_folder / INT8, bundle.folder / INT8)
        else:
            (bundle.folder / INT8).unlink(missing_ok=True)
    _with_int8(bundle.folder, figures)
    return figures


def write(config: Config, bundle: Bundle, target: Path) -> None:
    """The bundle's ONNX model with int8 convolutions (QDQ format), calibrated on training examples."""
    import_onnxruntime()  # without its telemetry
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float32.onnx"
        onnx.save(in_float32(onnx.load(bundle.folder / ONNX)), plain)
        quantize_static(
            plain,
            target,
            _Calibration(examples(config, bundle.card)),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(KEPT_FLOAT),
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": 99.999},
        )


def examples(config: Config, card: NetworkCard) -> Iterator[np.ndarray]:
    """Inputs of `train` patches and of crops of the whole CTs, with and without the prompt, in turn.

    Args:
        config: Says where the prepared data are.
        card: Of the network.

    Yields:
        (n, y, x, c).
    """
    prepared = Path(config.data.prepared)
    patches = Patches(prepared, "train")
    cts = WholeCTs(prepared, FOLDS, config.data.kept_aside)
    for step in range(CALIBRATION_BATCHES):
        if step % 2:
            yield ct_batch(cts, patches, card, config.fit.seed, step, CALIBRATION_BATCH, CROP)[0]
        else:
            yield patch_batch(patches, card, config.fit.seed, step, CALIBRATION_BATCH, CROP)[0]


def in_float32(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with its half-precision initialisers as plain float32 ones, which quantisers look for."""
    graph = model.graph
    halves = {w.name: numpy_helper.to_array(w) for w in graph.initializer if w.data_type == TensorProto.FLOAT16}
    nodes = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in halves:
            whole = halves[node.input[0]].astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(whole, node.output[0]))
        else:
            nodes.append(node)
    kept = [w for w in graph.initializer if w.name not in halves]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    return model


class _Calibration:
    """What ONNX Runtime's quantiser asks for its inputs."""

    def __init__(self, batches: Iterator[np.ndarray]):
        self._batches = batches

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"slices_and_prompt": batch.astype(np.float32)}


def _with_int8(folder: Path, figures: dict) -> Bundle:
    """Write the figures into the card, and the checksum if the file is there; the bundle as it is then."""
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card["int8"] = figures
    card["files"].pop(INT8, None)
    if (folder / INT8).exists():
        card["files"][INT8] = sha256(folder / INT8)
    (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return load_bundle(folder)


def _clicks(nodules: click.Nodules, engine: Engine, bundle: Bundle) -> tuple[float, list[Candidate | None]]:
    """Mean Dice of the clicks, and each one's candidate."""
    dice, found = [], []
    for nodule in track(nodules, f"Clicks, {engine.precision}", total=len(nodules)):
        result = click.clicked(nodule, engine, bundle)
        dice.append(metrics.overlap(click.mask_of(result), nodule.reference)["dice"])
        found.append(result.candidates[0] if result and result.candidates else None)
    return float(np.mean(dice)), found


def _difference(first: list[Candidate | None], second: list[Candidate | None]) -> dict[str, float]:
    """How far p differs, over the voxels that both look at."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a and b and a.box == b.box]
    if not pairs:
        return {}
    p = np.concatenate([np.abs(a.block.astype(int) - b.block).ravel() for a, b in pairs]) / 255
    return {"median": float(np.median(p)), "p99": float(np.percentile(p, 99)), "most": float(p.max())}


def _sensitivity(config: Config, engine: Engine, bundle: Bundle, folder: Path) -> float:
    """Sensitivity at two false positives a scan for the val nodules inserted into the whole CTs."""
    model = automatic.Model(bundle, engine, folder, unseen=False)
    folder.mkdir()
    runs = automatic.jobs(config, dict.fromkeys(FOLDS, model), ROLE)
    chosen = [job for what, job in runs if what == ROLE]
    # the same runs are fitted on and, fold by fold, judged
    judged = detection.judge([job() for job in track(chosen, f"Whole CTs, {engine.precision}")], ROLE)
    return judged.figures["inserted"]["sensitivity_at"]["2"]["sensitivity"]
