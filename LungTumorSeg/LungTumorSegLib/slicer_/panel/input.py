"""The section in which the CT is chosen."""

from slicer.i18n import tr as _

from ...errors import LungTumorSegError
from ..scene import display
from .section import Section


class InputSection(Section):
    """The chosen CT: its window, its size, and why it can't be used."""

    UI = "Input"

    def connect(self):
        self._checked = ...  # what was described last; nothing yet
        self.ui.lungWindowButton.connect("clicked()", lambda: self._set_window(display.LUNG_WINDOW))
        self.ui.softTissueButton.connect("clicked()", lambda: self._set_window(display.SOFT_TISSUE_WINDOW))

    def refresh(self):
        volume = self.panel.volume
        for button in (self.ui.lungWindowButton, self.ui.softTissueButton):
            button.enabled = volume is not None
        image = volume.GetImageData() if volume else None
        model = self.panel.options()["model"]
        key = (volume.GetID(), volume.GetName(), image.GetMTime() if image else 0, model) if volume else None
        if key != self._checked:  # reading all voxels takes a moment
            self._checked = key
            self._describe(volume, model)

    def _describe(self, volume, model):
        self.panel.input_problem = None
        if volume is None:
            self.ui.inputSummary.text = _("Load a chest CT, or choose one.")
            self.panel.input_problem = _("Choose a chest CT first.")
            return
        try:
            ct = self.panel.logic.check(volume)
        except LungTumorSegError as error:
            self.panel.input_problem = str(error)
            self.ui.inputSummary.text = str(error)
            return
        self.ui.inputSummary.text = self._summary(ct) + self._unusual(ct, model)

    def _summary(self, ct) -> str:
        return _("{0} voxels of {1} mm").format(
            " x ".join(str(n) for n in ct.geometry.shape_zyx[::-1]),
            " x ".join(f"{s:.2f}" for s in ct.geometry.spacing_xyz),
        )

    def _unusual(self, ct, model) -> str:
        try:
            told = self.panel.logic.unusual(ct, model)
        except LungTumorSegError:  # the run will say what is wrong with the model
            return ""
        if not told:
            return ""
        return "\n" + _("Outside the model's training data; check the result with care. {0}").format(" ".join(told))

    def _set_window(self, window):
        display.set_window(self.panel.volume, *window)
