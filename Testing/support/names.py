"""What names the patient in a made-up DICOM series, and every place where that stands after a run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TAGS = {
    "PatientName": "Zebrastripe^Quaggatail",
    "PatientID": "OKAPISTONE-7",
    "PatientBirthDate": "19031207",
    "PatientComments": "Zebrastripe comes again",
    "StudyDescription": "Thorax of Quaggatail",
    "SeriesDescription": "Thorax Zebrastripe Quaggatail",
}
WORDS = ("zebrastripe", "quaggatail", "okapistone", "19031207")  # five letters came by chance in a page's pictures


def stand_in(*said: str, folder: Path, but: str = "") -> list[str]:
    """Where one of the words stands: in what was said, in the name of a file or folder, in a file.

    Args:
        said: Outputs of a program, names of temporary files.
        folder: All that lies in it is looked at; its own name is not.
        but: The ending of files that may hold the words. Their names may not.
    """
    places = [text for text in said if _named(text.encode())]
    for path in sorted(folder.rglob("*")):
        held = path.is_file() and not (but and path.name.endswith(but)) and _named(path.read_bytes())
        if held or _named(str(path.relative_to(folder)).encode()):
            places.append(str(path))
    return places


def _named(content: bytes) -> bool:
    return any(word.encode() in content.lower() for word in WORDS)


@contextmanager
def appearing(folder: Path) -> Iterator[set[str]]:
    """The names of all that is in a folder at some time, looked at every ms: some are there for 15."""
    seen: set[str] = set()
    ended = threading.Event()

    def look():
        while not ended.wait(0.001):
            with suppress(OSError):  # a folder that is gone meanwhile
                seen.update(str(path) for path in folder.rglob("*"))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        ended.set()
        looking.join()
