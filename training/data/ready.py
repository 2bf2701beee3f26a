"""Whether the prepared data can be learnt from and asked about, before hours are spent on them."""

import csv
from pathlib import Path

from ..config import Config, check_named
from ..errors import DataError, OrderError
from . import seen

WHAT_FOR = {"train": "to learn from", "val": "to choose by", "test": "to be asked about"}


def check(config: Config) -> None:
    """Check that the prepared data can be learnt from and asked about.

    Raises:
        SettingsError: The model would have our name, or the model that the fit goes on from has no card.
        OrderError: Nothing was added or prepared.
        DataError: A side has no tumour, or the model that the fit goes on from has seen a CT of val or test.
    """
    listed = Path(config.data.prepared) / "patches.csv"
    if not config.data.pack and not seen.cases(config):
        raise OrderError(f"No CTs are in {config.data.prepared}: `python -m training add FOLDER` brings them.")
    if not listed.exists():
        raise OrderError(f"{listed} is missing: run `python -m training prepare` first.")
    with listed.open(newline="") as file:
        # of a larger tumour than a patch no click can be judged; it is learnt from
        rows = [row for row in csv.DictReader(file) if float(row["diameter_mm"])]
        sides = {row["role"] for row in rows if row["role"] == "train" or not int(row.get("cut") or 0)}
    empty = [role for role in WHAT_FOR if role not in sides]
    if empty:
        size = "" if empty[0] == "train" else " of up to 50 mm"
        raise DataError(
            f"No tumour{size} is on {empty[0]}, {WHAT_FOR[empty[0]]}. Say in a cases.csv (name,patient,role) which CTs "
            "are train, val and test, delete what was added, and add them again."
        )
    if config.fit.start or any("source" in facts for facts in seen.cases(config).values()):
        check_named(config.model)
    if config.fit.start:
        before = seen.read_card(Path(config.fit.start))
        advice = "Take other CTs for val and test, or start from scratch."
        for role in ("val", "test"):
            given = seen.asked(config, (role,), added=True)
            seen.refuse(before, role, given, advice)
