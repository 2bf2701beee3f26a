"""The steps that the module takes in Slicer, taken on the stand-in with the real child process and the real model.

Once from the files that CMakeLists.txt lists, copied to a bare folder as Slicer's build lays an extension out; once,
where SLICER_SOURCE names a checkout of Slicer, with Slicer's own Python files.
"""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from Testing import slicer_standin
from Testing.support import slicer_source
from Testing.support.paths import MODULE, ROOT

# as Slicer does: modules of its folders are loaded at start-up, then the script runs in the main module
SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from Testing import slicer_standin
    from Testing.slicer_standin.slice_views import LayoutManager
    from Testing.support import headless
    scene, logic = headless.start()
    application = slicer_standin.install(scene, logic)
    application.setLayoutManager(LayoutManager(logic))
    import qt
    factory = application.moduleManager().factoryManager()
    factory.registerModule(qt.QFileInfo(sys.argv[1]))
    factory.loadModules(["LungTumorSeg"])
    __file__ = sys.argv[2]
    sys.argv = sys.argv[2:]
    exec(compile(Path(__file__).read_text(), __file__, "exec"), globals())
    status = qt.QApplication.instance().exec()
    print({m.__file__ for n, m in sys.modules.items() if n.startswith("LungTumorSeg")}, file=sys.stderr)
    sys.exit(status)
    """
)


@pytest.fixture
def installed(tmp_path):
    """The extension as Slicer installs it: SlicerMacroBuildScriptedModule.cmake, ctkMacroCompilePythonScript.cmake."""
    folder = tmp_path / "lib" / "Slicer-5.12" / "qt-scripted-modules"
    listed = re.findall(r"^set\(MODULE_PYTHON_\w+\s+([^)]*)\)", (MODULE / "CMakeLists.txt").read_text(), re.MULTILINE)
    for name in " ".join(listed).split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MODULE / name, folder / name)
    return folder


def take_the_steps(module: Path, pictures: Path, environment) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(module.parent), str(ROOT)])  # before an installation of this repository
    command = [sys.executable, "-B", "-c", SCRIPT, module, ROOT / "Testing/tools/in_slicer.py", pictures]
    return subprocess.run(command, capture_output=True, text=True, env=dict(environment) | {"PYTHONPATH": path})


def assert_all_passed(ended: subprocess.CompletedProcess):
    from LungTumorSegLib.slicer_.self_test import STEPS

    lines = ended.stdout.splitlines()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert lines[-1] == f"{len(STEPS)} passed, 0 failed"
    assert [line[:8].strip() for line in lines if line.startswith(("ok ", "FAILED"))] == ["ok"] * len(STEPS)


def test_every_step_passes_from_what_is_packaged(installed, tmp_path):
    before = sorted(installed.rglob("*"))
    ended = take_the_steps(installed / "LungTumorSeg.py", tmp_path / "pictures", os.environ)
    assert_all_passed(ended)
    loaded = re.findall(r"'([^']+)'", ended.stderr.splitlines()[-1])
    assert len(loaded) > 50 and all(Path(file).is_relative_to(installed) for file in loaded)
    assert sorted(installed.rglob("*")) == before  # an administrator's folder can't be written
    assert len(list((tmp_path / "pictures").glob("*.png"))) == len(ended.stdout.splitlines()) - 1


def test_every_step_passes_on_slicers_own_files(tmp_path):
    environment = slicer_source.environment()
    assert_all_passed(take_the_steps(MODULE / "LungTumorSeg.py", tmp_path / "pictures", environment))


def test_a_step_that_fails_fails_the_modules_own_test(standin_app, monkeypatch):
    from LungTumorSegLib.slicer_ import self_test

    def breaks(trial):
        """A step"""
        self_test.expect(False, "what is not so")

    loaded = slicer_standin.LoadedModule(MODULE / "LungTumorSeg.py")
    try:
        monkeypatch.setattr(self_test, "STEPS", (self_test.opens,))
        loaded.module.runTest()
        monkeypatch.setattr(self_test, "STEPS", (self_test.opens, breaks))
        with pytest.raises(AssertionError, match="FAILED  A step: AssertionError: expected: what is not so"):
            loaded.module.runTest()
    finally:
        loaded.close()
