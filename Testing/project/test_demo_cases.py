"""The floor of accuracy: the two demonstration CTs, through the module's logic, against their tumour masks."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import slicer.util
from LungTumorSegLib.lesions import terminology
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from rich.console import Console

from Testing.support import results
from Testing.support.scene_volume import load_volume
from Testing.tools.demo import cases, command, compare


@pytest.fixture(scope="module")
def logic():
    logic = LungTumorSegLogicBase()
    yield logic
    logic.close()


def test_the_tumour_is_found_and_outlined(demo_case, scene, logic):
    findings = logic.segment(load_volume(demo_case.image)).findings
    reference = sitk.GetArrayFromImage(sitk.ReadImage(str(demo_case.label))) != 0
    found = np.zeros_like(reference)
    for lesion in findings.lesions:
        segment = terminology.segment_id(lesion), logic.volume(findings)
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(logic.segmentation(findings), *segment) != 0
        if (mask & reference).any():
            found |= mask
    assert found.any(), "no lesion shares a voxel with the tumour"
    dice = 2 * np.count_nonzero(found & reference) / (np.count_nonzero(found) + np.count_nonzero(reference))
    assert dice >= demo_case.least_dice


def test_a_changed_file_is_refused(demo_case, tmp_path):
    for name in cases.SHA256:
        (tmp_path / name).write_bytes((demo_case.image.parent / name).read_bytes()[:-1])
    with pytest.raises(cases.DemoDataError, match="SHA256"):
        cases.obtain(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(cases.DemoDataError, match=r"lung1_image\.nrrd is missing"):
        cases.obtain(tmp_path)


def test_without_network_the_demonstration_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    line = [sys.executable, "-m", "Testing.tools.demo", "--output", str(tmp_path / "output")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "--input" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "output").exists()
    assert not list((tmp_path / "LungTumorSeg").iterdir())


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_table_tells_the_tumour_at_80_columns_in_a_log_file(encoding, tmp_path):
    result = results.make_result(results.make_ct())
    wide = {"side": "right", "volume_mm3": 123456.7, "long_axis_mm": 108.4, "mean_hu": -1000.0}
    lesions = tuple(replace(lesion, id=number, **wide) for number, lesion in enumerate(result.lesions, 10))
    origin = (100.0, 100.0, -1000.0)  # LPS
    far = replace(result, lesions=lesions, geometry=replace(result.geometry, origin_lps=origin))
    verdict = compare.Verdict((12,), 0.8, 1.36, far.masks[0])
    with (tmp_path / "log").open("w", encoding=encoding, errors="backslashreplace") as log:
        Console(file=log, width=80).print(command.table("lung1", far, verdict))
    lines = (tmp_path / "log").read_text(encoding).splitlines()
    assert max(map(len, lines)) <= 80
    marked = [line.replace("|", " ").split() for line in lines if "tumour" in line and "reference" not in line]
    assert [line[:3] for line in marked] == [["12", "tumour", "right"]]
    assert len(marked[0][-1].split(",")) == 3 and "x" in marked[0]
    place = [float(number) for number in marked[0][-1].split(",")]
    assert place[0] < -50 and place[2] < -900  # nothing is cut off
