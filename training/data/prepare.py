"""The training pack as memory-mapped arrays, with targets and loss weights worked out once.

Patches: ct, target, weight, target_lesion (N, 50, 50, 50) and patches.csv. Whole CTs: a folder each, resampled in
plane by the product's own `slices`. Roles come from split.csv alone.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from LungTumorSegLib.data import CT
from LungTumorSegLib.errors import UnreadableError
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.lungs import find
from LungTumorSegLib.sampling import slices
from rich.progress import track
from scipy import ndimage

from ..config import Config
from ..errors import DataError
from . import own_patches, pack, seen
from .pack import SIDE

# bits of target_lesion.npy
TARGET, DEEP = 1, 2
HARD_PATCHES = "hard_patches.json"  # written by `mine`


def patch_targets(readers: np.ndarray, lesion: np.ndarray, n_readers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Soft target, loss weight and target bits of one patch.

    Target lesion: readers / n_readers, so that 0.5 is the consensus. Others: readers / the most readers that lesion
    has anywhere. A lesion marked by one of several readers only is "don't know": weight 0.

    Args:
        readers: How many readers marked each voxel, (z, y, x).
        lesion: Labels on the same voxels; 1 is the target, 2 and more are others.
        n_readers: Of the target lesion.

    Returns:
        Soft target (uint8, round(255 t)), loss weight (uint8, 0 or 1), and uint8 bits of the target lesion: TARGET, and
            DEEP for the deeper half of its consensus.
    """
    soft = np.zeros(readers.shape, np.float32)
    weight = np.ones(readers.shape, np.uint8)
    target = lesion == 1
    soft[target] = readers[target] / max(n_readers, 1)
    for label in range(2, int(lesion.max()) + 1):
        other = lesion == label
        most = readers[other].max(initial=0)
        if most >= min(2, n_readers):
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
    """Prepare the patches: the pack's nodules, if there is a pack, and those that were cut from the CTs of `add`.

    Nothing is done where ``patches.csv``, which is written last, has them all.

    Raises:
        UnreadableError: The pack is missing.
        DataError: A patient of the pack's split has two roles.
    """
    out, cut = Path(config.data.prepared), _cut(config)
    listed = out / "patches.csv"
    if listed.exists() and _cases(listed) == {record["row"]["case"] for record in cut}:
        return
    out.mkdir(parents=True, exist_ok=True)
    listed.unlink(missing_ok=True)
    (out / HARD_PATCHES).unlink(missing_ok=True)  # by number: those of other patches
    table = _table(config) if config.data.pack else []
    names = ("ct", "target", "weight", "target_lesion", "readers", "lesion", "reader_bits")
    shape = (len(table) + len(cut), SIDE, SIDE, SIDE)
    arrays = {name: np.lib.format.open_memmap(out / f"{name}.npy", "w+", np.uint8, shape) for name in names}
    for index, patch in track(enumerate_patches(config, table, cut), "Patches", total=shape[0]):
        soft, weight, bits = patch_targets(patch["readers"], patch["lesion"], int(patch["row"]["n_readers"]))
        inside = _finish(patch["row"], bits, patch["lesion"]) & (patch["known"] > 0)
        values = (soft, weight * inside, bits)
        for name, value in {**patch, **dict(zip(names[1:4], values, strict=True))}.items():
            if name in arrays:
                arrays[name][index] = value
    for array in arrays.values():
        array.flush()
    rows = [*table, *(record["row"] for record in cut)]
    with (out / "patches.part").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    (out / "patches.part").replace(listed)


def _table(config: Config) -> list[dict]:
    """The rows of the pack's nodules, with their roles."""
    listed = Path(config.data.pack) / "patches" / "lidc_nodules.csv"
    if not listed.exists():
        raise UnreadableError(
            f"The training pack is not in {config.data.pack}. Say where it is ([data] pack), or train on your own CTs "
            'alone (pack = "", see docs/train-your-own.md).'
        )
    role = seen.roles(Path(config.data.split))
    with listed.open(newline="") as file:
        return [row | {"role": role[row["patient"]]} for row in csv.DictReader(file)]


def _cases(listed: Path) -> set[str]:
    """The CTs of `add` that the patches of a table are cut from."""
    with listed.open(newline="") as file:
        return {row["case"] for row in csv.DictReader(file) if row.get("case")}


