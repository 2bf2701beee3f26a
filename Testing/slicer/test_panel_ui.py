"""The panel as a whole: every widget of every .ui file, translation, width, pictures, and the module around it."""

import ast
import subprocess
import sys
import textwrap
import types
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from Testing import slicer_standin as standin
from Testing.slicer_standin import qt
from Testing.support.panel_case import ACCEPT, SIDE, KnownNetwork, PanelCase, spin
from Testing.support.paths import MODULE, ROOT

RESOURCES = ROOT / "LungTumorSeg" / "Resources"
UI_FILES = sorted((RESOURCES / "UI").glob("*.ui"))
CONTAINERS = {"QWidget", "qMRMLWidget", "QFrame"}
NAMES = {"OpenVINO", "ONNX Runtime", "TensorFlow", "float32", "bfloat16", "int8"}  # the same in every language


def widgets_of(path):
    return [(w.get("class"), w) for w in ET.parse(path).getroot().iter("widget")]


def text_of(widget, name):
    found = [p for p in widget.findall("property") if p.get("name") == name]
    return found[0].findtext("string") if found else None


def is_used(kind, widget):
    """Whether the user looks at it or touches it, beyond a label that only names its neighbour."""
    return kind not in CONTAINERS and not (kind == "QLabel" and text_of(widget, "text"))


@pytest.mark.parametrize("path", UI_FILES, ids=lambda p: p.stem)
def test_every_widget_has_a_tooltip(path):
    bare = [w.get("name") for kind, w in widgets_of(path) if is_used(kind, w) and not text_of(w, "toolTip")]
    assert bare == []


@pytest.mark.parametrize("path", UI_FILES, ids=lambda p: p.stem)
def test_every_widget_is_used_by_a_test(path):
    tests = "".join(p.read_text("utf-8") for p in Path(__file__).parent.glob("test_panel*.py"))
    kinds = ("QPushButton", "QToolButton", "QCheckBox", "QComboBox", "QTableWidget", "QPlainTextEdit")
    wanted = [
        w.get("name") for kind, w in widgets_of(path) if kind in kinds or kind.startswith(("qMRMLNode", "ctkSlider"))
    ]
    assert [name for name in wanted if name not in tests] == []


def test_no_name_is_used_in_two_ui_files():
    names = [w.get("name") for path in UI_FILES for _, w in widgets_of(path)]
    assert len(names) == len(set(names))


def shown_texts(widget):
    """(where, text) of everything that a user can read in a widget and below."""
    for child in [widget, *widget.findChildren("QWidget")]:
        if not hasattr(child, "name"):
            continue  # made by Qt itself, inside one of ours
        for name in ("text", "toolTip", "placeholderText"):
            if child.metaObject().indexOfProperty(name) >= 0:
                yield f"{child.name}.{name}", child.property(name)
        if isinstance(child, qt.QComboBox):
            yield from ((f"{child.name} item", child.itemText(i)) for i in range(child.count))
        if isinstance(child, qt.QTableWidget):
            header = [child.horizontalHeaderItem(c) for c in range(child.columnCount)]
            yield from ((f"{child.name} header", item.text()) for item in header)
            yield from ((f"{child.name} header tip", item.toolTip()) for item in header)
            yield from ((f"{child.name} side", child.item(r, SIDE).text()) for r in range(child.rowCount))


@pytest.fixture
def marked(standin_app):
    """Every text that went through translation is in marks."""

    class Marks(qt.QTranslator):
        def translate(self, context, text, disambiguation=None, n=-1):
            return f"«{text}»" if text else ""

        def isEmpty(self):
            return False

    marks = Marks()
    qt.QCoreApplication.installTranslator(marks)
    yield
    qt.QCoreApplication.removeTranslator(marks)


