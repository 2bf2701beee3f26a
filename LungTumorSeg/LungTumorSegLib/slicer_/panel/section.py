"""What all sections of the panel have in common."""

import slicer
import slicer.util


def say(label, text: str):
    """Show a line; without text the label takes no room."""
    label.text = text
    label.visible = bool(text)


class Section:
    """One part of the panel, with a .ui file of its own; ``ui`` has its widgets by name.

    A section shows what the panel knows in `refresh` and calls the panel's logic; it holds no state of its own.
    """

    UI = ""

    def __init__(self, panel):
        self.panel = panel
        self.widget = slicer.util.loadUI(panel.resource_path(f"UI/{self.UI}.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.connect()

    def connect(self):
        """Connect the widgets' signals; called once."""

    def refresh(self):
        """Bring the widgets up to date."""

    def show_progress(self, run):
        """A run is under way."""

    def show_ended(self, run):
        """A run has ended, failed or was cancelled."""

    def forget(self):
        """Take back what was said about a CT that is no longer chosen, or about a scene that is closed."""

    def close(self):
        """Leave nothing behind in the scene; called when the module is unloaded or reloaded."""
