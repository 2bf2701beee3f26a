"""What comes about in the scene while the panel is open: a CT is loaded or chosen, a result is made in the console."""

from ..scene import display
from ..scene.nodes import NodeReference

# what the selector of the CT lists: no label maps, no colour images
_CT_CLASS = "vtkMRMLScalarVolumeNode"


class SceneFollower:
    """Keeps the panel on what is in the scene; asked to `follow` at each refresh."""

    def __init__(self, panel):
        self._panel = panel
        self._loaded: NodeReference | None = None  # the first CT that came while none was chosen
        self._volume: NodeReference | None = None  # the CT that the texts and views belong to
        self._results: list = []

    def node_added(self, node):
        """Note a node that has just been added to the scene; its voxels may still be on their way."""
        if node.GetClassName() == _CT_CLASS and (self._loaded is None or self._loaded.node() is None):
            self._loaded = NodeReference(node)

    def follow(self):
        """Choose a CT that was loaded, show what belongs to the chosen one, show a result that came from elsewhere."""
        panel, loaded, self._loaded = self._panel, self._loaded, None
        if panel.volume is None and loaded is not None and loaded.node() is not None:
            panel.parameters.inputVolume = loaded.node()
        self._change_volume()
        results = panel.logic.results(panel.volume) if panel.volume else []
        new = [findings for findings in results if findings not in self._results]
        self._results = results
        if new:
            panel.parameters.shownResult = panel.logic.segmentation(new[-1])

    def know_results(self):
        """The results that are there now are none that came from elsewhere."""
        panel = self._panel
        self._results = panel.logic.results(panel.volume) if panel.volume else []

    def _change_volume(self):
        panel, before = self._panel, self._volume and self._volume.node()
        if panel.volume is before and (before is None) == (self._volume is None):
            return
        for section in panel.sections:
            section.forget()
        self._volume = panel.volume and NodeReference(panel.volume)
        self.know_results()
        if panel.volume is not None:
            if before is not None:
                display.replace_background(before, panel.volume)
            panel.logic.show_results_of(panel.volume)
