"""Orthanc, a DICOM archive, on this computer (Debian's package ``orthanc``)."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_NAMES = ("Orthanc", "/usr/sbin/Orthanc")
START_SECONDS = 60


@dataclass
class Archive:
    """title, port: of DICOM. url: of its web service."""

    title: str
    port: int
    url: str

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return answer.read()

    def add(self, file: Path) -> None:
        """Store a file by its web service."""
        request = urllib.request.Request(f"{self.url}/instances", file.read_bytes(), method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def instances(self) -> list[bytes]:
        """The files that it has stored."""
        return [self.get(f"/instances/{uid}/file") for uid in json.loads(self.get("/instances"))]


@contextmanager
def running(folder: Path, **more) -> Iterator[Archive]:
    """Started with an empty store in ``folder``; skips without Orthanc, fails where all must run.

    more: settings of Orthanc.
    """
    program = next((found for found in map(shutil.which, _NAMES) if found), None)
    if program is None:
        if "CI" in os.environ and sys.platform == "linux":
            pytest.fail("Orthanc is missing: apt-get install orthanc")
        pytest.skip("needs Orthanc")
    dicom, web = free_port(), free_port()
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "DicomAet": "ORTHANC",
        "DicomPort": dicom,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowEcho": True,
        "HttpPort": web,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [],
        **more,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        archive = Archive("ORTHANC", dicom, f"http://127.0.0.1:{web}")
        _wait(archive, process, folder / "orthanc.log")
        yield archive
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(archive: Archive, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            archive.get("/system")
            socket.create_connection(("127.0.0.1", archive.port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"Orthanc did not start: {log.read_text()[-2000:]}")
