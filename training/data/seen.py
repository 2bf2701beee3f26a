"""Which CTs a model has seen, it or those it goes on from; and the refusal to ask it about one of them.

A card's ``seen`` has ``fitted`` and ``chosen`` (whatever was chosen on them: weights, threshold, calibration), each
{name: SHA256 of the voxels, or null where only the patient is known}. A CT is known again by its voxels, whatever its
file is called; by its name or patient only where one of both has no checksum.
"""

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LungTumorSegLib.data import CT
from LungTumorSegLib.model.bundle import CARD

from ..config import Config
from ..errors import DataError, SettingsError

FITTED, CHOSEN = "fitted", "chosen"
CHOOSING = "val"
MOST_NAMED = 5


@dataclass(frozen=True)
class Asked:
    """A CT that a model is to be asked about.

    Attributes:
        name: The CT's.
        patient: Whose it is.
        voxels: Their checksum; None where it is not known.
    """

    name: str
    patient: str
    voxels: str | None = None


def checksum(ct: CT) -> str:
    """SHA256 of the voxels in axial order, int16 HU: the same of one CT in any file and axis order."""
    made = hashlib.sha256()
    for plane in ct.geometry.axial_order().view(ct.voxels_zyx):
        made.update(np.ascontiguousarray(np.rint(np.clip(plane, -32768, 32767)).astype("<i2")))
    return made.hexdigest()


def roles(split: Path) -> dict[str, str]:
    """The pack's patients and their roles.

    Args:
        split: A CSV file with the columns patient and role.

    Raises:
        DataError: A patient stands on two sides.
    """
    found: dict[str, str] = {}
    with split.open(newline="") as file:
        for row in csv.DictReader(file):
            if found.setdefault(row["patient"], row["role"]) != row["role"]:
                raise DataError(f"Patient {row['patient']} has two roles in {split}; a patient is on one side.")
    return found


def cases(config: Config) -> dict[str, dict]:
    """The records of the prepared whole CTs, by name."""
    found = sorted(Path(config.data.prepared).glob("volumes/*/case.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in found}


def asked(config: Config, roles: Iterable[str], added: bool) -> list[Asked]:
    """The prepared whole CTs of some roles.

    Args:
        config: Says where the prepared data are.
        roles: On any of these sides of the split.
        added: True for those of `add`, False for the pack's.
    """
    return [
        Asked(name, facts["patient"], facts.get("voxels"))
        for name, facts in cases(config).items()
        if facts["role"] in roles and ("source" in facts) == added
    ]


def of(config: Config) -> dict[str, dict[str, str | None]]:
    """What a model has seen that is fitted with this configuration, its ancestors included.

    Returns:
        ``fitted`` and ``chosen``, each from name or patient to the voxels' SHA256, or None where only the patient is
            known.

    Raises:
        SettingsError: The model that it goes on from has no card, or does not say what it has seen.
        DataError: A patient of the pack's split has two roles.
    """
    used = {"train", *(role for stage in config.every_stage if stage.whole_cts for role in stage.ct_roles)}
    split = roles(Path(config.data.split)) if config.data.pack else {}
    found = {kind: dict(ancestors(config)[kind]) for kind in (FITTED, CHOSEN)}
    for kind, wanted in ((FITTED, used), (CHOSEN, {CHOOSING})):
        named = (patient for patient, role in split.items() if role in wanted)
        found[kind] |= {patient: None for patient in named if patient not in config.data.kept_aside}
        for one in asked(config, wanted, added=True):
            found[kind][one.name] = one.voxels
            if one.patient != one.name:
                found[kind][one.patient] = None
    return found


def ancestors(config: Config) -> dict[str, dict[str, str | None]]:
    """What the model has seen that the fit goes on from; nothing from scratch.

    Raises:
        SettingsError: It has no card, or its card does not say what it has seen.
    """
    if not config.fit.start:
        return {FITTED: {}, CHOSEN: {}}
    card = read_card(Path(config.fit.start))
    if "seen" not in card:
        raise SettingsError(
            f"The card of the model in {config.fit.start} does not name the CTs that it has seen: a test on one of "
            "them would not be noticed. Go on from a model that was exported with this version."
        )
    return card["seen"]


def read_card(bundle: Path) -> dict:
    """The whole card of a bundle.

    Raises:
        SettingsError: There is none, or it cannot be read.
    """
    try:
        return json.loads((bundle / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise SettingsError(f"There is no model in {bundle} ({problem}).") from None


def overlap(seen: dict[str, dict[str, str | None]], kinds: Iterable[str], given: Iterable[Asked]) -> list[str]:
    """The names of the CTs among those given that have been seen.

    Args:
        seen: As in a card, from kind to name to the voxels' SHA256 or None.
        kinds: Which of ``fitted`` and ``chosen`` count.
        given: The CTs that are asked about.
    """
    found = []
    for one in given:
        for kind in kinds:
            known = seen.get(kind, {})
            same = one.voxels is not None and one.voxels in known.values()
            named = any(name in known and None in (known[name], one.voxels) for name in (one.name, one.patient))
            # a patient that is named, of whom another CT was seen
            if same or named or (one.patient != one.name and one.patient in known):
                found.append(one.name)
                break
    return found


def refuse(card: dict, role: str, given: Iterable[Asked], advice: str) -> None:
    """Refuse to ask a model about CTs that it has seen.

    Args:
        card: The whole model.json. One that does not say what it has seen cannot be asked, and passes.
        role: Of the CTs. On val, what was chosen on it may be looked at.
        given: The CTs.
        advice: The error's last sentence.

    Raises:
        DataError: The model has seen one of them.
    """
    if "seen" not in card:
        return
    kinds = (FITTED,) if role == CHOOSING else (FITTED, CHOSEN)
    known = overlap(card["seen"], kinds, given)
    if known:
        more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
        raise DataError(
            f"The model {card['name']} {card['version']}, or one that it goes on from, has seen "
            f"{', '.join(known[:MOST_NAMED])}{more}: figures on them would be worth nothing. {advice}"
        )
