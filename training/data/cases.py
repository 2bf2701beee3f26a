"""A prepared whole CT on its own grid: from the pack, or from where it was added."""

import csv
import re
from functools import cache
from pathlib import Path

import numpy as np
from LungTumorSegLib.data import CT
from LungTumorSegLib.errors import UnreadableError

from ..config import Config
from . import pack, seen, user_datasets

KERNEL = re.compile(r"\b(B\d\d[fs]|FC\d\d|STANDARD|BONE|LUNG)\b")


def read(config: Config, name: str) -> tuple[CT, np.ndarray, np.ndarray]:
    """Read a prepared whole CT, its tumours and what nobody knows.

    Args:
        config: Says where the prepared data and the pack are.
        name: The CT's, as in the prepared volumes.

    Returns:
        The CT, and two bool arrays on its stored grid: tumour, and where nobody knows. Nothing is marked where the pack
            has no such mask.

    Raises:
        UnreadableError: As `check_there` does, and where the mask of a tumour that was prepared is gone.
    """
    facts = check_there(config, name)
    if "source" in facts:
        image, mask = Path(facts["source"]), Path(facts["mask"])
        values = (tuple(facts["tumour"]), tuple(facts["ignored"]))
        return user_datasets.read(user_datasets.Pair(name, facts["patient"], facts["role"], image, mask, *values))
    folder = Path(config.data.pack)
    ct = pack.read(folder, name)
    tumour, ignored = (pack.read_mask(folder, name, which) for which in ("tumour", "ignore"))
    prepared = np.load(Path(config.data.prepared) / "volumes" / name / "target.npy", mmap_mode="r")
    if tumour is None and prepared.any():
        raise UnreadableError(
            f"{name} was prepared with a tumour, but its mask is no longer in {folder}. Bring it back."
        )
    none = np.zeros(ct.voxels_zyx.shape, bool)
    return ct, none if tumour is None else tumour, none if ignored is None else ignored


def kernel(config: Config, name: str) -> str:
    """The reconstruction kernel that the pack's table names, as B41f or BONE; "unknown" where it names none."""
    row = _table(Path(config.data.pack)).get(name, {})
    found = KERNEL.search(" ".join(row.get(column, "") for column in ("acquisition", "notes")))
    return found.group() if found else "unknown"


def tumours_are_boxed(config: Config, name: str) -> bool:
    """Whether the pack has boxes around the CT's tumours, and no mask: what is found there can't be judged."""
    row = _table(Path(config.data.pack)).get(name, {})
    return row.get("boxes") == "1" and row.get("tumour_mask") == "0"


@cache
def _table(pack: Path) -> dict[str, dict[str, str]]:
    """The rows of the pack's table by case."""
    table = pack / "cases.csv"
    if not table.exists():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def check_there(config: Config, name: str) -> dict:
    """The case's record, once what it was prepared from has been seen to be there.

    Raises:
        UnreadableError: What it was prepared from is gone.
    """
    folder, facts = Path(config.data.prepared) / "volumes" / name, seen.cases(config)[name]
    given = [Path(facts[k]) for k in ("source", "mask") if k in facts] or [Path(config.data.pack) / "volumes" / name]
    gone = [path for path in given if not path.exists()]
    if gone:
        raise UnreadableError(f"{folder} was made of {gone[0]}, which is gone. Bring it back, or delete {folder}.")
    return facts
