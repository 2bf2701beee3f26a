"""What the user set in the panel, kept in the scene with typed fields."""

import enum
from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScriptedModuleNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

ENGINES = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "tensorflow": "TensorFlow"}


class EngineChoice(enum.Enum):
    """Which engine is asked for."""

    AUTO = "auto"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    TENSORFLOW = "tensorflow"

    def label(self) -> str:
        """As the panel's list shows it."""
        return ENGINES.get(self.value) or _("Automatic")


class DeviceChoice(enum.Enum):
    """Which device is asked for."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"

    def label(self) -> str:
        """As the panel's list shows it."""
        return {"auto": _("Automatic"), "cpu": _("Processor (CPU)"), "gpu": _("Graphics card (GPU)")}[self.value]


class PrecisionChoice(enum.Enum):
    """Which precision is asked for."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"

    def label(self) -> str:
        """As the panel's list shows it."""
        return _("Automatic") if self is PrecisionChoice.AUTO else self.value


class MapChoice(enum.Enum):
    """Which map is to be shown."""

    PROBABILITY = "probability"
    UNCERTAINTY = "uncertainty"
    HEAT = "heat"

    def label(self) -> str:
        """As the panel's list shows it."""
        names = {"probability": _("Probability"), "uncertainty": _("Uncertainty"), "heat": _("Heat map")}
        return names[self.value]


@parameterNodeWrapper
class LungTumorSegParameterNode:
    """What the panel remembers in the scene.

    The flags thresholdSet and minConfidenceSet are needed since Slicer's wrapper writes every field's default into the
    node, and takes no field that can be None.

    Attributes:
        threshold: Probability.
        thresholdSet: The user chose the threshold; else it only shows what the model's card says.
        minDiameterMm: mm.
        minConfidenceSet: As thresholdSet, of the minimum confidence.
        smoothMm: mm.
        modelFolder: Empty for the bundled model.
        threads: 0 for all that may be used.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    shownResult: vtkMRMLSegmentationNode
    compareSegmentation: vtkMRMLSegmentationNode
    otherVolume: vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0.05, 0.95)] = 0.5
    thresholdSet: bool = False
    minDiameterMm: Annotated[float, WithinRange(0.0, 30.0)] = 3.0
    minConfidence: Annotated[float, WithinRange(0.0, 1.0)] = 0.0
    minConfidenceSet: bool = False
    smoothMm: Annotated[float, WithinRange(0.0, 3.0)] = 0.0
    lungRestriction: bool = True
    engine: EngineChoice = EngineChoice.AUTO
    device: DeviceChoice = DeviceChoice.AUTO
    precision: PrecisionChoice = PrecisionChoice.AUTO
    threads: Annotated[int, WithinRange(0, 256)] = 0
    modelFolder: str = ""
    keepProbability: bool = False
    replaceResult: bool = False
    mapChoice: MapChoice = MapChoice.PROBABILITY
    mapOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5


def parameters_in(node: vtkMRMLScriptedModuleNode) -> LungTumorSegParameterNode:
    """The typed parameters of a module node.

    A scene from before ``thresholdSet`` and ``minConfidenceSet`` has values alone: one that is not the default of then
    counts as set by the user. The wrapper writes the defaults, so this is looked at before it is made.
    """
    for name, default in (("threshold", 0.5), ("minConfidence", 0.0)):
        if node.HasParameter(name) and not node.HasParameter(f"{name}Set"):
            node.SetParameter(f"{name}Set", str(float(node.GetParameter(name)) != default))
    return LungTumorSegParameterNode(node)
