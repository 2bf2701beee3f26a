"""What has come: a folder a study, whose names tell nothing of the patient, and which of the studies are complete."""

import filecmp
import hashlib
import shutil
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import OutputError
from ..writers import folder_lock, output_folder

ARRIVING, OTHERS, TRANSFER = ".arriving", "others", ".transfer"
_STUDY = "study_"


class Inbox:
    """The studies in a folder.

    A study is complete when nothing of it came for a stated time. One whose transfer broke off waits until more of it
    comes: a part of it would be a wrong input. It has a file ``.transfer``, which is there from its first object on
    until its transfer has ended well, so that a new start knows of it too.

    Args:
        folder: An existing one. What lies in it is taken as if it came now.
        quiet_seconds: After which a study is complete.

    Raises:
        OSError: The folder cannot be read or written.
    """

    def __init__(self, folder: Path, quiet_seconds: float):
        self.folder, self._quiet = folder, quiet_seconds
        self._lock = threading.Lock()
        shutil.rmtree(folder / ARRIVING, ignore_errors=True)
        (folder / ARRIVING).mkdir()
        names = sorted(path.name for path in folder.glob(f"{_STUDY}*") if path.is_dir())
        self.broken = tuple(name for name in names if (folder / name / TRANSFER).exists())
        self._came = {name: time.monotonic() for name in names if name not in self.broken}
        self._open: defaultdict[str, set[Hashable]] = defaultdict(set)  # connections on which a study comes
        self._late: set[tuple[str, Hashable]] = set()  # that were open when another one of their study broke off

    @contextmanager
    def arriving(self) -> Iterator[Path]:
        """A path for an object that comes in; what is still there afterwards is removed."""
        path = self.folder / ARRIVING / uuid.uuid4().hex
        try:
            yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def take(self, file: Path, study_uid: str, instance_uid: str, is_ct: bool, connection: Hashable) -> str:
        """Move an object into its study. One that is there already stays, and keeps its time.

        Args:
            file: Of `arriving`.
            is_ct: Others lie in a folder of their own: no CT is read from them.
            connection: On which it came.

        Returns:
            The study's name.

        Raises:
            OSError: It cannot be written.
        """
        name = f"{_STUDY}{_digest(study_uid)[:16]}"
        study = self.folder / name
        own = (study if is_ct else study / OTHERS) / f"{_digest(instance_uid)[:32]}.dcm"
        with self._lock:
            own.parent.mkdir(parents=True, exist_ok=True)
            (study / TRANSFER).touch()
            if (name, connection) not in self._late:
                self._open[name].add(connection)
                self._came[name] = time.monotonic()
            if not (own.exists() and filecmp.cmp(file, own, shallow=False)):
                file.replace(own)
        return name

    def transferred(self, names: Collection[str], connection: Hashable) -> None:
        """The sender has ended this connection in order. A study may still come on others."""
        with self._lock:
            for name in names:
                if (name, connection) in self._late:
                    self._late.discard((name, connection))
                    continue
                self._open[name].discard(connection)
                if not self._open[name]:
                    (self.folder / name / TRANSFER).unlink(missing_ok=True)

    def broke_off(self, names: Collection[str], connection: Hashable) -> list[str]:
        """The connection was lost, or an object was not taken.

        Only a connection that is opened after that can bring what is missing.

        Returns:
            The studies that wait for the rest now; not those that were complete before.
        """
        waiting = []
        with self._lock:
            for name in names:
                others = self._open.pop(name, set()) - {connection}
                self._late.discard((name, connection))
                if self._came.pop(name, None) is not None:
                    self._late |= {(name, other) for other in others}
                    waiting.append(name)
        return waiting

    def complete(self) -> list[str]:
        """The studies that have become complete since it was last asked."""
        with self._lock:
            now = time.monotonic()
            names = [name for name, came in self._came.items() if now - came >= self._quiet]
            for name in names:
                del self._came[name]
                self._open.pop(name, None)
                (self.folder / name / TRANSFER).unlink(missing_ok=True)
            return names

    def files(self, name: str) -> tuple[Path, ...]:
        """The CT objects of a study."""
        return tuple(sorted((self.folder / name).glob("*.dcm")))


@contextmanager
def opened(folder: Path, quiet_seconds: float) -> Iterator[Inbox]:
    """The inbox, for this process alone.

    Args:
        folder: Made if need be.
        quiet_seconds: See `Inbox`.

    Raises:
        OutputError: It cannot be written, or another run uses it.
    """
    with ExitStack() as held:
        try:
            held.enter_context(output_folder.made(folder))
            held.enter_context(folder_lock.locked(folder))
            inbox = Inbox(folder, quiet_seconds)
        except OutputError as error:  # of the lock: it speaks of results
            raise OutputError(
                f"Another run uses {folder}. Wait until it has ended, or choose another inbox."
            ) from error
        except OSError as error:
            reason = output_folder.reason(error)
            raise OutputError(f"Nothing can be received into {folder}: {reason}. Choose another inbox.") from error
        held.callback(shutil.rmtree, folder / ARRIVING, ignore_errors=True)
        yield inbox


def _digest(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()
