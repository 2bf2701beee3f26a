"""File names that are not UTF-8, as unpacked from an old archive: Python keeps them, other libraries do not."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def shown(path: Path | str) -> str:
    """For results and sentences; bytes that are no UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


@contextmanager
def for_itk(path: Path) -> Iterator[str]:
    """A name of the file that ITK takes. ITK ends the process on bytes of its own.

    Yields:
        Its own, or that of a link to it.
    """
    if shown(path) == str(path):
        yield str(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"ct{''.join(path.suffixes[-2:])}")
        link.symlink_to(path.absolute())
        yield str(link)