@pytest.mark.parametrize("state", ["empty", "ready", "running", "findings", "cancelled", "clicking"])
def test_no_text_bypasses_translation(marked, state):
    case = PanelCase(RESOURCES, network=KnownNetwork(steps=5000 if state in ("running", "cancelled") else 3))
    try:
        data = set(NAMES)
        if state != "empty":
            data.add(case.add_chest().GetName())
        if state in ("running", "cancelled"):
            case.ui.segmentButton.click()
            spin(seconds=0.2)
        if state == "cancelled":
            case.ui.segmentButton.click()
        if state in ("findings", "clicking"):
            case.run()
            data |= {case.logic.segmentation(f).GetName() for f in case.logic.results()}
        if state == "clicking":
            case.ui.placeButton.click()
        shown = list(shown_texts(case.window))
        assert len(shown) > 100
        bare = [
            (where, text)
            for where, text in shown
            if text and any(c.isalpha() for c in text) and "«" not in text and text not in data
        ]
        assert bare == []
    finally:
        case.close()


def expand(case):
    for name, widget in vars(case.ui).items():
        if name.endswith("Group"):
            widget.collapsed = False


def test_the_panel_fits_into_slicers_310_pixels(case):
    case.add_chest("A series with a rather long description, LUNG 1.25 mm, contrast phase 2")
    case.run()
    expand(case)
    case.settle()
    assert case.window.minimumSizeHint.width() <= 310


def test_segment_click_and_findings_are_on_the_first_screen(case):
    """Of a window of 1000 pixels Slicer's menu, tool bars, module selector and data probe leave about 700."""
    from LungTumorSegLib.slicer_.panel.findings_table import MOST_ROWS, ROW_PIXELS

    case.add_chest()
    case.run()
    case.window.resize(320, 1000)
    case.settle()
    ui = case.ui
    below = max(ui.segmentBox.parent().geometry.bottom(), ui.clickBox.parent().geometry.bottom())
    findings, review = ui.findingsGroup.parent().geometry, ui.reviewBox.parent().geometry
    assert below < findings.top() and findings.bottom() < review.top()
    assert review.bottom() + (MOST_ROWS - ui.lesionTable.rowCount) * ROW_PIXELS <= 700


def test_sections_are_closed_until_they_have_something_to_show(case):
    groups = {name: widget for name, widget in vars(case.ui).items() if name.endswith("Group")}
    case.add_chest()
    assert [name for name, group in groups.items() if not group.collapsed] == ["inputGroup"]
    case.run()
    assert [name for name, group in groups.items() if not group.collapsed] == ["inputGroup", "findingsGroup"]
    case.ui.findingsGroup.collapsed = True  # the user's choice holds
    case.run()
    assert case.ui.findingsGroup.collapsed
    for _ in range(2):
        case.ui.removeResultButton.click()
    case.run()
    assert not case.ui.findingsGroup.collapsed


def test_the_states_can_be_looked_at(standin_app, tmp_path):
    """Pictures of the panel in its states, in the folder that pytest keeps; each must show something else."""
    from LungTumorSegLib.errors import WorkerError

    standin.set_theme(dark=False)
    case = PanelCase(RESOURCES, network=KnownNetwork(steps=60))
    try:
        pictures = {}

        def look(name, width=420):
            case.settle()
            standin.picture(case.window, tmp_path / f"{name}.png", width)
            pictures[name] = (tmp_path / f"{name}.png").read_bytes()

        look("empty")
        case.add_chest()
        look("ready")
        case.ui.segmentButton.click()
        spin(lambda: "of 60" in case.ui.statusLabel.text, seconds=10)
        look("running")
        case.wait()
        look("findings")
        look("findings-narrow", 320)
        case.ui.lesionTable.item(1, ACCEPT).setCheckState(qt.Qt.Unchecked)
        expand(case)
        look("everything")
        standin.set_theme(dark=True)
        look("everything-dark", 320)
        case.network.error = WorkerError("The program that segments ended unexpectedly (code 9): it left no message.")
        case.run()
        look("error-dark")
    finally:
        standin.set_theme(dark=False)
        case.close()
    assert len(set(pictures.values())) == len(pictures) == 8


def test_the_module_loads_and_reloads_in_the_middle_of_a_run(standin_app, scene):
    import slicer

    loaded = standin.LoadedModule(ROOT / "LungTumorSeg" / "LungTumorSeg.py")
    try:
        assert loaded.module.parent.title and loaded.module.parent.icon is not None
        first = loaded.widget
        first.logic.queue.client = network = KnownNetwork(steps=10_000)
        from Testing.support import headless
        from Testing.support.panel_case import chest

        volume = headless.add_volume(chest()[0])
        first.panel.parameters.inputVolume = volume
        spin(seconds=0.3)
        first.panel.segment()
        spin(seconds=0.1)
        loaded.reload()
        assert network.closed and not first.logic.running
        assert loaded.widget is not first and loaded.widget.panel.volume is volume
        assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
        assert slicer.modules.LungTumorSegWidget is loaded.widget
    finally:
        loaded.close()


