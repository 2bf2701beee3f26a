"""Sending to a DICOM server: pynetdicom's own on this computer, well-behaved and otherwise."""

import socket
import threading

import pydicom
import pytest
from LungTumorSegLib.errors import NetworkError, UnreadableError
from LungTumorSegLib.network import address, association, commitment
from LungTumorSegLib.network.send import send
from pydicom.uid import ImplicitVRLittleEndian, SegmentationStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from Testing.support import dicom_out_case as case
from Testing.support.command_case import assert_refused, run
from Testing.support.dicom_server import Archive, server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return case.write(tmp_path_factory.mktemp("sent"), kinds=["seg", "sr"]).folder


def test_the_objects_arrive_as_they_are_after_an_echo(folder):
    archive = Archive()
    with server(*archive.handlers) as to:
        sent = send(folder, to)
    assert archive.asked == ["echo", "store", "store"]
    assert [path.name for path in sent.paths] == ["seg.dcm", "sr.dcm"]
    assert (sent.changed, sent.committed) == ((), None)
    for path, got in zip(sent.paths, archive.stored, strict=True):
        assert got == pydicom.dcmread(path)


def test_a_server_that_knows_the_default_transfer_syntax_alone_gets_the_same_elements(folder):
    archive = Archive()
    with server(*archive.handlers, syntax=ImplicitVRLittleEndian) as to:
        sent = send(folder, to)
    for path, got in zip(sent.paths, archive.stored, strict=True):
        assert got.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert {e.tag: e.value for e in got} == {e.tag: e.value for e in pydicom.dcmread(path)}


def test_the_command_says_what_was_stored(folder):
    archive = Archive(0xB000)
    with server(*archive.handlers) as to:
        ended = run("send", folder, "--to", f"{to.title}@{to.host}:{to.port}")
    assert ended.exit_code == 0, ended.stderr
    assert "stored seg.dcm, sr.dcm." in ended.stdout and "changed elements of seg.dcm." in ended.stdout


def _refused(match, folder, to, **options):
    with pytest.raises(NetworkError, match=match) as caught:
        send(folder, to, **options)
    assert caught.value.exit_code == 6 and str(caught.value).endswith(".")


