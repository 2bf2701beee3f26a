"""What is kept of a case: a folder with its result's files and ``case.json``, whole or not there."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import __version__, record
from ..enums import CaseStatus
from ..errors import InputError, LungTumorSegError, OutputError
from ..model.bundle import sha256
from ..writers import result_files
from ..writers.output_folder import output_error
from .cases import Case

CASES, IN_WORK, CASE_RECORD, THUMBNAIL = "cases", ".in-work", "case.json", "thumbnail.png"
SCHEMA = 1
MOST_ATTEMPTS = 2
Record = dict[str, Any]


def work_folder(output: Path, case: Case) -> Path:
    """A new folder for a case in work; it becomes the case's own by `publish`.

    Args:
        output: The cohort's folder.

    Raises:
        OSError: It cannot be made.
    """
    folder = output / IN_WORK / f"{case.name}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    return folder


def done(case: Case, attempt: int, values: Record, folder: Path) -> Record:
    """The record of a case whose result lies in ``folder``.

    Args:
        attempt: Which one it was, from 1.
        values: What the run tells of it.
        folder: Its files are listed with their SHA-256.

    Raises:
        OSError: A file cannot be read.
    """
    files = {file.name: sha256(file) for file in sorted(folder.iterdir())}
    return _record(case, attempt, CaseStatus.DONE, "", values | {"files": files})


def failed(case: Case, attempt: int, error: BaseException | str, values: Record | None = None) -> Record:
    """The record of a case without a result, with a sentence that says why.

    Args:
        attempt: Which one it was, from 1.
        error: What ended it, or the sentence itself.
        values: What the run tells of it all the same.
    """
    known = isinstance(error, LungTumorSegError)
    refused = isinstance(error, InputError) and not isinstance(error, OutputError)
    if known or isinstance(error, str):
        reason = str(error)
    elif isinstance(error, MemoryError):
        reason = "There was too little memory for this CT. Use fewer workers or a computer with more memory."
    else:
        reason = f"An unforeseen error: {type(error).__name__}: {error}."
    status = CaseStatus.REFUSED if refused else CaseStatus.FAILED
    return _record(case, attempt, status, " ".join(reason.split()), values or {})


def _record(case: Case, attempt: int, status: CaseStatus, reason: str, values: Record) -> Record:
    listed = json.dumps(values.setdefault("files", {}), sort_keys=True)
    return {
        "schema": SCHEMA,
        "program": f"LungTumorSeg {__version__}, for research, not a medical device",
        "case": case.name,
        "input": case.shown,
        "asked": case.asked,
        "status": status,
        "reason": reason,
        "attempts": attempt,
        "checksum": hashlib.sha256(listed.encode()).hexdigest() if values["files"] else "",
        **values,
    }


def publish(output: Path, case: Case, values: Record, folder: Path | None = None) -> None:
    """Put the record into the case's work folder, and let that become the case's folder.

    What was there of the case before goes; with a file of the user's it stays beside, under another name.

    Args:
        output: The cohort's folder.
        values: The record.
        folder: The case's work folder; a new one unless given.

    Raises:
        OutputError: It cannot be written.
    """
    own = output / CASES / case.name
    try:
        folder = folder or work_folder(output, case)
        record.write(folder / CASE_RECORD, values)
        own.parent.mkdir(exist_ok=True)
        if own.exists():
            before = f"{case.name}-before-{uuid.uuid4().hex[:8]}"
            own.replace((own.parent if _holds_more(own) else output / IN_WORK) / before)
        folder.replace(own)
    except OSError as error:
        raise output_error(output, error) from error


def _holds_more(folder: Path) -> bool:
    ours = (*result_files.FILES, THUMBNAIL, CASE_RECORD)
    return not all(any(file.match(pattern) for pattern in ours) for file in folder.iterdir())


@contextmanager
def replaced(output: Path, name: str) -> Iterator[Path]:
    """A temporary file; on a clean exit it becomes ``name``, in place of what was there.

    Args:
        output: The cohort's folder.
        name: Of a file in it.

    Yields:
        The temporary file's path.

    Raises:
        OSError: It cannot be written.
    """
    temporary = output / IN_WORK / f"{name}-{uuid.uuid4().hex[:8]}"
    temporary.parent.mkdir(exist_ok=True)
    yield temporary
    temporary.replace(output / name)


def clear(output: Path) -> None:
    """Remove what a run that was ended by force has left in work.

    Args:
        output: The cohort's folder.

    Raises:
        OSError: It cannot be removed.
    """
    if (output / IN_WORK).exists():
        shutil.rmtree(output / IN_WORK)


def read(output: Path, case: Case) -> Record | None:
    """The record of a case, of what is asked now. Its files are not looked at, see `whole`.

    Args:
        output: The cohort's folder.

    Returns:
        None if there is none.
    """
    try:
        values = json.loads((output / CASES / case.name / CASE_RECORD).read_text("utf-8"))
        return values if values["schema"] == SCHEMA and values["asked"] == case.asked else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def whole(output: Path, values: Record) -> bool:
    """Whether all files of a record are there with their checksums."""
    folder = output / CASES / values["case"]
    try:
        return all(sha256(folder / name) == digest for name, digest in values["files"].items())
    except OSError:
        return False


def is_final(values: Record) -> bool:
    """Whether nothing is left to do: a result, or an input that was refused twice.

    What failed for another reason (no memory, a full disk) is tried again by the next run.
    """
    if values["status"] == CaseStatus.REFUSED:
        return values["attempts"] >= MOST_ATTEMPTS
    return values["status"] == CaseStatus.DONE
