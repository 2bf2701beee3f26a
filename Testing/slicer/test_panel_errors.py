"""Every failure reaches the user as one sentence with its cause and its log, and the panel goes on."""

import shutil
import sys
import tempfile
import traceback
from types import SimpleNamespace

import psutil
import pytest
from LungTumorSegLib import errors
from LungTumorSegLib.model.bundle import ONNX, default_path
from LungTumorSegLib.worker import protocol
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import headless, phantoms
from Testing.support.panel_case import NODULE_RAS, PanelCase, node_ids, spin
from Testing.support.paths import RESOURCES

KINDS = sorted(
    (k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.LungTumorSegError)),
    key=lambda k: k.__name__,
)


def through_the_pipe(kind):
    """An error of this kind as it arrives from the child, where another one led to it."""
    try:
        try:
            raise OSError("first line\nthe driver said no")
        except OSError as cause:
            raise kind("What is wrong. What to do.") from cause
    except errors.LungTumorSegError as error:
        return protocol.error_from(protocol.error_fields(error, traceback.format_exc()), "words of a library")


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not errors.Cancelled], ids=lambda k: k.__name__)
def test_each_error_of_the_child_is_a_sentence_with_the_last_line_of_its_cause(case, scene, standin_app, kind):
    case.add_chest()
    before = node_ids(scene)
    case.network.error = through_the_pipe(kind)
    case.run()
    assert case.ui.errorFrame.visible and case.ui.errorLabel.text == "What is wrong. What to do. (the driver said no)"
    case.ui.copyLogButton.click()
    copied = standin_app.clipboard().text()
    assert all(words in copied for words in (kind.__name__, "first line", "words of a library", "Traceback"))
    assert node_ids(scene) == before
    assert case.ui.segmentButton.text == "Segment" and not case.ui.progressBar.visible
    case.run()
    assert not case.ui.errorFrame.visible and case.ui.lesionTable.rowCount == 3


def test_a_cause_that_the_sentence_names_already_is_not_said_twice(case):
    case.add_chest()
    error = errors.EngineError("TensorFlow failed on GPU:0: out of luck. Choose another engine.")
    error.__cause__ = RuntimeError("out of luck. Choose another engine.")
    case.network.error = error
    case.run()
    assert case.ui.errorLabel.text == str(error)


# ---- the real child


@pytest.fixture(scope="module")
def client():
    """One child for the file: a panel that closes leaves it running."""
    made = WorkerClient()
    close, made.close = made.close, lambda: None
    yield made
    close()


@pytest.fixture
def real(standin_app, client):
    made = PanelCase(RESOURCES, network=client)
    ct, _ = phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])
    volume = headless.add_volume(ct)
    made.ui.inputSelector.setCurrentNode(volume)
    made.settle()
    yield SimpleNamespace(case=made, client=client, volume=volume)
    made.close()


def fails(real, scene, words, begin=lambda case: case.ui.segmentButton.click()):
    """Start it, wait for the failure, and see that it is said and that nothing is left."""
    case, before = real.case, node_ids(scene)
    begin(case)
    spin(lambda: not case.logic.running, seconds=300)
    case.settle()
    assert case.ui.errorFrame.visible and words in case.ui.errorLabel.text
    assert "\n" not in case.ui.errorLabel.text and case.ui.errorLabel.text.endswith((".", ")"))
    assert case.ui.segmentButton.text == "Segment" and not case.logic.running
    assert node_ids(scene) == before


def test_a_volume_that_is_no_ct_any_more_is_refused_by_the_child(real, scene):
    import slicer

    slicer.util.arrayFromVolume(real.volume)[:] = 100  # after the panel had looked at it
    fails(real, scene, "same value")


def test_a_ct_without_lungs_is_said(real, scene):
    import slicer

    slicer.util.arrayFromVolume(real.volume)[:, 8:] = 40  # about 50 ml of lung stay
    fails(real, scene, "No lungs were found")


def test_a_model_that_is_damaged_is_said(real, scene, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(default_path(), folder)
    weights = bytearray((folder / ONNX).read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / ONNX).write_bytes(weights)
    real.case.panel.parameters.modelFolder = str(folder)
    fails(real, scene, "damaged or was changed")


def test_a_folder_without_a_model_is_said(real, scene, tmp_path):
    real.case.panel.parameters.modelFolder = str(tmp_path)
    fails(real, scene, "There is no model in")


def test_a_gpu_that_an_engine_cannot_use_is_said(real, scene):
    from LungTumorSegLib.slicer_.panel.parameters import DeviceChoice, EngineChoice

    real.case.panel.parameters.engine = EngineChoice.OPENVINO
    real.case.panel.parameters.device = DeviceChoice.GPU
    fails(real, scene, "OpenVINO is used on the CPU only")


def test_a_fault_of_the_childs_own_is_said_with_its_cause(real, scene):
    fails(
        real,
        scene,
        "unexpectedly (TypeError",
        lambda case: case.panel.start(lambda: case.logic.segment(real.volume, wait=False, min_diameter_mm="three")),
    )


def test_no_folder_for_temporary_files_is_said(real, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    fails(real, scene, "temporary files in")


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on a file's size is POSIX")
def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left_on_it(real, scene, tmp_path, monkeypatch):
    import resource

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        fails(real, scene, "Free disk space there")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_is_killed_is_said_and_the_next_click_works(real, scene):
    def begin(case):
        case.panel.segment_at(NODULE_RAS)
        spin(lambda: case.logic.queue.current.progress is not None, seconds=300)
        psutil.Process(real.client.pid).kill()

    fails(real, scene, "ended unexpectedly", begin)
    real.case.panel.segment_at(NODULE_RAS)
    real.case.wait()
    assert not real.case.ui.errorFrame.visible, real.case.ui.errorLabel.text
    assert real.case.ui.clickStatus.text
