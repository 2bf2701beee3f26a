"""The service with a real archive: Orthanc routes a study to it and gets segmentation and report back."""

import io
import json
import signal
import stat
import subprocess
import sys
import time

import pydicom
import pytest

from Testing.support import dicom_out_case, orthanc, watch_case
from Testing.support.cohort_case import FAST
from Testing.support.command_case import command

# as an administrator routes: each study that is stable, also the one that has grown by our objects
ROUTE = """
function OnStableStudy(study)
  RestApiPost('/modalities/watch/store', DumpJson({Resources = {study}, Asynchronous = true}, true))
end
"""
SECONDS = 150


def _until(holds, process, said):
    end = time.monotonic() + SECONDS
    while not holds():
        assert process.poll() is None and time.monotonic() < end, said.read_text()
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal of Ctrl-C")
def test_orthanc_routes_a_study_and_gets_its_result_once(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "route.lua").write_text(ROUTE)
    port, said = orthanc.free_port(), tmp_path / "said.txt"
    more = {
        "DicomModalities": {"watch": ["LUNGTUMORSEG", "127.0.0.1", port]},
        "LuaScripts": [str(tmp_path / "route.lua")],
        "StableAge": 1,
    }
    study = watch_case.study(tmp_path / "study")
    with orthanc.running(tmp_path / "archive", **more) as archive, said.open("w") as log:
        back = f"{archive.title}@127.0.0.1:{archive.port}"
        folders = (tmp_path / "in", "--output", tmp_path / "out")
        options = ("--from", archive.title, "--port", port, "--complete-after", 2, "--send-back", back, *FAST)
        line, environment = command("watch", *folders, *options)
        process = subprocess.Popen(line, env=environment, stdout=log, stderr=log)
        try:
            _until(lambda: "listens at" in said.read_text(), process, said)
            for file in (tmp_path / "study").iterdir():
                archive.add(file)
            _until(lambda: len(json.loads(archive.get("/instances"))) == 18, process, said)
            # Orthanc sends the study with our objects: they are taken and change nothing
            _until(lambda: len(list((tmp_path / "in").glob("*/others/*.dcm"))) == 2, process, said)
            time.sleep(4)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, said.read_text()
        finally:
            process.kill()
        stored = {d.Modality: d for d in map(pydicom.dcmread, map(io.BytesIO, archive.instances()))}
    assert stored.keys() == {"CT", "SEG", "SR"}
    (case,) = (tmp_path / "out" / "cases").iterdir()
    for modality in ("SEG", "SR"):
        assert stored[modality] == pydicom.dcmread(case / f"{modality.lower()}.dcm")
        assert stored[modality].PatientName == dicom_out_case.STUDY["PatientName"]
        assert stored[modality].StudyInstanceUID == study[0].StudyInstanceUID
    text = said.read_text()
    assert text.count("1 lesion") == 1 and text.count("stored seg.dcm, sr.dcm.") == 1
    _no_name_and_no_access(tmp_path, text)


def _no_name_and_no_access(place, said):
    paths = [path for folder in ("in", "out") for path in (place / folder, *(place / folder).rglob("*"))]
    shown = (said + " ".join(str(path.relative_to(place)) for path in paths)).lower()
    assert not [name for name in watch_case.NAMES[:4] if name in shown]
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    texts = [path for path in paths if path.suffix in (".json", ".csv", ".html")]
    assert len(texts) >= 3 and not [path for path in texts if "doe" in path.read_text("utf-8").lower()]
