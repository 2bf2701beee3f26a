"""One run of ``lungtumorseg watch``: inbox and output folder opened, a worker hired, the receiver started."""

import ipaddress
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..cohort import place
from ..cohort.processes import Processes
from ..cohort.work import Settings
from ..errors import InputError
from ..model.bundle import load_bundle
from ..network.address import Address
from .interrupts import asked_to_stop
from .output import say

_STOPPING = "The study in work is finished, then the service ends. Ctrl-C or SIGTERM once more ends it at once."
_AT_ONCE = "Ended at once. What lies in the inbox is done after the next start."


@dataclass(frozen=True)
class Listening:
    """How the receiver listens.

    Attributes:
        title: This program's application entity title.
        senders: The titles that are let in.
        address: Host and port.
        quiet_seconds: After which a study is complete.
    """

    title: str
    senders: tuple[str, ...]
    address: tuple[str, int]
    quiet_seconds: float


def run_watch(inbox: Path, settings: Settings, reading: dict[str, Any], how: Listening, back: Address | None) -> None:
    """Receive and segment until Ctrl-C or SIGTERM. All files are the user's alone.

    Args:
        inbox: Where what comes is kept.
        settings: Of all studies; their output is the folder of a cohort.
        reading: Further arguments of `read_ct`.
        back: Where results are sent; None: nowhere.

    Raises:
        Cancelled: It was asked to end twice.
        LungTumorSegError: What stops all studies: InputError, OutputError, ModelError, EngineError, NetworkError.
    """
    if find_spec("pynetdicom") is None:
        raise InputError("Receiving needs pynetdicom, which is not installed. Install it with: pip install pynetdicom")
    from ..watch import inbox as inboxes  # not before pynetdicom is known to be there
    from ..watch import receiver
    from ..watch.send_back import SendBack
    from ..watch.service import Service

    settings.extras.check()
    bundle = load_bundle(settings.options.model)
    os.umask(0o077)  # patients' data: also for the worker, which keeps it
    with (
        asked_to_stop(_STOPPING, _AT_ONCE) as stopping,
        place.opened(settings.output, bundle, settings.extras, resume=True),
        inboxes.opened(inbox, how.quiet_seconds) as box,
        receiver.listening(receiver.Receiver(box, say), how.title, how.senders, how.address, how.quiet_seconds) as port,
    ):
        place.sign(settings.output, bundle, settings.extras)
        _greet(how, port, box)
        workers = Processes(settings, 1)
        try:
            say(workers.description)
            sender = None if back is None else SendBack(settings.output, back, how.title, say)
            Service(box, settings, reading, workers, sender, say).work(stopping)
        finally:
            workers.stop()


def _greet(how: Listening, port: int, box: Any) -> None:
    host = how.address[0]
    say(f"{how.title} listens at {host}:{port} for {', '.join(how.senders)}. Ctrl-C ends it.")
    try:
        alone = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        alone = False
    if not alone:
        say("Note: other computers can reach this port. DICOM is not encrypted, and a title is no password.")
    if box.broken:
        names = ", ".join(box.broken)
        say(f"Note: the transfer of {names} had broken off. What is in the inbox waits until it is sent again.")
