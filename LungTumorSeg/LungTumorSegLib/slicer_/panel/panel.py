"""The panel: registers the sections, owns the timer that drives runs, and follows the scene.

The logic and the installer are handed in, so that tests can hand in others. No section knows another one.
"""

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ...errors import Cancelled, LungTumorSegError
from ...model.bundle import load_bundle
from ...model.card import Card, OperatingPoint
from .adjust import AdjustSection
from .advanced import AdvancedSection
from .click import ClickSection
from .compare import CompareSection
from .environment import EnvironmentSection
from .findings import FindingsSection
from .follow_up import FollowUpSection
from .follower import SceneFollower
from .input import InputSection
from .maps import MapsSection
from .parameters import parameters_in
from .review import ReviewSection
from .segment import SegmentSection
from .turns import Turns

SECTIONS = (
    InputSection,
    SegmentSection,
    ClickSection,
    FindingsSection,
    ReviewSection,
    FollowUpSection,
    AdjustSection,
    MapsSection,
    CompareSection,
    AdvancedSection,
    EnvironmentSection,
)
POLL_MS = 50
# after the last change of a segment: long enough for a stroke of the brush to be followed by the next
EDIT_MS = 500
# fields of `data.Options` that say how the network runs
HOW = ("engine", "device", "precision", "threads")
# surfaces are made in pieces of so many seconds, with the event loop between them
SURFACE_SECONDS = 0.03