def test_the_two_tutorial_cts_are_offered_with_their_checksums(standin_app, monkeypatch):
    offered = []

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(
            category, sampleName, uris, fileNames, nodeNames, thumbnailFileName, loadFileTypes, checksums
        ):
            offered.append((uris, checksums, Path(thumbnailFileName)))

    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=SampleDataLogic))
    connected = []
    monkeypatch.setattr(standin_app, "connect", lambda signal, slot: connected.append((signal, slot)))
    standin.LoadedModule(ROOT / "LungTumorSeg" / "LungTumorSeg.py").close()
    started = [slot for signal, slot in connected if signal == "startupCompleted()"]
    started[0]()
    assert [uri.rpartition("/")[2] for uri, _, _ in offered] == ["lung1_image.nrrd", "lung2_image.nrrd"]
    from Testing.tools.demo.cases import SHA256

    assert [checksum for _, checksum, _ in offered] == [f"SHA256:{SHA256[n]}" for n in sorted(SHA256) if "image" in n]
    assert all(icon.is_file() for _, _, icon in offered)


def test_a_slicer_that_is_too_old_is_told_so_at_start_up(monkeypatch):
    source = (ROOT / "LungTumorSeg" / "LungTumorSeg.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 9))  # Slicer 5.8's Python can read it as far as the message
    monkeypatch.setattr(sys, "version_info", (3, 9, 10))
    with pytest.raises(ImportError, match=r"5\.10 or newer"):
        exec(compile(source, "LungTumorSeg.py", "exec"), {})


def test_the_module_opens_in_a_slicer_that_has_none_of_our_packages():
    """What Slicer does not bring is hidden: the panel must come up all the same, to offer the installation."""
    script = textwrap.dedent(
        """
        import sys
        hidden = {"cc3d", "skimage", "psutil", "nrrd", "matplotlib", "typer", "rich", "keras", "tensorflow",
                  "onnxruntime", "openvino"}
        class Hide:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in hidden:
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Hide())
        sys.path[:0] = sys.argv[1:3]
        from Testing import slicer_standin
        from Testing.support import headless
        slicer_standin.install(*headless.start())
        from pathlib import Path
        loaded = slicer_standin.LoadedModule(Path(sys.argv[2]) / "LungTumorSeg.py")
        print(loaded.panel.findChildren("QPushButton", "segmentButton")[0].toolTip)
        loaded.close()
        """
    )
    command = [sys.executable, "-c", script, ROOT, MODULE]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "Choose a chest CT" in ended.stdout


def test_the_real_child_and_the_real_model_run_in_the_panel(standin_app, scene):
    from LungTumorSegLib.slicer_.install.installer import Installer
    from LungTumorSegLib.slicer_.panel.parameters import ENGINES
    from LungTumorSegLib.worker.client import WorkerClient

    case = PanelCase(RESOURCES, network=WorkerClient(), installer=Installer(RESOURCES / "requirements.txt"))
    try:
        case.add_chest()
        ticks = []
        timer = qt.QTimer()
        timer.setInterval(20)
        timer.connect("timeout()", lambda: ticks.append(case.ui.statusLabel.text))
        timer.start()
        case.panel.segment_at((86.0, -12.0, 21.0))  # a click: few slices, so that the test is quick
        spin(lambda: not case.logic.running, seconds=300)
        case.settle()
        timer.stop()
        assert not case.ui.errorFrame.visible, case.ui.errorLabel.text
        assert len(ticks) > 3 * len(set(ticks))
        assert case.panel.findings is not None
        assert case.ui.lesionTable.rowCount == 1
        assert case.ui.statusLabel.text.startswith(ENGINES[case.panel.findings.result.engine])
        assert case.ui.stopChildButton.enabled
        case.ui.stopChildButton.click()
        assert case.logic.queue.client.pid is None
    finally:
        case.close()
