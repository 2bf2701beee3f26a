"""A connection to a DICOM server, and a sentence for each way in which there is none."""

import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ

from ..errors import NetworkError
from .address import Address
from .objects import COMMITMENT, VERIFICATION, Object

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0

# (source, diagnostic) of PS3.8 table 9-21
_REJECTED = {
    (1, 2): "it does not speak DICOM's application context",
    (1, 3): "it does not know this program's title {calling} (--from); its administrator has to enter it",
    (1, 7): "it has another title than {called}",
    (2, 2): "it speaks another version of the protocol",
    (3, 1): "it is busy at the moment; try again later",
    (3, 2): "it has no room for another connection at the moment; try again later",
}


@contextmanager
def opened(to: Address, calling: str, objects: Collection[Object], handlers: list) -> Iterator[Association]:
    """A connection, asked (C-ECHO) and released in the end.

    Args:
        to: The server.
        calling: This program's application entity title.
        objects: What shall be sent.
        handlers: Further ones of pynetdicom's events.

    Yields:
        The association.

    Raises:
        NetworkError: Nobody there, no DICOM server, rejected, or C-ECHO failed.
    """
    entity = AE(ae_title=calling)
    entity.connection_timeout = CONNECT_SECONDS
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = ANSWER_SECONDS
    entity.add_requested_context(VERIFICATION)
    entity.add_requested_context(COMMITMENT)
    for class_uid, syntaxes in sorted({(o.class_uid, tuple(o.syntaxes)) for o in objects}):
        entity.add_requested_context(class_uid, list(syntaxes))
    connections: list = []
    answers: list = []
    handlers = [(evt.EVT_CONN_OPEN, connections.append), (evt.EVT_PDU_RECV, answers.append), *handlers]
    try:
        association = entity.associate(to.host, to.port, ae_title=to.title, evt_handlers=handlers)
    except socket.gaierror as error:
        raise NetworkError(
            f"No computer of the name {to.host} is known. Check its spelling. Nothing was sent."
        ) from error
    if not association.is_established:
        # pynetdicom takes a refusal for a broken connection where the server hangs up at once, as Orthanc does at times
        rejection = next((a.pdu for a in answers if isinstance(a.pdu, A_ASSOCIATE_RJ)), None)
        raise NetworkError(_refusal(association, rejection, to, calling, bool(connections)))
    try:
        _echo(association, to)
        yield association
    finally:
        if association.is_established:
            association.release()
        entity.shutdown()


def accepted(association: Association) -> set[tuple[str, str]]:
    """What the server takes.

    Returns:
        SOP classes and transfer syntaxes, each a pair of UIDs.
    """
    return {(str(cx.abstract_syntax), str(cx.transfer_syntax[0])) for cx in association.accepted_contexts}


def takes(association: Association, class_uid: str) -> bool:
    """Whether the server takes a SOP class."""
    return any(class_uid == taken for taken, _ in accepted(association))


def _echo(association: Association, to: Address) -> None:
    if not takes(association, VERIFICATION):
        return  # a server need not offer it to each title
    answer = association.send_c_echo()
    if "Status" not in answer:
        raise NetworkError(f"{to} broke off at the first question (C-ECHO). Nothing was sent.")
    if answer.Status != 0:
        raise NetworkError(f"{to} answered the first question (C-ECHO) with 0x{answer.Status:04X}. Nothing was sent.")


def _refusal(
    association: Association, rejection: A_ASSOCIATE_RJ | None, to: Address, calling: str, connected: bool
) -> str:
    if rejection is not None:
        key = rejection.source or 0, rejection.reason_diagnostic or 0
        reason = _REJECTED.get(key, "it gives no reason")
        return f"{to} refused the connection: {reason.format(calling=calling, called=to.title)}. Nothing was sent."
    if association.rejected_contexts:
        return f"{to} takes none of these objects, nor a question (C-ECHO). Nothing was sent."
    if connected:
        return (
            f"What answers at {to.host}:{to.port} broke off or said nothing: is it a DICOM server? Check host and "
            "port. Nothing was sent."
        )
    return (
        f"Nothing answers at {to.host}:{to.port}. Check host and port, and whether the server runs and a firewall lets "
        "the connection through. Nothing was sent."
    )
