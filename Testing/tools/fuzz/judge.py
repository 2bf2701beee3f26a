"""One input, used and judged."""

import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from LungTumorSegLib import memory
from LungTumorSegLib.errors import LungTumorSegError

Files = dict[str, bytes]  # an input: its files by name
MOST_MB, MOST_TIMES = 64, 20  # memory that an input may take: so much, and so often its own size


@dataclass(frozen=True)
class Format:
    """What is fuzzed.

    Attributes:
        seeds: Makes inputs that are in order.
        damaged: An input with faults.
        use: Reads the input in a folder with the library's own function.
        own_words: Whether the sentence of a refusal is the library's, and not one of the input's.
    """

    name: str
    seeds: Callable[[], list[Files]]
    damaged: Callable[[Random, Files], Files]
    use: Callable[[Path], object]
    own_words: bool = True

    def input(self, seed: int, number: int) -> Files:
        """The damaged input of a number."""
        rng = Random(f"{self.name} {seed} {number}")
        return self.damaged(rng, rng.choice(self.seeds()))


@dataclass(frozen=True)
class Outcome:
    """Of one input.

    Attributes:
        kind: read, refused, or what is wrong: traceback, sentence, memory, left behind.
        text: The sentence, or what is to be known of the fault.
    """

    kind: str
    text: str = ""

    @property
    def explained(self) -> bool:
        return self.kind in ("read", "refused")


def most_mb(files: Files) -> float:
    """The memory in MB that an input may take."""
    return MOST_MB + MOST_TIMES * sum(map(len, files.values())) / 1e6


def judged(kind: Format, files: Files, folder: Path) -> Outcome:
    """What comes of an input.

    Args:
        folder: An empty one; it is empty again afterwards.
    """
    given, temporary = folder / "in", folder / "tmp"
    put(files, given)
    temporary.mkdir()
    tempfile.tempdir, before_dir = str(temporary), tempfile.tempdir
    memory.forget_peak()
    before = memory.peak_mb()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = _used(kind, given)
        taken = memory.peak_mb() - before
        if outcome.explained and taken > most_mb(files):
            return Outcome("memory", f"{taken:.0f} MB after: {outcome.text}")
        left = sorted(path.name for path in temporary.iterdir())
        if outcome.explained and (left or files_in(given) != files):
            return Outcome("left behind", f"{left}, after: {outcome.text}")
        return outcome
    finally:
        tempfile.tempdir = before_dir
        shutil.rmtree(given)
        shutil.rmtree(temporary)


def _used(kind: Format, given: Path) -> Outcome:
    try:
        kind.use(given)
    except LungTumorSegError as error:
        text = str(error)
        is_sentence = text.rstrip().endswith((".", ")")) or (text.strip() and not kind.own_words)
        return Outcome("refused" if is_sentence else "sentence", text)
    except Exception:
        return Outcome("traceback", traceback.format_exc())
    return Outcome("read")


def put(files: Files, folder: Path) -> None:
    """Write an input's files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def files_in(folder: Path) -> Files:
    """The files of a folder and those below it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
