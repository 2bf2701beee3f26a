"""The DICOM receiver: takes objects (C-STORE) and questions (C-ECHO) of named senders alone."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.dsutils import encode_file_meta

from ..errors import NetworkError
from ..network.objects import VERIFICATION
from ..readers.dicom_studies import study_uid
from .inbox import Inbox

CT_CLASSES = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
IDLE_SECONDS = 60.0  # beyond the quiet time, after which a silent connection is ended
# PS3.4 table B.2-1
SUCCESS, OUT_OF_RESOURCES, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000


@dataclass
class _Transfer:
    """What came on one connection. lacking: an object of it was not taken."""

    studies: set[str] = field(default_factory=set)
    lacking: bool = False


class Receiver:
    """What is done with each object.

    Args:
        inbox: Where they go.
        told: Called with sentences for the user; they name no patient.
    """

    def __init__(self, inbox: Inbox, told: Callable[[str], None]):
        self._inbox, self._told = inbox, told
        self._transfers: dict[Any, _Transfer] = {}
        self._lock = threading.Lock()
        self.handlers: list[tuple] = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_ABORTED, self._lost),
            (evt.EVT_CONN_CLOSE, self._lost),
            (evt.EVT_REJECTED, self._rejected),
        ]

    def _store(self, event: Any) -> int:
        with self._lock:
            transfer = self._transfers.setdefault(event.assoc, _Transfer())
        try:
            with self._inbox.arriving() as file:
                _write(event, file)
                uid = study_uid(file)
                if not uid:
                    self._told("An object of no study came, or a damaged one. It was refused.")
                    return NOT_UNDERSTOOD
                is_ct = event.request.AffectedSOPClassUID in CT_CLASSES
                name = self._inbox.take(file, uid, event.request.AffectedSOPInstanceUID, is_ct, event.assoc)
        except (OSError, MemoryError) as error:
            if not transfer.lacking:
                reason = getattr(error, "strerror", None) or "too little memory"
                self._told(f"An object was refused: it cannot be written to {self._inbox.folder} ({reason}).")
            transfer.lacking = True
            return OUT_OF_RESOURCES
        transfer.studies.add(name)
        return SUCCESS

    def _released(self, event: Any) -> None:
        self._ended(event, in_order=True)

    def _lost(self, event: Any) -> None:
        self._ended(event, in_order=False)

    def _rejected(self, event: Any) -> None:
        asked = event.assoc.requestor.primitive
        self._told(
            f"A sender was rejected. It calls itself {asked.calling_ae_title!r}, and this program "
            f"{asked.called_ae_title!r}. Name known senders with --from, and this program with --title."
        )

    def _ended(self, event: Any, in_order: bool) -> None:
        with self._lock:
            transfer = self._transfers.pop(event.assoc, None)
        if transfer is None:
            return  # nothing came on it, or its end is known
        if in_order and not transfer.lacking:
            self._inbox.transferred(transfer.studies, event.assoc)
            return
        for name in self._inbox.broke_off(transfer.studies, event.assoc):
            why = "not all of its objects could be taken" if in_order else "its transfer broke off"
            self._told(f"{name}: {why}. It waits until it is sent again.")


@contextmanager
def listening(
    receiver: Receiver, title: str, senders: Sequence[str], address: tuple[str, int], quiet_seconds: float
) -> Iterator[int]:
    """Receive in threads of its own. At the end connections that are open are broken off.

    Args:
        receiver: What is done with each object.
        title: This program's application entity title; who calls another one is rejected.
        senders: The titles that are let in.
        address: Host and port; port 0 for a free one.
        quiet_seconds: As of the inbox.

    Yields:
        The port.

    Raises:
        NetworkError: It cannot listen there.
    """
    entity = AE(ae_title=title)
    entity.require_called_aet, entity.require_calling_aet = True, list(senders)
    entity.network_timeout = quiet_seconds + IDLE_SECONDS
    entity.add_supported_context(VERIFICATION)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
    host, port = address
    try:
        server: Any = entity.start_server(address, block=False, evt_handlers=receiver.handlers)
    except (OSError, OverflowError) as error:
        if isinstance(error, socket.gaierror) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
            raise NetworkError(f"This computer has no address {host}. Give one of its own with --address.") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise NetworkError(f"Nobody can listen at {host}:{port}: {reason}. Choose another --port.") from error
    try:
        yield server.server_address[1]
    finally:
        entity.shutdown()


def _write(event: Any, file: Path) -> None:
    """The object as it came; nothing of it is decoded."""
    with file.open("wb") as stream:
        stream.write(bytes(128) + b"DICM" + encode_file_meta(event.file_meta))
        stream.write(event.request.DataSet.getbuffer())
