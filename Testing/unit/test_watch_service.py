"""The service's work: a study that is complete becomes a result, which goes back where that is asked for."""

import contextlib
import json
import time

import pydicom
import pytest
from LungTumorSegLib.cohort import kept, work
from LungTumorSegLib.cohort.extras import Extras
from LungTumorSegLib.cohort.work import Settings
from LungTumorSegLib.data import Options
from LungTumorSegLib.enums import DicomObject
from LungTumorSegLib.errors import OutputError
from LungTumorSegLib.watch import inbox as inboxes
from LungTumorSegLib.watch import send_back, service
from LungTumorSegLib.watch.send_back import TO_SEND, SendBack
from LungTumorSegLib.watch.service import Service
from pydicom.uid import Comprehensive3DSRStorage

from Testing.support import watch_case
from Testing.support.dicom_server import Archive, server


class Here:
    """The real work in this process: a process of its own takes seconds to start."""

    description, free = "here", 1

    def __init__(self, settings):
        self._settings, self._ended = settings, []

    @property
    def busy(self):
        return len(self._ended)

    def start(self, case, attempt):
        self._ended.append((case, attempt))

    def ended(self, seconds):
        case, attempt = self._ended.pop()
        return [(case, work.do(case, self._settings, attempt))]

    def close(self): ...

    def stop(self): ...


def settings_in(folder):
    folder.mkdir()
    options = Options(lung_restriction=False, engine="openvino", min_confidence=0)
    return Settings(folder, options, Extras(dicom=(DicomObject.SEG, DicomObject.SR)))


def work_until(inbox, settings, holds, back=None, seconds=60.0):
    """What was said until it came to that."""
    said, end = [], time.monotonic() + seconds

    def stopping():
        assert time.monotonic() < end, said
        return holds(said)

    Service(inbox, settings, {"allow_partial": False}, Here(settings), back and back(said.append), said.append).work(
        stopping
    )
    return said


@pytest.fixture
def filled(tmp_path):
    """An inbox with one study, and its name."""
    with watch_case.listening(tmp_path / "in") as (_, _, port):
        watch_case.send(port, watch_case.study(tmp_path / "study"))
    inbox = inboxes.Inbox(tmp_path / "in", 0.0)
    (name,) = inbox._came
    return inbox, name


def test_a_result_is_sent_until_the_server_has_it_and_a_restart_does_nothing_again(tmp_path, filled, monkeypatch):
    monkeypatch.setattr(send_back, "AGAIN_SECONDS", 0.1)
    inbox, name = filled
    settings, archive = settings_in(tmp_path / "out"), Archive(0xA700)
    with server(*archive.handlers) as to:

        def back(told):
            return SendBack(settings.output, to, watch_case.TITLE, told)

        said = work_until(inbox, settings, lambda said: any("stored seg.dcm, sr.dcm." in text for text in said), back)
        assert said[0].startswith(f"{name}: 1 lesion") and "out of resources" in said[1] and len(said) == 3
        assert [d.Modality for d in archive.stored] == ["SEG", "SR"] and list(
            (settings.output / TO_SEND).iterdir()
        ) == []
        case = settings.output / kept.CASES / name
        assert archive.stored[0] == pydicom.dcmread(case / "seg.dcm")
        again = inboxes.Inbox(tmp_path / "in", 0.0)
        end = time.monotonic() + 1
        assert work_until(again, settings, lambda said: time.monotonic() > end, back) == []
        assert len(archive.stored) == 2
    assert json.loads((case / kept.CASE_RECORD).read_text())["status"] == "done"
    said = " ".join(said).lower()
    assert not [text for text in watch_case.NAMES[:3] if text in said]


def test_a_result_that_waited_when_the_service_ended_is_sent_after_the_next_start(tmp_path, filled, monkeypatch):
    inbox, _ = filled
    settings, archive = settings_in(tmp_path / "out"), Archive()
    with server(title="ELSE", require_called_aet=True) as to:  # refuses

        def back(told):
            return SendBack(settings.output, to, watch_case.TITLE, told)

        said = work_until(inbox, settings, lambda said: any("tried again" in text for text in said), back)
        assert "has another title" in said[1]
    with server(*archive.handlers) as to:
        again = inboxes.Inbox(tmp_path / "in", 0.0)
        said = work_until(again, settings, lambda said: archive.stored and said, back)
    assert len(archive.stored) == 2 and "stored seg.dcm, sr.dcm." in said[0] and len(said) == 1


def test_what_cannot_be_written_is_tried_again(tmp_path, filled, monkeypatch):
    monkeypatch.setattr(service, "AGAIN_SECONDS", 0.3)
    inbox, name = filled
    settings = settings_in(tmp_path / "out")
    (settings.output / kept.CASES).write_text("in the way")

    def mended(said):
        if said:
            with contextlib.suppress(OSError):  # it is the cases' folder by now
                (settings.output / kept.CASES).unlink()
        return any("1 lesion" in text for text in said)

    said = work_until(inbox, settings, mended)
    assert "cannot be written" in said[0] and "tried again in an hour" in said[0]
    assert (settings.output / kept.CASES / name / "seg.dcm").exists()


def test_a_study_of_other_objects_starts_nothing(tmp_path):
    """Such as results that an archive sends on, of a CT that is not here."""
    study = watch_case.study(tmp_path / "study")[0]
    study.SOPClassUID = study.file_meta.MediaStorageSOPClassUID = Comprehensive3DSRStorage
    with watch_case.listening(tmp_path / "in") as (_, _, port):
        assert watch_case.send(port, [study]) == [0]
    settings = settings_in(tmp_path / "out")
    inbox = inboxes.Inbox(tmp_path / "in", 0.0)
    end = time.monotonic() + 0.5
    said = work_until(inbox, settings, lambda said: said and time.monotonic() > end)
    assert len(said) == 1 and said[0].endswith(": no CT is in it. Nothing is done with it.")
    assert list(settings.output.iterdir()) == []


def test_a_ct_of_one_slice_is_refused_once_and_for_all(tmp_path):
    study = watch_case.study(tmp_path / "study")[:1]
    with watch_case.listening(tmp_path / "in") as (_, _, port):
        watch_case.send(port, study)
    settings = settings_in(tmp_path / "out")
    inbox = inboxes.Inbox(tmp_path / "in", 0.0)
    said = work_until(inbox, settings, lambda said: len(said) == 2)
    assert all("slice" in text for text in said)
    (record,) = settings.output.glob("cases/*/case.json")
    assert json.loads(record.read_text())["status"] == "refused"
    end = time.monotonic() + 0.5
    again = inboxes.Inbox(tmp_path / "in", 0.0)
    assert work_until(again, settings, lambda said: time.monotonic() > end) == []


def test_a_worker_whose_case_could_not_be_written_is_not_lost():
    """`Processes` keeps the worker: the service goes on with it."""
    from concurrent.futures import Future

    from LungTumorSegLib.cohort.processes import Processes, _Worker

    hired, worker, future = Processes.__new__(Processes), _Worker(None, None), Future()
    future.set_exception(OutputError("The disk is full."))
    hired._free, hired._busy, hired._wanted = [], {future: (worker, None)}, 1
    with pytest.raises(OutputError):
        hired.ended(1)
    assert hired._free == [worker] and not hired._busy
