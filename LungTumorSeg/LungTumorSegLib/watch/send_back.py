"""Results that are to be sent: remembered in a folder until a server has stored them."""

import time
from collections.abc import Callable
from pathlib import Path

from ..errors import LungTumorSegError
from ..network.address import Address
from ..network.send import send
from ..writers.output_folder import output_error

TO_SEND, AGAIN_SECONDS = "to-send", 60.0


class SendBack:
    """Sends the DICOM objects of cases to a server, each until it has them.

    Args:
        output: The cohort's folder; its folder ``to-send`` has an empty file for each case that waits.
        to: The server.
        title: This program's application entity title.
        told: Called with sentences for the user.
    """

    def __init__(self, output: Path, to: Address, title: str, told: Callable[[str], None]):
        self._folder, self._to, self._title, self._told = output / TO_SEND, to, title, told
        self._next = 0.0

    def remember(self, name: str) -> None:
        """Before the case begins: its result may be whole just before the computer stops.

        Raises:
            OutputError: It cannot be written.
        """
        try:
            self._folder.mkdir(exist_ok=True)
            (self._folder / name).touch()
        except OSError as error:
            raise output_error(self._folder, error) from error
        self._next = 0.0

    def forget(self, name: str) -> None:
        """Nothing of the case is to be sent."""
        (self._folder / name).unlink(missing_ok=True)

    def send_all(self, cases: Path) -> None:
        """Send what waits; a minute later what a server did not take.

        Args:
            cases: The folder with a folder a case.
        """
        if time.monotonic() < self._next or not self._folder.is_dir():
            return
        for marker in sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
            if not any((cases / marker.name).glob("*.dcm")):
                continue  # its case has not begun
            try:
                sent = send(cases / marker.name, self._to, self._title)
            except LungTumorSegError as error:
                self._told(f"{marker.name}: {error} It is tried again.")
                marker.touch()  # the last one next time: what a server refuses holds up no other
                break
            marker.unlink()
            self._told(f"{marker.name}: {self._to} stored {', '.join(path.name for path in sent.paths)}.")
        self._next = time.monotonic() + AGAIN_SECONDS
