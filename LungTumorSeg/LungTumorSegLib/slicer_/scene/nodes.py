"""Nodes of the scene: references to them, adding them all or not at all, removing them, and where they belong."""

from contextlib import contextmanager

import slicer
import vtk

# the roles in which a segmentation refers to the nodes that belong to it begin with it
ROLES = "LungTumorSeg."


class NodeReference:
    """A node that may be removed from the scene meanwhile. Not by its id: a closed scene's ids are given out again."""

    def __init__(self, node):
        self._reference = vtk.vtkWeakReference()
        self._reference.Set(node)

    def node(self):
        """The node, None when it is no longer in the scene."""
        node = self._reference.Get()
        return node if node is not None and node.GetScene() is not None else None


@contextmanager
def all_or_nothing(scene):
    """Whatever is added to the scene inside is taken out again when the block ends with an error."""
    before = _node_ids(scene)
    try:
        yield
    except BaseException:
        for node_id in _node_ids(scene) - before:
            node = scene.GetNodeByID(node_id)
            if node is not None:
                remove_node(scene, node)
        raise


def _node_ids(scene) -> set[str]:
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


def remove_node(scene, node):
    """Take a node out of the scene, with its display and storage nodes and its place in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False)
    if node.IsA("vtkMRMLDisplayableNode"):
        for i in reversed(range(node.GetNumberOfDisplayNodes())):
            scene.RemoveNode(node.GetNthDisplayNode(i))
    if node.IsA("vtkMRMLStorableNode") and node.GetStorageNode() is not None:
        scene.RemoveNode(node.GetStorageNode())
    if node.GetScene() is not None:
        scene.RemoveNode(node)


def remove_with_companions(node):
    """Take a node out of the scene, and the nodes that it refers to in our roles: table, lines, map, record."""
    scene = node.GetScene()
    roles = [node.GetNthNodeReferenceRole(i) for i in range(node.GetNumberOfNodeReferenceRoles())]
    for role in roles:
        if role.startswith(ROLES):
            for i in reversed(range(node.GetNumberOfNodeReferences(role))):
                companion = node.GetNthNodeReference(role, i)
                if companion is not None:
                    remove_node(scene, companion)
    remove_node(scene, node)


def place_beside(volume, node):
    """Put a node under the volume's study in the subject hierarchy and under the volume's transform."""
    if node.IsA("vtkMRMLTransformableNode"):
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume)
    parent = hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID()
    # Slicer makes an item for every new node by itself, the bare libraries do not
    if hierarchy.GetItemByDataNode(node):
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), parent)
    else:
        hierarchy.CreateItem(parent, node)
