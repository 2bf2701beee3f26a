"""A lab's CTs made in code, in the layout of a task of the Medical Segmentation Decathlon, and a tiny configuration."""

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from msgspec.structs import replace

from Testing.support import phantoms
from training import config
from training.bundle import export

ROLES = {"lung_001": "train", "lung_002": "train", "lung_003": "val", "lung_004": "test"}
# (x, y, z) LPS mm and diameter of each CT's tumours, all in the lungs
TUMOURS = {
    "lung_001": (((-86.0, 12.0, 21.0), 18.0), ((80.0, 20.0, -20.0), 20.0)),
    "lung_002": (((-70.0, -20.0, 0.0), 24.0),),
    "lung_003": (((84.0, 10.0, 20.0), 16.0),),
    "lung_004": (((-80.0, 25.0, -25.0), 20.0),),
}
SETTINGS = """
[model]
name = "st-anna-lung"
version = "1.2"
data = "four made-up chests"
licence = "CC0"
[data]
pack = ""
prepared = "{folder}/prepared"
[network]
filters = [2, 4]
[fit]
run = "{folder}/run"
precision = "float32"
epoch_steps = 2
{stages}
[classifier]
filters = [2, 2, 2]
patch_steps = 2
ct_steps = 2
batch = 4
"""
STAGE = """[[fit.stages]]
steps = 2
learning_rate = 1e-2
warmup_steps = 1
crop = 32
batch = 4
ct_share = 0.5
"""


def task(folder: Path) -> Path:
    """The task's folder, with a cases.csv."""
    folder.mkdir(parents=True)
    for seed, (name, tumours) in enumerate(TUMOURS.items()):
        lesions = tuple((centre, diameter, phantoms.SOFT) for centre, diameter in tumours)
        ct, mask = phantoms.chest(spacing_xyz=(4.0, 4.0, 6.0), lesions=lesions, seed=seed)
        for where, array in (("imagesTr", ct.voxels_zyx), ("labelsTr", mask.astype(np.uint8))):
            (folder / where).mkdir(exist_ok=True)
            sitk.WriteImage(phantoms.to_sitk(array, ct.geometry), str(folder / where / f"{name}.nii.gz"))
    listed = [{"image": f"./imagesTr/{n}.nii.gz", "label": f"./labelsTr/{n}.nii.gz"} for n in TUMOURS]
    facts = {"name": "Lung", "modality": {"0": "CT"}, "labels": {"0": "background", "1": "cancer"}, "training": listed}
    (folder / "dataset.json").write_text(json.dumps(facts))
    rows = "".join(f"{name},{name},{role}\n" for name, role in ROLES.items())
    (folder / "cases.csv").write_text(f"name,patient,role\n{rows}")
    return folder


def settings(folder: Path) -> Path:
    """The configuration's file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lab.toml").write_text(SETTINGS.format(folder=folder.as_posix(), stages=STAGE))
    return folder / "lab.toml"


ANCIENT = {"fitted": {"ancient": "a" * 64, "Bo": None}, "chosen": {"older": "b" * 64}}


def ancestor(toml: Path, folder: Path) -> Path:
    """A bundle of another lab to go on from: it has seen `ANCIENT`, and its network marks next to nothing."""
    import keras
    from LungTumorSegLib.model import unet

    made = config.load(toml)
    keras.utils.set_random_seed(3)
    model = unet.build(made.network.card.architecture)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma * 1.3, beta + 0.2, mean + 0.1, variance * 0.5])
    probability = model.get_layer("probability")
    probability.set_weights([probability.get_weights()[0] * 0.3, np.full(1, -4.0)])
    folder.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder.parent / "ancestor.weights.h5")
    facts = {"threshold": 0.5, "seen": ANCIENT, "data": {"description": "old chests", "licence": "CC BY 4.0"}}
    own = replace(made, model=replace(made.model, name="first-lab", version="0.9"))
    return export.export(own, folder.parent / "ancestor.weights.h5", folder, facts)
