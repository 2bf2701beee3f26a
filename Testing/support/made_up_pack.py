"""A training pack made in code: balls as nodules, phantoms as whole CTs, in the form that the preparation reads."""

import csv
import io
import json
import zipfile
from pathlib import Path

import imagecodecs
import numpy as np
import SimpleITK as sitk
from msgspec.structs import replace

from Testing.support import phantoms
from training import config
from training.bundle import export
from training.data import prepare
from training.examples import classifier_cubes

ROLES = ("train", "val", "test")
DIAMETERS = (5, 8, 15)
CASES = (("CT-A", "fold-a"), ("LIDC-IDRI-B", "fold-b"))


def make(folder: Path, volumes: bool = True) -> config.Config:
    """Write the pack; returns a configuration of a tiny network on it."""
    pack = folder / "pack"
    (pack / "patches").mkdir(parents=True)
    (pack / "volumes").mkdir()
    _write_patches(pack / "patches")
    split = [(f"P{i}", ROLES[i % 3]) for i in range(9)] + list(CASES)
    with (folder / "split.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("patient", "role"), *split])
    for seed, (name, _) in enumerate(CASES if volumes else ()):
        ct, mask = phantoms.chest(spacing_xyz=(2.5, 2.5, 5.0), seed=seed)
        (pack / "volumes" / name).mkdir()
        grid = {
            "size": ct.geometry.shape_zyx[::-1],
            "spacing": ct.geometry.spacing_xyz,
            "origin": ct.geometry.origin_lps,
            "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1],
            "hu_step": 8,
            "hu_offset": -1024,
        }
        write_zip(pack / "volumes" / name / "ct.zip", packed(ct.voxels_zyx), "geometry.json", json.dumps(grid).encode())
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        sitk.WriteImage(image, str(pack / "volumes" / name / "tumour.nrrd"))
    if volumes:
        _write_demo(folder / "demo")
    stage = config.Stage(steps=4, learning_rate=1e-2, warmup_steps=1, crop=32, batch=4)
    return replace(
        config.Config(),
        data=config.Data(*(str(folder / name) for name in ("pack", "split.csv", "prepared", "demo"))),
        network=config.Network(filters=(2, 4)),
        fit=config.Fit(run=str(folder / "run"), precision="float32", epoch_steps=2, stages=(stage,)),
        coarse=config.Coarse(stages=()),
    )


def packed(hu: np.ndarray) -> np.ndarray:
    """HU as the pack's 8 bits: rounded to steps of 8, clipped to [-1024, 1016]."""
    return np.rint(np.clip((hu.astype(float) + 1024) / 8, 0, 255)).astype(np.uint8)


def write_zip(path: Path, pictures: np.ndarray, name: str, content: bytes) -> None:
    """Pictures (n, y, x) uint8 as lossless JPEG XL, and a file of this name and content beside them."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)
        for i, picture in enumerate(pictures):
            file.writestr(f"{i:04}.jxl", imagecodecs.jpegxl_encode(picture, lossless=True))


def _write_demo(folder: Path) -> None:
    folder.mkdir()
    for seed, name in enumerate(("lung1", "lung2")):
        ct, mask = phantoms.chest(spacing_xyz=(2.5, 2.5, 5.0), seed=10 + seed)
        for what, voxels in (("image", ct.voxels_zyx), ("label", mask.astype(np.uint8))):
            image = sitk.GetImageFromArray(voxels)
            image.SetSpacing(ct.geometry.spacing_xyz)
            image.SetOrigin(ct.geometry.origin_lps)
            sitk.WriteImage(image, str(folder / f"{name}_{what}.nrrd"))


def prepared(folder: Path) -> config.Config:
    """The pack as `prepare` leaves it."""
    made = make(folder)
    prepare.prepare_patches(made)
    prepare.prepare_volumes(made)
    return made


def _write_patches(folder: Path) -> None:
    n = 9
    ct = np.full((n, 50, 50, 50), (-850 + 1024) // 8, np.uint8)
    readers, bits = np.zeros_like(ct), np.zeros_like(ct)
    distance = np.linalg.norm(np.indices((50, 50, 50)) - 24.5, axis=0)
    rows = []
    for i in range(n):
        radius = DIAMETERS[i // 3] / 2
        ct[i][distance <= radius + 0.2] = (40 + 1024) // 8
        ct[i, :, :6] = (40 + 1024) // 8  # chest wall
        for k, grow in enumerate((-0.5, 0, 0.2, 0.5)):
            own = distance <= radius + grow
            readers[i] += own
            bits[i] |= own.astype(np.uint8) << k
        rows.append(
            {
                "index": i,
                "patient": f"P{i}",
                "n_readers": 4,
                "diameter_mm": 2 * radius,
                "slice_spacing": 1.0,
                "volume_mm3": int((readers[i] >= 2).sum()),
                "texture": 5,
                "calcification": 6,
                "merged_cluster": 0,
                "touches_border": 0,
            }
            | {f"origin_{a}": 0.0 for a in "xyz"}
            | {f"valid_{a}{end}": 50 * end for a in "zyx" for end in (0, 1)}
        )
    lesion = (readers > 0).astype(np.uint8)
    labels = io.BytesIO()
    np.savez(labels, readers=readers, lesion=lesion, reader_bits=bits, index=np.arange(n), n_readers=[4] * n)
    write_zip(folder / "00.zip", ct.reshape(n, 50 * 50, 50), "labels.npz", labels.getvalue())
    with (folder / "lidc_nodules.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def take_few_cubes(patch) -> None:
    """patch: pytest's. 60 cubes a CT instead of some 1,000: making them took 170 of 240 s of processor time."""
    patch.setattr(classifier_cubes, "RECIPIENTS", 1)
    patch.setattr(classifier_cubes, "SPOTS_A_CT", 30)


def tissue_bundle(made: config.Config, folder: Path, threshold: float = 0.5) -> Path:
    """A bundle whose network marks what is denser than about -400 HU on the centre slice: its answers are known."""
    from LungTumorSegLib.model import unet

    model = unet.build(made.network.card.architecture)
    for variable in model.variables:
        name = variable.path
        value = np.ones(variable.shape) if name.endswith(("gamma", "moving_variance")) else np.zeros(variable.shape)
        if name.endswith("kernel"):
            # the centre slice, then channel 0; coming up, the skip's channel 0, behind those from below
            taken = {"down0_conv1": 2, "up0_conv1": 4}.get(name.split("/")[-2], 0)
            value[value.shape[0] // 2, value.shape[1] // 2, taken, 0] = 60 if "probability" in name else 1
        elif "probability" in name:
            value[:] = -23
        variable.assign(value)
    weights = folder.parent / f"{folder.name}.weights.h5"
    model.save_weights(weights)
    return export.export(made, weights, folder, {"threshold": threshold})
