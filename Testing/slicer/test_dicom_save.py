"""DICOM objects from the console, of a volume that came from Slicer's DICOM database."""

import numpy as np
import pydicom
import pytest
import slicer
from LungTumorSegLib.errors import GeometryError, InputError, UnreadableError
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from LungTumorSegLib.slicer_.scene import storage
from LungTumorSegLib.slicer_.scene.volumes import ct_from_volume
from scipy.spatial import KDTree

from Testing.slicer_standin.dicom_database import DICOMDatabase
from Testing.support import dicom_out_case as case
from Testing.support import headless
from Testing.support.scene_case import CARD


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return case.write_series(tmp_path_factory.mktemp("database") / "series")


@pytest.fixture
def saved(scene, series, tmp_path, monkeypatch):
    """Saves a made-up result of the volume with DICOM objects; ``change`` gets the volume before that."""
    paths = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID: str(path) for path in series.iterdir()}
    monkeypatch.setattr(slicer, "dicomDatabase", DICOMDatabase(paths), raising=False)
    logic = LungTumorSegLogicBase()

    def save(change=lambda volume: None, **options):
        volume = headless.add_volume(read_ct(series))
        volume.SetAttribute("DICOM.instanceUIDs", " ".join(paths))
        change(volume)
        ct = ct_from_volume(volume)
        findings = Findings(ct, case.without_overlap(case.made_result(ct)), CARD)
        logic.registry.add(findings, volume, storage.pack(findings))
        logic.save(findings, tmp_path / "out", dicom=["seg", "sr"], **options)
        return findings

    yield save
    logic.close()


def test_the_objects_are_those_of_the_command(saved, tmp_path):
    findings = saved()
    seg = pydicom.dcmread(tmp_path / "out" / "seg.dcm")
    found = case.frame_points(seg)
    for number, (lesion, mask) in enumerate(zip(findings.lesions, findings.masks, strict=True), 1):
        wanted = findings.ct.geometry.lps(np.argwhere(mask) + lesion.label_box.start)
        assert len(found[number]) == len(wanted) and KDTree(wanted).query(found[number])[0].max() < 0.01
    assert {"seg.dcm", "sr.dcm"} < {path.name for path in (tmp_path / "out").iterdir()}
    by_command = case.write(tmp_path / "command", kinds=["seg"], change=case.without_overlap).read("seg")
    assert [s.TrackingUID for s in seg.SegmentSequence] == [s.TrackingUID for s in by_command.SegmentSequence]


def test_a_report_goes_with_them_and_has_the_users_names(saved, tmp_path):
    findings = saved(report=True, language="zh-CN")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert 'lang="zh-CN"' in page and page.count("data:image/jpeg") == 2 + 3 * len(findings.lesions)
    assert {"report.html", "seg.dcm", "sr.dcm"} < {path.name for path in (tmp_path / "out").iterdir()}
    assert case.STUDY["PatientName"].replace("^", " ") not in page


def _refused(saved, tmp_path, error, match, change):
    with pytest.raises(error, match=match):
        saved(change)
    assert not (tmp_path / "out").exists()


def test_a_volume_that_is_not_from_the_database_is_refused(saved, tmp_path):
    _refused(saved, tmp_path, InputError, "was not read from DICOM", lambda v: v.RemoveAttribute("DICOM.instanceUIDs"))


@pytest.mark.parametrize("uid", ["Unknown", "1.2.3"])
def test_files_that_left_the_database_are_said(saved, tmp_path, uid):
    _refused(saved, tmp_path, UnreadableError, "database", lambda v: v.SetAttribute("DICOM.instanceUIDs", uid))


def test_a_volume_that_lies_beside_its_files_is_refused(saved, tmp_path):
    def move(volume):
        volume.SetOrigin(*np.add(volume.GetOrigin(), (0, 8, 0)))

    _refused(saved, tmp_path, GeometryError, "does not lie in the planes", move)
