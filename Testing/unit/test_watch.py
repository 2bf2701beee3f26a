"""The service's inbox and receiver: who is let in, when a study is complete, and what may go wrong on the way."""

import resource
import socket
import sys
import time

import pydicom
import pytest
from LungTumorSegLib.errors import NetworkError, OutputError
from LungTumorSegLib.watch import inbox as inboxes
from LungTumorSegLib.watch import receiver
from pydicom.uid import Comprehensive3DSRStorage

from Testing.support import dicom_out_case, watch_case
from Testing.support.command_case import assert_refused, run


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return watch_case.study(tmp_path_factory.mktemp("study"))


def wait_for(answer, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := answer()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


# ---- who is let in


def test_named_senders_alone_are_let_in(tmp_path, study):
    with watch_case.listening(tmp_path / "in") as (_, said, port):
        for titles in ({"title": "STRANGER"}, {"called": "ELSE"}):
            with watch_case.connected(port, **titles) as association:
                assert association.is_rejected
        wait_for(lambda: len(said) == 2)
        assert "It calls itself 'STRANGER'" in said[0] and "this program 'ELSE'" in said[1]
        with watch_case.connected(port, title="OTHER") as association:
            assert association.send_c_echo().Status == 0
    assert not (tmp_path / "in").exists()  # it was made here, and nothing came


def test_what_is_no_dicom_does_no_harm(tmp_path, study):
    with watch_case.listening(tmp_path / "in") as (box, _, port):
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\xff\xff\xff\xff" + bytes(5000), bytes(range(256))):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(garbage)
        assert watch_case.send(port, study) == [0] * 16
        assert len(wait_for(box.complete)) == 1


def test_a_port_that_is_taken_and_an_address_of_another_computer_are_refused(tmp_path):
    wrong = (("192.0.2.1", 0), "no address 192.0.2.1. Give one of its own with --address")
    with watch_case.listening(tmp_path / "in") as (box, _, port):
        for address, words in ((("127.0.0.1", port), "Nobody can listen at .* Choose another --port"), wrong):
            with (
                pytest.raises(NetworkError, match=words),
                receiver.listening(receiver.Receiver(box, print), "A", ["B"], address, 1.0),
            ):
                pass


def test_wrong_use(tmp_path):
    folders = (tmp_path / "in", "-o", tmp_path / "out")
    assert run("watch", *folders).exit_code == 2  # no sender is named
    assert run("watch", *folders, "--from", "A" * 17).exit_code == 2
    assert run("watch", *folders, "--from", "A", "--send-back", "archive:104").exit_code == 2
    assert run("watch", tmp_path, "-o", tmp_path, "--from", "A").exit_code == 2  # results among what came
    assert list(tmp_path.iterdir()) == []


def test_two_services_do_not_share_an_inbox(tmp_path):
    import subprocess

    program = "import sys, pathlib; from LungTumorSegLib.watch import inbox\n"
    program += "with inbox.opened(pathlib.Path(sys.argv[1]), 1.0): pass"
    with inboxes.opened(tmp_path / "in", 1.0):
        done = subprocess.run([sys.executable, "-c", program, tmp_path / "in"], capture_output=True, text=True)
    assert f"OutputError: Another run uses {tmp_path / 'in'}." in done.stderr and "another inbox" in done.stderr


def test_an_inbox_that_is_a_file_is_refused_and_stays(tmp_path):
    (tmp_path / "in").write_text("a note")
    words = r"received into .*in: a file of that name is in the way\. Choose another inbox"
    with pytest.raises(OutputError, match=words), inboxes.opened(tmp_path / "in", 1.0):
        pass
    assert (tmp_path / "in").read_text() == "a note"


# ---- when a study is complete


def test_a_study_is_complete_when_nothing_came_and_no_name_tells_of_the_patient(tmp_path, study):
    other = watch_case.study(tmp_path / "other", 1)
    report = pydicom.Dataset()
    report.StudyInstanceUID, report.PatientName = study[0].StudyInstanceUID, study[0].PatientName
    report.SOPClassUID, report.SOPInstanceUID = Comprehensive3DSRStorage, "1.2.3"
    report.file_meta = study[0].file_meta
    with watch_case.listening(tmp_path / "in", quiet=1.0) as (box, said, port):
        assert watch_case.send(port, [*study[:5], *other, report, *study[5:]]) == [0] * 33
        assert box.complete() == []
        names = [*wait_for(box.complete)]
        names += [] if len(names) == 2 else wait_for(box.complete)
        assert len(names) == 2 and box.complete() == [] and said == []
        counts = {name: len(box.files(name)) for name in names}
        assert list(counts.values()) == [16, 16]
        assert len(list((tmp_path / "in").glob("*/others/*.dcm"))) == 1
        got = {d.SOPInstanceUID: d for name in names for d in map(pydicom.dcmread, box.files(name))}
        assert all(got[one.SOPInstanceUID] == one for one in (*study, *other))
    paths = " ".join(str(path.relative_to(tmp_path)) for path in (tmp_path / "in").rglob("*")).lower()
    assert not [name for name in (*watch_case.NAMES[:4], study[0].StudyInstanceUID) if name in paths]
    assert dicom_out_case.STUDY["PatientName"] == "Doe^Jane"


def test_a_study_whose_transfer_broke_off_waits_for_the_rest_also_after_a_restart(tmp_path, study):
    with watch_case.listening(tmp_path / "in") as (box, said, port):
        with watch_case.connected(port) as association:
            assert [association.send_c_store(one).Status for one in study[:3]] == [0] * 3
            association.abort()
        wait_for(lambda: said)
        assert "its transfer broke off. It waits until it is sent again." in said[0]
        time.sleep(0.5)
        assert box.complete() == []
    with watch_case.listening(tmp_path / "in") as (box, _, port):
        (name,) = box.broken
        time.sleep(0.5)
        assert box.complete() == [] and len(box.files(name)) == 3
        assert watch_case.send(port, study) == [0] * 16
        assert wait_for(box.complete) == [name] and len(box.files(name)) == 16


def test_a_transfer_beside_the_one_that_broke_off_does_not_complete_the_study(tmp_path, study):
    with watch_case.listening(tmp_path / "in") as (box, said, port):
        with watch_case.connected(port) as one, watch_case.connected(port) as beside:
            assert beside.send_c_store(study[0]).Status == one.send_c_store(study[1]).Status == 0
            one.abort()
            wait_for(lambda: said)
            assert beside.send_c_store(study[2]).Status == 0
        time.sleep(0.8)
        assert box.complete() == []
        watch_case.send(port, study)
        assert len(wait_for(box.complete)) == 1


def test_a_service_that_was_killed_knows_what_was_whole(tmp_path, study):
    with watch_case.listening(tmp_path / "in", quiet=600.0) as (_, _, port):
        assert watch_case.send(port, study) == [0] * 16
        # released, and not yet complete; of the other one the connection still stands
        with watch_case.connected(port) as association:
            other = watch_case.study(tmp_path / "other", 1)
            assert association.send_c_store(other[0]).Status == 0
            again = inboxes.Inbox(tmp_path / "in", 0.0)  # as a new process finds it
            assert len(again.complete()) == 1 and len(again.broken) == 1


def test_what_is_sent_twice_lies_there_once_and_keeps_its_time(tmp_path, study):
    with watch_case.listening(tmp_path / "in") as (box, _, port):
        watch_case.send(port, study)
        (name,) = wait_for(box.complete)
        before = {path: path.stat().st_mtime_ns for path in box.files(name)}
        watch_case.send(port, study)
        assert wait_for(box.complete) == [name]
        assert {path: path.stat().st_mtime_ns for path in box.files(name)} == before


# ---- what is refused


def test_an_object_of_no_study_is_refused(tmp_path, study):
    lone = pydicom.Dataset()
    lone.update(study[0])
    lone.file_meta = study[0].file_meta
    del lone.StudyInstanceUID
    with watch_case.listening(tmp_path / "in") as (box, said, port):
        assert watch_case.send(port, [lone, *study]) == [0xC000] + [0] * 16
        assert "It was refused." in said[0] and len(wait_for(box.complete)) == 1
    assert list((tmp_path / "in" / inboxes.ARRIVING).glob("*")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits files as Linux and macOS do")
def test_what_the_disk_does_not_take_is_refused_and_its_study_waits(tmp_path, study):
    with watch_case.listening(tmp_path / "in") as (box, said, port):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        with watch_case.connected(port) as association:
            assert association.send_c_store(study[0]).Status == 0
            resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))
            try:
                assert association.send_c_store(study[1]).Status == 0xA700
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        wait_for(lambda: len(said) == 2)
        assert "cannot be written to" in said[0] and "not all of its objects could be taken" in said[1]
        time.sleep(0.5)
        assert box.complete() == [] and list((tmp_path / "in" / inboxes.ARRIVING).iterdir()) == []
        watch_case.send(port, study)
        assert len(wait_for(box.complete)) == 1


def test_an_inbox_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "in").write_text("a file")
    with pytest.raises(OutputError, match="a file of that name is in the way"), inboxes.opened(tmp_path / "in", 1.0):
        pass
    ended = run("watch", tmp_path / "in", "-o", tmp_path / "out", "--from", "A", "--model", tmp_path / "none")
    assert_refused(ended, 4, "")
