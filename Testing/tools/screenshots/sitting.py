"""A user at the panel: opens a CT, segments it, tidies the result, clicks; pictured step by step.

Real are the module's .py and .ui, the child process with the network, the result and the scene. Qt's application layer
is the stand-in; the installer says that everything is there.
"""

import tempfile
from pathlib import Path

import numpy as np
from LungTumorSegLib.worker.client import WorkerClient
from PIL import Image

from Testing import slicer_standin as standin
from Testing.slicer_standin import qt
from Testing.support import headless, offscreen
from Testing.support.panel_case import ACCEPT, NAME, PanelCase, spin
from Testing.support.paths import RESOURCES
from Testing.support.scene_volume import load_volume
from Testing.tools.screenshots import views
from Testing.tools.screenshots.album import Album, beside
from Testing.tools.screenshots.recording import Recording

# Slicer's module panel is 310 to 335 pixels wide, about 550 where Segment Editor was shown
WIDTH, NARROW, WIDE, DENSE = 400, 320, 550, 2
# when the picture of a run is taken: this much of its slices done, in percent
RUNNING_PERCENT = 30
FILMED_PERCENT = range(5, 100, 8)  # a frame of the recording each
PATIENCE_SECONDS = 1800
TUTORIAL = ("overview", "panel-ready", "panel-running", "panel-findings", "adjust", "click")


class NoPictureError(Exception):
    """What should be pictured did not come about."""


class CannotDrawError(Exception):
    """This machine cannot make pictures of windows or views."""