def _cut(config: Config) -> list[dict]:
    """What `add` has cut: ``row``, with case, patient and role, and ``file`` and ``at``, where its arrays are."""
    found = []
    for listed in sorted(Path(config.data.prepared).glob("volumes/*/patches.json")):
        facts = json.loads((listed.parent / "case.json").read_text()) if (listed.parent / "case.json").exists() else {}
        for at, row in enumerate(json.loads(listed.read_text()) if facts else ()):
            own = {"case": listed.parent.name, "patient": facts["patient"], "role": facts["role"]}
            found.append({"row": row | own, "file": listed.with_suffix(".npz"), "at": at})
    return found


def enumerate_patches(config: Config, table: list[dict], cut: list[dict]) -> Iterator[tuple[int, dict]]:
    """The pack's patches, then those that `add` has cut.

    Args:
        config: Says where the pack is.
        table: Rows of the pack's nodules, by number; empty without the pack.
        cut: Of each other patch its ``row``, and ``file`` and ``at``, where its arrays are.

    Yields:
        The patch's number; its arrays (50, 50, 50) ct, readers, lesion, reader_bits and known, with its ``row``.
    """
    for shard in sorted((Path(config.data.pack) / "patches").glob("*.zip")) if table else ():
        read = pack.read_patches(shard)
        for at, index in enumerate(read["index"]):
            arrays = {name: read[name][at] for name in ("ct", "readers", "lesion", "reader_bits")}
            yield int(index), arrays | {"row": table[index], "known": np.ones((SIDE,) * 3, np.uint8)}
    for number, record in enumerate(cut, len(table)):
        record["row"]["index"] = number
        with np.load(record["file"]) as read:
            arrays = {name: read[name][record["at"]] for name in ("ct", "readers", "lesion", "known")}
        yield number, arrays | {"row": record["row"], "reader_bits": arrays["readers"]}


def _finish(row: dict, bits: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    """Work out what the row says of a patch's slices; where the scan is (bool)."""
    inside = np.zeros(bits.shape, bool)
    inside[Box(*([int(row[f"valid_{axis}{end}"]) for axis in "zyx"] for end in (0, 1))).slices] = True
    marked = np.flatnonzero((lesion > 0).any((1, 2)))
    away = np.abs(np.arange(SIDE)[:, None] - marked[None]).min(1, initial=SIDE)  # mm along z from any label
    row["free_z"] = " ".join(str(z) for z in np.flatnonzero((away >= 8) & inside.any((1, 2))))
    z = np.flatnonzero((bits & TARGET).any((1, 2)))
    row["target_z0"], row["target_z1"] = (int(z.min()), int(z.max())) if len(z) else ("", "")
    return inside


def prepare_volumes(config: Config) -> None:
    """Prepare the pack's whole CTs, if there is a pack, in plane on the network's grid; those that are there are kept.

    Raises:
        DataError: An added CT has the name of one of them, or a patient of the split has two roles.
    """
    if not config.data.pack:
        return
    root, role = Path(config.data.pack), seen.roles(Path(config.data.split))
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
    """Write one whole CT in the form that the examples are drawn from.

    Args:
        config: Says where the prepared data are, and the network's spacing.
        ct: In HU on its stored grid.
        tumour_zyx: bool, on the CT's stored grid; None where there is none.
        weight_zyx: uint8, on the CT's stored grid; 0 where nobody knows.
        role: On which side of the split it is.
        patient: Whose it is; the CT's name by default, as in the pack.
        added: What the record of a CT that is not the pack's keeps (`user_datasets.Pair.facts`).

    Returns:
        The case's folder.

    Raises:
        NoLungsFoundError: The CT shows no aerated lungs.
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
    if added:
        facts |= {**added, "voxels": seen.checksum(ct)}
        lung = found.geometry.lps(np.argwhere(found.label_zyx > 0))
        _write_patches(folder, own_patches.cut(ct, tumour_zyx, weight_zyx > 0, lung))
    (folder / "case.json").write_text(json.dumps(facts))
    return folder


def _write_patches(folder: Path, cut: list[dict]) -> None:
    arrays = {name: np.stack([patch[name] for patch in cut]) for name in ("ct", "readers", "lesion", "known") if cut}
    np.savez_compressed(folder / "patches.npz", **arrays)  # type: ignore[arg-type]  # as in the library's record.py
    (folder / "patches.json").write_text(json.dumps([patch["row"] for patch in cut]))
