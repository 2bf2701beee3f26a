"""The folder of a cohort: one run at a time in it, of one program and one model."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .. import __version__, record
from ..errors import OutputError
from ..model.bundle import Bundle
from ..writers import folder_lock, output_folder
from . import kept
from .extras import Extras

COHORT_RECORD, CASE_TABLE, LESION_TABLE, OVERVIEW = "cohort.json", "cases.csv", "lesions.csv", "index.html"
SCHEMA = 1


@contextmanager
def opened(output: Path, bundle: Bundle, extras: Extras, resume: bool) -> Iterator[None]:
    """Keep the folder for this run; what an earlier one has left in work goes, and in the end this one's.

    Args:
        output: The cohort's folder, made if need be.
        extras: What the cases get beside their own files.
        resume: Go on with a cohort that is there.

    Raises:
        OutputError: It can't be written, another run has it, it holds a cohort and not ``resume``, one of another
            program or model or with other files, or what is no cohort.
    """
    with ExitStack() as held:
        try:
            held.enter_context(output_folder.made(output))
            held.enter_context(folder_lock.locked(output))
            _check(output, _signature(bundle, extras), resume)
            kept.clear(output)
        except OSError as error:
            raise output_folder.output_error(output, error) from error
        held.callback(kept.clear, output)
        yield


def sign(output: Path, bundle: Bundle, extras: Extras) -> None:
    """Write down what the cohort is made with.

    Args:
        output: The cohort's folder.
        extras: What the cases get beside their own files.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        with kept.replaced(output, COHORT_RECORD) as file:
            record.write(file, _signature(bundle, extras))
    except OSError as error:
        raise output_folder.output_error(output, error) from error


def _signature(bundle: Bundle, extras: Extras) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "program": f"LungTumorSeg {__version__}, for research, not a medical device",
        "model": {"name": bundle.name, "version": bundle.version, "checksum": bundle.checksum},
        **extras.record(),
    }


def _check(output: Path, signature: dict[str, Any], resume: bool) -> None:
    file = output / COHORT_RECORD
    if not file.exists():
        own = [name for name in (CASE_TABLE, LESION_TABLE, OVERVIEW, kept.CASES) if (output / name).exists()]
        if own:
            raise OutputError(f"{output} holds {own[0]}, which is of no cohort. Choose another output folder.")
        return
    if not resume:
        raise OutputError(
            f"{output} already holds a cohort. Go on with it (--resume), or choose another output folder."
        )
    try:
        before = json.loads(file.read_text("utf-8"))
    except ValueError:
        before = {}
    for key in [key for key in signature if key != "schema"]:
        words = {"program": "another version", "model": "another model"}.get(key, f"another --{key}")
        if before.get(key) != signature[key]:
            raise OutputError(
                f"The cohort in {output} was made with {words}: {before.get(key)} instead of {signature[key]}. Go on "
                "with the same, or choose another output folder."
            )
