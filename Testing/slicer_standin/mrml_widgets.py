"""qMRML widgets that the panel uses, on the real MRML scene."""

import qt
from PySide6.QtCore import Property, Signal


class qMRMLWidget(qt.QWidget):
    """Libs/MRML/Widgets/qMRMLWidget.h."""

    mrmlSceneChanged = Signal(object)
    _SIGNALS = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene):
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


def _option(name: str, kind):
    def write(combo, value):
        combo._options[name] = value
        combo._fill()

    return Property(kind, lambda combo: combo._options[name], write)


class qMRMLNodeComboBox(qt.QWidget):
    """Lists the scene's nodes of some classes: Libs/MRML/Widgets/qMRMLNodeComboBox.h and .cxx.

    As there it is disabled without a scene, an unknown node chooses "none", and the first node is chosen where "none"
    is not allowed. Without the items that add, rename and delete nodes.
    """

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    _SIGNALS = ("currentNodeChanged(vtkMRMLNode*)", "currentNodeIDChanged(QString)")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene, self._observed, self._ids, self._current = None, [], [], ""
        self._options = {
            "nodeTypes": [], "showChildNodeTypes": True, "showHidden": False, "noneEnabled": False,
            "addEnabled": True, "removeEnabled": True, "noneDisplay": "None",
        }  # fmt: skip
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._combo = qt.QComboBox()
        self._combo.setSizeAdjustPolicy(qt.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        layout.addWidget(self._combo)
        self.enabled = False
        self._combo.activated.connect(lambda row: self._choose(self._ids[row]))
        self.destroyed.connect(lambda *_, d=self.__dict__: _stop_observing(d))

    nodeTypes = _option("nodeTypes", "QStringList")
    showChildNodeTypes = _option("showChildNodeTypes", bool)
    showHidden = _option("showHidden", bool)
    noneEnabled = _option("noneEnabled", bool)
    addEnabled = _option("addEnabled", bool)
    removeEnabled = _option("removeEnabled", bool)
    noneDisplay = _option("noneDisplay", str)
    currentNodeID = Property(str, lambda s: s._current, lambda s, v: s.setCurrentNodeID(v))

    def setMRMLScene(self, scene):
        if scene is self._scene:
            return
        _stop_observing(self.__dict__)
        self._scene = scene
        if scene:
            single, whole = (scene.NodeAddedEvent, scene.NodeRemovedEvent), (scene.EndCloseEvent, scene.EndImportEvent)
            for event in (*single, *whole, scene.EndBatchProcessEvent):
                self._observed.append((scene, scene.AddObserver(event, self._scene_changed)))
        self._fill()
        self.enabled = scene is not None

    def mrmlScene(self):
        return self._scene

    def _scene_changed(self, caller=None, event=None):
        if not self._scene.IsBatchProcessing():  # as Slicer's: once, when the batch has ended
            self._fill()

    def _nodes(self):
        found = []
        for kind in self._options["nodeTypes"]:
            for i in range(self._scene.GetNumberOfNodesByClass(kind)):
                node = self._scene.GetNthNodeByClass(i, kind)
                wanted = self._options["showChildNodeTypes"] or node.GetClassName() == kind
                if wanted and (self._options["showHidden"] or not node.GetHideFromEditors()):
                    found.append(node)
        return found

    def _fill(self):
        if self._scene is None:
            return
        nodes = self._nodes()
        with_none = self._options["noneEnabled"] or not nodes
        self._ids = ([""] if with_none else []) + [n.GetID() for n in nodes]
        names = ([self._options["noneDisplay"]] if with_none else []) + [n.GetName() for n in nodes]
        current = self._current if self._current in self._ids else self._ids[0]
        self._combo.blockSignals(True)
        self._combo.clear()
        self._combo.addItems(names)
        self._combo.currentIndex = self._ids.index(current)
        self._combo.blockSignals(False)
        self._choose(current)

    def _choose(self, node_id):
        if node_id != self._current:
            self._current = node_id
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(node_id)

    def currentNode(self):
        return self._scene.GetNodeByID(self._current) if self._scene and self._current else None

    def setCurrentNodeID(self, node_id):
        node_id = node_id if node_id in self._ids else ""
        self._combo.currentIndex = self._ids.index(node_id) if node_id in self._ids else -1
        self._choose(node_id)

    def setCurrentNode(self, node):
        self.setCurrentNodeID(node.GetID() if node else "")

    def nodeCount(self):
        return len(self._nodes())


def _stop_observing(state: dict):
    for scene, tag in state.get("_observed", []):
        scene.RemoveObserver(tag)
    state["_observed"] = []