class Panel(VTKObservationMixin):
    """layout: where the sections go. resource_path: takes a name under Resources to a path."""

    def __init__(self, layout, logic, installer, resource_path: Callable[[str], str]):
        VTKObservationMixin.__init__(self)
        self._cards: dict[str, Card] = {}
        self.logic, self.installer, self.resource_path = logic, installer, resource_path
        self.widget = layout.parentWidget()
        self.parameters = None
        self.turns = Turns()
        self._ended = None  # a run that is over, and not yet shown
        self.input_problem: str | None = None
        self.selected_lesion: int | None = None
        self._shown = False
        self._warmed = None  # what the network was loaded for
        self._model = ""  # whose defaults the sliders were set to
        self._gui_tag = None
        self.sections = [section(self) for section in SECTIONS]
        self.widgets = SimpleNamespace(**{k: v for section in self.sections for k, v in vars(section.ui).items()})
        for section in self.sections:
            layout.addWidget(section.widget)
        layout.addStretch(1)
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self.tick)
        self._edited_timer = qt.QTimer()
        self._edited_timer.setSingleShot(True)
        self._edited_timer.setInterval(EDIT_MS)
        self._edited_timer.connect("timeout()", self._take_over_edits)
        logic.registry.watcher = self.refresh_soon
        self._watched = None
        self._follower = SceneFollower(self)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._scene_closing)
        self.addObserver(scene, scene.EndCloseEvent, self._scene_closed)
        self.addObserver(scene, scene.EndImportEvent, self._scene_closed)
        self.addObserver(scene, scene.NodeAddedEvent, self._node_added)
        self.addObserver(scene, scene.NodeRemovedEvent, self.refresh_soon)
        self._observe_parameters()

    # ---- what the sections ask for

    @property
    def volume(self):
        """The volume node that is chosen as CT; None without any."""
        return self.parameters.inputVolume if self.parameters else None

    @property
    def findings(self):
        """The result that is shown: the chosen one, else the latest of the chosen CT. None without any."""
        if self.volume is None:
            return None
        results = self.logic.results(self.volume)
        shown = self.parameters.shownResult
        chosen = [f for f in results if shown is not None and self.logic.segmentation(f) is shown]
        return next(iter(chosen or results[::-1]), None)

    @property
    def lesion(self):
        """The lesion that is selected in the table, None without any."""
        lesions = self.findings.lesions if self.findings else ()
        return next((x for x in lesions if x.id == self.selected_lesion), None)

    def problem(self) -> str | None:
        """Why a run cannot be started now, for the user; None when it can."""
        if self.installer.busy:
            return _("Packages are being installed; wait until that has finished.")
        return self.input_problem or self.section(EnvironmentSection).problem()

    def section(self, kind):
        """The panel's section of this class."""
        return next(section for section in self.sections if isinstance(section, kind))

    def options(self) -> dict:
        """The fields of `data.Options` that the panel sets.

        What the user did not set is left to the model, unrounded: a run and a click have different thresholds.
        """
        p = self.parameters
        return {
            "threshold": round(p.threshold, 4) if p.thresholdSet else None,
            "min_diameter_mm": round(p.minDiameterMm, 4),
            "min_confidence": round(p.minConfidence, 4) if p.minConfidenceSet else None,
            "lung_restriction": p.lungRestriction,
            "engine": p.engine.value,
            "device": p.device.value,
            "precision": p.precision.value,
            "threads": p.threads or None,
            "model": Path(p.modelFolder) if p.modelFolder.strip() else None,
            "keep_probability": p.keepProbability,
        }

    @contextmanager
    def errors_shown(self):
        """A failure inside becomes a sentence in the panel, with its log one click away."""
        try:
            yield
        except Exception as error:
            self.section(SegmentSection).show_error(error)

    def refresh(self):
        """Bring all sections up to date at once, but for the less likely lesions, which have a turn of their own.

        `refresh_soon` does it in a turn of its own.
        """
        self.turns.drop(self.refresh)
        if self.parameters is not None:
            self._follower.follow()
            if self.chosen_model() != self._model:
                self._model = self.chosen_model()
                self.section(AdjustSection).take_model_defaults()
            self._watch(self.findings)
            if self.findings is not None:
                self.logic.select(self.findings, self.selected_lesion)
            for section in self.sections:
                section.refresh()
            self.turns.ask(self._make_surfaces)
            self.turns.ask(self._warm)

    def refresh_soon(self, caller=None, event=None):
        """Once, when the scene has settled: many events may come from one change."""
        self.turns.ask(self.refresh)

    # ---- actions

    def segment(self):
        """Start a run of the chosen CT."""
        replaces = self.findings if self.parameters.replaceResult else None
        self.start(lambda: self.logic.segment(self.volume, replaces=replaces, wait=False, **self.options()))

    def segment_at(self, point_ras):
        """Queue a click, RAS mm as Slicer shows it."""
        add_to = self.findings or "latest"
        self.start(lambda: self.logic.segment_at(self.volume, point_ras, add_to=add_to, wait=False, **self.options()))

    def explain(self, kind: str, title: str):
        """Queue a map of the selected lesion."""
        how = {name: self.options()[name] for name in HOW} | {"title": title}
        how["opacity"] = self.parameters.mapOpacity
        self.start(lambda: self.logic.explain(self.findings, self.lesion.id, kind, wait=False, **how))

    def start(self, start: Callable):
        """Queue a run; start: does it."""
        self._finish()
        self.section(SegmentSection).hide_error()
        with self.errors_shown():
            start()
            self._show_progress(self.logic.queue.current)
            self._timer.start()
        self.refresh()

    def look_at(self, lesion_id: int):
        """Select a lesion of the shown result and let all views show it."""
        self.selected_lesion = lesion_id
        with self.errors_shown():
            self.logic.look_at(self.findings, lesion_id)
        self.refresh_soon()

    def cancel(self):
        """Cancel the run under way, and say so."""
        self._finish()
        self.logic.cancel()
        self._timer.stop()
        self.section(SegmentSection).show_text(_("Cancelled; the scene is as it was before."))
        self.refresh()

    def tick(self):
        """What the timer does while runs are under way."""
        run = self.logic.poll()
        if run is None:
            self._timer.stop()
        elif run.finished:
            self._timer.stop()
            self._ended = run
            self.turns.ask(self._finish)
        elif run.arrived:  # each step of taking over has its turn
            self._timer.stop()
            self.turns.ask(self.tick)
        else:
            self._show_progress(run)

    def restore_results(self):
        """Show the results of a scene that was opened; what is installed must allow it."""
        if self.section(EnvironmentSection).problem() is None:
            with self.errors_shown():
                self.logic.restore()
        self._follower.know_results()
        self.section(AdjustSection).adopt()
        self.refresh()

    def show(self, findings):
        """Choose the result that is shown."""
        self.selected_lesion = None
        self.parameters.shownResult = self.logic.segmentation(findings) if findings else None
        self.refresh()

    # ---- life of the module and the scene

    def enter(self):
        """The module is shown."""
        self._shown, self._warmed = True, None
        self.refresh()

    def exit(self):
        """Another module is shown: clicks in the slices belong to it. Runs go on."""
        self._shown = False
        self.section(ClickSection).stop()

    def close(self):
        """The module is unloaded or reloaded."""
        for waits in (self._timer, self._edited_timer, self.turns):
            waits.stop()
        for section in self.sections:
            section.close()
        self.logic.close()
        self.logic.registry.watcher = None
        self._release_parameters()
        self.removeObservers()

    # ---- inside

    def _warm(self):
        """Once for each CT, model and way to run it: a child that went away, idle or stopped, stays away till then."""
        if self.volume is None or not self._shown or self.problem() is not None:
            return
        options = {name: self.options()[name] for name in ("model", *HOW)}
        if (wanted := (self.volume.GetID(), options)) != self._warmed:
            self._warmed = wanted
            self.logic.warm(**options)

    def _show_progress(self, run):
        for section in self.sections:
            section.show_progress(run)

    def _finish(self):
        """Show the run that is over, if there is one."""
        run, self._ended = self._ended, None
        if run is not None:
            self._show_ended(run)

    def _show_ended(self, run):
        self._follower.follow()  # a CT that is gone takes its texts along, not what is said now
        if self.logic.running:  # the one that waited behind it
            self._timer.start()
        if run.error is not None and not isinstance(run.error, Cancelled):
            self.section(SegmentSection).show_error(run.error)
        else:
            self.section(SegmentSection).show_done(run)
            if run.findings is not None:
                self._present(run)
        for section in self.sections:
            section.show_ended(run)
        self.refresh_soon()

    def _present(self, run):
        if run.volume is not self.volume:  # the user has chosen another CT meanwhile
            self.logic.show_results_of(self.volume)
            return
        self.parameters.shownResult = self.logic.segmentation(run.findings)
        self.selected_lesion = next(iter(run.lesion_ids), None)
        with self.errors_shown():
            self.section(FindingsSection).present(run.findings)

    def _watch(self, findings):
        """Follow what the user does to the segments of the shown result, in Segment Editor or elsewhere."""
        node = self.logic.segmentation(findings) if findings else None
        segmentation = node.GetSegmentation() if node else None
        if segmentation is self._watched:
            return
        events = ("SegmentAdded", "SegmentRemoved", "SegmentModified", "SourceRepresentationModified")
        for event in (getattr(slicer.vtkSegmentation, name) for name in events):
            if self._watched is not None:
                self.removeObserver(self._watched, event, self._segments_changed)
            if segmentation is not None:
                self.addObserver(segmentation, event, self._segments_changed)
        self._watched = segmentation

    def _segments_changed(self, caller=None, event=None):
        self._edited_timer.start()

    def _make_surfaces(self):
        findings = self.findings if self.parameters else None
        if findings is not None and not self.logic.make_surfaces(findings, SURFACE_SECONDS):
            self.turns.ask(self._make_surfaces)

    def _take_over_edits(self):
        if self.findings is None:
            return
        with self.errors_shown():
            if self.logic.take_over_edits(self.findings):
                self.refresh()

    def _observe_parameters(self):
        self.parameters = parameters_in(self.logic.getParameterNode())
        if self.parameters.inputVolume is None:
            self.parameters.inputVolume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        self._model = self.chosen_model()
        with self.section(AdjustSection).following():
            self._gui_tag = self.parameters.connectGui(self.widgets)
        self.section(AdjustSection).show_model_defaults()
        self.addObserver(self.parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self.refresh_soon)
        self._follower.follow()
        self.restore_results()

    def chosen_model(self) -> str:
        """The folder of the model that the next run takes; empty for the bundled one."""
        return self.parameters.modelFolder.strip()

    def card(self) -> OperatingPoint:
        """The chosen model's, read and checked once."""
        folder = self.chosen_model()
        if folder not in self._cards:
            try:
                self._cards = {folder: load_bundle(folder or None).card}
            except LungTumorSegError:  # the run will say what is wrong with the model
                return OperatingPoint(threshold=0.5)
        return self._cards[folder]

    def _release_parameters(self):
        if self.parameters is not None:
            self.parameters.disconnectGui(self._gui_tag)
            self.removeObserver(self.parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self.refresh_soon)
            self.parameters = None

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_added(self, caller, event, node):
        self._follower.node_added(node)
        self.refresh_soon()

    def _scene_closing(self, caller=None, event=None):
        self.section(ClickSection).stop()
        self.logic.cancel()
        self._timer.stop()
        self._ended = None
        for section in self.sections:
            section.forget()
        self._release_parameters()

    def _scene_closed(self, caller=None, event=None):
        self._release_parameters()
        self.selected_lesion = None
        self._observe_parameters()
