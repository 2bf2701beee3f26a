"""The example of docs/python.md and the notebook run as they stand."""

import os
import pydoc
import re
import shutil
import subprocess
import sys

import LungTumorSegLib
import nbformat
import pytest
from nbclient import NotebookClient

from Testing.support import phantoms
from Testing.support.paths import MODULE, ROOT

NOTEBOOK = ROOT / "docs/notebook.ipynb"


def test_the_examples_of_the_page_run_on_a_phantom(tmp_path):
    """Those of one CT that is no DICOM: DICOM objects and follow-up have tests of their own."""
    ct, _ = phantoms.chest()
    phantoms.write_image(ct, tmp_path / "ct.nrrd")
    every = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text("utf-8"), re.DOTALL)
    examples = [text for text in every if "save_dicom" not in text and "compare" not in text]
    assert len(every) == 6 and len(examples) == 4
    assert len(examples[0].splitlines()) <= 10
    variables = {**os.environ, "PYTHONPATH": str(MODULE)}
    command = [sys.executable, "-c", "".join(examples)]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.match(r"1 \d+\.\d ml \d+ mm right\n", done.stdout)
    for name in ("output", "with-report", "reviewed"):
        assert {"lesions.csv", "result.json", "segmentation.seg.nrrd"} <= {p.name for p in (tmp_path / name).iterdir()}
    assert (tmp_path / "with-report/report.html").exists()
    assert "rejected" in (tmp_path / "reviewed/lesions.csv").read_text("utf-8")


def test_the_notebook_is_committed_without_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert [cell for cell in cells if cell.outputs or cell.execution_count] == []


@pytest.mark.parametrize("demo_case", [0], indirect=True)
def test_the_notebook_runs_on_the_demonstrations_ct(demo_case, tmp_path, monkeypatch):
    cache = tmp_path / ".cache/LungTumorSeg/demo"
    cache.mkdir(parents=True)
    shutil.copy(demo_case.image, cache)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # Windows
    monkeypatch.setenv("PYTHONPATH", str(MODULE))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    before, after = next(
        m.groups() for o in outputs if (m := re.search(r"([\d.]+) ml, now ([\d.]+) ml", o.get("text", "")))
    )
    assert 0 < float(before) < float(after)
    assert (tmp_path / "notebook-output/segmentation.seg.nrrd").is_file()


def test_help_tells_what_each_public_name_does():
    text = pydoc.plain(pydoc.render_doc(LungTumorSegLib))
    for name in LungTumorSegLib.__all__:
        assert f"{name}(" in text
        assert len((getattr(LungTumorSegLib, name).__doc__ or "").split()) > 25, name
    assert "lesion.volume_mm3" in text  # the example
    methods = [value for key, value in vars(LungTumorSegLib.Findings).items() if key[0] != "_" and callable(value)]
    assert [method.__name__ for method in methods if not method.__doc__] == []
