"""Model, engine and device."""

import qt
from slicer.i18n import tr as _

from .section import Section


class AdvancedSection(Section):
    UI = "Advanced"

    def connect(self):
        self.ui.browseModelButton.connect("clicked()", self._browse)

    def _browse(self):
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of a model"))
        if folder:
            self.panel.parameters.modelFolder = folder
