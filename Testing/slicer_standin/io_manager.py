"""`slicer.app.coreIOManager()`, which `slicer.util.loadVolume`, `loadScene` and `saveScene` call."""

import slicer


class CoreIOManager:
    """Base/QTCore/qSlicerCoreIOManager.h: volumes are read, scenes read and written; for any other file KeyError.

    As Modules/Loadable/Volumes/qSlicerVolumesReader.cxx a volume that was read is shown in the slice views, unless
    ``show`` says otherwise. Scenes are MRB alone: as Base/QTCore/qSlicerSceneBundleReader.cxx one that is read is added
    to what is there, unless ``clear`` says otherwise, and written as Modules/Loadable/Data/qSlicerSceneWriter.cxx does.
    """

    def __init__(self, application_logic):
        self._logic = application_logic
        # a scene is unpacked in its cache; as Base/QTCore/qSlicerCoreApplication.cxx gives it one
        cache, data = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
        cache.SetRemoteCacheDirectory(application_logic.GetTemporaryPath())
        data.SetCacheManager(cache)
        slicer.mrmlScene.SetCacheManager(cache)
        slicer.mrmlScene.SetDataIOManager(data)

    def loadNodes(self, fileType, parameters, loadedNodes=None, userMessages=None):
        load = {"VolumeFile": self._load_volume, "SceneFile": self._load_scene}[fileType]
        return load(parameters, loadedNodes, userMessages)

    def saveNodes(self, fileType, parameters, userMessages=None):
        path = {"SceneFile": parameters["fileName"]}[fileType]
        if not path.endswith(".mrb"):
            raise ValueError(f"the stand-in writes scenes as .mrb only, not {path}")
        slicer.mrmlScene.SetURL(path)
        return slicer.mrmlScene.WriteToMRB(path, None, userMessages)

    def _load_volume(self, parameters, loaded, messages):
        name = parameters.get("name", parameters["fileName"].rpartition("/")[2].partition(".")[0])
        node = slicer.modules.volumes.logic().AddArchetypeVolume(parameters["fileName"], name, 0)
        if node is None:
            return False
        # every new node gets its place: Modules/Loadable/SubjectHierarchy/qSlicerSubjectHierarchyPluginLogic.cxx
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        if parameters.get("show", True):
            self._logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
            self._logic.PropagateVolumeSelection()
        loaded.AddItem(node)
        return True

    def _load_scene(self, parameters, loaded, messages):
        return slicer.mrmlScene.ReadFromMRB(parameters["fileName"], parameters.get("clear", False), messages)
