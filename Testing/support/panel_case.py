"""What the panel's tests share: a phantom chest, a network that answers at once, and the panel around them.

`KnownNetwork` stands where the child process is: its probability comes from the phantom's lesions. Everything after the
network is real: extraction, measuring, scene, table, widgets.
"""

import json
import shutil
import time
from dataclasses import replace
from functools import cache

import cc3d
import numpy as np
from LungTumorSegLib.data import Candidate, Options, Progress, Result, apart
from LungTumorSegLib.geometry import Box, Geometry
from LungTumorSegLib.lesions.extraction import extract
from LungTumorSegLib.lungs import find
from LungTumorSegLib.model import bundle
from scipy import ndimage

from Testing.support import phantoms

NUMBER, NAME, SIDE, DIAMETERS, VOLUME, HU, CONFIDENCE, VISIBLE, ACCEPT = range(9)  # columns of the table
# diameters 18, 12 and 8 mm: two to the right, one to the left
LESIONS = (phantoms.NODULE, ((78.0, 6.0, -12.0), 12.0, 40), ((-60.0, -30.0, -21.0), 8.0, 40))
NODULE_RAS = (86.0, -12.0, 21.0)
PAD = 4


@cache
def chest():
    """(CT, lungs, candidates) of the phantom; 3 mm voxels."""
    ct, mask = phantoms.chest(lesions=LESIONS)
    p = np.clip(ndimage.gaussian_filter(mask.astype(np.float32), 0.7) * 1.6, 0, 0.98)
    labels = cc3d.connected_components(p >= 0.05)
    found = []
    for inner in cc3d.statistics(labels, no_slice_conversion=False)["bounding_boxes"][1:]:
        box = Box.of_slices(inner).expand(PAD, ct.voxels_zyx.shape)
        found.append(Candidate(box, np.round(255 * p[box.slices]).astype(np.uint8)))
    return ct, find.find(ct), tuple(found)


class KnownNetwork:
    """In the place of `WorkerClient`. ``steps``: how many polls a run takes. ``error``: what the next run raises.

    ``vessels``: how well the CTs of a comparison agree, see `Agreement`. ``missed``: number of the candidate that
    a run, other than a click, does not see.
    """

    def __init__(self, steps=4):
        self.steps, self.error, self.pid, self.starts, self.closed = steps, None, None, [], False
        self.warmed, self.compared, self.vessels, self.missed = [], [], 0.9, None

    def start(self, ct, options=Options()):  # noqa: B008 - frozen
        self.starts.append(options)
        return KnownRun(self, ct, options)

    def compare(self, cts, known, results, options):
        self.compared.append((known, results, options))
        return KnownComparison(self, cts, known, results, options)

    def warm(self, options):
        self.warmed.append(options)

    def close(self):
        self.closed = True


class KnownRun:
    def __init__(self, network, ct, options):
        self._network, self._ct, self._options = network, ct, options
        self._done, self.result, self.cancelled = 0, None, False

    def poll(self):
        self._done += 1
        if self._network.error is not None and self._done > 1:
            error, self._network.error = self._network.error, None
            raise error
        if self._done < self._network.steps:
            return [Progress("network", self._done, self._network.steps, 1.0)]
        self.result = self._answer()
        return []

    def cancel(self):
        self.cancelled = True

    def _answer(self):
        _, found_lungs, candidates = chest()
        if self._options.points_lps or not self._options.lung_restriction:
            found_lungs = None  # `segment` does not look for them then
        notes = ()
        if not self._options.points_lps:
            candidates = tuple(c for i, c in enumerate(candidates) if i != self._network.missed)
        if self._options.points_lps:
            candidates = tuple(c for p in self._options.points_lps for c in candidates if self._holds(c, p))
            points = self._options.points_lps
            candidates = tuple(Candidate(c.box, c.block, points[0], 0.5) for c in candidates)
            notes = () if candidates else ("Nothing was found at this point.",)
        card = bundle.load_bundle(self._options.model).card
        made, masks, *less_likely = apart(*extract(candidates, self._ct, found_lungs, self._options, card))
        model = {"name": "known", "version": "1", "checksum": "0"}
        return Result(
            self._ct.geometry, candidates, found_lungs, made, masks, self._options, model,
            "known", "CPU", "a phantom", {"network": 0.1}, 1.0, notes, None, "", *less_likely,
        )  # fmt: skip

    def _holds(self, candidate, point):
        index = np.round(self._ct.geometry.index(point)).astype(int)
        voxel = Box(index, index + 1)
        if voxel.intersect(candidate.box) != voxel:
            return False
        return candidate.block[voxel.inside(candidate.box).start] > 12


class KnownComparison(KnownRun):
    """Follows what is there for real; the registration is the distance between the origins of both CTs."""

    def __init__(self, network, cts, known, results, options):
        super().__init__(network, cts[1], options)
        self._cts, self._known, self._results = cts, known, results

    def _answer(self):
        from LungTumorSegLib.findings.follow_up.agreement import Agreement
        from LungTumorSegLib.findings.follow_up.follow import follow
        from LungTumorSegLib.findings.follow_up.points import TimePoint
        from LungTumorSegLib.findings.follow_up.registration import Registration

        found = [
            given or KnownRun(self._network, ct, self._options)._answer()
            for ct, given in zip(self._cts, self._results, strict=True)
        ]
        points = [TimePoint(*each) for each in zip(self._cts, found, self._known.dates, strict=True)]
        first, second = (ct.geometry for ct in self._cts)
        apart = np.subtract(second.origin_lps, first.origin_lps)
        grid = Geometry((2, 2, 2), (400.0, 300.0, 210.0), first.origin_lps)
        field = np.broadcast_to(apart.astype(np.float32), (2, 2, 2, 3))
        registration = Registration(field, grid, Agreement(1.0, 0.5, 2.0, self._network.vessels))
        return follow(points, [registration], self._look, self._known.notes)

    def _look(self, k, point):
        options = replace(self._options, points_lps=(point,))
        return KnownRun(self._network, self._cts[k], options)._answer()


