"""Sending to a real archive: Orthanc stores the objects and gives the same ones back."""

import io

import pydicom
import pytest
from LungTumorSegLib.errors import NetworkError
from LungTumorSegLib.network import commitment
from LungTumorSegLib.network.address import Address
from LungTumorSegLib.network.send import send

from Testing.support import dicom_out_case as case
from Testing.support import orthanc
from Testing.support.command_case import run


def test_orthanc_stores_the_objects_and_gives_them_back(tmp_path, monkeypatch):
    monkeypatch.setattr(commitment, "ANSWER_SECONDS", 1.0)
    folder = case.write(tmp_path).folder
    (tmp_path / "archive").mkdir()
    with orthanc.running(tmp_path / "archive") as archive:
        ended = run("send", folder, "--to", f"{archive.title}@127.0.0.1:{archive.port}")
        assert ended.exit_code == 0, ended.stderr
        back = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, map(io.BytesIO, archive.instances()))}
        sent = [pydicom.dcmread(path) for path in folder.iterdir()]
        assert len(back) == len(sent) == 3
        for one in sent:
            assert back[one.SOPInstanceUID] == one
        with pytest.raises(NetworkError, match="has another title than WRONG"):
            send(folder, Address("WRONG", "127.0.0.1", archive.port))
