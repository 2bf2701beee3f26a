"""``python -m Testing.support.short_training FOLDER``: the recipe and the chain's quick steps, on data made in code.

Every library that the training uses is at work: TensorFlow, HDF5, matplotlib, and all three engines.
"""

import sys
from pathlib import Path

import numpy as np
from LungTumorSegLib.model.bundle import load_bundle

from Testing.support import made_up_pack
from training.bundle import card, export, quantise
from training.cli import app
from training.fitting import unet


def main(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for side in ("train", "valid"):
        np.save(folder / f"{side}_images.npy", generator.integers(0, 256, (8, 32, 32), np.uint8))
        np.save(folder / f"{side}_labels.npy", generator.integers(0, 4, (8, 32, 32), np.uint8) == 0)
    app(["recipe", str(folder), "--output", str(folder / "recipe"), "--epochs", "1"], standalone_mode=False)
    settings = made_up_pack.prepared(folder)
    unet.VALIDATION_EXAMPLES = 8
    weights = unet.fit(settings)
    bundle = export.export(settings, weights, folder / "bundle", {"threshold": 0.5})
    print("\n".join(card.engines_agree(bundle)))
    quantise.write(settings, load_bundle(bundle), folder / "int8.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
