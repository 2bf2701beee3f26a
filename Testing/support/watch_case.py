"""Senders for ``lungtumorseg watch``: pynetdicom's on this computer, and studies of a few slices."""

from contextlib import contextmanager
from pathlib import Path

import pydicom
from LungTumorSegLib.watch import inbox as inboxes
from LungTumorSegLib.watch import receiver
from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from Testing.support import cohort_case, dicom_out_case, phantoms

TITLE, SENDER = "LUNGTUMORSEG", "ARCHIVE"
NAMES = ("doe", "4711", "19500102", "roe", "a1")  # of `dicom_out_case.STUDY`


def study(folder: Path, number: int = 0, **tags) -> list[pydicom.Dataset]:
    """A study of 16 slices of 16 x 16 pixels with a nodule."""
    uid = f"1.2.826.0.1.3680043.8.498.{number + 7}"
    values = dicom_out_case.STUDY | {"StudyInstanceUID": uid} | tags
    paths = phantoms.write_dicom(cohort_case.ct(number), folder, series=f"{uid}.1", **values)
    return [pydicom.dcmread(path) for path in paths]


@contextmanager
def listening(folder: Path, quiet: float = 0.3):
    """The inbox, what was said, and the port of a receiver."""
    said: list[str] = []
    with inboxes.opened(folder, quiet) as box:
        how = receiver.Receiver(box, said.append)
        with receiver.listening(how, TITLE, (SENDER, "OTHER"), ("127.0.0.1", 0), quiet) as port:
            yield box, said, port


@contextmanager
def connected(port: int, title: str = SENDER, called: str = TITLE):
    """An association of a sender; released in the end unless it was aborted."""
    entity = AE(ae_title=title)
    for kind in (CTImageStorage, Comprehensive3DSRStorage, Verification):
        entity.add_requested_context(kind, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def send(port: int, datasets, **titles) -> list[int]:
    """The status of each."""
    with connected(port, **titles) as association:
        return [association.send_c_store(dataset).Status for dataset in datasets]