class Sitting:
    """album: where the pictures go. smallest_mm: the smallest diameter that the user leaves in the table.

    recording: takes frames of what the user does, where one is wanted.
    """

    def __init__(self, album: Album, smallest_mm: float, recording: Recording | None = None):
        self.album, self.smallest_mm, self.recording = album, smallest_mm, recording
        scene, self.application = headless.start()
        standin.install(scene, self.application)
        if not qt.QFontMetrics(qt.QApplication.font()).inFontUcs4(ord("A")):
            raise CannotDrawError("Qt finds no fonts: text would be missing. Debian has some in fonts-dejavu-core.")
        if not offscreen.available():
            raise CannotDrawError("VTK cannot draw off-screen here: EGL or Mesa is missing.")
        standin.set_theme(dark=False)
        self.case = PanelCase(RESOURCES, WorkerClient())
        self.ui, self.logic = self.case.ui, self.case.logic

    def close(self):
        self.case.close()

    def go_through(self, ct: Path, name: str) -> str:
        """All steps; returns what the user did, for a caption."""
        self._shoot("panel-empty")
        self._open(ct, name)
        self._shoot("panel-ready")
        self._film("A chest CT is open", 2)
        self._segment()
        self._shoot("panel-findings")
        self._film("The lesions: table, outlines, surfaces", 3)
        self._review()
        told = self._tidy()
        self._film(f"From {self.smallest_mm:g} mm on; the largest accepted, the others rejected", 4)
        self._shoot_result()
        self._click_lesion()
        self._fail()
        return told

    def _panel(self, width=WIDTH, ratio=1) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "panel.png"
            standin.picture(self.case.window, path, width, ratio=ratio)
            return np.asarray(Image.open(path).convert("RGB"))

    def _shoot(self, name, width=WIDTH, ratio=1):
        if self.album.wants(name):
            self.album.put(name, self._panel(width, ratio))

    def _film(self, caption: str, seconds: float, views_shown: np.ndarray | None = None):
        if self.recording is not None:
            shown = self._views() if views_shown is None else views_shown
            self.recording.add(self._panel(NARROW), shown, caption, seconds)

    def _views(self) -> np.ndarray:
        if not self._lesions():
            return views.ct_views(self.application, self.case.panel.volume)
        return views.four_views(self.application, self.logic, self._findings(), self._chosen())

    def _open(self, ct: Path, name: str):
        self.ui.inputSelector.setCurrentNode(load_volume(ct, name))
        self.case.settle()

    def _segment(self):
        shown = self._views() if self.recording else None
        self.ui.segmentButton.click()
        self._film_run(FILMED_PERCENT[:4], shown)
        spin(lambda: not self.logic.running or self._slices_percent() >= RUNNING_PERCENT, PATIENCE_SECONDS)
        if not self.logic.running:
            raise NoPictureError(f"The run was over before it could be pictured. {self.ui.errorLabel.text}")
        self._shoot("panel-running")
        self._film_run(FILMED_PERCENT[4:], shown)
        spin(lambda: not self.logic.running, PATIENCE_SECONDS)
        self.case.settle()
        if not self._lesions():
            raise NoPictureError(f"No lesion was found in this CT. {self.ui.errorLabel.text}")

    def _percent(self) -> float:
        return 100 * self.ui.progressBar.value / max(self.ui.progressBar.maximum, 1)

    def _slices_percent(self) -> float:
        return self._percent() if "slices" in self.ui.statusLabel.text else 0.0

    def _film_run(self, percents: range, shown: np.ndarray | None):
        if self.recording is None:
            return
        for percent in percents:
            spin(lambda percent=percent: not self.logic.running or self._percent() >= percent, PATIENCE_SECONDS)
            if self.logic.running:
                self._film("Segment: axial slices, then coronal and sagittal ones of each candidate", 0.3, shown)

    def _review(self):
        """Step, reject and take it back, for the recording."""
        if self.recording is None:
            return
        steps = (
            (self.ui.nextButton, "Next lesion: N", 2),
            (self.ui.rejectButton, "Reject: D", 2),
            (self.ui.undoButton, "Undo: U", 2),
        )
        for button, caption, seconds in steps:
            button.click()
            self.case.settle()
            self._film(caption, seconds)

    def _tidy(self) -> str:
        """Leave out what is small, keep the largest, reject the others, look at it in 3D."""
        found = len(self._lesions())
        self.ui.adjustGroup.collapsed = False
        self.ui.minDiameterSlider.value = self.smallest_mm
        self.case.settle()
        lesions = self._lesions()
        if not lesions:
            raise NoPictureError(f"No lesion is as large as {self.smallest_mm:g} mm.")
        largest = max(lesions, key=lambda lesion: lesion.volume_mm3).id
        for row, lesion in enumerate(lesions):
            if lesion.id != largest:
                self.ui.lesionTable.item(row, ACCEPT).setCheckState(qt.Qt.Unchecked)
        self.case.settle()
        rows = [lesion.id for lesion in self._lesions()]
        self.ui.lesionTable.setCurrentCell(rows.index(largest), NAME)
        if not self.ui.show3DButton.checked:
            self.ui.show3DButton.click()
        self.case.settle()
        return (
            f"{found} lesions were found; {len(lesions)} remain with at least {self.smallest_mm:g} mm, of which the "
            f"largest was accepted and {len(lesions) - 1} rejected."
        )

    def _shoot_result(self):
        panel = self._panel()
        self.album.put("adjust", panel[self._rows_of("adjustGroup")])
        self.ui.adjustGroup.collapsed = True
        self.case.settle()
        shown = views.four_views(self.application, self.logic, self._findings(), self._chosen())
        self.album.put("views", shown)
        self.album.put("overview", beside(self._panel(), shown))
        self._shoot("panel-dense", WIDTH, DENSE)
        widths = {"": WIDTH, "-narrow": NARROW, "-wide": WIDE}
        for dark in (False, True):
            standin.set_theme(dark)
            self.case.panel.refresh()
            for name, width in widths.items():
                self._shoot(f"panel{name}{'-dark' if dark else '-light'}", width)
        standin.set_theme(dark=False)

    def _click_lesion(self):
        """The same lesion by a click, without the automatic run's result."""
        point = self.logic.lesion_position(self._findings(), self._chosen())
        self.ui.removeResultButton.click()
        self.case.panel.segment_at(point)
        spin(lambda: not self.logic.running, PATIENCE_SECONDS)
        self.case.settle()
        if not self._lesions():
            raise NoPictureError(f"The click found nothing. {self.ui.errorLabel.text}")
        panel = self._panel()[self._rows_of("clickBox").start : self._rows_of("findingsGroup").stop]
        shown = views.SLICES[:1]
        (axial,) = views.slice_views(
            self.application, self.logic, self._findings(), self._chosen(), len(panel) - views.BAR, shown
        )
        self.album.put("click", beside(panel, axial))

    def _fail(self):
        """A model's folder that holds no model."""
        self.case.panel.parameters.modelFolder = "models/none"
        self.ui.segmentButton.click()
        spin(lambda: not self.logic.running, PATIENCE_SECONDS)
        self.case.settle()
        if not self.ui.errorFrame.visible:
            raise NoPictureError("A missing model was no error.")
        self._shoot("panel-error")

    def _rows_of(self, group: str) -> slice:
        """Where a section lies in the picture of the panel."""
        section = getattr(self.ui, group).parent().geometry
        return slice(section.top(), section.bottom() + 1)

    def _findings(self):
        return self.case.panel.findings

    def _lesions(self):
        return self._findings().lesions if self._findings() else ()

    def _chosen(self) -> int:
        return self.case.panel.selected_lesion
