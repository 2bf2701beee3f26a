"""Model, engine, device, precision and threads."""

import json

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import LungTumorSegError
from ...model.bundle import load_bundle
from .section import Section

MODELS = "LungTumorSeg/Models"  # in Slicer's settings: folders, as JSON


class AdvancedSection(Section):
    """Model, engine, device, precision and threads of the next run."""

    UI = "Advanced"

    def connect(self):
        button = self.ui.browseModelButton
        button.connect("clicked()", self._browse)
        self.models = qt.QMenu(button)
        self.models.connect("aboutToShow()", self.list_models)
        button.setMenu(self.models)
        button.setPopupMode(qt.QToolButton.MenuButtonPopup)

    def list_models(self):
        """The bundled model and those that were chosen before, by name and version; what is gone is left out."""
        self.models.clear()
        chosen, kept = self.panel.chosen_model(), _kept_models()
        for folder in dict.fromkeys(["", *kept, chosen]):
            try:
                card = load_bundle(folder or None).card
            except LungTumorSegError:
                continue
            name = f"{card.name} {card.version}"
            action = qt.QAction(name if folder else _("{model} (bundled)").format(model=name), self.models)
            action.checkable, action.checked, action.toolTip = True, folder == chosen, folder
            action.connect("triggered(bool)", lambda checked, folder=folder: self._choose(folder))
            self.models.addAction(action)

    def _browse(self):
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of a model"))
        if folder:
            self._choose(folder)

    def _choose(self, folder: str):
        self.panel.parameters.modelFolder = folder
        kept = [name for name in dict.fromkeys([*_kept_models(), folder]) if name]
        slicer.app.userSettings().setValue(MODELS, json.dumps(kept))


def _kept_models() -> list[str]:
    """The folders in the user's settings; none where the setting is damaged."""
    try:
        kept = json.loads(slicer.app.userSettings().value(MODELS) or "[]")
    except ValueError:
        return []
    return [name for name in kept if isinstance(name, str)] if isinstance(kept, list) else []
