"""The training pack as memory-mapped arrays, with targets and loss weights worked out once.

Patches: ct, target, weight, target_lesion (N, 50, 50, 50) and patches.csv. Whole CTs: a folder each, resampled in
plane by the product's own `slices`. Roles come from split.csv alone.
"""

import csv
import json
from pathlib import Path

import numpy as np
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lungs import find
from LungTumorSegLib.sampling import slices
from rich.progress import track
from scipy import ndimage

from ..config import Config
from ..errors import DataError
from . import pack

# bits of target_lesion.npy
TARGET, DEEP = 1, 2


def roles(split: Path) -> dict[str, str]:
    """Patient -> role. Raises DataError if a patient stands on two sides."""
    found: dict[str, str] = {}
    with Path(split).open(newline="") as file:
        for row in csv.DictReader(file):
            if found.setdefault(row["patient"], row["role"]) != row["role"]:
                raise DataError(
                    f"Patient {row['patient']} has two roles in {split}; a patient may be on one side only."
                )
    return found


def patch_targets(readers: np.ndarray, lesion: np.ndarray, n_readers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Soft target (uint8, round(255 t)), loss weight (uint8, 0 or 1) and target bits of one patch.

    Target lesion: readers / n_readers, so that 0.5 is the consensus. Others: readers / the most readers that lesion
    has anywhere. A lesion marked by one reader only is "don't know": weight 0.
    """
    soft = np.zeros(readers.shape, np.float32)
    weight = np.ones(readers.shape, np.uint8)
    target = lesion == 1
    soft[target] = readers[target] / max(n_readers, 1)
    for label in range(2, int(lesion.max()) + 1):
        other = lesion == label
        most = readers[other].max(initial=0)
        if most >= 2:
            soft[other] = readers[other] / most
        else:
            weight[other] = 0
    bits = target.astype(np.uint8) * TARGET
    consensus = soft * target >= 0.5
    if consensus.any():
        depth = ndimage.distance_transform_edt(consensus)
        bits[consensus & (depth >= np.median(depth[consensus]))] |= DEEP
    return np.rint(np.clip(soft, 0, 1) * 255).astype(np.uint8), weight, bits


def prepare_patches(config: Config) -> None:
    """The nodule patches. Nothing is done where ``patches.csv``, which is written last, is there."""
    root, out = Path(config.data.pack), Path(config.data.prepared)
    if (out / "patches.csv").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    role = roles(Path(config.data.split))
    with (root / "patches" / "lidc_nodules.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    names = ("ct", "target", "weight", "target_lesion", "readers", "lesion", "reader_bits")
    arrays = {
        name: np.lib.format.open_memmap(out / f"{name}.npy", "w+", np.uint8, (len(table), 50, 50, 50)) for name in names
    }
    for shard in track(sorted((root / "patches").glob("*.zip")), "Patches"):
        patches = pack.read_patches(shard)
        for row, index in enumerate(patches["index"]):
            record = table[index]
            record["role"] = role[record["patient"]]
            readers, lesion = patches["readers"][row], patches["lesion"][row]
            soft, weight, bits = patch_targets(readers, lesion, int(patches["n_readers"][row]))
            inside = np.zeros(weight.shape, bool)
            valid = Box(*([int(record[f"valid_{axis}{end}"]) for axis in "zyx"] for end in (0, 1)))
            inside[valid.slices] = True
            values = (patches["ct"][row], soft, weight * inside, bits, readers, lesion, patches["reader_bits"][row])
            for name, value in zip(names, values, strict=True):
                arrays[name][index] = value
            marked = np.flatnonzero((lesion > 0).any((1, 2)))
            away = np.abs(np.arange(50)[:, None] - marked[None]).min(1)  # mm along z from any label
            record["free_z"] = " ".join(str(z) for z in np.flatnonzero((away >= 8) & inside.any((1, 2))))
            z = np.flatnonzero((bits & TARGET).any((1, 2)))
            record["target_z0"], record["target_z1"] = int(z.min()), int(z.max())
    for array in arrays.values():
        array.flush()
    with (out / "patches.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows(table)


def prepare_volumes(config: Config) -> None:
    """The pack's whole CTs in plane on the network's grid; those that are there are kept.

    Raises DataError where an added CT has the name of one of them.
    """
    root, role = Path(config.data.pack), roles(Path(config.data.split))
    for name in track(pack.names(root), "Whole CTs"):
        there = Path(config.data.prepared) / "volumes" / name / "case.json"
        if there.exists():
            source = json.loads(there.read_text()).get("source")
            if source:
                raise DataError(
                    f"{there.parent} holds the added CT {source}, which has the name of a CT of the pack. "
                    "Delete that folder, give the CT's files another name and add them again."
                )
            continue
        ct = pack.read(root, name)
        tumour, ignored = pack.read_mask(root, name), pack.read_mask(root, name, "ignore")
        # a cancer patient's scan without masks is no negative: only what is far from its boxes is background
        weight = np.ones(ct.voxels_zyx.shape, np.uint8)
        if ignored is not None:
            weight[ignored] = 0
        boxes = root / "volumes" / name / "boxes.json"
        if boxes.exists():
            margin = [round(30 / s) for s in ct.geometry.spacing_zyx]
            for record in json.loads(boxes.read_text())["boxes"]:
                first = record["slice_index"], record["index_ymin"], record["index_xmin"]
                last = record["slice_index"], record["index_ymax"], record["index_xmax"]
                weight[Box(first, np.add(last, 1)).expand(margin, weight.shape).slices] = 0
        elif name.startswith("CPTAC"):
            weight[:] = 0
        write_case(config, ct, tumour, weight, role[name])


def write_case(
    config: Config,
    ct: CT,
    tumour_zyx: np.ndarray | None,
    weight_zyx: np.ndarray,
    role: str,
    patient: str | None = None,
    added: dict | None = None,
) -> Path:
    """One whole CT in the form that the examples are drawn from; returns its folder.

    tumour (bool, None: there is none) and weight (uint8, 0 where nobody knows) on the CT's stored grid. patient: the
    CT's name by default, as in the pack. added: what the record of a CT that is not
    the pack's keeps (`user_datasets.Pair.facts`). Raises NoLungsFoundError.
    """
    order, axial = ct.geometry.axial_order(), ct.geometry.axial()
    rows, columns = slices.in_plane_matrices(axial.shape_zyx[1:], axial.spacing_zyx[1:], config.network.spacing_mm)

    def share(array: np.ndarray) -> np.ndarray:
        flat = ((columns @ (rows @ s.astype(np.float32)).T).T for s in order.view(array))
        return np.stack([np.rint(s * 255) for s in flat]).astype(np.uint8)

    if tumour_zyx is None:
        tumour_zyx = np.zeros(ct.voxels_zyx.shape, bool)
    found = find.find(ct)
    folder = Path(config.data.prepared) / "volumes" / ct.name
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "hu.npy", np.stack([slices.in_plane(s, rows, columns) for s in order.view(ct.voxels_zyx)]))
    np.save(folder / "target.npy", share(tumour_zyx))
    np.save(folder / "weight.npy", (share(weight_zyx) > 250).astype(np.uint8))
    np.save(folder / "lungs.npy", found.label_zyx)
    facts = {
        "role": role,
        "patient": patient or ct.name,
        "step_mm": axial.spacing_zyx[0],
        "lungs_spacing_zyx": found.geometry.spacing_zyx,
        # mm from voxel 0's centre to the first voxel of the coarse lungs
        "lungs_start_zyx": (axial.index(found.geometry.origin_lps) * axial.spacing_zyx).tolist(),
    }
    (folder / "case.json").write_text(json.dumps(facts | (added or {})))
    return folder
