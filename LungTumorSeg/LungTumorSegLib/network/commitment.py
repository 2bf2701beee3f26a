"""Storage commitment: whether a server takes over the responsibility for what it has stored."""

import threading
from collections.abc import Collection
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModelInstance

from .objects import COMMITMENT, Object

ANSWER_SECONDS = 10.0
_REQUEST, _SUCCESS = 1, 1  # action type; event type "request successful"


class Commitment:
    """The answer to one request.

    Attributes:
        handlers: For the association on which it is asked.
    """

    def __init__(self) -> None:
        self.handlers = [(evt.EVT_N_EVENT_REPORT, self._reported)]
        self._transaction = generate_uid()
        self._came = threading.Event()
        self._failed: list[str] | None = None

    def ask(self, association: Association, objects: Collection[Object]) -> list[str] | None:
        """Ask whether all objects are safe, and wait for the answer, at most 10 s.

        Many servers answer later, on a connection of their own to a program that listens; this one does not.

        Returns:
            UIDs of the objects for which it is refused; an empty list where all are safe. None without an answer on
                this connection.
        """
        request = Dataset()
        request.TransactionUID = self._transaction
        request.ReferencedSOPSequence = Sequence([_reference(o) for o in objects])
        status, _ = association.send_n_action(request, _REQUEST, COMMITMENT, StorageCommitmentPushModelInstance)
        if status.get("Status") != 0:
            return None
        self._came.wait(ANSWER_SECONDS)
        return self._failed

    def _reported(self, event: Any) -> tuple[int, None]:
        report = event.event_information
        if report.TransactionUID == self._transaction:
            failed = report.get("FailedSOPSequence", []) if event.event_type != _SUCCESS else []
            self._failed = [str(item.ReferencedSOPInstanceUID) for item in failed]
            self._came.set()
        return 0x0000, None


def _reference(sent: Object) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sent.class_uid, sent.uid
    return item
