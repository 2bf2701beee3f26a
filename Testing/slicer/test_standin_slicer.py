"""The stand-ins on the real MRML scene: node selector, parameter node, scripted module and its reload."""

import enum
import os
import types
from typing import Annotated

import pytest

from Testing import slicer_standin as standin
from Testing.slicer_standin import qt

ours_alone = pytest.mark.skipif("SLICER_FILES" in os.environ, reason="stricter than Slicer's own file")
MODULE = """
import qt, slicer
from slicer.ScriptedLoadableModule import *
class Tiny(ScriptedLoadableModule):
    pass
class TinyWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        super().setup()
        self.button = qt.QPushButton("VERSION")
        self.layout.addWidget(self.button)
        self.log = []
    def enter(self): self.log.append("enter")
    def exit(self): self.log.append("exit")
    def cleanup(self): self.log.append("cleanup")
class TinyLogic(ScriptedLoadableModuleLogic):
    pass
"""


@pytest.fixture
def selector(standin_app, scene):
    import slicer

    combo = slicer.qMRMLNodeComboBox()
    combo.nodeTypes, combo.noneEnabled, combo.showChildNodeTypes = ["vtkMRMLScalarVolumeNode"], True, False
    combo.setMRMLScene(scene)
    return combo


def test_the_selector_lists_only_nodes_of_its_type(selector, scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "ct")
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "label map")
    hidden = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hidden")
    hidden.SetHideFromEditors(True)
    scene.AddNewNodeByClass("vtkMRMLModelNode", "model")
    selector.noneEnabled = False
    assert selector.nodeCount() == 1
    assert selector.currentNode() is volume


def test_the_selector_falls_back_when_its_node_is_removed(selector, scene):
    volume, seen = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "ct"), []
    selector.setCurrentNode(volume)
    selector.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    scene.RemoveNode(volume)
    assert selector.currentNode() is None and seen == [None]


@pytest.fixture
def parameters(standin_app, scene):
    import slicer
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    class Device(enum.Enum):
        CPU = "cpu"
        GPU = "gpu"

        def label(self):
            return f"On the {self.name}"

    class Parameters:
        volume: slicer.vtkMRMLScalarVolumeNode
        threshold: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
        on: bool = True
        device: Device = Device.CPU

    return parameterNodeWrapper(Parameters)(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")), Device


def test_parameters_have_types_defaults_and_ranges(parameters):
    node, device = parameters
    assert (node.volume, node.threshold, node.on, node.device) == (None, 0.5, True, device.CPU)
    node.threshold, node.on, node.device = 0.25, False, device.GPU
    assert (node.threshold, node.on, node.device) == (0.25, False, device.GPU)
    with pytest.raises(ValueError, match=r"1\.5"):
        node.threshold = 1.5
    with pytest.raises(TypeError):
        node.on = "yes"


def test_the_wrapper_is_no_node_and_has_only_its_fields(parameters):
    node, _ = parameters
    for name in ("HasParameter", "GetParameter", "SetParameter", "GetID", "GetName"):
        assert hasattr(node.parameterNode, name)
        with pytest.raises(AttributeError):
            getattr(node, name)


@ours_alone
def test_setting_what_is_no_field_raises(parameters):
    with pytest.raises(AttributeError):
        parameters[0].thresold = 0.5


def test_making_the_wrapper_writes_every_default_into_the_node(scene, parameters):
    made = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    made.SetParameter("threshold", "0.125")
    wrapper = type(parameters[0])(made)
    assert [made.HasParameter(name) for name in ("volume", "threshold", "on", "device")] == [True] * 4
    assert wrapper.threshold == 0.125
    assert (made.GetParameter("on"), made.GetParameter("device")) == ("True", "CPU")


def test_a_value_is_read_again_only_when_the_node_was_modified(parameters):
    node, _ = parameters
    was_modified = node.StartModify()
    node.parameterNode.SetParameter("threshold", "0.125")
    assert node.threshold == 0.5
    node.EndModify(was_modified)
    assert node.threshold == 0.125


@ours_alone
def test_a_field_of_a_type_that_slicer_5_12_cannot_write_raises(standin_app):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(TypeError, match="serializer for member threshold"):

        @parameterNodeWrapper
        class Parameters:
            threshold: float | None = None


def test_widgets_and_parameters_follow_one_another_until_disconnected(parameters):
    import ctk

    node, device = parameters
    slider, box, combo = ctk.ctkSliderWidget(), qt.QCheckBox(), qt.QComboBox()
    for widget, name in ((slider, "threshold"), (box, "on"), (combo, "device")):
        widget.setProperty("SlicerParameterName", name)
    tag = node.connectGui(types.SimpleNamespace(slider=slider, box=box, combo=combo))
    assert (slider.value, slider.maximum, box.checked, combo.currentText) == (0.5, 1.0, True, "On the CPU")
    slider.value, combo.currentIndex = 0.75, 1
    box.checked = False
    assert (node.threshold, node.on, node.device) == (0.75, False, device.GPU)
    node.threshold = 0.25
    assert slider.value == 0.25
    node.disconnectGui(tag)
    slider.value = 0.9
    assert node.threshold == 0.25


def test_a_widget_bound_to_no_parameter_raises(parameters):
    box = qt.QCheckBox()
    box.setProperty("SlicerParameterName", "of")
    with pytest.raises(ValueError, match="given name: of"):
        parameters[0].connectGui(types.SimpleNamespace(box=box))


def test_a_scripted_module_loads_and_reloads_its_changed_source(standin_app, scene, tmp_path):
    path = tmp_path / "Tiny.py"
    path.write_text(MODULE.replace("VERSION", "one"))
    tiny = standin.LoadedModule(path)
    first = tiny.widget
    assert first.button.text == "one" and first.log == ["enter"]
    path.write_text(MODULE.replace("VERSION", "two, longer"))
    tiny.reload()
    assert first.log == ["enter", "cleanup"]  # as in Slicer the page is neither left nor entered
    assert tiny.widget.button.text == "two, longer"
    assert tiny.panel.layout().count() == 1


def test_the_application_knows_no_made_up_call(standin_app):
    with pytest.raises(AttributeError):
        standin_app.openTheDoor()
