"""What a cohort consists of: its cases, with what is asked of each."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..data import Options
from ..readers.dicom_folder import files_in
from ..readers.image_files import SUFFIXES
from ..readers.paths import shown
from ..record import options_record

LONGEST_NAME = 80
_HOW = ("engine", "device", "precision", "threads", "model")


@dataclass(frozen=True)
class Case:
    """One CT.

    Attributes:
        name: Of its folder, the same each time.
        path: Argument of `read_ct`.
        shown: How the user's folder or table names it.
        options: What is asked of its segmentation.
        reading: Further arguments of `read_ct`.
    """

    name: str
    path: Path
    shown: str
    options: Options
    reading: dict[str, Any]

    @cached_property
    def asked(self) -> str:
        """SHA-256 of what is asked of the case: its files by path, size and time, and options.

        Program and model are the cohort's; engine, device, precision and threads may change after a crash. Of a header
        with its voxels in another file, only the header counts.
        """
        options = {key: value for key, value in options_record(self.options).items() if key not in _HOW}
        reading = {key: value for key, value in self.reading.items() if key != "only"}
        asked = {"files": [_state(self.path, file) for file in self._files()], "options": options, "reading": reading}
        return hashlib.sha256(json.dumps(asked, default=str, sort_keys=True).encode()).hexdigest()

    def _files(self) -> Sequence[Path]:
        if only := self.reading.get("only"):
            return only
        return files_in(self.path)[0] if self.path.is_dir() else [self.path]


def _state(base: Path, file: Path) -> list:
    name = shown(os.path.relpath(file, base))
    try:
        status = file.stat()
    except OSError:  # missing: the reader says so
        return [name]
    return [name, status.st_size, status.st_mtime_ns]


def clean_name(text: str) -> str:
    """A folder's name on every system: letters, digits, dot, dash and underline; a long one is cut."""
    name = re.sub(r"[^\w.-]+", "_", text).strip("._") or "case"
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 9]}_{mark(text)}"


def stem(name: str) -> str:
    """A file's name without the ending of an image."""
    endings = sorted((ending for ending in SUFFIXES if name.lower().endswith(ending)), key=len)
    return name[: -len(endings[-1])] if endings else name


def mark(text: str) -> str:
    """Eight digits that tell names apart."""
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]


def with_own_names(cases: Sequence[Case]) -> list[Case]:
    """The cases, with a mark of what they are behind each name that several have, capitals or not."""
    often = Counter(case.name.lower() for case in cases)
    return [
        case if often[case.name.lower()] == 1 else replace(case, name=f"{case.name}_{mark(case.shown)}")
        for case in cases
    ]
