"""A DICOM server on this computer, of pynetdicom, that does what a test wants."""

from contextlib import contextmanager

from LungTumorSegLib.network.address import Address
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian, SegmentationStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

KINDS = (SegmentationStorage, Comprehensive3DSRStorage)


@contextmanager
def server(
    *handlers, kinds=KINDS, title="ARCHIVE", services=(Verification,), syntax=ExplicitVRLittleEndian, **settings
):
    """Where it listens."""
    entity = AE(ae_title=title)
    for name, value in settings.items():
        setattr(entity, name, value)
    for kind in (*kinds, *services):
        entity.add_supported_context(kind, syntax)
    if Verification in services:
        entity.add_supported_context(Verification)
    listening = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    try:
        yield Address("ARCHIVE", *listening.server_address)
    finally:
        listening.shutdown()


class Archive:
    """Keeps what comes and what was asked; ``answers``: statuses of the stores, in turn."""

    def __init__(self, *answers):
        self.stored, self.asked, self._answers = [], [], list(answers)
        self.handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_ECHO, self._echo)]

    def _echo(self, event):
        self.asked.append("echo")
        return 0

    def _store(self, event):
        answer = self._answers.pop(0) if self._answers else 0
        if answer == "abort":
            event.assoc.abort()
            return 0xC000
        self.asked.append("store")
        if answer == 0:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self.stored.append(dataset)
        return answer