def test_where_nobody_listens(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _refused("Nothing answers at 127.0.0.1", folder, address.Address("ARCHIVE", "127.0.0.1", port))
    _refused("No computer of the name no-such-host.invalid", folder, address.Address("A", "no-such-host.invalid", port))


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_what_is_no_dicom_server(folder, says, monkeypatch):
    monkeypatch.setattr(association, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            with listening.accept()[0] as connection:
                connection.sendall(says)
                connection.recv(1 << 16)
                threading.Event().wait(0.0 if says else 1.0)

        thread = threading.Thread(target=answer)
        thread.start()
        _refused("is it a DICOM server", folder, address.Address("ARCHIVE", *listening.getsockname()))
        thread.join()


def test_a_title_that_the_server_does_not_have(folder):
    with server(title="OTHER", require_called_aet=True) as to:
        _refused("it has another title than ARCHIVE", folder, to)


def test_a_title_of_ours_that_the_server_does_not_know(folder):
    archive = Archive()
    with server(*archive.handlers, require_calling_aet=["SLICER"]) as to:
        _refused("does not know this program's title LUNGTUMORSEG", folder, to)
        assert len(send(folder, to, calling="SLICER").paths) == 2


def test_a_server_without_room(folder):
    archive = Archive()
    with server(*archive.handlers, maximum_associations=1) as to:
        entity = AE()
        entity.add_requested_context(Verification)
        other = entity.associate(to.host, to.port)
        _refused("no room for another connection", folder, to)
        other.release()


def test_a_kind_that_the_server_does_not_take_stops_all(folder):
    archive = Archive()
    with server(*archive.handlers, kinds=[SegmentationStorage]) as to:
        _refused("does not take Comprehensive 3D SR Storage", folder, to)
    with server(*archive.handlers, kinds=[], services=["1.2.840.10008.5.1.4.1.1.2"]) as to:
        _refused("Nothing was sent", folder, to)
    assert archive.stored == []


@pytest.mark.parametrize(
    ("answers", "match"),
    [
        ((0, 0xA700), "refused sr.dcm: it is out of resources.*0xA700.*1 of 2 objects were stored before"),
        ((0xA900,), "refused seg.dcm: it finds that the object does not fit.*0 of 2"),
        ((0xC123,), "cannot understand"),
        ((0x0122,), "does not take this kind"),
        ((0x0124,), "no permission"),
        ((0x0110,), "no reason that this program knows"),
        (("abort",), "broke off while seg.dcm was sent. 0 of 2"),
        ((0, "abort"), "broke off while sr.dcm was sent. 1 of 2"),
    ],
)
def test_each_refusal_of_an_object_is_a_sentence(folder, answers, match):
    with server(*Archive(*answers).handlers) as to:
        _refused(match, folder, to)


def test_an_echo_that_fails_stops_all(folder):
    archive = Archive()
    with server((evt.EVT_C_ECHO, lambda event: 0x0122), archive.handlers[0]) as to:
        _refused("first question", folder, to)
    assert archive.stored == []


# ---- storage commitment


def _commits(failed):
    """Handlers of a server that answers on the same connection; failed: how many objects it does not keep."""

    def asked(event):
        request, connection = event.action_information, event.assoc

        def report():
            answer = pydicom.Dataset()
            answer.TransactionUID = request.TransactionUID
            items = list(request.ReferencedSOPSequence)
            answer.ReferencedSOPSequence = items[failed:]
            if failed:
                answer.FailedSOPSequence = items[:failed]
            uid = "1.2.840.10008.1.20.1.1"
            connection.send_n_event_report(answer, 2 if failed else 1, StorageCommitmentPushModel, uid)

        threading.Timer(0.1, report).start()  # after the answer to the request
        return 0x0000, None

    return evt.EVT_N_ACTION, asked


def test_a_commitment_is_told(folder):
    archive = Archive()
    services = (Verification, StorageCommitmentPushModel)
    with server(*archive.handlers, _commits(failed=0), services=services) as to:
        assert send(folder, to).committed is True
    with server(*archive.handlers, _commits(failed=1), services=services) as to:
        _refused("does not keep 1 of them", folder, to)


def test_a_commitment_that_is_not_answered_here_is_not_claimed(folder, monkeypatch):
    monkeypatch.setattr(commitment, "ANSWER_SECONDS", 0.2)
    services = (Verification, StorageCommitmentPushModel)
    silent = (evt.EVT_N_ACTION, lambda event: (0x0000, None))
    with server(*Archive().handlers, silent, services=services) as to:
        assert send(folder, to).committed is None


# ---- what is given


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ARCHIVE@192.168.1.5:104", ("ARCHIVE", "192.168.1.5", 104)),
        ("MY ARCHIVE@pacs.example:11112", ("MY ARCHIVE", "pacs.example", 11112)),
        ("A@[::1]:4242", ("A", "::1", 4242)),
    ],
)
def test_an_address_is_title_host_and_port(text, wanted):
    to = address.parse(text)
    assert (to.title, to.host, to.port) == wanted


@pytest.mark.parametrize("text", ["", "pacs:104", "A@pacs", "A@pacs:0", "A@pacs:70000", "@pacs:104", f"{'A' * 17}@p:1"])
def test_what_is_no_address_is_wrong_use(folder, text):
    assert run("send", folder, "--to", text).exit_code == 2


def test_a_folder_without_objects_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no DICOM " * 50)
    assert_refused(run("send", tmp_path, "--to", "A@127.0.0.1:1"), 3, "No DICOM object lies in")
    assert_refused(run("send", tmp_path / "nowhere", "--to", "A@127.0.0.1:1"), 3, "There is no folder")


def test_a_damaged_object_stops_all(folder, tmp_path):
    (tmp_path / "a.dcm").write_bytes((folder / "seg.dcm").read_bytes()[:140])
    with pytest.raises(UnreadableError, match="damaged"):
        send(tmp_path, address.Address("A", "127.0.0.1", 1))
