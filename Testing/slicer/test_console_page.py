"""Every snippet of docs/console.md runs as it stands, on the real scene; only its paths are replaced."""

import re
import sys
import types
from pathlib import Path

import pytest
import slicer
import slicer.util
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase

from Testing.slicer_standin.dicom_database import database_of
from Testing.support import headless, phantoms
from Testing.support.panel_case import KnownNetwork, chest
from Testing.support.paths import ROOT

SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", (ROOT / "docs/console.md").read_text("utf-8"), re.S | re.M))
FILES = {"segmentation.seg.nrrd", "lesions.csv", "result.json"}


@pytest.fixture
def console(standin_app, monkeypatch):
    """Runs a section's snippet with these paths in place of its own; what `logic` needs is there."""
    logic = LungTumorSegLogicBase(KnownNetwork())
    monkeypatch.setattr(slicer.util, "getModuleLogic", {"LungTumorSeg": logic}.__getitem__)

    def run(section, **places):
        (snippet,) = re.findall(r"```python\n(.*?)```", SECTIONS[section], re.S)
        for name, place in places.items():
            assert f'"/path/to/{name}' in snippet
            snippet = snippet.replace(f"/path/to/{name}", str(place))
        exec(compile(snippet, section, "exec"), {"slicer": slicer})

    yield run
    logic.close()


def results(folder):
    return {path.name for path in folder.iterdir() if path.name != "broken"}


def test_every_section_with_a_snippet_is_run_here():
    source = Path(__file__).read_text("utf-8")
    assert all(f'"{name}"' in source for name, text in SECTIONS.items() if "```python" in text)


def test_one_volume(console, monkeypatch, tmp_path, capsys):
    headless.add_volume(chest()[0])
    x, y, z = phantoms.NODULE[0]
    monkeypatch.setitem(
        SECTIONS, "One volume", SECTIONS["One volume"].replace("52.0, -31.5, -140.0", f"{-x}, {-y}, {z}")
    )
    # a map needs the network itself, which test_maps.py has
    monkeypatch.setattr(
        LungTumorSegLogicBase, "explain", lambda self, findings, lesion_id, kind: findings.lesion(lesion_id)
    )
    console("One volume", folder=tmp_path / "out", other=tmp_path / "other")
    assert results(tmp_path / "out") == FILES
    assert results(tmp_path / "other") == FILES | {"report.html"}
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_all_volumes_of_the_scene(console, tmp_path, capsys):
    for name in ("one", "two"):
        headless.add_volume(chest()[0]).SetName(name)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    console("All volumes of the scene", results=tmp_path / "out")
    assert results(tmp_path / "out") == {"one", "two"}
    assert results(tmp_path / "out" / "two") == FILES
    assert re.fullmatch(r"empty .+\.\n", capsys.readouterr().out)


@pytest.fixture
def cts(tmp_path):
    (tmp_path / "cts").mkdir()
    phantoms.write_image(chest()[0], tmp_path / "cts" / "whole.nrrd")
    (tmp_path / "cts" / "broken.nrrd").write_bytes(b"NRRD0004\n")
    return tmp_path / "cts"


def test_a_folder(console, cts, tmp_path, capsys):
    console("A folder", cts=cts, results=tmp_path / "out")
    assert results(tmp_path / "out" / "whole") == FILES and results(tmp_path / "out") == {"whole"}
    said = capsys.readouterr().out
    assert "whole.nrrd 2 lesions" in said and "broken.nrrd" in said
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode") is None


def test_a_sequence(console, tmp_path, monkeypatch, capsys):
    """Real sequences: vtkMRMLSequenceNode, its browser and vtkSlicerSequencesLogic are Slicer's own."""
    sequences = slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(slicer.mrmlScene)
    module = types.SimpleNamespace(logic=lambda: sequences)
    monkeypatch.setattr(slicer, "modules", types.SimpleNamespace(sequences=module), raising=False)
    breathing = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "CT")
    for phase in range(2):
        volume = headless.add_volume(chest()[0])
        breathing.SetDataNodeAtValue(volume, str(10 * phase))
        slicer.mrmlScene.RemoveNode(volume)
    breathing.SetDataNodeAtValue(slicer.vtkMRMLScalarVolumeNode(), "20")  # nothing in it: the others are there
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetAndObserveMasterSequenceNodeID(breathing.GetID())

    console("A sequence (4D)", results=tmp_path / "out")

    assert results(tmp_path / "out") == {"000", "001"} and results(tmp_path / "out" / "001") == FILES
    assert re.fullmatch(r"20 .+\.\n", capsys.readouterr().out)
    outlines = slicer.mrmlScene.GetFirstNodeByName("Lesions")
    assert [outlines.GetNthIndexValue(k) for k in range(outlines.GetNumberOfDataNodes())] == ["0", "10"]
    for number in range(2):
        browser.SetSelectedItemNumber(number)
        sequences.UpdateProxyNodesFromSequences(browser)
        shown, kept = browser.GetProxyNode(outlines), outlines.GetNthDataNode(number)
        names = [
            [
                node.GetSegmentation().GetNthSegment(k).GetName()
                for k in range(node.GetSegmentation().GetNumberOfSegments())
            ]
            for node in (shown, kept)
        ]
        assert names[0] == names[1] and len(names[0]) >= 2


def test_a_selection_of_the_dicom_database(console, tmp_path, monkeypatch):
    uid = "1.2.826.0.1.3680043.8.498"
    for number, patient in enumerate(("LUNG1-001", "another")):
        study = {"PatientID": patient, "StudyInstanceUID": f"{uid}.{number}"}
        phantoms.write_dicom(chest()[0], tmp_path / f"in{number}", series=f"{uid}.{number}.1", **study)
    few = {"PatientID": "LUNG1-002", "StudyInstanceUID": f"{uid}.9"}
    phantoms.write_dicom(chest()[0], tmp_path / "in2", slices=range(9), series=f"{uid}.9.1", **few)
    monkeypatch.setattr(slicer, "dicomDatabase", database_of(tmp_path.glob("in*/*.dcm")), raising=False)

    def load_series(uids):
        """DICOMUtils.loadSeriesByUID: Modules/Scripted/DICOMLib/DICOMUtils.py; a list of UIDs to a list of node ids.

        Slicer's plug-ins choose how; here the volume is the phantom that the files hold.
        """
        assert isinstance(uids, list) and all(slicer.dicomDatabase.filesForSeries(one) for one in uids)
        return [headless.add_volume(chest()[0]).GetID() for _ in uids]

    library = types.ModuleType("DICOMLib")
    library.DICOMUtils = types.SimpleNamespace(loadSeriesByUID=load_series)
    monkeypatch.setitem(sys.modules, "DICOMLib", library)
    console("A selection of the DICOM database", results=tmp_path / "out")
    assert results(tmp_path / "out") == {f"{uid}.0.1"}
    assert results(tmp_path / "out" / f"{uid}.0.1") == FILES


def test_without_a_window(console, cts, tmp_path, monkeypatch, capsys):
    ends = []
    monkeypatch.setattr(slicer.util, "exit", ends.append)
    monkeypatch.setattr(sys, "argv", ["segment_all.py", str(cts), str(tmp_path / "out")])
    console("Without a window")
    assert results(tmp_path / "out" / "whole") == FILES and ends == [1]
    assert "whole.nrrd 2 lesions" in capsys.readouterr().out