class ReadyInstaller:
    """In the place of `Installer`: everything is there, unless ``lacking`` says otherwise. Actions end at once."""

    def __init__(self, lacking=()):
        self.lacking, self.busy, self.calls, self.good = list(lacking), False, [], True

    def plan(self, engine="auto"):
        from LungTumorSegLib.slicer_.install.packages import Plan

        return Plan("openvino", "openvino>=2025.0", 0.6, "No GPU.")

    def missing(self, plan):
        return list(self.lacking)

    def engines(self):
        return ["openvino", "tensorflow"]

    def report(self):
        return "Slicer 5.12.3"

    def install(self, plan, on_line, on_done, wheels=None):
        self._act("install", on_line, on_done, wheels)

    def verify(self, plan, on_line, on_done):
        self._act("verify", on_line, on_done)

    def repair(self, plan, on_line, on_done, wheels=None):
        self._act("repair", on_line, on_done, wheels)

    def remove(self, on_line, on_done):
        self._act("remove", on_line, on_done)

    def _act(self, name, on_line, on_done, wheels=None):
        from LungTumorSegLib.slicer_.install.installer import Verdict

        self.calls.append((name, wheels))
        on_line(f"pip says {name}")
        if name in ("install", "repair") and self.good:
            self.lacking = []
        on_done(Verdict(self.good, f"{name} went {'well' if self.good else 'wrong'}"))


def model_with(folder, **card):
    """A copy of the bundled model in a new folder, with these keys in its card; its outlines are `KnownNetwork`'s."""
    card = {"run_threshold": 0.3} | card
    shutil.copytree(bundle.default_path(), folder)
    path = folder / bundle.CARD
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | card), "utf-8")
    return folder


def node_ids(scene):
    return [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]


def spin(until=lambda: False, seconds=0.2):
    """Let the event loop turn until something holds (or for a while); returns how often it turned."""
    import slicer

    end, turns = time.monotonic() + seconds, 0
    while time.monotonic() < end and not until():
        slicer.app.processEvents()
        time.sleep(0.005)
        turns += 1
    slicer.app.processEvents()  # what came due while a slow machine slept
    return turns


class PanelCase:
    """A panel in a window of its own, with the phantom in the scene when asked for."""

    def __init__(self, resources, network=None, installer=None):
        import qt
        import slicer
        from LungTumorSegLib.slicer_.panel.panel import Panel

        from LungTumorSeg import LungTumorSegLogic

        self.network, self.installer = network or KnownNetwork(), installer or ReadyInstaller()
        self.logic = LungTumorSegLogic(self.network)
        self.window = slicer.qMRMLWidget()
        self.window.setLayout(qt.QVBoxLayout())
        self.window.layout().setContentsMargins(0, 0, 0, 0)  # as qSlicerModulePanel does
        self.window.setMRMLScene(slicer.mrmlScene)
        self.panel = Panel(self.window.layout(), self.logic, self.installer, lambda name: str(resources / name))
        self.panel.enter()
        self.window.show()
        self.ui = self.panel.widgets

    def add_chest(self, name="chest", shift_lps=(0.0, 0.0, 0.0), lighter_hu=0):
        """The phantom as the chosen CT, elsewhere (mm), and lighter by a whole number of HU."""
        from Testing.support import headless

        ct = chest()[0]
        origin = tuple(np.add(ct.geometry.origin_lps, shift_lps).tolist())
        ct = replace(
            ct, voxels_zyx=ct.voxels_zyx + np.int16(lighter_hu), geometry=replace(ct.geometry, origin_lps=origin)
        )
        node = headless.add_volume(ct, name)
        self.ui.inputSelector.setCurrentNode(node)
        self.settle()
        return node

    def run(self):
        """Click Segment and wait for the end."""
        self.ui.segmentButton.click()
        self.wait()

    def wait(self):
        spin(lambda: not self.logic.running and not self.panel.turns.busy, seconds=60)
        self.settle()

    def save(self):
        """Click Save... and wait until all is written."""
        self.ui.saveButton.click()
        self.settle()

    def adjust(self, slider, value):
        getattr(self.ui, slider).value = value
        self.settle()

    def paint(self, segment_id, place, value=1):
        """What Segment Editor's brush does: it writes into the segment's labelmap."""
        import slicer

        segmentation, volume = self.logic.segmentation(self.panel.findings), self.panel.volume
        array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
        array = np.zeros(chest()[0].voxels_zyx.shape, np.uint8) if array is None else array.copy()
        array[place] = value
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segment_id, volume)
        self.settle()

    def click_at(self, ras):
        """What Slicer's place mode does when the user clicks in a slice view."""
        import slicer

        node_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
        slicer.mrmlScene.GetNodeByID(node_id).AddControlPoint(*ras)

    def settle(self):
        """Wait until the panel has caught up with the last change, however slow the machine is."""
        from LungTumorSegLib.slicer_.panel.adjust import AdjustSection

        panel = self.panel
        timers = [panel._edited_timer, panel.section(AdjustSection)._timer]
        spin(seconds=0.02)
        spin(lambda: not panel.turns.busy and not any(timer.isActive() for timer in timers), seconds=30)

    def close(self):
        self.panel.close()
        self.window.close()
        self.window.deleteLater()
        spin(seconds=0.02)

    def column(self, column):
        table = self.ui.lesionTable
        return [table.item(row, column).text() for row in range(table.rowCount)]
