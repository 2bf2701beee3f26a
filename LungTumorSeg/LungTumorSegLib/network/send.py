"""Sending DICOM objects to a server: asked, stored, and committed where the server offers that."""

from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError, NetworkError
from .address import Address
from .objects import COMMITMENT, Object, of

CALLING = "LUNGTUMORSEG"


@dataclass(frozen=True)
class Sent:
    """What became of the objects.

    Attributes:
        paths: Of all that the server has stored.
        changed: Those of which it says that it changed elements.
        committed: Whether it takes over the responsibility; None where it does not offer that or has not answered yet.
    """

    paths: tuple[Path, ...]
    changed: tuple[Path, ...]
    committed: bool | None


def send(folder: Path, to: Address, calling: str = CALLING) -> Sent:
    """Store the DICOM objects of a folder on a server, each of them.

    The server is asked first (C-ECHO), and nothing is sent to one that does not take all of the kinds.

    Args:
        folder: Only what lies in it itself is sent.
        to: The server.
        calling: This program's application entity title.

    Raises:
        InputError: No object there, or pynetdicom is not installed.
        NetworkError: Each way in which a server refuses; what was stored before stays there, and the sentence says how
            much that is.
    """
    objects = of(folder)
    if find_spec("pynetdicom") is None:
        raise InputError("Sending needs pynetdicom, which is not installed. Install it with: pip install pynetdicom")
    from . import association as connection
    from .commitment import Commitment

    commitment = Commitment()
    with connection.opened(to, calling, objects, commitment.handlers) as association:
        _check_kinds(objects, connection.accepted(association), to)
        changed = []
        for number, sent in enumerate(objects):
            if _store(association, sent, to, f"{number} of {len(objects)} objects were stored before."):
                changed.append(sent.path)
        failed = None
        if connection.takes(association, COMMITMENT):
            failed = commitment.ask(association, objects)
    if failed:
        raise NetworkError(
            f"{to} stored all {len(objects)} objects and then said that it does not keep {len(failed)} of them "
            "(storage commitment). Look for them there before you delete anything here."
        )
    committed = None if failed is None else True
    return Sent(tuple(o.path for o in objects), tuple(changed), committed)


def _check_kinds(objects: Collection[Object], taken: set[tuple[str, str]], to: Address) -> None:
    refused = {o.class_uid.name for o in objects if not any((o.class_uid, syntax) in taken for syntax in o.syntaxes)}
    if refused:
        raise NetworkError(
            f"{to} does not take {', '.join(sorted(refused))}. Its administrator may be able to switch that on. "
            "Nothing was sent."
        )


def _store(association: Any, sent: Object, to: Address, before: str) -> bool:
    """Whether the server changed elements of it."""
    try:
        status = association.send_c_store(sent.path).get("Status")
    except (RuntimeError, ValueError):  # the connection is gone
        status = None
    if status is None:
        raise NetworkError(f"The connection to {to} broke off while {sent.path.name} was sent. {before}")
    if status == 0:
        return False
    if 0xB000 <= status <= 0xBFFF:
        return True
    raise NetworkError(f"{to} refused {sent.path.name}: {_reason(status)} (0x{status:04X}). {before}")


def _reason(status: int) -> str:
    """Of PS3.4 B.2.3 and PS3.7 C."""
    if status & 0xFF00 == 0xA700:
        return "it is out of resources, its disk may be full"
    if status & 0xFF00 == 0xA900:
        return "it finds that the object does not fit its kind"
    if status & 0xF000 == 0xC000:
        return "it cannot understand the object"
    known = {0x0122: "it does not take this kind of object", 0x0124: "this program has no permission to store there"}
    return known.get(status, "it gives no reason that this program knows")
