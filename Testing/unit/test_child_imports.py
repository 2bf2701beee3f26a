"""What the child process loads: the real one, in a real run."""

import sys

from LungTumorSegLib.data import Options
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import phantoms

# Python imports it by itself; the hook hears of every module that is loaded, whoever asks for it
LISTENER = """
import os, sys

def note(event, arguments):
    if event == "import":
        with open(os.environ["IMPORTED"], "a", encoding="utf-8") as file:
            file.write(arguments[0] + "\\n")

sys.addaudithook(note)
"""


def test_the_child_loads_no_reader_of_files_and_nothing_that_draws(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(LISTENER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("IMPORTED", str(tmp_path / "imported.txt"))
    ct = phantoms.chest((2.0, 2.0, 3.0), (240, 200, 60))[0]
    with WorkerClient(sys.executable) as client:
        assert client.segment(ct, Options()).lungs is not None
    loaded = set((tmp_path / "imported.txt").read_text("utf-8").split())
    assert {"LungTumorSegLib.segmentation", "numpy", "cc3d"} <= loaded
    packages = {name.split(".")[0] for name in loaded}
    assert not packages & {"pydicom", "nibabel", "matplotlib"}
    assert not {name for name in loaded if name.startswith("LungTumorSegLib.readers")}
